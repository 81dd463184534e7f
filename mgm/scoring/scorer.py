"""Raw text to predictions, from a bundle alone, through the same functions that made the features for
training."""

from pathlib import Path
from typing import Self

import polars as pl

from mgm.bundle import bundle as bundles
from mgm.bundle.bundle import Bundle
from mgm.bundle.signing import check_signature
from mgm.corpus.parts import REJECTS
from mgm.corpus.rejects import TEXT_MISSING, split_rejected
from mgm.model.allocation import keep_freed_memory
from mgm.model.decode import TOKENS_PER_BATCH
from mgm.model.predict import predict, prediction_schema
from mgm.model.token_cache import TokenCache
from mgm.settings.names import nearest
from mgm.tasks import Task
from mgm.text.cleaning import clean
from mgm.text.features import FeaturePart, featurize_words
from mgm.text.segmentation import segment
from mgm.text.stopwords import content_flags

INPUT = pl.Schema({"doc_id": pl.String(), "text": pl.String()})


class Scorer:
    """Scores frames of raw documents."""

    def __init__(
        self, bundle: Bundle, tasks: list[str] | str = "all", tokens_per_batch: int = TOKENS_PER_BATCH
    ) -> None:
        """`tasks`: the names of those to predict, or all; generation tasks then only where there are no others.

        Raises:
            ValueError: the bundle has no task of this name.
        """
        self.bundle = bundle
        self.tasks = _chosen(bundle.tasks, tasks)
        self.tokens_per_batch = tokens_per_batch
        self.known = TokenCache(bundle.network.encoder)

    @classmethod
    def load(
        cls,
        folder: Path,
        tasks: list[str] | str = "all",
        tokens_per_batch: int = TOKENS_PER_BATCH,
        public_key: Path | None = None,
    ) -> Self:
        """The scorer of a bundle's folder; with a public key only of one that it verifies. From here on the process keeps
        memory that it frees (mgm/model/allocation.py).

        See `bundle.load` and `signing.check_signature` for what raises.
        """
        keep_freed_memory()
        if public_key is not None:
            check_signature(folder, public_key)
        return cls(bundles.load(folder), tasks, tokens_per_batch)

    def beside(self) -> Self:
        """Another scorer with the same bundle, for another thread."""
        return type(self)(self.bundle, [task.name for task in self.tasks], self.tokens_per_batch)

    def forget(self) -> None:
        """Forgets the words that were read. Their vectors may differ in the last bits with those that were read beside
        them; after this, results are those of a new scorer to the bit."""
        self.known.clear()

    @property
    def schema(self) -> pl.Schema:
        """The columns of the predictions."""
        return pl.Schema(prediction_schema(self.tasks, reconstructs=self.bundle.network.reconstructs))

    def score(self, frame: pl.DataFrame, corpus: str | None = None) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Predictions (`schema`) and rejects (doc_id, stage, reasons, values) of a frame; together its rows,
        in order.

        Args:
            frame: doc_id and text, both string; other columns are ignored.
            corpus: whose text settings to read with (cleaning, paragraphs, least length); None: the general
                ones.

        Raises:
            ValueError: the bundle was not trained on `corpus`.
        """
        part, rejected = self.features(frame, corpus)
        if part.documents.is_empty():
            return pl.DataFrame(schema=self.schema), rejected
        bundle = self.bundle
        predictions = predict(
            bundle.network,
            part,
            self.tasks,
            bundle.thresholds,
            tokens_per_batch=self.tokens_per_batch,
            known=self.known,
        )
        return predictions.cast(self.schema), rejected

    def features(self, frame: pl.DataFrame, corpus: str | None = None) -> tuple[FeaturePart, pl.DataFrame]:
        """The features of the documents that can be read, and the rejects."""
        text = self.bundle.text_for(corpus)
        min_chars = 1 if corpus is None else self.bundle.settings.corpora[corpus].min_chars
        frame = frame.select(INPUT.names()).cast(INPUT)
        given, missing = split_rejected(frame, frame, {TEXT_MISSING: frame["text"].is_null()})
        cleaned, unclean = clean(given, text.cleaning, min_chars)
        dictionary = self.bundle.dictionary_for(corpus)
        tokens, words, wordless = segment(cleaned, text.segmentation, dictionary)
        tokens = tokens.with_columns(content_flags(words, self.bundle.stopwords_for(corpus)))
        subwords = self.bundle.subwords if any(t.kind == "generation" for t in self.tasks) else None
        part = featurize_words(tokens, words, self.bundle.vocabulary, text.features, dictionary, subwords)
        dropped = {"input": missing, "clean": unclean, "tokenize": wordless}
        rejects = [
            r.with_columns(stage=pl.lit(stage)).select(REJECTS.names()).cast(REJECTS)
            for stage, r in dropped.items()
        ]
        return part, pl.concat(rejects)


def _chosen(tasks: list[Task], names: list[str] | str) -> list[Task]:
    if names == "all":
        return [t for t in tasks if t.kind != "generation"] or tasks
    known = {t.name: t for t in tasks}
    for name in names:
        if name not in known:
            raise ValueError(f"score.tasks: {name!r}: the bundle has no such task{nearest(name, known)}")
    return [t for t in tasks if t.name in names]
