"""All explanations of a bundle, made of its held-out documents: the content of data/explanations, by file name.

masking: the effect of masking each granularity; gates: the fusion's weights; label_errors: labels that may be wrong; examples:
predictions with their words highlighted; faithfulness: whether the highlighted words count, and how exact their sums are.
"""

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor

from mgm.bundle.bundle import Bundle
from mgm.corpus.progress import progress
from mgm.evaluation.explanations.attention import sentence_weights
from mgm.evaluation.explanations.case_selection import confident_errors, sample, sample_right
from mgm.evaluation.explanations.faithfulness import Deletions, comprehensiveness, faithfulness
from mgm.evaluation.explanations.held_out_sample import sample_held_out
from mgm.evaluation.explanations.highlights import highlight_sentences
from mgm.evaluation.explanations.integrated_gradients import average_word
from mgm.evaluation.explanations.kinds import TASK_EXPLANATIONS, explanation_of
from mgm.evaluation.explanations.masking import NOTHING, batches, masked_outcomes, mean_vectors
from mgm.evaluation.explanations.masking_effects import (
    PredictionsByMask,
    add_predictions,
    masking_effects,
)
from mgm.evaluation.explanations.target import ExplainedPrediction
from mgm.evaluation.explanations.word_attribution import WordAttribution, attribute_words
from mgm.evaluation.prediction_store import TUNING_SPLIT
from mgm.evaluation.summary import SPLIT
from mgm.model.batch import Batch
from mgm.model.collate import collate
from mgm.model.decode import decode
from mgm.model.heads import Outcome
from mgm.settings.evaluation import ExplainSettings
from mgm.tasks import Task
from mgm.text.features import FeaturePart

Texts = Callable[[str, Sequence[str]], Mapping[str, str]]
"""Returns the raw texts of some documents of a corpus, by doc_id."""
_DOCUMENT = ["corpus", "doc_id"]


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """The held-out documents of a corpus that explanations read.

    Attributes:
        valid: give averages, and are searched for label issues beside the test split.
        test: are explained.
        average_word: the baseline of attributions.
    """

    valid: list[FeaturePart]
    test: list[FeaturePart]
    average_word: dict[str, Tensor]


def explain(
    bundle: Bundle,
    corpora: Mapping[str, Sequence[FeaturePart]],
    *,
    texts: Texts,
    settings: ExplainSettings,
    seed: int,
    log: Callable[[str], object] = print,
) -> dict[str, Any]:
    """Explain the bundle's network.

    Args:
        bundle: with its network in evaluation mode.
        corpora: the features of each corpus that the bundle has tasks of.
        texts: returns raw texts.
        settings: the section `explain`.
        seed: the seed of samples and resamples.
        log: called with a line a corpus and a task.

    Returns:
        The content of each file of data/explanations by its name.
    """
    assert not bundle.network.training, "dropout would change the explained outputs"
    explainer = _Explainer(bundle, texts, settings, seed)
    tasks = [task for task in bundle.tasks if task.kind in TASK_EXPLANATIONS]
    for corpus, parts in corpora.items():
        tasks_of_corpus = [task for task in tasks if corpus in task.corpora]
        if tasks_of_corpus:
            num_documents = explainer.read_corpus(corpus, parts, tasks=tasks_of_corpus)
            log(f"{corpus}: {num_documents:,} test documents read with each granularity masked")
    tested = [task for task in tasks if task.name in explainer.predictions.get(NOTHING, {})]
    content: dict[str, Any] = {
        "masking": masking_effects(explainer.predictions, tested, resamples=settings.bootstrap, seed=seed),
        "gates": {
            "fusion": bundle.settings.model.fusion,
            "weights": _rounded(bundle.network.fusion.gate_weights()),
        },
        "label_errors": {task.name: explainer.label_issues(task) for task in tasks},
        "examples": {},
        "faithfulness": {},
    }
    for task in tested:
        examples, faithful = explainer.explain_predictions(task)
        content["examples"][task.name], content["faithfulness"][task.name] = examples, faithful
        log(
            f"{task.name}: {len(examples)} predictions explained, words deleted from {faithful['n']} documents"
        )
    return content


@dataclass
class _Explainer:
    """Explanations in the making, and the documents that they are made of."""

    bundle: Bundle
    texts: Texts
    settings: ExplainSettings
    seed: int
    held_out: dict[str, HeldOut] = field(default_factory=dict)
    predictions: PredictionsByMask = field(default_factory=dict)
    _searched: dict[str, list[tuple[pl.DataFrame, np.ndarray]]] = field(default_factory=dict)
    """The rows (corpus, doc_id, lang, split, label) and probabilities by task that label issues are searched in."""

    def read_corpus(self, corpus: str, parts: Sequence[FeaturePart], *, tasks: Sequence[Task]) -> int:
        """Predict a corpus's held-out documents with every mask; return the number of those of the test split."""
        network = self.bundle.network
        valid, test = (
            sample_held_out(parts, split, at_most=self.settings.documents, seed=self.seed, stream=corpus)
            for split in (TUNING_SPLIT, SPLIT)
        )
        average = average_word(network.encoder, (batch for part in valid for _, batch in batches(part)))
        self.held_out[corpus] = HeldOut(valid=valid, test=test, average_word=average)
        means = mean_vectors(network, valid, tasks=tasks)
        for part in test:
            outcomes = masked_outcomes(network, part, tasks=tasks, means=means)
            add_predictions(
                self.predictions,
                outcomes,
                documents=part.documents,
                corpus=corpus,
                tasks=tasks,
                thresholds=self.bundle.thresholds,
            )
            self._add_searched(corpus, part, tasks=tasks, outcomes=outcomes[NOTHING])
        for part in valid:
            outcome = decode(network, part, rows=np.arange(part.documents.height), tasks=tasks)
            self._add_searched(corpus, part, tasks=tasks, outcomes=outcome)
        return sum(part.documents.height for part in test)

    def _add_searched(
        self, corpus: str, part: FeaturePart, *, tasks: Sequence[Task], outcomes: Mapping[str, Outcome]
    ) -> None:
        """Keep the labels and probabilities of a part for the search for label issues."""
        for task in tasks:
            outcome = outcomes[task.name]
            if explanation_of(task).why_no_label_issues is None and isinstance(outcome, np.ndarray):
                rows = part.documents.select(
                    pl.lit(corpus).alias("corpus"), "doc_id", "lang", "split", truth=task.columns.label
                )
                self._searched.setdefault(task.name, []).append((rows, outcome))

    def label_issues(self, task: Task) -> dict[str, Any]:
        """Return searched and suspected (numbers of documents) and examples; or why, for a kind that is not searched."""
        why_not = explanation_of(task).why_no_label_issues
        if why_not is not None:
            return {"searched": None, "why": why_not}
        if task.name not in self._searched:
            return {"searched": 0, "suspected": 0, "examples": []}
        rows = pl.concat([frame for frame, _ in self._searched[task.name]])
        probabilities = np.concatenate([outcome for _, outcome in self._searched[task.name]])
        issues = explanation_of(task).label_issues(probabilities, rows["truth"], task=task)
        shown = issues.issues.head(self.settings.label_issues)
        documents = rows[shown["row"].to_numpy()].drop("truth")
        examples = documents.with_columns(shown.select("label", "suggested", pl.col("probability").round(4)))
        return {
            "searched": issues.num_searched,
            "suspected": issues.issues.height,
            "examples": examples.to_dicts(),
        }

    def explain_predictions(self, task: Task) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """Return the examples and the faithfulness of one task."""
        rows = pl.concat(self.predictions[NOTHING][task.name])
        predictions = explanation_of(task).predictions(rows, task)
        explainable = predictions.join(
            self._short_documents(task), on=_DOCUMENT, how="inner", maintain_order="left"
        )
        examples, attributions = self._examples(task, explainable)
        faithful, further = self._faithfulness(task, explainable)
        return examples, faithful | {
            "shares": self.settings.deletion_shares,
            "documents": predictions.select(_DOCUMENT).n_unique(),
            "max_words": self.settings.max_words,
            "explainable": explainable.select(_DOCUMENT).n_unique(),
            "completeness": self._completeness([*attributions, *further]),
        }

    def _examples(
        self, task: Task, explainable: pl.DataFrame
    ) -> tuple[list[dict[str, Any]], list[WordAttribution]]:
        """Return the most confident errors and some correct predictions with their words highlighted."""
        errors = confident_errors(explainable, self.settings.error_examples)
        right = sample_right(explainable, task, count=self.settings.correct_examples, seed=self.seed)
        cases = pl.concat([errors, right])
        raw = {
            str(corpus): self.texts(str(corpus), of_corpus["doc_id"].to_list())
            for (corpus,), of_corpus in cases.group_by("corpus", maintain_order=True)
        }
        examples, attributions = [], []
        for case in cases.to_dicts():
            batch, attribution = self._attribute(task, case)
            attributions.append(attribution)
            text = raw[case["corpus"]].get(case["doc_id"])
            if text is not None:
                examples.append(self._example(case, batch, attribution=attribution, text=text))
        return examples, attributions

    def _faithfulness(
        self, task: Task, explainable: pl.DataFrame
    ) -> tuple[dict[str, Any], list[WordAttribution]]:
        """Return the drops of the score over a sample of predictions."""
        deletions = Deletions(
            shares=self.settings.deletion_shares,
            random_draws=self.settings.random_draws,
            generator=np.random.default_rng([self.seed, zlib.crc32(task.name.encode())]),
        )
        cases = sample(explainable, task, count=self.settings.faithfulness, seed=self.seed).to_dicts()
        drops, attributions = [], []
        for case in progress(cases, f"{task.name}: deleting words", total=len(cases), unit=" documents"):
            batch, attribution = self._attribute(task, case)
            attributions.append(attribution)
            drop = comprehensiveness(
                self.bundle.network,
                batch,
                task=task,
                attribution=attribution,
                deletions=deletions,
                group=f"{case['corpus']} {case['group']}",
            )
            if drop is not None:
                drops.append(drop)
        return faithfulness(drops, resamples=self.settings.bootstrap, seed=self.seed), attributions

    def _completeness(self, attributions: Sequence[WordAttribution]) -> dict[str, Any]:
        errors = np.array([attribution.error for attribution in attributions])
        return {
            "explained": len(errors),
            "median": round(float(np.median(errors)), 4) if len(errors) else None,
            "worst": round(float(errors.max()), 4) if len(errors) else None,
            "within": int((errors <= self.settings.tolerance).sum()),
            "tolerance": self.settings.tolerance,
            "most_steps": max((attribution.steps for attribution in attributions), default=0),
        }

    def _short_documents(self, task: Task) -> pl.DataFrame:
        """Return the test documents of two words to `max_words`: corpus, doc_id, part, row."""
        frames = [
            part.documents.select(
                pl.lit(corpus).alias("corpus"),
                "doc_id",
                part=pl.lit(number),
                row=pl.int_range(pl.len()),
                words=pl.col("word").list.len(),
            )
            for corpus in task.corpora
            if corpus in self.held_out
            for number, part in enumerate(self.held_out[corpus].test)
        ]
        return pl.concat(frames).filter(pl.col("words").is_between(2, self.settings.max_words)).drop("words")

    def _document(self, case: Mapping[str, Any]) -> dict[str, Any]:
        return self.held_out[case["corpus"]].test[case["part"]].documents.row(case["row"], named=True)

    def _attribute(self, task: Task, case: Mapping[str, Any]) -> tuple[Batch, WordAttribution]:
        """Return a prediction's document as a batch, and the attribution to its words."""
        network, held_out = self.bundle.network, self.held_out[case["corpus"]]
        batch = collate(held_out.test[case["part"]], np.array([case["row"]]))
        span = None
        if case["start"] is not None:
            document = self._document(case)
            start, end = np.array(document["start"]), np.array(document["end"])
            span = torch.from_numpy(np.flatnonzero((start >= case["start"]) & (end <= case["end"])))
        prediction = ExplainedPrediction(label=case["label"], true=case["true"], span=span)
        target = explanation_of(task).make_target(network, batch, task=task, prediction=prediction)
        attribution = attribute_words(
            network,
            batch,
            task=task,
            target=target,
            baseline=held_out.average_word,
            settings=self.settings,
        )
        return batch, attribution

    def _example(
        self, case: Mapping[str, Any], batch: Batch, *, attribution: WordAttribution, text: str
    ) -> dict[str, Any]:
        document = self._document(case)
        # a span is read from words, and no level that attends
        weights = (
            None if attribution.target.words is not None else sentence_weights(self.bundle.network, batch)
        )
        keys = ("corpus", "doc_id", "lang", "predicted", "true", "right", "start", "end")
        return {
            **{name: case[name] for name in keys},
            "score": round(case["score"], 4),
            "target": attribution.target.description,
            "deep": round(attribution.deep, 3),
            "wide": None if attribution.wide is None else round(attribution.wide, 3),
            "error": round(attribution.error, 4),
            "steps": attribution.steps,
            "sentences": highlight_sentences(
                text,
                list(zip(document["start"], document["end"], strict=True)),
                sentence_length=batch.sentence_length.tolist(),
                contributions=attribution.words.numpy(),
                weights=None if weights is None else weights.tolist(),
                span=None if case["start"] is None else (case["start"], case["end"]),
            ),
        }


def _rounded(weights: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    return {task: {name: round(w, 4) for name, w in of_task.items()} for task, of_task in weights.items()}
