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
    largest_class               the most frequent class where its share of all corpora's training documents is above the
                                task's threshold, in words; else null
    labels_vanished             labels that the champion was trained on and that training no longer has; else null
leaks, a row a label and a word that predicts it (mgm/quality/leaks.py):
    name                        task: label: word
    task, label, word, precision, recall, n
    leak                        in words, where precision and recall reach the task's thresholds; else null
drift: see drift_frames.py; empty without a champion
table, one row:
    vocabulary_words
    compared_with               what drift is measured against; null where the champion has no profile that compares

Memory: one part at a time.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from mgm.corpus.parts import read_manifest
from mgm.profiling.layout import Profile, read_profiles
from mgm.quality.drift import drift_frame
from mgm.quality.frame import SHOWN_ROWS, Frame
from mgm.settings.gates import GateSettings, TaskGate
from mgm.tasks import Task

SPLITS = ("train", "valid", "test")
LISTS = ("word", "content", "start", "end", "sentence", "paragraph")
UNSEEN = -1
"""What a class that training never saw is encoded as."""


def feature_frames(
    folder: Path,
    statistics: Path,
    corpora: list[str],
    tasks: list[Task],
    references: Mapping[str, Profile] | None,
    gates: GateSettings,
) -> dict[str, Frame]:
    """The frames of `corpora` and of the `tasks` trained on them.

    Args:
        statistics: what the features stage says of itself, with its `leaks`.
        references: the champion's profiles by corpus; None: there is no champion.

    Raises:
        FileNotFoundError: a table, the vocabulary, the label spaces, the profile or the statistics are absent.
        ValueError: a corpus lacks the encoded column of one of its tasks.
    """
    spaces = json.loads(_file(folder / "labels.json").read_text(encoding="utf-8"))
    leaks = json.loads(_file(statistics).read_text(encoding="utf-8"))["leaks"]
    profiles = read_profiles(_file(folder / "profile.json"))
    vocabulary = pl.scan_parquet(_file(folder / "vocabulary.parquet")).select(pl.len()).collect().item()
    counts: dict[str, Counter[str]] = {task.name: Counter() for task in tasks}
    rows, misaligned = [], []
    for corpus in corpora:
        row, ids = _corpus(folder / corpus, [task for task in tasks if corpus in task.corpora], counts)
        rows.append({"corpus": corpus} | row)
        misaligned += ids
    numbers = dict.fromkeys(("rows", *(f"{s}_rows" for s in SPLITS), "words", "unknown_words"), pl.Int64)
    schema = {"corpus": pl.String} | numbers | {"unknown_share": pl.Float64, "misaligned_rows": pl.Int64}
    own = {c: profiles[c] for c in corpora if c in profiles}
    compared = {c: (references[c], now) for c, now in own.items() if c in references} if references else {}
    table = {"vocabulary_words": [vocabulary], "compared_with": [_compared_with(references, corpora)]}
    return {
        "corpora": Frame(
            pl.DataFrame(rows, schema=schema), "corpus", {"misaligned_rows": misaligned[:SHOWN_ROWS]}
        ),
        "tasks": Frame(_tasks(tasks, spaces, counts, own, references or {}, gates), "task"),
        "leaks": Frame(_leaks(leaks, gates), "name"),
        "drift": drift_frame(compared, gates.drift, may_stop=gates.drift.training == "stop"),
        "table": Frame(
            pl.DataFrame(table, schema={"vocabulary_words": pl.Int64, "compared_with": pl.String}), None
        ),
    }


def _compared_with(references: Mapping[str, Profile] | None, corpora: Sequence[str]) -> str | None:
    if references is None:
        return "nothing: there is no champion"
    if not references:
        return None
    unknown = [corpus for corpus in corpora if corpus not in references]
    return "the champion's profile" + (f", which lacks {', '.join(unknown)}" if unknown else "")


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


def _tasks(
    tasks: list[Task],
    spaces: dict[str, list[str]],
    counts: dict[str, Counter[str]],
    profiles: Mapping[str, Profile],
    references: Mapping[str, Profile],
    gates: GateSettings,
) -> pl.DataFrame:
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
                "largest_class": _largest_class(task, profiles, _gate(gates, task.name)),
                "labels_vanished": _vanished(task, spaces, references),
            }
        )
    numbers = dict.fromkeys(("labels", *(f"{s}_labelled" for s in SPLITS)), pl.Int64)
    texts = dict.fromkeys(("largest_class", "labels_vanished"), pl.String)
    schema = {"task": pl.String, "kind": pl.String} | numbers | {"unseen_share": pl.Float64} | texts
    return pl.DataFrame(rows, schema=schema)


def _gate(gates: GateSettings, task: str) -> TaskGate:
    return gates.tasks.get(task, TaskGate())


def _label_counts(task: Task, profiles: Mapping[str, Profile]) -> Counter[str]:
    """How often each label stands in the training documents of all profiles."""
    found: Counter[str] = Counter()
    for profile in profiles.values():
        labels = profile["tasks"].get(task.name, {})
        if labels.get("kind") == task.kind and "labels" in labels:
            found.update(labels["labels"]["counts"])
    return found


def _largest_class(task: Task, profiles: Mapping[str, Profile], gate: TaskGate) -> str | None:
    """Over all corpora: each for itself is what the gate after ingest judges."""
    if task.kind != "classification":
        return None
    found = _label_counts(task, profiles)
    label, n = max(found.items(), key=lambda item: (item[1], item[0]), default=("", 0))
    share = n / found.total() if n else 0.0
    if share <= gate.largest_class_warn:
        return None
    return (
        f"{label!r} is {share:.1%} of {found.total():,} training documents, above {gate.largest_class_warn:g}"
    )


def _vanished(
    task: Task, spaces: Mapping[str, Sequence[str]], references: Mapping[str, Profile]
) -> str | None:
    """Labels of corpora that are off by now count too: the model knew them, and will not."""
    gone = sorted(_label_counts(task, references).keys() - set(spaces.get(task.name, [])))
    if not gone or task.kind in ("regression", "generation"):
        return None
    more = f" and {len(gone) - SHOWN_ROWS} more" if len(gone) > SHOWN_ROWS else ""
    return f"{len(gone)} of the champion's labels, expected none: {', '.join(gone[:SHOWN_ROWS])}{more}"


def _leaks(found: Sequence[Mapping[str, Any]], gates: GateSettings) -> pl.DataFrame:
    rows = []
    for row in found:
        gate = _gate(gates, row["task"])
        reached = row["precision"] >= gate.leak_precision and row["recall"] >= gate.leak_recall
        text = (
            f"{row['task']}: the word {row['word']!r} predicts {row['label']!r} with precision "
            f"{row['precision']:.3f} (threshold {gate.leak_precision:g}) and recall {row['recall']:.3f} "
            f"(threshold {gate.leak_recall:g}) on {row['n']:,} training documents"
        )
        name = f"{row['task']}: {row['label']}: {row['word']}"
        rows.append({"name": name, **row, "leak": text if reached else None})
    texts = dict.fromkeys(("name", "task", "label", "word"), pl.String)
    numbers = {"precision": pl.Float64, "recall": pl.Float64, "n": pl.Int64}
    return pl.DataFrame(rows, schema=texts | numbers | {"leak": pl.String})
