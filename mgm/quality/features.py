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
    misplaced_spans_...         many labelled spans of a corpus begin or end inside a word or on a blank, in words, `warned` or
                                `stopped`; else null (mgm/quality/span_bounds.py)
    labels_vanished             labels that the champion was trained on and that training no longer has; else null
leaks, a row a label and a word that predicts it (mgm/quality/leaks.py):
    name                        task: label: word
    task, label, word, precision, recall, n
    leak                        in words, where precision and recall reach the task's thresholds; else null
drift: see mgm/quality/drift.py; empty without a champion
table, one row:
    vocabulary_words
    compared_with               the profile that drift is measured against; null where the champion has no profile that compares

Memory: one part at a time.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from mgm.corpus.contract import SPLITS
from mgm.corpus.parts import read_manifest
from mgm.errors import MissingInput
from mgm.files import read_json
from mgm.profiling.layout import Profile, read_profiles
from mgm.quality.drift import drift_frame
from mgm.quality.frame import SHOWN_ROWS, Frame
from mgm.quality.kinds import TASK_CHECKS
from mgm.quality.span_bounds import SpanBounds
from mgm.quality.task_faults import FEATURE_FAULTS, TaskFaults
from mgm.settings.gates import GateSettings, TaskGate
from mgm.tasks import Task, with_label_spaces
from mgm.text.feature_tables import read_feature_part
from mgm.text.labels import UNSEEN

STAGE = "features"
LISTS = ("word", "content", "start", "end", "sentence", "paragraph")
NUMBERS = ("rows", *(f"{split}_rows" for split in SPLITS), "words", "unknown_words")


def feature_frames(
    folder: Path,
    statistics: Path,
    *,
    corpora: list[str],
    tasks: list[Task],
    references: Mapping[str, Profile] | None,
    gates: GateSettings,
) -> dict[str, Frame]:
    """Return the frames of `corpora` and of the `tasks` trained on them, by name.

    Args:
        statistics: the JSON file of the stage's statistics, with its `leaks`.
        references: the champion's profiles by corpus; None: there is no champion.

    Raises:
        FileNotFoundError: a table, the vocabulary, the label spaces, the profile or the statistics are absent.
        ValueError: a corpus lacks the encoded column of one of its tasks.
    """
    tasks = with_label_spaces(tasks, read_json(_require_file(folder / "labels.json")))
    leaks = read_json(_require_file(statistics))["leaks"]
    vocabulary = _require_file(folder / "vocabulary.parquet")
    profiles = read_profiles(_require_file(folder / "profile.json"))
    profiles = {corpus: profiles[corpus] for corpus in corpora if corpus in profiles}
    champion_profiles = references or {}
    counts: dict[str, Counter[str]] = {task.name: Counter() for task in tasks}
    spans: dict[str, list[SpanBounds]] = {task.name: [] for task in tasks}
    return {
        "corpora": _corpora_frame(folder, corpora, tasks=tasks, counts=counts, spans=spans),
        "tasks": _tasks_frame(
            tasks, counts=counts, spans=spans, profiles=profiles, references=champion_profiles, gates=gates
        ),
        "leaks": _leaks_frame(leaks, gates),
        "drift": drift_frame(
            {
                corpus: (champion_profiles[corpus], profile)
                for corpus, profile in profiles.items()
                if corpus in champion_profiles
            },
            gate=gates.drift,
            may_stop=gates.drift.training == "stop",
        ),
        "table": Frame(
            rows=pl.DataFrame(
                {
                    "vocabulary_words": [pl.scan_parquet(vocabulary).select(pl.len()).collect().item()],
                    "compared_with": [_describe_references(references, corpora)],
                },
                schema={"vocabulary_words": pl.Int64, "compared_with": pl.String},
            ),
            id_column=None,
        ),
    }


def _describe_references(references: Mapping[str, Profile] | None, corpora: Sequence[str]) -> str | None:
    if references is None:
        return "nothing: there is no champion"
    if not references:
        return None
    unknown = [corpus for corpus in corpora if corpus not in references]
    return "the champion's profile" + (f", which lacks {', '.join(unknown)}" if unknown else "")


def _require_file(path: Path) -> Path:
    if not path.is_file():
        raise MissingInput(path, "no such file", made_by=STAGE)
    return path


def _corpora_frame(
    folder: Path,
    corpora: list[str],
    *,
    tasks: list[Task],
    counts: dict[str, Counter[str]],
    spans: dict[str, list[SpanBounds]],
) -> Frame:
    """Return the frame `corpora`; add to the counts and the spans of their tasks."""
    rows: list[dict[str, Any]] = []
    misaligned: list[str] = []
    for corpus in corpora:
        corpus_tasks = [task for task in tasks if corpus in task.corpora]
        row, ids = _check_corpus(folder / corpus, corpus_tasks, counts=counts, spans=spans)
        rows.append({"corpus": corpus} | row)
        misaligned += ids
    schema = pl.Schema(
        {"corpus": pl.String()}
        | dict.fromkeys(NUMBERS, pl.Int64())
        | {"unknown_share": pl.Float64(), "misaligned_rows": pl.Int64()}
    )
    return Frame(
        rows=pl.DataFrame(rows, schema=schema),
        id_column="corpus",
        examples={"misaligned_rows": misaligned[:SHOWN_ROWS]},
    )


def _check_corpus(
    folder: Path,
    tasks: list[Task],
    *,
    counts: dict[str, Counter[str]],
    spans: dict[str, list[SpanBounds]],
) -> tuple[dict[str, int | float], list[str]]:
    """Return the numbers of one corpus and the ids of misaligned documents; add to the counts and the spans of its tasks."""
    bounds = {task.name: SpanBounds(folder.name) for task in tasks if TASK_CHECKS[task.kind].has_spans}
    for name, of_corpus in bounds.items():
        spans[name].append(of_corpus)
    total = dict.fromkeys([*NUMBERS, "misaligned_rows"], 0)
    misaligned: list[str] = []
    for index, part in enumerate(read_manifest(folder).parts):
        path = folder / part.name
        features = read_feature_part(folder, index, part=part)
        _check_label_columns(path, features.documents.schema, tasks=tasks)
        frame, ids = features.documents, features.types["id"].to_numpy()
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
        bad = frame.filter(~_is_aligned())
        total["misaligned_rows"] += bad.height
        misaligned += bad["doc_id"].head(SHOWN_ROWS).to_list()
        for task in tasks:
            _count_labels(frame, task, counts=counts[task.name])
            if task.name in bounds:
                aligned = frame.filter(_is_aligned())
                bounds[task.name].add(aligned, task.columns.label, types=features.types["text"])
    share = total["unknown_words"] / total["words"] if total["words"] else 0.0
    return {**total, "unknown_share": share}, misaligned


def _is_aligned() -> pl.Expr:
    """Return whether the lists of a document fit each other."""
    num_words = pl.col("word").list.len()
    return pl.all_horizontal(
        *(pl.col(name).list.len() == num_words for name in ("content", "start", "end")),
        pl.col("sentence").list.sum() == num_words,
        pl.col("paragraph").list.sum() == pl.col("sentence").list.len(),
    )


def _check_label_columns(path: Path, schema: pl.Schema, *, tasks: list[Task]) -> None:
    for task in tasks:
        if _label_column(task) not in schema:
            raise ValueError(
                f"{path}: no column {_label_column(task)!r}, which the features stage makes for {task.name!r}"
            )


def _label_column(task: Task) -> str:
    """Return the column of a task's labels; generated texts are not encoded."""
    return task.columns.label if task.spec.generates_text else task.columns.label_ids


def _count_labels(frame: pl.DataFrame, task: Task, *, counts: Counter[str]) -> None:
    labels = frame.select("split", pl.col(_label_column(task)).alias("label"))
    labelled = labels.filter(pl.col("label").is_not_null())
    for split in SPLITS:
        counts[f"{split}_rows"] += int((frame["split"] == split).sum())
        counts[f"{split}_labelled"] += int((labelled["split"] == split).sum())
    if TASK_CHECKS[task.kind].has_exclusive_classes:
        counts["unseen"] += int((labelled["label"] == UNSEEN).sum())


def _tasks_frame(
    tasks: list[Task],
    *,
    counts: Mapping[str, Counter[str]],
    spans: Mapping[str, list[SpanBounds]],
    profiles: Mapping[str, Profile],
    references: Mapping[str, Profile],
    gates: GateSettings,
) -> Frame:
    """Return the frame `tasks`.

    Args:
        counts: by task the documents and labelled documents of each split, and those of an unseen class.
        spans: by task the bounds of its spans, corpus by corpus; none for tasks without spans.
    """
    rows = []
    examples: dict[str, list[str]] = {}
    for task in tasks:
        faults = TaskFaults(task.name, _task_gate(gates, task.name))
        # That of the worst corpus, which a large one beside it must not hide.
        for of_corpus in sorted(spans[task.name], key=lambda bounds: bounds.share)[-1:]:
            of_corpus.find_fault(faults)
        examples |= {
            column: [*examples.get(column, []), *ids][:SHOWN_ROWS] for column, ids in faults.examples.items()
        }
        numbers = counts[task.name]
        num_held_out = numbers["valid_labelled"] + numbers["test_labelled"]
        is_exclusive = TASK_CHECKS[task.kind].has_exclusive_classes
        rows.append(
            {
                "task": task.name,
                "kind": task.kind,
                "labels": len(task.labels) if task.spec.has_label_space else None,
                **{
                    f"{split}_labelled": numbers[f"{split}_labelled"] if numbers[f"{split}_rows"] else None
                    for split in SPLITS
                },
                "unseen_share": numbers["unseen"] / num_held_out if is_exclusive and num_held_out else None,
                "largest_class": _check_largest_class(task, profiles, gate=_task_gate(gates, task.name))
                if is_exclusive
                else None,
                **{column: faults.texts.get(column) for column in FEATURE_FAULTS},
                "labels_vanished": _check_vanished_labels(task, references)
                if task.spec.has_label_space
                else None,
            }
        )
    schema = pl.Schema(
        {"task": pl.String(), "kind": pl.String()}
        | dict.fromkeys(("labels", *(f"{split}_labelled" for split in SPLITS)), pl.Int64())
        | {"unseen_share": pl.Float64()}
        | dict.fromkeys(("largest_class", *FEATURE_FAULTS, "labels_vanished"), pl.String())
    )
    return Frame(rows=pl.DataFrame(rows, schema=schema), id_column="task", examples=examples)


def _task_gate(gates: GateSettings, task: str) -> TaskGate:
    return gates.tasks.get(task, TaskGate())


def _label_counts(task: Task, profiles: Mapping[str, Profile]) -> Counter[str]:
    """Return the counts of the labels in the training documents of all profiles."""
    counts: Counter[str] = Counter()
    for profile in profiles.values():
        labels = profile["tasks"].get(task.name, {})
        if labels.get("kind") == task.kind and "labels" in labels:
            counts.update(labels["labels"]["counts"])
    return counts


def _check_largest_class(task: Task, profiles: Mapping[str, Profile], *, gate: TaskGate) -> str | None:
    """Return the fault of a class that is nearly all of training, over all corpora: the gate after ingest judges each alone."""
    counts = _label_counts(task, profiles)
    label, n = max(counts.items(), key=lambda item: (item[1], item[0]), default=("", 0))
    share = n / counts.total() if n else 0.0
    if share <= gate.largest_class_warn:
        return None
    return f"{label!r} is {share:.1%} of {counts.total():,} training documents, above {gate.largest_class_warn:g}"


def _check_vanished_labels(task: Task, references: Mapping[str, Profile]) -> str | None:
    """Return the fault of labels that only the champion has.

    Labels of corpora that are off by now count too: the champion predicts them, and the new model will not.
    """
    vanished = sorted(_label_counts(task, references).keys() - set(task.labels))
    if not vanished:
        return None
    more = f" and {len(vanished) - SHOWN_ROWS} more" if len(vanished) > SHOWN_ROWS else ""
    return (
        f"{len(vanished)} of the champion's labels, expected none: {', '.join(vanished[:SHOWN_ROWS])}{more}"
    )


def _leaks_frame(leaks: Sequence[Mapping[str, Any]], gates: GateSettings) -> Frame:
    rows = []
    for leak in leaks:
        gate = _task_gate(gates, leak["task"])
        is_fault = leak["precision"] >= gate.leak_precision and leak["recall"] >= gate.leak_recall
        text = (
            f"{leak['task']}: the word {leak['word']!r} predicts {leak['label']!r} with precision "
            f"{leak['precision']:.3f} (threshold {gate.leak_precision:g}) and recall {leak['recall']:.3f} "
            f"(threshold {gate.leak_recall:g}) on {leak['n']:,} training documents"
        )
        name = f"{leak['task']}: {leak['label']}: {leak['word']}"
        rows.append({"name": name, **leak, "leak": text if is_fault else None})
    texts = dict.fromkeys(("name", "task", "label", "word"), pl.String)
    numbers = {"precision": pl.Float64, "recall": pl.Float64, "n": pl.Int64}
    frame = pl.DataFrame(rows, schema=texts | numbers | {"leak": pl.String})
    return Frame(rows=frame, id_column="name")
