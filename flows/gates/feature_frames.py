"""The frames of the gate after features: all enabled corpora together.

corpora, a row an enabled corpus:
    corpus, rows, train_rows, valid_rows, test_rows
    words, unknown_words        word occurrences, and those outside the vocabulary
    unknown_share               unknown_words / words
    misaligned_rows             documents whose lists of words, offsets, sentences and paragraphs do not fit each other
tasks, a row a trained task:
    task, kind
    labels                      size of the label space; null for numbers and texts
    train_labelled, valid_labelled, test_labelled      over its corpora; null where those have no row of the split
    unseen_share                share of labelled held-out documents whose class training never saw; null for other kinds
table, one row:
    vocabulary_words

Memory: one part at a time.
"""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl

from flows.gates.runner import SHOWN_ROWS, Frame
from mgm.corpus.parts import read_manifest
from mgm.tasks import Task

SPLITS = ("train", "valid", "test")
LISTS = ("word", "content", "start", "end", "sentence", "paragraph")
UNSEEN = -1
"""What a class that training never saw is encoded as."""


def feature_frames(folder: Path, corpora: list[str], tasks: list[Task]) -> dict[str, Frame]:
    """The frames of `corpora` and of the `tasks` trained on them.

    Raises:
        FileNotFoundError: a table, the vocabulary or the label spaces are absent.
        ValueError: a corpus lacks the encoded column of one of its tasks.
    """
    spaces = json.loads(_file(folder / "labels.json").read_text(encoding="utf-8"))
    vocabulary = pl.scan_parquet(_file(folder / "vocabulary.parquet")).select(pl.len()).collect().item()
    counts: dict[str, Counter[str]] = {task.name: Counter() for task in tasks}
    rows, misaligned = [], []
    for corpus in corpora:
        row, ids = _corpus(folder / corpus, [task for task in tasks if corpus in task.corpora], counts)
        rows.append({"corpus": corpus} | row)
        misaligned += ids
    numbers = dict.fromkeys(("rows", *(f"{s}_rows" for s in SPLITS), "words", "unknown_words"), pl.Int64)
    schema = {"corpus": pl.String} | numbers | {"unknown_share": pl.Float64, "misaligned_rows": pl.Int64}
    return {
        "corpora": Frame(
            pl.DataFrame(rows, schema=schema), "corpus", {"misaligned_rows": misaligned[:SHOWN_ROWS]}
        ),
        "tasks": Frame(_tasks(tasks, spaces, counts), "task"),
        "table": Frame(pl.DataFrame({"vocabulary_words": [vocabulary]}), None),
    }


def _file(path: Path) -> Path:
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; the features stage writes it")
    return path


def _corpus(
    folder: Path, tasks: list[Task], counts: dict[str, Counter[str]]
) -> tuple[dict[str, int | float], list[str]]:
    """The numbers of one corpus and the ids of misaligned documents; adds to `counts` of its tasks."""
    total = dict.fromkeys(
        ["rows", *(f"{s}_rows" for s in SPLITS), "words", "unknown_words", "misaligned_rows"], 0
    )
    misaligned: list[str] = []
    for part in read_manifest(folder).parts:
        path = folder / part.name
        frame = pl.read_ipc(path, columns=_columns(path, tasks))
        ids = pl.read_ipc(path.with_suffix(".types.arrow"), columns=["id"])["id"].to_numpy()
        words = frame["word"].explode(empty_as_null=False).to_numpy()
        if len(words) and not 0 <= words.min() <= words.max() < len(ids):
            raise ValueError(
                f"{path}: column 'word': an index outside the part's {len(ids)} types, found {words.max()}"
            )
        total["rows"] += frame.height
        total["words"] += len(words)
        total["unknown_words"] += int(np.count_nonzero(ids[words] == 0))
        for split in SPLITS:
            total[f"{split}_rows"] += int((frame["split"] == split).sum())
        fits = [pl.col(name).list.len() == pl.col("word").list.len() for name in ("content", "start", "end")]
        bad = frame.filter(
            ~pl.all_horizontal(
                *fits,
                pl.col("sentence").list.sum() == pl.col("word").list.len(),
                pl.col("paragraph").list.sum() == pl.col("sentence").list.len(),
            )
        )
        total["misaligned_rows"] += bad.height
        misaligned += bad["doc_id"].head(SHOWN_ROWS).to_list()
        for task in tasks:
            _count(frame, task, counts[task.name])
    share = total["unknown_words"] / total["words"] if total["words"] else 0.0
    return {**total, "unknown_share": share}, misaligned


def _columns(path: Path, tasks: list[Task]) -> list[str]:
    """The columns that are read of a part."""
    found = pl.read_ipc_schema(path)
    for task in tasks:
        if _label(task) not in found:
            raise ValueError(
                f"{path}: no column {_label(task)!r}, which the features stage makes for {task.name!r}"
            )
    return ["doc_id", "split", *LISTS, *map(_label, tasks)]


def _label(task: Task) -> str:
    """The column of a task's labels; a generation task has no encoded one."""
    return task.name if task.kind == "generation" else task.encoded


def _count(frame: pl.DataFrame, task: Task, counts: Counter[str]) -> None:
    labelled = frame.select("split", pl.col(_label(task)).alias("label")).filter(
        pl.col("label").is_not_null()
    )
    for split in SPLITS:
        counts[f"{split}_rows"] += int((frame["split"] == split).sum())
        counts[f"{split}_labelled"] += int((labelled["split"] == split).sum())
    if task.kind == "classification":
        counts["unseen"] += int((labelled["label"] == UNSEEN).sum())


def _tasks(tasks: list[Task], spaces: dict[str, list[str]], counts: dict[str, Counter[str]]) -> pl.DataFrame:
    rows = []
    for task in tasks:
        own = counts[task.name]
        held_out = own["valid_labelled"] + own["test_labelled"]
        rows.append(
            {
                "task": task.name,
                "kind": task.kind,
                "labels": len(spaces.get(task.name, []))
                if task.kind not in ("regression", "generation")
                else None,
                **{f"{s}_labelled": own[f"{s}_labelled"] if own[f"{s}_rows"] else None for s in SPLITS},
                "unseen_share": own["unseen"] / held_out
                if task.kind == "classification" and held_out
                else None,
            }
        )
    numbers = dict.fromkeys(("labels", *(f"{s}_labelled" for s in SPLITS)), pl.Int64)
    schema = {"task": pl.String, "kind": pl.String} | numbers | {"unseen_share": pl.Float64}
    return pl.DataFrame(rows, schema=schema)
