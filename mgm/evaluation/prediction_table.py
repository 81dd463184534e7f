"""The predictions table: predictions beside the labels, one row a document."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from mgm.evaluation.copy_baselines import lead_and_copy
from mgm.evaluation.generation_metrics import BASELINES, baseline_column
from mgm.evaluation.metrics import KEYS, TRAITS
from mgm.model.batch import flatten_lists
from mgm.model.decode import Progress
from mgm.model.network import Network
from mgm.model.predict import predict, prediction_schema
from mgm.model.thresholds import Thresholds
from mgm.tasks import Task, with_label_spaces
from mgm.text.features import FeaturePart


def table_schema(tasks: Sequence[Task], reconstructs: bool = False) -> pl.Schema:
    """doc_id, group, lang, split, words, unknown, then of each task its prediction columns and `<task>_true`, the
    label; of generation tasks also `<task>_lead` and `<task>_copy`, the first sentence and the document."""
    truth = {f"{task.name}_true": task.column_type for task in tasks}
    copied = [
        baseline_column(task, name) for task in tasks if task.kind == "generation" for name in BASELINES
    ]
    return pl.Schema(
        {
            **dict.fromkeys(KEYS, pl.String()),
            **TRAITS,
            **prediction_schema(list(tasks), probs=True, reconstructs=reconstructs),
            **truth,
            **dict.fromkeys(copied, pl.String()),
        }
    )


def predict_part(
    network: Network,
    part: FeaturePart,
    tasks: Sequence[Task],
    labels: dict[str, list[str]],
    thresholds: dict[str, Thresholds],
    splits: Sequence[str],
    progress: Progress | None = None,
) -> pl.DataFrame:
    """The predictions table of those rows of a part that are in `splits`, in the part's order."""
    documents = part.documents.filter(pl.col("split").is_in(list(splits)))
    if not documents.height:
        return table_schema(tasks, network.reconstructs).to_frame()
    found = predict(
        network,
        FeaturePart(documents, part.types),
        with_label_spaces(list(tasks), labels),
        thresholds,
        probs=True,
        progress=progress,
    )
    truth = documents.select(*KEYS[1:], *[pl.col(t.name).alias(f"{t.name}_true") for t in tasks])
    every = pl.concat([found, truth, _traits(documents, part.types)], how="horizontal")
    writing = [task for task in tasks if task.kind == "generation"]
    if writing:
        copied = zip(BASELINES, lead_and_copy(documents, part.types), strict=True)
        every = every.with_columns(t.alias(baseline_column(task, n)) for n, t in copied for task in writing)
    return every.select(table_schema(tasks, network.reconstructs).names())


def _traits(documents: pl.DataFrame, types: pl.DataFrame) -> pl.DataFrame:
    word, length = flatten_lists(documents["word"])
    of = np.repeat(np.arange(len(length)), length)
    unknown = np.bincount(of, weights=types["id"].to_numpy()[word] == 0, minlength=len(length))
    share = unknown / np.maximum(length, 1)
    return pl.DataFrame({"words": length, "unknown": share}, schema=TRAITS)
