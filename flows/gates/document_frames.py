"""The frames of the gates after ingest and after cleaning and deduplication: one corpus of documents, never its text.

documents, a row a document:
    row, doc_id, lang, split    its number in the table (from 0), and its own columns
    text_characters             length of the text; null where there is no text
    text_blank                  there is a text, but only blanks
    group_splits                how many splits the document's group stands in
    duplicate_of                the first document with the same text, case and blanks aside; null for that first one
    text_also_in                the splits that this text also stands in and that the document must not know: train for
                                valid, train and valid for test; else null
    label_invalid               a blank label or a number that is none, as `task: value`; else null
  after ingest only:
    lang_missing                there is no language, where none is to be detected; else null
  after ingest only, while spans and text have the same offsets, each `task: label [start, end)`, or null:
    span_outside                a span that is empty, or reaches outside the text
    span_blank_ends             a span inside the text that begins or ends with a blank
    span_overlap                a span that begins before the one before it ends
tasks, a row a task of the corpus (generation too):
    task, kind, rows, labelled, labelled_share, train_labelled, valid_labelled, test_labelled
    train_labels                distinct labels in train; null for numbers and texts, and where train_labelled is 0
    train_values                distinct classes or numbers in train; null for other kinds, and where train_labelled is 0
table, one row:
    rows, rejected, copies      copies: those that deduplication dropped, which are no rejected rows
    reject_share                rejected / (rows + rejected + copies)
    train_rows, valid_rows, test_rows
A count that can only repeat another fault is null, and expectations skip nulls: rows of a split where the corpus has no
row, labelled rows where the split has none.

Memory: about 0.1 GB a million documents, and a copy for Great Expectations.
"""

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from flows.gates.runner import SHOWN_ROWS, Frame
from mgm.corpus.parts import read_manifest, read_parts
from mgm.settings import nearest
from mgm.tasks import Task

SPLITS = ("train", "valid", "test")
BASE: dict[str, pl.DataType] = {name: pl.String() for name in ("doc_id", "text", "lang", "group", "split")}
WITH_LABELS = ("classification", "multilabel", "tagging")
WITH_VALUES = ("classification", "regression")


def document_frames(
    folder: Path,
    rejects: Path,
    copies: Path | None,
    tasks: list[Task],
    after_ingest: bool,
    languages_follow: bool = False,
) -> dict[str, Frame]:
    """The frames of one corpus, read part by part.

    Args:
        rejects: the rejected rows, which count against the budget.
        copies: the rows dropped by deduplication, which do not; None before it.
        languages_follow: after ingest, a document may be without a language: cleaning detects it.

    Raises:
        FileNotFoundError: a table is absent or unfinished.
        ValueError: a column is missing or has another type.
    """
    documents, labels = [], _LabelCounts(tasks)
    for frame in _parts(folder, tasks):
        documents.append(_narrow(frame, tasks, after_ingest, languages_follow))
        labels.add(frame)
    rows = _across(pl.concat(documents).with_row_index("row"))
    return {
        "documents": Frame(rows, "doc_id"),
        "tasks": Frame(labels.frame(), "task"),
        "table": Frame(_table(rows, rejects, copies), None, {"reject_share": _rejected_ids(rejects)}),
    }


def _parts(folder: Path, tasks: list[Task]) -> Iterator[pl.DataFrame]:
    types = BASE | {task.name: task.column_type for task in tasks}
    parts = read_manifest(folder).parts
    for part in parts:
        path = folder / part.name
        found = pl.read_parquet_schema(path)
        for name, expected in types.items():
            if name not in found:
                raise ValueError(f"{path}: no column {name!r}, expected {expected}{nearest(name, found)}")
            if found[name] != expected:
                raise ValueError(f"{path}: column {name!r}: expected {expected}, found {found[name]}")
    yield from read_parts(folder, list(types))


def _narrow(
    frame: pl.DataFrame, tasks: list[Task], after_ingest: bool, languages_follow: bool
) -> pl.DataFrame:
    text = pl.col("text")
    # Single spaces, the most frequent match of all, are what they become: leaving them alone is several times faster.
    same = text.str.to_lowercase().str.replace_all(r"\s{2,}|[^\S ]", " ").str.strip_chars()
    faults = [_span_faults(frame, task.name) for task in tasks if after_ingest and task.kind == "tagging"]
    columns = frame.select(
        "doc_id",
        "lang",
        "split",
        text.str.len_chars().alias("text_characters"),
        (text.str.strip_chars().str.len_bytes() == 0).alias("text_blank"),
        pl.col("group").hash().alias("group"),
        pl.when(text.is_not_null()).then(same.hash()).alias("text"),
        _joined([_invalid_label(task) for task in tasks]).alias("label_invalid"),
    )
    if after_ingest:
        missing = pl.col("lang").is_null() & (not languages_follow)
        columns = columns.with_columns(lang_missing=pl.when(missing).then(pl.lit("no language")))
        found = pl.concat(faults, how="horizontal") if faults else pl.DataFrame()
        columns = columns.with_columns(
            found.select(
                _joined([pl.col(name) for name in found.columns if name.startswith(f"{kind}:")]).alias(kind)
            ).to_series()
            if faults
            else pl.lit(None, pl.String).alias(kind)
            for kind in ("span_outside", "span_blank_ends", "span_overlap")
        )
    return columns


def _joined(texts: list[pl.Expr]) -> pl.Expr:
    """The texts that are not null, in one; null where all are."""
    if not texts:
        return pl.lit(None, pl.String)
    return pl.when(pl.any_horizontal(t.is_not_null() for t in texts)).then(
        pl.concat_str(texts, separator="; ", ignore_nulls=True)
    )


def _invalid_label(task: Task) -> pl.Expr:
    value = pl.col(task.name)
    if task.kind == "regression":
        return pl.when(~value.is_finite()).then(pl.format(task.name + ": {}", value))
    if task.kind in ("multilabel", "tagging"):
        name = pl.element() if task.kind == "multilabel" else pl.element().struct.field("label")
        invalid = value.list.eval(name.is_null() | (name.str.strip_chars() == "")).list.any()
    else:
        invalid = value.str.strip_chars() == ""
    return pl.when(invalid).then(pl.lit(f"{task.name}: a blank label"))


def _span_faults(frame: pl.DataFrame, task: str) -> pl.DataFrame:
    """Three columns, one a kind of fault, row-aligned with `frame`: the first such span of each document."""
    spans = (
        frame.lazy()
        .select("text", pl.col(task).alias("span"))
        .with_row_index("row")
        .filter((pl.col("span").list.len() > 0) & pl.col("text").is_not_null())
        .explode("span")
        .unnest("span")
        .sort("row", "start", "end", maintain_order=True)
        .with_columns(
            inside=(pl.col("start") >= 0)
            & (pl.col("end") > pl.col("start"))
            & (pl.col("end") <= pl.col("text").str.len_chars()),
            shown=pl.format(
                task + ": {} [{}, {})", *(pl.col(c).fill_null("null") for c in ("label",)), "start", "end"
            ),
        )
        .with_columns(
            pl.col("inside").fill_null(False), pl.col("shown").fill_null(f"{task}: a span without offsets")
        )
        .with_columns(
            piece=pl.when("inside").then(
                pl.col("text").str.slice(pl.col("start"), pl.col("end") - pl.col("start")),
            ),
            reached=pl.col("end").cum_max().shift(1).over("row"),
        )
    )
    kinds = {
        "span_outside": ~pl.col("inside"),
        "span_blank_ends": pl.col("piece") != pl.col("piece").str.strip_chars(),
        "span_overlap": pl.col("inside") & (pl.col("start") < pl.col("reached")),
    }
    firsts = (
        spans.group_by("row", maintain_order=True)
        .agg(pl.col("shown").filter(fault).first().alias(f"{kind}:{task}") for kind, fault in kinds.items())
        .collect()
    )
    rows = pl.DataFrame({"row": pl.int_range(frame.height, dtype=pl.get_index_type(), eager=True)})
    return rows.join(firsts, on="row", how="left", maintain_order="left").drop("row")


def _across(rows: pl.DataFrame) -> pl.DataFrame:
    """Adds what one part cannot know, and drops the hashes that it came from."""
    first = pl.col("doc_id").first().over("text")
    again = pl.col("text").is_not_null() & ~pl.col("text").is_first_distinct()
    held_out = rows.filter(pl.col("text").is_not_null())
    known = {
        split: held_out.filter(pl.col("split") == split)["text"].unique(maintain_order=True).implode()
        for split in ("train", "valid")
    }
    in_train = pl.when(pl.col("split").is_in(["valid", "test"]) & pl.col("text").is_in(known["train"])).then(
        pl.lit("train")
    )
    in_valid = pl.when((pl.col("split") == "test") & pl.col("text").is_in(known["valid"])).then(
        pl.lit("valid")
    )
    return rows.with_columns(
        group_splits=pl.col("split").n_unique().over("group").cast(pl.Int32),
        duplicate_of=pl.when(again).then(first),
        text_also_in=_joined([in_train, in_valid]),
    ).drop("group", "text")


class _LabelCounts:
    """Counts labels over parts."""

    def __init__(self, tasks: list[Task]) -> None:
        self.tasks = tasks
        self.counts = [
            pl.DataFrame(schema={"split": pl.String, "rows": pl.Int64, **{t.name: pl.Int64 for t in tasks}})
        ]
        self.distinct: dict[str, list[pl.Series]] = {t.name: [] for t in tasks if t.kind != "generation"}

    def add(self, frame: pl.DataFrame) -> None:
        self.counts.append(
            frame.group_by("split", maintain_order=True).agg(
                pl.len().cast(pl.Int64).alias("rows"),
                *(pl.col(t.name).is_not_null().sum().cast(pl.Int64) for t in self.tasks),
            )
        )
        train = frame.filter(pl.col("split") == "train")
        for task in self.tasks:
            if task.name in self.distinct:
                values = train[task.name].drop_nulls()
                if task.kind in ("multilabel", "tagging"):
                    values = values.explode(empty_as_null=False).drop_nulls()
                if task.kind == "tagging":
                    values = values.struct.field("label")
                self.distinct[task.name].append(values.unique(maintain_order=True))

    def frame(self) -> pl.DataFrame:
        counts = pl.concat(self.counts)
        total = int(counts["rows"].sum())
        rows = []
        for task in self.tasks:
            by_split = {split: _labelled(counts, split, task.name) for split in SPLITS}
            labelled = int(counts[task.name].sum())
            distinct = None
            if task.name in self.distinct and by_split["train"]:
                distinct = pl.concat(self.distinct[task.name]).n_unique()
            rows.append(
                {
                    "task": task.name,
                    "kind": task.kind,
                    "rows": total,
                    "labelled": labelled,
                    "labelled_share": labelled / total if total else 0.0,
                    **{f"{split}_labelled": n for split, n in by_split.items()},
                    "train_labels": distinct if task.kind in WITH_LABELS else None,
                    "train_values": distinct if task.kind in WITH_VALUES else None,
                }
            )
        numbers = dict.fromkeys(("rows", "labelled", *(f"{s}_labelled" for s in SPLITS)), pl.Int64)
        schema = {"task": pl.String, "kind": pl.String} | numbers | {"labelled_share": pl.Float64}
        return pl.DataFrame(rows, schema=schema | {"train_labels": pl.Int64, "train_values": pl.Int64})


def _labelled(counts: pl.DataFrame, split: str, task: str) -> int | None:
    own = counts.filter(pl.col("split") == split)
    return int(own[task].sum()) if own["rows"].sum() else None


def _table(rows: pl.DataFrame, rejects: Path, copies: Path | None) -> pl.DataFrame:
    rejected = read_manifest(rejects).rows
    dropped = read_manifest(copies).rows if copies else 0
    total = rows.height + rejected + dropped
    return pl.DataFrame(
        {
            "rows": [rows.height],
            "rejected": [rejected],
            "copies": [dropped],
            "reject_share": [rejected / total if total else 0.0],
            **{
                f"{split}_rows": [int((rows["split"] == split).sum()) if rows.height else None]
                for split in SPLITS
            },
        }
    )


def _rejected_ids(rejects: Path) -> list[str]:
    """The first rejected rows with their reasons."""
    shown: list[str] = []
    for frame in read_parts(rejects, ["doc_id", "reasons"]):
        first = frame.head(SHOWN_ROWS - len(shown))
        shown += [
            f"{doc_id or '(no id)'} ({', '.join(reasons)})"
            for doc_id, reasons in zip(first["doc_id"].to_list(), first["reasons"].to_list(), strict=True)
        ]
        if len(shown) == SHOWN_ROWS:
            break
    return shown
