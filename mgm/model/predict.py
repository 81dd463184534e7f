"""The table of predictions: what was decoded, in columns as people and nights read them.

Axes: R rows, N words of these rows, K labels.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from mgm.model.batch import ragged
from mgm.model.decode import TOKENS_PER_BATCH, Outcome, Progress, Tags, Texts, decode
from mgm.model.network import Network
from mgm.model.spans import word_spans
from mgm.model.thresholds import Thresholds, untuned
from mgm.model.token_cache import TokenCache
from mgm.tasks import RECONSTRUCTION, Task
from mgm.text.features import FeaturePart

SCORE_DIGITS = 4
"""Decimals of every score and value that is written: below them, floating point differs between machines."""

PREDICTED_SPAN = pl.Struct({"start": pl.Int32, "end": pl.Int32, "label": pl.String, "score": pl.Float32})


def predict(
    network: Network,
    part: FeaturePart,
    tasks: Sequence[Task],
    thresholds: Mapping[str, Thresholds],
    *,
    tokens_per_batch: int = TOKENS_PER_BATCH,
    probs: bool = False,
    progress: Progress | None = None,
    known: TokenCache | None = None,
) -> pl.DataFrame:
    """The predictions table of a part, row by row: doc_id, then the columns of each task.

    classification: `<task>` and `<task>_score`; multilabel: parallel lists `<task>` and `<task>_score`; both with
    `probs` also `<task>_probs` over the label space; regression: `<task>`; tagging: `<task>`, spans in raw offsets
    with their mean word probability; generation: `<task>`, `<task>_score` (mean log-probability of its subwords) and
    `<task>_truncated` (the end of the document was not read); `reconstruction_error`, where the network's fusion has one (1: as typical documents
    have). Scores and values are rounded to SCORE_DIGITS.
    """
    rows = np.arange(part.documents.height)
    outcomes = decode(
        network, part, rows, tasks, tokens_per_batch=tokens_per_batch, progress=progress, known=known
    )
    return table(outcomes, part.documents, tasks, thresholds, probs=probs)


def table(
    outcomes: Mapping[str, Outcome],
    documents: pl.DataFrame,
    tasks: Sequence[Task],
    thresholds: Mapping[str, Thresholds],
    *,
    probs: bool = False,
) -> pl.DataFrame:
    """The predictions table of what was decoded for all of a part's documents; see `predict`."""
    columns: dict[str, Any] = {"doc_id": documents["doc_id"]}
    for task in tasks:
        outcome, names = outcomes[task.name], task.labels
        if isinstance(outcome, Tags):
            columns[task.name] = _spans(outcome, documents, names)
        elif isinstance(outcome, Texts):
            columns[task.name] = pl.Series(outcome.text.tolist(), dtype=pl.String)
            columns[f"{task.name}_score"] = pl.Series(_round(outcome.score))
            columns[truncated_column(task.name)] = pl.Series(outcome.truncated, dtype=pl.Boolean)
        elif task.kind == "classification":
            columns |= _classes(task.name, outcome, names, probs)
        elif task.kind == "multilabel":
            chosen = thresholds.get(task.name, untuned(len(names)))
            columns |= _label_sets(task.name, outcome, names, chosen, probs)
        else:
            columns[task.name] = pl.Series(_round(outcome), dtype=pl.Float32)
    if RECONSTRUCTION in outcomes:
        errors = outcomes[RECONSTRUCTION]
        assert isinstance(errors, np.ndarray)
        columns[RECONSTRUCTION] = pl.Series(_round(errors), dtype=pl.Float32)
    return pl.DataFrame(columns)


def truncated_column(task: str) -> str:
    """Says of a generation task whether the end of a document was not read."""
    return f"{task}_truncated"


def prediction_schema(
    tasks: Sequence[Task], *, probs: bool = False, reconstructs: bool = False
) -> dict[str, pl.DataType]:
    """The columns of `predict`'s table and their types. `reconstructs`: as the network says of itself."""
    schema: dict[str, Any] = {"doc_id": pl.String()}
    for task in tasks:
        if task.kind == "classification":
            schema |= {task.name: pl.String(), f"{task.name}_score": pl.Float32()}
        elif task.kind == "multilabel":
            schema |= {task.name: pl.List(pl.String), f"{task.name}_score": pl.List(pl.Float32)}
        elif task.kind == "tagging":
            schema[task.name] = pl.List(PREDICTED_SPAN)
        else:
            schema[task.name] = task.column_type
        if task.kind == "generation":
            schema |= {f"{task.name}_score": pl.Float32(), truncated_column(task.name): pl.Boolean()}
        if probs and task.kind in ("classification", "multilabel"):
            schema[f"{task.name}_probs"] = pl.List(pl.Float32)
    if reconstructs:
        schema[RECONSTRUCTION] = pl.Float32()
    return schema


def _round(values: np.ndarray) -> np.ndarray:
    return np.round(values.astype(np.float64), SCORE_DIGITS).astype(np.float32)


def _classes(name: str, probs: np.ndarray, names: Sequence[str], keep_probs: bool) -> dict[str, pl.Series]:
    best = probs.argmax(axis=1)
    score = probs[np.arange(len(best)), best]
    columns = {
        name: pl.Series(names, dtype=pl.String).gather(best),
        f"{name}_score": pl.Series(_round(score)),
    }
    return columns | (_probabilities(name, probs) if keep_probs else {})


def _probabilities(name: str, probs: np.ndarray) -> dict[str, pl.Series]:
    rounded = _round(probs)
    return {f"{name}_probs": _lists(pl.Series(rounded.ravel()), np.full(len(probs), probs.shape[1]))}


def _label_sets(
    name: str, probs: np.ndarray, names: Sequence[str], thresholds: Thresholds, keep_probs: bool
) -> dict[str, pl.Series]:
    chosen = probs >= thresholds.values
    count = chosen.sum(axis=1)
    label = pl.Series(names, dtype=pl.String).gather(np.nonzero(chosen)[1])
    columns = {name: _lists(label, count), f"{name}_score": _lists(pl.Series(_round(probs[chosen])), count)}
    return columns | (_probabilities(name, probs) if keep_probs else {})


def _spans(outcome: Tags, documents: pl.DataFrame, names: Sequence[str]) -> pl.Series:
    start, word_count = ragged(documents["start"])
    end, _ = ragged(documents["end"])
    sentence, _ = ragged(documents["sentence"])
    spans = word_spans(outcome.tags, outcome.score, sentence)
    document = np.repeat(np.arange(len(word_count)), word_count)[spans.first]
    fields = pl.DataFrame(
        {
            "start": start[spans.first].astype(np.int32),
            "end": end[spans.last].astype(np.int32),
            "label": pl.Series(names, dtype=pl.String).gather(spans.label),
            "score": _round(spans.mean),
        }
    )
    return _lists(fields.to_struct(), np.bincount(document, minlength=len(word_count)))


def _lists(values: pl.Series, count: np.ndarray) -> pl.Series:
    """A list column of `count` (R,) consecutive values a row."""
    offsets = pa.array(np.concatenate([[0], np.cumsum(count)]), pa.int64())
    return pl.Series(pl.from_arrow(pa.LargeListArray.from_arrays(offsets, values.to_arrow())))
