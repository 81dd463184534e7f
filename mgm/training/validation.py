"""The first metric of each task on the validation split, what early stopping goes by; and what decides, tuned there.

These metrics compare label ids and words; the report's own, over labels and raw offsets, are
mgm.evaluation's.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from sacrebleu.metrics import CHRF
from scipy.stats import pearsonr
from sklearn.metrics import f1_score

from mgm.model.batch import flatten_lists
from mgm.model.decode import TOKENS_PER_BATCH, Progress, decode
from mgm.model.heads import Outcome, Tags, Texts
from mgm.model.network import Network
from mgm.model.spans import WordSpans, word_spans
from mgm.model.thresholds import Thresholds, best_threshold, micro_f1, tune
from mgm.tasks import Task, with_label_spaces
from mgm.training.labelled_rows import Source
from mgm.training.logit_adjustment import tune_tau

Pairs = tuple[np.ndarray, np.ndarray]
"""What was decoded and what is true for the labelled rows of a task: multilabel (n,K) probabilities and bool,
classification (n,K) probabilities and (n,) ids (-1: unseen in training), regression (n,) values, tagging (1,) the spans found, and
(1,) the spans predicted plus the true ones, generation the texts of some documents."""


def validate(
    network: Network,
    sources: list[Source],
    tasks: list[Task],
    labels: dict[str, list[str]],
    tokens_per_batch: int = TOKENS_PER_BATCH,
    progress: Progress | None = None,
) -> dict[str, float]:
    """The first metric of every task that has a label in `sources`: macro-F1, micro-F1, Pearson,
    span-F1 or chrF."""
    labelling = [t for t in tasks if t.kind != "generation"]
    pairs = _decoded(network, sources, labelling, labels, tokens_per_batch, progress)
    pairs |= _written(
        network, sources, [t for t in tasks if t.kind == "generation"], labels, tokens_per_batch
    )
    return {t.name: metric(t, pairs[t.name], labels) for t in tasks if t.name in pairs}


@dataclass(frozen=True)
class Decisions:
    """What turns outputs to labels: the thresholds of multilabel tasks, the strength of the logit adjustment of
    classification tasks, and of both the share of the wide part (where there is one) in the logits."""

    thresholds: dict[str, Thresholds]
    adjustments: dict[str, float]
    shares: dict[str, float] = field(default_factory=dict)


def tune_decisions(
    network: Network,
    sources: list[Source],
    tasks: list[Task],
    labels: dict[str, list[str]],
    log_shares: dict[str, np.ndarray],
    tokens_per_batch: int = TOKENS_PER_BATCH,
) -> Decisions:
    """Thresholds and adjustments tuned on `sources`; `log_shares` gives (K,) of each classification task (logit_adjustment.log_share)."""
    deciding = [t for t in tasks if t.kind in ("multilabel", "classification")]
    pairs = _decoded(network, sources, deciding, labels, tokens_per_batch)
    thresholds, adjustments = {}, {}
    for task in deciding:
        none = np.zeros((0, len(labels[task.name])), np.float32)
        if task.kind == "multilabel":
            thresholds[task.name] = tune(*pairs.get(task.name, (none, none.astype(bool))))
        else:
            probs, truth = pairs.get(task.name, (none, np.zeros(0, np.int64)))
            adjustments[task.name] = tune_tau(probs, truth, log_shares[task.name])
    return Decisions(thresholds, adjustments)


def _decoded(
    network: Network,
    sources: list[Source],
    tasks: list[Task],
    labels: dict[str, list[str]],
    tokens_per_batch: int,
    progress: Progress | None = None,
) -> dict[str, Pairs]:
    def outcomes(source: Source, own: list[Task]) -> Mapping[str, Outcome]:
        return decode(
            network,
            source.part,
            source.rows,
            with_label_spaces(own, labels),
            tokens_per_batch=tokens_per_batch,
            progress=progress,
        )

    return collect(sources, tasks, labels, outcomes)


def collect(
    sources: list[Source],
    tasks: list[Task],
    labels: dict[str, list[str]],
    outcomes_of: Callable[[Source, list[Task]], Mapping[str, Outcome]],
) -> dict[str, Pairs]:
    """What `outcomes_of` gives for the rows of each source and its tasks, a row a document, beside what is true."""
    found: dict[str, list[Pairs]] = {}
    for source in sources:
        own = source.tasks_of(tasks)
        if not own:
            continue
        outcomes = outcomes_of(source, own)
        for task in own:
            truth = source.part.documents[task.encoded][source.rows]
            if not truth.is_not_null().any():
                continue
            outcome = outcomes[task.name]
            assert not isinstance(outcome, Texts)
            known = truth.is_not_null().to_numpy()
            if isinstance(outcome, Tags):
                pair = _span_counts(source, outcome, *flatten_lists(truth))
            elif task.kind == "multilabel":
                pair = outcome[known], _dense(*flatten_lists(truth.drop_nulls()), len(labels[task.name]))
            else:
                pair = outcome[known], truth.drop_nulls().to_numpy()
            found.setdefault(task.name, []).append(pair)
    return _concatenated(found)


def _concatenated(found: dict[str, list[Pairs]]) -> dict[str, Pairs]:
    return {
        name: (np.concatenate([p[0] for p in pairs]), np.concatenate([p[1] for p in pairs]))
        for name, pairs in found.items()
    }


def _written(
    network: Network,
    sources: list[Source],
    tasks: list[Task],
    labels: dict[str, list[str]],
    tokens_per_batch: int,
) -> dict[str, Pairs]:
    """What is written, greedily, for some of the labelled rows of each source, evenly over them, and what should be."""
    found: dict[str, list[Pairs]] = {}
    for source in sources:
        for task in source.tasks_of(tasks):
            assert network.text_decoder is not None
            truth = source.part.documents[task.name][source.rows]
            known = truth.is_not_null().arg_true().to_numpy()
            chosen = known[:: max(1, -(-len(known) // network.text_decoder.settings.validation_documents))]
            if not len(chosen):
                continue
            outcome = decode(
                network,
                source.part,
                source.rows[chosen],
                with_label_spaces([task], labels),
                tokens_per_batch=tokens_per_batch,
                beam_size=1,
            )
            texts = outcome[task.name]
            assert isinstance(texts, Texts)
            found.setdefault(task.name, []).append((texts.text, truth.gather(chosen).to_numpy()))
    return _concatenated(found)


def metric(task: Task, pair: Pairs, labels: dict[str, list[str]]) -> float:
    """The first metric of a task."""
    predicted, truth = pair
    if task.kind == "classification":
        ids = list(range(len(labels[task.name])))
        found = predicted.argmax(axis=1)
        return float(f1_score(truth, found, labels=ids, average="macro", zero_division=0.0))
    if task.kind == "multilabel":
        return (
            micro_f1(predicted >= best_threshold(predicted.ravel(), truth.ravel()), truth)
            if truth.any()
            else 0.0
        )
    if task.kind == "generation":
        return float(CHRF().corpus_score(predicted.tolist(), [truth.tolist()]).score) / 100
    if task.kind == "tagging":
        hits, of_both = predicted.sum(), truth.sum()
        return float(2 * hits / max(of_both, 1))
    if len(truth) < 2 or np.ptp(truth) == 0 or np.ptp(predicted) == 0:
        return 0.0  # a constant correlates with nothing
    return float(pearsonr(predicted, truth).statistic)


def _dense(label: np.ndarray, count: np.ndarray, width: int) -> np.ndarray:
    dense = np.zeros((len(count), width), bool)
    dense[np.repeat(np.arange(len(count)), count), label] = True
    return dense


def _span_counts(source: Source, outcome: Tags, truth: np.ndarray, truth_count: np.ndarray) -> Pairs:
    """The spans found, and the spans predicted plus the true ones, of the rows that are labelled."""
    sentence, sentence_count = flatten_lists(source.part.documents["sentence"][source.rows])
    known = truth_count > 0
    words = np.repeat(known, source.length)
    sentences = sentence[np.repeat(known, sentence_count)]
    predicted = _keys(word_spans(outcome.tags[words], outcome.score[words], sentences))
    gold = _keys(word_spans(truth.astype(np.int64), np.zeros(len(truth), np.float32), sentences))
    hits = len(np.intersect1d(predicted, gold, assume_unique=True))
    return np.array([hits]), np.array([len(predicted) + len(gold)])


def _keys(spans: WordSpans) -> np.ndarray:
    """One key a span (first word, last word, label), comparable as a whole."""
    triple = np.stack([spans.first, spans.last, spans.label], axis=1).astype(np.int64)
    return np.ascontiguousarray(triple).view([("first", "i8"), ("last", "i8"), ("label", "i8")]).ravel()
