"""Teachers' scores of documents, as files hold them, and their mean as training targets beside the labels.

A file is Parquet with a row a document: `doc_id`; `corpus`, which is optional for a task with one corpus; and the columns of the
task's kind: `logit:<label>` for every label of the task (probabilities are the softmax, or the sigmoid of each for sets of labels),
or `value` in the task's units. Other columns are not read. For probabilities p the logits are log(p), or log(p / (1 - p)) for
sets of labels. If the file's metadata names its task (`task`), that is checked.

Axes: n documents, K labels. Memory: a file, and 4 (K + 1) bytes a document of the task's corpora.
"""

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from mgm.tasks import Task
from mgm.training.kinds import TASK_TRAINING
from mgm.training.kinds.base import LOGIT_PREFIX

TASK_KEY = "task"
"""The key of a file's metadata that names the task."""

TeacherPredictions = npt.NDArray[np.float32]
"""(n,K) probabilities, or (n,) values; NaN for documents that no teacher scored."""


def save_scores(path: Path, documents: pl.DataFrame, *, scores: np.ndarray, task: Task) -> None:
    """Write a file of scores.

    Args:
        path: the file.
        documents: corpus and doc_id of each document.
        scores: (n,K) the columns of the task's kind.
        task: the task, with its label space.
    """
    columns = TASK_TRAINING[task.kind].score_columns(task)
    table = pl.DataFrame(scores, schema=dict.fromkeys(columns, pl.Float32()), orient="row")
    path.parent.mkdir(parents=True, exist_ok=True)
    documents.select("corpus", "doc_id").hstack(table).write_parquet(
        path, compression="zstd", row_group_size=20_000, metadata={TASK_KEY: task.name}
    )


def read_scores(path: Path, task: Task) -> pl.DataFrame:
    """Return corpus, doc_id and the float32 score columns of a task, in the order of the file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no Parquet file, of another task, lacks a column or has one of an unknown label; a score is not a
            finite number; a document is in it twice.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; distillation.teachers.{task.name} names it")
    try:
        metadata, schema = pl.read_parquet_metadata(path), pl.read_parquet_schema(path)
    except pl.exceptions.ComputeError as error:
        raise ValueError(f"{path}: not a Parquet file: {error}") from error
    if metadata.get(TASK_KEY, task.name) != task.name:
        raise ValueError(f"{path}: scores of task {metadata[TASK_KEY]!r}, expected those of {task.name!r}")
    columns = TASK_TRAINING[task.kind].score_columns(task)
    _check_columns(path, schema, task=task, columns=columns)
    keys = ["corpus", "doc_id"] if "corpus" in schema else ["doc_id"]
    scores = pl.read_parquet(path, columns=[*keys, *columns])
    if "corpus" not in schema:
        scores = scores.with_columns(corpus=pl.lit(task.corpora[0]))
    _check_ids(path, scores, task=task)
    scores = scores.with_columns(pl.col(columns).cast(pl.Float32))
    _check_finite(path, scores, columns=columns)
    return scores.select("corpus", "doc_id", *columns)


def average_teachers(
    files: Sequence[Path],
    task: Task,
    *,
    documents: Mapping[str, pl.DataFrame],
    temperature: float = 1.0,
) -> TeacherPredictions:
    """Return the mean prediction for each document over the files that score it.

    Only training documents get one: scores of other documents are not used.

    Args:
        files: the teachers' scores.
        task: the task that they score.
        documents: corpus to its rows `doc_id`, `split`, in the order of the result.
        temperature: logits are divided by it.

    Raises:
        FileNotFoundError, ValueError: as `read_scores`, or a file scores a document that is in no corpus of the task.
    """
    index = pl.concat(
        frame.select("doc_id", "split", corpus=pl.lit(corpus)) for corpus, frame in documents.items()
    ).with_row_index("index")
    kind = TASK_TRAINING[task.kind]
    count = np.zeros(index.height, np.int32)
    total: npt.NDArray[np.float32] | None = None
    for path in files:
        scores = read_scores(path, task)
        rows = _row_indices(path, scores, index=index)
        predictions = kind.teacher_predictions(scores.drop("corpus", "doc_id").to_numpy(), temperature)
        if total is None:
            total = np.zeros((index.height, *predictions.shape[1:]), np.float32)
        total[rows] += predictions
        count[rows] += 1
    assert total is not None, "a task with teachers has a file"
    count[index["split"].to_numpy() != "train"] = 0
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = (total.T / count).T
    mean[count == 0] = np.nan
    return mean.astype(np.float32)


def has_target(predictions: TeacherPredictions) -> npt.NDArray[np.bool_]:
    """Return which documents (n,) have a teacher's prediction."""
    return np.asarray(~np.isnan(predictions.reshape(len(predictions), -1)).any(axis=1), bool)


def label_agreement(predictions: TeacherPredictions, labels: pl.Series, *, task: Task) -> float | None:
    """Return the agreement of predictions with the labels (a column of label ids) of the documents that have both.

    It is the share of most probable classes that are the label, the F1 of labels with a probability of at least 0.5, or Pearson's r;
    None where no document has both. A number far below that of training indicates that classes were mixed up.
    """
    has_both = has_target(predictions) & labels.is_not_null().to_numpy()
    if not has_both.any():
        return None
    return TASK_TRAINING[task.kind].agreement(predictions[has_both], labels.filter(pl.Series(has_both)))


def _check_columns(
    path: Path, schema: Mapping[str, pl.DataType], *, task: Task, columns: Sequence[str]
) -> None:
    description = TASK_TRAINING[task.kind].describe_score_columns(task)
    expected = f"expected doc_id and for task {task.name!r} {description}"
    if "doc_id" not in schema:
        raise ValueError(f"{path}: no column 'doc_id', found {', '.join(schema) or 'none'}; {expected}")
    unknown = [c for c in schema if c.startswith(LOGIT_PREFIX) and c not in set(columns)]
    if unknown:
        near = difflib.get_close_matches(unknown[0], columns, n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        raise ValueError(
            f"{path}: column {unknown[0]!r}: task {task.name!r} has no such label in training{hint}; {expected}"
        )
    missing = [c for c in columns if c not in schema]
    if missing:
        raise ValueError(f"{path}: column {missing[0]!r} is missing ({len(missing)} are); {expected}")
    for name, kind in [(c, schema[c]) for c in columns]:
        if not kind.is_numeric():
            raise ValueError(f"{path}: column {name!r}: type {kind}, expected numbers")
    for name in ("doc_id", "corpus"):
        if name in schema and schema[name] != pl.String:
            raise ValueError(f"{path}: column {name!r}: type {schema[name]}, expected String")
    if "corpus" not in schema and len(task.corpora) > 1:
        raise ValueError(
            f"{path}: no column 'corpus'; expected one, since task {task.name!r} has {', '.join(task.corpora)}"
        )


def _check_ids(path: Path, scores: pl.DataFrame, *, task: Task) -> None:
    for name in ("doc_id", "corpus"):
        row = scores[name].is_null().arg_max()
        if row is not None and scores[name][row] is None:
            raise ValueError(f"{path}: row {row + 1}, column {name!r}: value null, expected a string")
    unexpected = scores.with_row_index().filter(~pl.col("corpus").is_in(task.corpora))
    if unexpected.height:
        raise ValueError(
            f"{path}: row {unexpected['index'][0] + 1}, column 'corpus': value {unexpected['corpus'][0]!r}, expected an "
            f"enabled corpus of task {task.name!r}: {', '.join(task.corpora)}"
        )
    is_first = scores.select(pl.struct("corpus", "doc_id").is_first_distinct()).to_series()
    if not is_first.all():
        row = is_first.arg_min()
        assert row is not None
        raise ValueError(
            f"{path}: row {row + 1}, column 'doc_id': value {scores['doc_id'][row]!r} a second time, "
            "expected each document once"
        )


def _check_finite(path: Path, scores: pl.DataFrame, *, columns: Sequence[str]) -> None:
    for name in columns:
        bad = ~(scores[name].is_finite().fill_null(False))
        if bad.any():
            row = bad.arg_max()
            assert row is not None
            raise ValueError(
                f"{path}: row {row + 1}, column {name!r}: value {scores[name][row]} "
                f"(doc_id {scores['doc_id'][row]!r}), expected a finite number"
            )


def _row_indices(path: Path, scores: pl.DataFrame, *, index: pl.DataFrame) -> npt.NDArray[np.int64]:
    """Return the row index of each scored document."""
    rows = scores.select("corpus", "doc_id").join(
        index, on=["corpus", "doc_id"], how="left", maintain_order="left"
    )["index"]
    if rows.null_count():
        row = rows.is_null().arg_max()
        assert row is not None
        raise ValueError(
            f"{path}: row {row + 1}, column 'doc_id': value {scores['doc_id'][row]!r}, expected a document that the "
            f"features of corpus {scores['corpus'][row]!r} hold; {rows.null_count()} of {scores.height} rows are of "
            "others (rejected, dropped as a copy, or of other data)"
        )
    return rows.to_numpy().astype(np.int64)
