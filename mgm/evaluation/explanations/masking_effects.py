"""The effect of masking a granularity: each task's first metric with the mask minus without.

Both are of the same documents and in the same resamples.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from mgm.evaluation.explanations.masking import NOTHING
from mgm.evaluation.paired_bootstrap import PairedBootstrap
from mgm.evaluation.prediction_table import table_schema
from mgm.evaluation.predictions import KEYS
from mgm.model.heads import Outcome
from mgm.model.predict import prediction_table
from mgm.model.thresholds import Thresholds
from mgm.tasks import Task

PredictionsByMask = dict[str, dict[str, list[pl.DataFrame]]]
"""Predictions with the true labels by mask and task, one frame a part."""


def add_predictions(
    predictions: PredictionsByMask,
    outcomes: Mapping[str, Mapping[str, Outcome]],
    *,
    documents: pl.DataFrame,
    corpus: str,
    tasks: Sequence[Task],
    thresholds: Mapping[str, Thresholds],
) -> None:
    """Add the predictions of one part of a corpus to `predictions`.

    Args:
        predictions: the predictions of all parts so far.
        outcomes: the result of `masked_outcomes`, by mask and task.
        documents: the documents of the part.
        corpus: the name of the corpus.
        tasks: of the corpus, with their label spaces.
        thresholds: the decision thresholds of multilabel tasks.
    """
    keys = documents.select(pl.lit(corpus).alias("corpus"), *KEYS)
    for mask, by_task in outcomes.items():
        masked_tasks = [task for task in tasks if task.name in by_task]
        columns = prediction_table(by_task, documents, tasks=masked_tasks, thresholds=thresholds).drop(
            "doc_id"
        )
        for task in masked_tasks:
            names = [name for name in table_schema([task]).names() if name in columns.columns]
            frame = keys.with_columns(*columns.select(names), documents[task.columns.label])
            predictions.setdefault(mask, {}).setdefault(task.name, []).append(frame)


def masking_effects(
    predictions: PredictionsByMask, tasks: Sequence[Task], *, resamples: int, seed: int
) -> dict[str, dict[str, Any]]:
    """Return the effects by task.

    Args:
        predictions: of `add_predictions`, with the mask `NOTHING` among them.
        tasks: the tasks, with their label spaces.
        resamples: the number of resamples of the intervals.
        seed: the seed of the resamples.

    Returns:
        Of each task: metric, value, n, and masks: by name the change of the metric with low, high and shown. A task without a
        labelled document has value null and no masks.
    """
    if not tasks:
        return {}
    unmasked = {task.name: pl.concat(predictions[NOTHING][task.name]) for task in tasks}
    paired = PairedBootstrap(unmasked, resamples=resamples, seed=seed)
    effects = {}
    for task in tasks:
        reference = paired.reference(task)
        masks = {}
        if reference.is_defined:
            for mask, by_task in predictions.items():
                if mask != NOTHING and task.name in by_task:
                    masked = paired.other(
                        pl.concat(by_task[task.name]), task, where=f"the model without {mask}"
                    )
                    masks[mask] = masked.minus(reference).entry("change")
        effects[task.name] = {
            "metric": task.first_metric,
            "value": reference.rounded,
            "n": unmasked[task.name][task.columns.label].count(),
            "masks": masks,
        }
    return effects
