"""The predictions table: predictions beside the labels, one row a document."""

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from mgm.evaluation.kinds import BaselinePredictor, evaluation_of
from mgm.evaluation.predictions import KEYS, TRAITS
from mgm.model.compiled import CompiledNetwork
from mgm.model.decode import Progress
from mgm.model.network import Network
from mgm.model.predict import predict, prediction_schema
from mgm.model.thresholds import Thresholds
from mgm.tasks import Task
from mgm.text.features import FeaturePart
from mgm.text.list_columns import flatten_ints, lengths, row_ids


def table_schema(tasks: Sequence[Task], *, reconstructs: bool = False) -> pl.Schema:
    """Return the columns of the predictions table of these tasks.

    They are doc_id, group, lang, split, words, unknown, then the prediction columns of the tasks, their labels,
    and the baselines that are made of the documents.
    """
    labels = {task.columns.label: task.column_type for task in tasks}
    baselines = {k: v for task in tasks for k, v in evaluation_of(task).baseline_schema(task).items()}
    return pl.Schema(
        {
            **dict.fromkeys(KEYS, pl.String()),
            **TRAITS,
            **prediction_schema(list(tasks), probs=True, reconstructs=reconstructs),
            **labels,
            **baselines,
        }
    )


def predict_part(  # noqa: PLR0913  (options by name, with defaults)
    network: Network,
    part: FeaturePart,
    *,
    tasks: Sequence[Task],
    thresholds: Mapping[str, Thresholds],
    splits: Sequence[str],
    baselines: Mapping[str, BaselinePredictor] | None = None,
    progress: Progress | None = None,
    compiled: CompiledNetwork | None = None,
) -> pl.DataFrame:
    """Return the predictions table of those rows of a part that are in `splits`, in the part's order.

    Args:
        network: the network, in evaluation mode.
        part: features of a corpus.
        tasks: of that corpus, with their label spaces.
        thresholds: the decision thresholds of multilabel tasks.
        splits: the splits whose rows are predicted.
        baselines: the result of `fit_baselines`; required for tasks with baselines that are made of the documents.
        progress: called with the number of documents just done.
        compiled: the network with tables for the kernels, which predict then; None: torch does.
    """
    documents = part.documents.filter(pl.col("split").is_in(list(splits)))
    schema = table_schema(tasks, reconstructs=network.reconstructs)
    if not documents.height:
        return schema.to_frame()
    predictions = predict(
        network,
        FeaturePart(documents, part.types),
        tasks=list(tasks),
        thresholds=thresholds,
        probs=True,
        progress=progress,
        compiled=compiled,
    )
    labels = documents.select(*KEYS[1:], *[task.columns.label for task in tasks])
    table = pl.concat([predictions, labels, _traits(documents, part.types)], how="horizontal")
    for task in tasks:
        if evaluation_of(task).baseline_schema(task):
            assert baselines is not None, f"the baselines of task {task.name} are not fitted"
            columns = baselines[task.name](FeaturePart(documents, part.types))
            table = table.with_columns(column.alias(name) for name, column in columns.items())
    return table.select(schema.names())


def fit_baselines(
    tasks: Sequence[Task], corpora: Mapping[str, Sequence[FeaturePart]]
) -> dict[str, BaselinePredictor]:
    """Return what predicts the baselines of each task that has some made of the documents, such as its translation memory.

    Args:
        tasks: the tasks.
        corpora: the features of all of their corpora.
    """
    return {
        task.name: evaluation_of(task).fit_baselines(
            [part for corpus in task.corpora for part in corpora.get(corpus, [])], task
        )
        for task in tasks
        if evaluation_of(task).baseline_schema(task)
    }


def _traits(documents: pl.DataFrame, types: pl.DataFrame) -> pl.DataFrame:
    word, count = flatten_ints(documents["word"]), lengths(documents["word"])
    is_unknown = types["id"].to_numpy()[word] == 0
    num_unknown = np.bincount(row_ids(count), weights=is_unknown, minlength=len(count))
    return pl.DataFrame({"words": count, "unknown": num_unknown / np.maximum(count, 1)}, schema=TRAITS)
