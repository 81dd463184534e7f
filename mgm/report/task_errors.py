"""The errors that the model was surest of, in the words of the documents, apart from those that are explained
(task_explanations.py)."""

from dataclasses import dataclass

import polars as pl

from mgm.evaluation.errors import Example, Piece, confident_errors, excerpt
from mgm.evaluation.metrics import labelled
from mgm.evaluation.run_files import Sources
from mgm.evaluation.summary import SPLIT
from mgm.report.task_explanations import explained_ids
from mgm.tasks import Task

EXAMPLES = 4


@dataclass(frozen=True)
class TaskErrors:
    """`besides`: the surest may stand among the explained answers."""

    examples: list[Example]
    besides: bool


def task_errors(sources: Sources, task: Task) -> TaskErrors | None:
    """Reads data/predictions and data/documents; None where there is no error to show, and of generation tasks, whose
    texts are shown by task_written.py."""
    if task.kind == "generation":
        return None
    predictions = sources.predictions(task, SPLIT)
    if predictions is None:
        return None
    shown = explained_ids(sources, task)
    errors = confident_errors(labelled(predictions, task), task, EXAMPLES + len(shown))
    places = pl.concat_str("corpus", "doc_id", separator=" ")
    errors = errors.filter(~places.is_in(shown)).head(EXAMPLES)
    texts = {
        c: sources.texts(c, errors.filter(corpus=c)["doc_id"].to_list())
        for c in errors["corpus"].unique().sort()
    }
    examples = []
    for error in errors.to_dicts():
        text = texts[error["corpus"]].get(error["doc_id"])
        start, end = error.pop("start"), error.pop("end")
        examples.append(Example(**error, pieces=[Piece("")] if text is None else excerpt(text, start, end)))
    return TaskErrors(examples, bool(shown)) if examples else None
