"""Teachers' scores of documents, as files hold them, and what they come to as targets beside the labels.

A file is Parquet with a row a document: `doc_id`; `corpus`, which may be left out where the task has one corpus; for a
classification or multilabel task a column `logit:<label>` for every label of the task (softmax, or sigmoid of each, gives
the probabilities), for a regression task `value` in the task's own units. Other columns are not read. Whoever has
probabilities p writes log(p), or log(p / (1 - p)) for multilabel. What wrote a file may name its task in the file's
metadata (`task`), which is then compared.

Axes: n documents, K labels. Memory: a file, and 4 (K + 1) bytes a document of the task's corpora.
"""

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from mgm.tasks import Task
from mgm.text.list_columns import flatten, lengths

LOGIT, VALUE = "logit:", "value"
TASK_KEY = "task"
"""The key of a file's metadata that names the task."""

Answers = npt.NDArray[np.float32]
"""(n,K) probabilities, or (n,) values; NaN where no teacher answered."""


def columns_of(task: Task, labels: Sequence[str]) -> list[str]:
    """The columns that score a task, in the order of its labels."""
    return [VALUE] if task.kind == "regression" else [f"{LOGIT}{label}" for label in labels]


def save_scores(path: Path, scores: pl.DataFrame, task: Task) -> None:
    """Writes a file of scores: corpus, doc_id and the columns of `columns_of`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scores.write_parquet(path, compression="zstd", row_group_size=20_000, metadata={TASK_KEY: task.name})


def read_scores(path: Path, task: Task, labels: Sequence[str]) -> pl.DataFrame:
    """corpus, doc_id and the float32 columns of `columns_of`, in the order of the file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no Parquet file, of another task, lacks a column or has one of an unknown label; a score is no
            finite number; a document stands in it twice.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; distillation.teachers.{task.name} names it")
    try:
        metadata, schema = pl.read_parquet_metadata(path), pl.read_parquet_schema(path)
    except pl.exceptions.ComputeError as error:
        raise ValueError(f"{path}: not a Parquet file: {error}") from error
    if metadata.get(TASK_KEY, task.name) != task.name:
        raise ValueError(f"{path}: scores of task {metadata[TASK_KEY]!r}, expected those of {task.name!r}")
    wanted = columns_of(task, labels)
    _check_columns(path, schema, task, wanted)
    named = ["corpus", "doc_id"] if "corpus" in schema else ["doc_id"]
    found = pl.read_parquet(path, columns=[*named, *wanted])
    if "corpus" not in schema:
        found = found.with_columns(corpus=pl.lit(task.corpora[0]))
    _check_ids(path, found, task)
    found = found.with_columns(pl.col(wanted).cast(pl.Float32))
    _check_finite(path, found, wanted)
    return found.select("corpus", "doc_id", *wanted)


def probabilities(scores: Answers, task: Task, temperature: float) -> Answers:
    """What scores (n,K) or (n,1) say: the softmax of a row's logits, their sigmoids, or values (n,)."""
    if task.kind == "regression":
        return scores[:, 0]
    logits = scores.astype(np.float64) / temperature
    if task.kind == "multilabel":
        return (0.5 * (1 + np.tanh(0.5 * logits))).astype(np.float32)
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32)


def average_teachers(
    files: Sequence[Path],
    task: Task,
    labels: Sequence[str],
    documents: Mapping[str, pl.DataFrame],
    temperature: float = 1.0,
) -> Answers:
    """The mean answer to each document, corpora one after another, over the files that score it; for training documents
    alone, since what a file says of others is not used.

    `documents`: corpus to its rows `doc_id`, `split`, in the order in which the answers are wanted.

    Raises:
        FileNotFoundError, ValueError: as `read_scores`, or a file scores a document that is in no corpus of the task.
    """
    places = pl.concat(
        frame.select("doc_id", "split", corpus=pl.lit(corpus)) for corpus, frame in documents.items()
    ).with_row_index("place")
    shape = (places.height,) if task.kind == "regression" else (places.height, len(labels))
    total, count = np.zeros(shape, np.float32), np.zeros(places.height, np.int32)
    for path in files:
        scores = read_scores(path, task, labels)
        row = _places(path, scores, places)
        found = probabilities(scores.drop("corpus", "doc_id").to_numpy(), task, temperature)
        total[row] += found
        count[row] += 1
    count[places["split"].to_numpy() != "train"] = 0
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = (total.T / count).T
    mean[count == 0] = np.nan
    return mean.astype(np.float32)


def has_target(answers: Answers) -> npt.NDArray[np.bool_]:
    """(n,) which documents have an answer."""
    return np.asarray(~np.isnan(answers.reshape(len(answers), -1)).any(axis=1), bool)


def agreement(answers: Answers, gold: pl.Series, task: Task) -> float | None:
    """How well answers fit the labels (a `<task>__y` column) of the documents that have both: the share of likeliest
    classes that are the label, the F1 of labels with a probability of at least 0.5, or Pearson's r. None: nothing to tell.

    A number far below that of training says that classes were mixed up.
    """
    both = has_target(answers) & gold.is_not_null().to_numpy()
    if not both.any():
        return None
    found, known = answers[both], gold.filter(pl.Series(both))
    if task.kind == "classification":
        return float((found.argmax(1) == known.to_numpy()).mean())
    if task.kind == "multilabel":
        said, true = found >= 0.5, np.zeros(found.shape, bool)
        true[np.repeat(np.arange(len(known)), lengths(known)), flatten(known).to_numpy()] = True
        return float(2 * (said & true).sum() / max(said.sum() + true.sum(), 1))
    value = known.to_numpy()
    return float(np.corrcoef(found, value)[0, 1]) if np.ptp(found) > 0 and np.ptp(value) > 0 else None


def _check_columns(path: Path, schema: Mapping[str, pl.DataType], task: Task, wanted: Sequence[str]) -> None:
    expected = f"expected doc_id and for task {task.name!r} " + (
        VALUE if task.kind == "regression" else f"{LOGIT}<label> for each of its {len(wanted)} labels"
    )
    if "doc_id" not in schema:
        raise ValueError(f"{path}: no column 'doc_id', found {', '.join(schema) or 'none'}; {expected}")
    unknown = [c for c in schema if c.startswith(LOGIT) and c not in set(wanted)]
    if unknown:
        near = difflib.get_close_matches(unknown[0], wanted, n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        raise ValueError(
            f"{path}: column {unknown[0]!r}: task {task.name!r} has no such label in training{hint}; {expected}"
        )
    missing = [c for c in wanted if c not in schema]
    if missing:
        raise ValueError(f"{path}: column {missing[0]!r} is missing ({len(missing)} are); {expected}")
    for name, kind in [(c, schema[c]) for c in wanted]:
        if not kind.is_numeric():
            raise ValueError(f"{path}: column {name!r}: type {kind}, expected numbers")
    for name in ("doc_id", "corpus"):
        if name in schema and schema[name] != pl.String:
            raise ValueError(f"{path}: column {name!r}: type {schema[name]}, expected String")
    if "corpus" not in schema and len(task.corpora) > 1:
        raise ValueError(
            f"{path}: no column 'corpus'; expected one, since task {task.name!r} has {', '.join(task.corpora)}"
        )


def _check_ids(path: Path, scores: pl.DataFrame, task: Task) -> None:
    for name in ("doc_id", "corpus"):
        row = scores[name].is_null().arg_max()
        if row is not None and scores[name][row] is None:
            raise ValueError(f"{path}: row {row + 1}, column {name!r}: value null, expected a string")
    foreign = scores.with_row_index().filter(~pl.col("corpus").is_in(task.corpora))
    if foreign.height:
        raise ValueError(
            f"{path}: row {foreign['index'][0] + 1}, column 'corpus': value {foreign['corpus'][0]!r}, expected an "
            f"enabled corpus of task {task.name!r}: {', '.join(task.corpora)}"
        )
    again = scores.select(pl.struct("corpus", "doc_id").is_first_distinct()).to_series()
    if not again.all():
        row = again.arg_min()
        assert row is not None
        raise ValueError(
            f"{path}: row {row + 1}, column 'doc_id': value {scores['doc_id'][row]!r} a second time, "
            "expected each document once"
        )


def _check_finite(path: Path, scores: pl.DataFrame, wanted: Sequence[str]) -> None:
    for name in wanted:
        bad = ~(scores[name].is_finite().fill_null(False))
        if bad.any():
            row = bad.arg_max()
            assert row is not None
            raise ValueError(
                f"{path}: row {row + 1}, column {name!r}: value {scores[name][row]} "
                f"(doc_id {scores['doc_id'][row]!r}), expected a finite number"
            )


def _places(path: Path, scores: pl.DataFrame, places: pl.DataFrame) -> npt.NDArray[np.int64]:
    """The place of each scored document."""
    found = scores.select("corpus", "doc_id").join(
        places, on=["corpus", "doc_id"], how="left", maintain_order="left"
    )["place"]
    if found.null_count():
        row = found.is_null().arg_max()
        assert row is not None
        raise ValueError(
            f"{path}: row {row + 1}, column 'doc_id': value {scores['doc_id'][row]!r}, expected a document that the "
            f"features of corpus {scores['corpus'][row]!r} hold; {found.null_count()} of {scores.height} rows are of "
            "others (rejected, dropped as a copy, or of other data)"
        )
    return found.to_numpy().astype(np.int64)
