"""The network beside a linear model on n-grams alone: whether the network earns its keep.

The linear model is the wide part of the same bundle, whose weights were solved for on the training documents
(mgm/model/linear_baseline.py). Its predictions for the test split take one pass of the wide part, without the encoder.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from mgm.evaluation.paired_bootstrap import PairedBootstrap
from mgm.evaluation.predictions import select_labelled
from mgm.evaluation.summary import SPLIT
from mgm.model.heads import HEADS
from mgm.model.linear_baseline import LinearBaseline, decode_linear
from mgm.model.network import Network
from mgm.tasks import Task
from mgm.text.features import FeaturePart


def predict_linear(
    network: Network,
    corpora: Mapping[str, Iterable[FeaturePart]],
    *,
    tasks: Sequence[Task],
    baselines: Mapping[str, LinearBaseline],
) -> dict[str, pl.DataFrame]:
    """Return the predictions of n-grams alone for labelled documents of the test split: corpus, doc_id, prediction and score.

    Args:
        network: the bundle's network.
        corpora: the features of each corpus.
        tasks: the tasks of the bundle; those without a baseline are left out.
        baselines: the bundle's baselines.

    Returns:
        A table by task.
    """
    tables: dict[str, list[pl.DataFrame]] = {task.name: [] for task in tasks if task.name in baselines}
    for corpus, parts in corpora.items():
        predicted = [task for task in tasks if task.name in tables and corpus in task.corpora]
        if not predicted:
            continue
        for part in parts:
            rows = _labelled_rows(part.documents, predicted)
            if not len(rows):
                continue
            outcomes = decode_linear(network, part, rows=rows, tasks=predicted, baselines=baselines)
            documents = part.documents[rows]
            for task in predicted:
                columns = HEADS[task.kind].prediction_columns(
                    task,
                    outcomes[task.name],
                    documents=documents,
                    thresholds=baselines[task.name].thresholds,
                    with_probs=False,
                )
                keys = {"corpus": pl.repeat(corpus, len(rows), eager=True), "doc_id": documents["doc_id"]}
                tables[task.name].append(pl.DataFrame(keys | columns))
    return {name: pl.concat(frames) for name, frames in tables.items() if frames}


def _labelled_rows(documents: pl.DataFrame, tasks: Sequence[Task]) -> np.ndarray:
    """Return the rows of the test split with a label of one of the tasks."""
    is_labelled = pl.any_horizontal(pl.col(task.columns.label).is_not_null() for task in tasks)
    chosen = documents.select((pl.col("split") == SPLIT) & is_labelled).to_series()
    return chosen.arg_true().to_numpy().astype(np.int64)


def compare_with_linear(
    predictions: Mapping[str, pl.DataFrame],
    linear: Mapping[str, pl.DataFrame],
    *,
    tasks: Sequence[Task],
    why_none: Mapping[str, str],
    resamples: int,
    seed: int,
) -> dict[str, dict[str, Any]]:
    """Return the entry `linear` of reports/metrics.json by task.

    Args:
        predictions: the network's predictions on the test split by task, with a column corpus.
        linear: the result of `predict_linear`.
        tasks: the tasks, with their label spaces.
        why_none: the reason by task that `linear` lacks.
        resamples: the number of resamples of the groups of documents.
        seed: the seed of the resamples.

    Returns:
        By task: value (the linear model's first metric), difference (the network's value less it) with low and high of its 95%
        interval, by the same resamples for both, and shown: what the interval shows of the network. For a task of `why_none`:
        value null, and why.
    """
    paired = PairedBootstrap(predictions, resamples=resamples, seed=seed)
    entries: dict[str, dict[str, Any]] = {}
    for task in tasks:
        if task.name not in linear:
            entries[task.name] = {"value": None, "why": why_none[task.name]}
            continue
        of_linear = paired.other(
            _replace_predictions(predictions[task.name], linear[task.name], task=task),
            task,
            where="the predictions of n-grams alone",
        )
        difference = paired.reference(task).minus(of_linear)
        entries[task.name] = {"value": of_linear.rounded, **difference.entry("difference")}
    return entries


def why_no_baseline(network: Network, task: Task) -> str:
    """Return the reason why a bundle has no linear baseline of a task."""
    if task.spec.generates_text:
        return "n-grams alone generate no text"
    if task.spec.predicts_words:
        return "the wide part of words is trained beside the network, with whose transitions between tags it predicts"
    if network.wide is None or task.name not in network.wide.widths:
        return "the bundle has no wide part (model.wide.enabled)"
    return "the bundle has none: it was trained by an earlier version, or no document of the test split is labelled"


def _replace_predictions(network: pl.DataFrame, linear: pl.DataFrame, *, task: Task) -> pl.DataFrame:
    """Return the labelled rows of the network with the linear model's predictions in place of its own."""
    columns = [name for name in linear.columns if name not in ("corpus", "doc_id")]
    rows = select_labelled(network, task)
    return rows.drop(columns, strict=False).join(
        linear, on=["corpus", "doc_id"], how="left", maintain_order="left"
    )
