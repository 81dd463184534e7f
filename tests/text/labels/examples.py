"""Documents with labels of every kind of task."""

from typing import Any

import polars as pl

from mgm.tasks import TASK_KINDS, Task


def task(name: str, kind: str, **more: Any) -> Task:
    return Task(name=name, kind=kind, corpora=["c"], **more)


KIND = task("kind", "classification", min_count=2, rare="null")
TAGS = task("tags", "multilabel", min_count=2, rare="null")
VALUE = task("value", "regression")
NER = task("ner", "tagging")
TITLE = task("title", "generation")
TASKS = [KIND, NER, TAGS, TITLE, VALUE]


def span(start: int, end: int, label: str) -> dict[str, Any]:
    return {"start": start, "end": end, "label": label}


FRAME = pl.DataFrame(
    {
        "split": ["train", "train", "train", "train", "test", "test"],
        "label:kind": ["b", "a", "b", "a", "new", None],
        "label:tags": [["y", "x"], ["x", "y"], ["rare", "x"], [], ["new", "y"], None],
        "label:value": [1.0, None, 2.0, 3.0, 4.0, 5.0],
        "label:title": ["t"] * 6,
        "label:ner": [
            [span(0, 5, "LOC")],
            [],
            None,
            [span(2, 3, "PER")],
            [span(0, 1, "new"), span(2, 3, "LOC")],
            None,
        ],
        "start": [[0, 2, 4]] * 6,
        "end": [[1, 3, 5]] * 6,
    },
    schema_overrides={t.columns.label: TASK_KINDS[t.kind].column_type for t in TASKS},
)
