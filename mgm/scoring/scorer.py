"""Raw text to predictions, from a bundle alone, through the same functions that made the features for training."""

import logging
import os
from functools import cache
from pathlib import Path
from typing import Self

import polars as pl

from mgm.bundle.bundle import Bundle
from mgm.bundle.contents import BundleContents, read_contents
from mgm.bundle.load import load_contents
from mgm.bundle.sealing import SealingKey
from mgm.bundle.signing import check_signature
from mgm.corpus.parts import REJECTS
from mgm.corpus.rejects import TEXT_MISSING, split_rejected
from mgm.model.allocation import keep_freed_memory
from mgm.model.compiled import why_not_compiled
from mgm.model.decode import TOKENS_PER_BATCH
from mgm.model.predict import predict, prediction_schema, prediction_table
from mgm.native import SWITCH, why_missing
from mgm.pretrained.vectors import add_vectors
from mgm.scoring.answers import AnswerOptions, Answers, without_missing
from mgm.scoring.compiled import CompiledBundle
from mgm.scoring.word_states import WordStates
from mgm.settings.names import nearest
from mgm.settings.references import find_misspelt
from mgm.tasks import Task
from mgm.tasks.columns import output_names
from mgm.text.cleaning import clean
from mgm.text.features import FeaturePart, featurize_words
from mgm.text.list_columns import unflatten
from mgm.text.segmentation.segmenter import check_segmenter
from mgm.text.segmentation.tokens import segment, split_wordless
from mgm.text.stopwords import content_flags

_log = logging.getLogger(__name__)

INPUT = pl.Schema({"doc_id": pl.String(), "text": pl.String()})


class Scorer:
    """A bundle's model that scores frames of raw documents.

    Args:
        tasks: the names of the tasks to predict, or "all": then tasks that generate text only where there are no others.
        with_probs: whether predictions have the probabilities of all labels of a task that has them.
        word_states: those of another scorer of this bundle, to share their memory; None: new ones.
        options: what becomes of the predictions; None: they are handed out as the network gives them.

    Raises:
        ValueError: the bundle has no task of this name, or tasks whose predictions would have one name; or it cannot do what the
            options ask for (see `Answers`).
        MissingExtra: its training texts were cut by a segmenter that is not installed.
    """

    def __init__(
        self,
        bundle: Bundle,
        *,
        tasks: list[str] | str = "all",
        tokens_per_batch: int = TOKENS_PER_BATCH,
        with_probs: bool = False,
        word_states: WordStates | None = None,
        options: AnswerOptions | None = None,
    ) -> None:
        self.bundle = bundle
        check_segmenter(
            {
                bundle.text_for(c).segmentation.southeast_asian_tokens
                for c in (None, *bundle.settings.corpora)
            },
            bundle.segmenter,
        )
        self.tasks = _select_tasks(bundle.tasks, tasks)
        self.tokens_per_batch = tokens_per_batch
        self.with_probs = with_probs
        self.word_states = word_states or WordStates(bundle)
        self.options = options or AnswerOptions()
        self.answers = Answers(bundle, self.tasks, options=self.options)
        self._output_names = output_names(self.inner_schema)

    @classmethod
    def load(
        cls,
        bundle: Path | BundleContents,
        *,
        tasks: list[str] | str = "all",
        options: AnswerOptions | None = None,
        public_key: Path | None = None,
        encryption_key: SealingKey | None = None,
        allows_missing: bool = False,
    ) -> Self:
        """Return the scorer of a bundle, which a public key must verify where one is given.

        From here on the process keeps memory that it frees (mgm/model/allocation.py).

        Args:
            bundle: its folder, or its files in memory.
            tasks: the tasks to predict; "all": all but generation tasks, unless the bundle has no others.
            options: what becomes of the predictions; None: they are handed out as the network gives them.
            public_key: the key that must verify the bundle.
            encryption_key: the key that opens it where it is sealed.
            allows_missing: whether a task that the bundle lacks is left out with a warning: one of `tasks` while another one remains,
                and of `options`.

        Raises:
            ValueError, FileNotFoundError: see `bundle.contents`, `bundle.load`, `signing.check_signature` and `Answers`.
        """
        keep_freed_memory()
        _warn_without_kernels()
        contents = read_contents(bundle) if isinstance(bundle, Path) else bundle
        if public_key is not None:
            check_signature(contents, public_key)
        loaded = load_contents(contents, key=encryption_key)
        if allows_missing and isinstance(tasks, list):
            tasks = _without_missing(loaded.tasks, tasks)
        if allows_missing and options is not None:
            options = without_missing(options, loaded.tasks)
        scorer = cls(loaded, tasks=tasks, options=options)
        _log.debug("bundle %s: documents are predicted by %s", loaded.id[:12], scorer.predicted_by)
        return scorer

    @property
    def predicted_by(self) -> str:
        """What predicts documents: the compiled kernels, or torch and why."""
        reason = why_not_compiled(self.bundle.network)
        return "compiled kernels" if reason is None else f"torch: {reason}"

    @property
    def has_independent_batches(self) -> bool:
        """Whether a batch has the same results to the bit whatever was scored before it, as it has by the kernels."""
        return self.word_states.compiled() is not None

    def copy(self) -> Self:
        """Return another scorer with the same bundle, for another thread."""
        return type(self)(
            self.bundle,
            tasks=[task.name for task in self.tasks],
            tokens_per_batch=self.tokens_per_batch,
            with_probs=self.with_probs,
            word_states=self.word_states.copy(),
            options=self.options,
        )

    def clear_cache(self) -> None:
        """Clear the states of words on whose order results may depend in their last bits; see `WordStates.clear`."""
        self.word_states.clear()

    @property
    def schema(self) -> pl.Schema:
        """Return the columns of `score`'s predictions."""
        return pl.Schema({self._output_names[name]: dtype for name, dtype in self.inner_schema.items()})

    @property
    def inner_schema(self) -> pl.Schema:
        """Return the columns of `predict`'s predictions."""
        return pl.Schema(
            prediction_schema(
                self.tasks, probs=self.with_probs, reconstructs=self.bundle.network.reconstructs
            )
        )

    def score(self, frame: pl.DataFrame, corpus: str | None = None) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return what `predict` does, with the columns of the predictions as users read them: `<task>`, `<task>_score`."""
        predictions, rejects = self.predict(frame, corpus)
        return predictions.rename(self._output_names), rejects

    def predict(self, frame: pl.DataFrame, corpus: str | None = None) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return the predictions (`inner_schema`) and the rejects (doc_id, stage, reasons, values) of a frame.

        Each row of the frame is in one of the two, in order.

        Args:
            frame: doc_id and text, both string; other columns are ignored.
            corpus: the corpus whose text settings are used (cleaning, paragraphs, least length); None: the general ones.

        Raises:
            ValueError: the bundle was not trained on `corpus`.
        """
        compiled, found = self.word_states.compiled(), None
        if compiled is not None:
            cleaned, rejects = self._clean(frame, corpus, for_words=True)
            found = self._predict_compiled(compiled, cleaned, corpus=corpus)
        if found is None:
            cleaned, rejects = self._clean(frame, corpus)
            found = self._predict_by_torch(cleaned, corpus)
        predictions, wordless = found
        rejects = pl.concat([rejects, _of_stage(wordless, "tokenize")])
        if self.answers.change_predictions:
            predictions = self.answers.apply(predictions)
        return predictions.select(self.inner_schema.names()).cast(self.inner_schema), rejects

    def _predict_compiled(
        self, compiled: CompiledBundle, cleaned: pl.DataFrame, *, corpus: str | None
    ) -> tuple[pl.DataFrame, pl.DataFrame] | None:
        """Return the predictions and the rejects without words; None: there are more distinct words than can be kept at once."""
        words = compiled.find_words(cleaned["text"], corpus)
        if words is None:
            return None
        documents, wordless = split_wordless(cleaned.select("doc_id"), words.counts)
        if documents.is_empty():
            return pl.DataFrame(schema=self.inner_schema), wordless
        predictions = prediction_table(
            compiled.predict(words, tasks=self.tasks, corpus=corpus),
            documents,
            tasks=self.tasks,
            thresholds=self.bundle.thresholds,
            probs=self.with_probs or bool(self.answers.temperatures),
        )
        return predictions, wordless

    def _predict_by_torch(
        self, cleaned: pl.DataFrame, corpus: str | None
    ) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return the predictions and the rejects without words."""
        part, wordless = self._featurize(cleaned, corpus)
        if part.documents.is_empty():
            return pl.DataFrame(schema=self.inner_schema), wordless
        predictions = predict(
            self.bundle.network,
            part,
            tasks=self.tasks,
            thresholds=self.bundle.thresholds,
            tokens_per_batch=self.tokens_per_batch,
            probs=self.with_probs or bool(self.answers.temperatures),
            token_cache=self.word_states.token_cache,
        )
        return predictions, wordless

    def featurize(self, frame: pl.DataFrame, corpus: str | None = None) -> tuple[FeaturePart, pl.DataFrame]:
        """Return the features of the documents that can be read, and the rejects."""
        cleaned, rejects = self._clean(frame, corpus)
        part, wordless = self._featurize(cleaned, corpus)
        return part, pl.concat([rejects, _of_stage(wordless, "tokenize")])

    def find_words(self, frame: pl.DataFrame, corpus: str | None = None) -> FeaturePart:
        """Return the words of the documents that can be read, in the form of `featurize`; of a type only text, id and bucket.

        It is what a profile of documents needs.
        """
        cleaned, _ = self._clean(frame, corpus)
        text, dictionary = self.bundle.text_for(corpus), self.bundle.dictionary_for(corpus)
        tokens, words, _ = segment(cleaned, text.segmentation, dictionary=dictionary)
        types = words.types.alias("text")
        return FeaturePart(
            tokens.with_columns(unflatten(pl.Series(words.codes), words.counts, name="word")),
            types.to_frame().with_columns(*self.bundle.vocabulary.look_up(types, text.features.stem)),
        )

    def _clean(
        self, frame: pl.DataFrame, corpus: str | None, *, for_words: bool = False
    ) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return the cleaned documents, and the rejects so far; `for_words`: see `clean`."""
        text = self.bundle.text_for(corpus)
        min_chars = 1 if corpus is None else self.bundle.settings.corpora[corpus].min_chars
        frame = frame.select(INPUT.names()).cast(INPUT)
        present, missing = split_rejected(frame, frame, reasons={TEXT_MISSING: frame["text"].is_null()})
        cleaned, unclean = clean(present, text.cleaning, min_chars=min_chars, for_words=for_words)
        return cleaned, pl.concat([_of_stage(missing, "input"), _of_stage(unclean, "clean")])

    def _featurize(self, cleaned: pl.DataFrame, corpus: str | None) -> tuple[FeaturePart, pl.DataFrame]:
        """Return the features of cleaned documents, and the rejects without words."""
        text, dictionary = self.bundle.text_for(corpus), self.bundle.dictionary_for(corpus)
        tokens, words, wordless = segment(cleaned, text.segmentation, dictionary=dictionary)
        part = featurize_words(
            tokens.with_columns(content_flags(words, self.bundle.stopwords_for(corpus))),
            words,
            vocabulary=self.bundle.vocabulary,
            settings=text.features,
            dictionary=dictionary,
            subwords=self.bundle.subwords if any(t.spec.generates_text for t in self.tasks) else None,
        )
        encoder = self.bundle.pretrained_encoder
        if encoder is not None and not part.documents.is_empty():
            part = add_vectors(part, encoder, with_words=self.bundle.network.reads_words(self.tasks))
        return part, wordless


def _of_stage(rejected: pl.DataFrame, stage: str) -> pl.DataFrame:
    return rejected.with_columns(stage=pl.lit(stage)).select(REJECTS.names()).cast(REJECTS)


@cache
def _warn_without_kernels() -> None:
    """Warn, once, where mgm was installed without its kernels."""
    reason = why_missing()
    if reason is not None and os.environ.get(SWITCH) != "off":
        _log.warning("scoring without compiled kernels: slower, with the same results: %s", reason)


def _without_missing(tasks: list[Task], names: list[str]) -> list[str]:
    """Return the names without those that the bundle lacks and that are none of its tasks misspelt: these tasks are off.

    Where no name would remain, all do.
    """
    known = {task.name for task in tasks}
    present = [name for name in names if name in known or find_misspelt(name, known, beside=names)]
    if present and len(present) < len(names):
        missing = ", ".join(name for name in names if name not in present)
        _log.warning("score.tasks: not scored, as the bundle has no task of this name: %s", missing)
    return present or names


def _select_tasks(tasks: list[Task], names: list[str] | str) -> list[Task]:
    if names == "all":
        return [t for t in tasks if not t.spec.generates_text] or tasks
    known_names = {t.name: t for t in tasks}
    for name in names:
        if name not in known_names:
            raise ValueError(
                f"score.tasks: {name!r}: the bundle has no such task{nearest(name, known_names)}"
            )
    return [t for t in tasks if t.name in names]
