"""A Parquet file of a corpus from the documents of an export, with a note of what it left out."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import polars as pl

from mgm.corpus.annotations.documents import Choices, Document, Dropped, Found, Label
from mgm.files import replacing

TWICE = "another document has this id"
SPANS = pl.List(pl.Struct({"start": pl.Int64, "end": pl.Int64, "label": pl.String}))
_FRAME_ROWS = 20_000
_ROW_COLUMNS = ("doc_id", "text", "lang", "group", "split")
"""Columns that a corpus has of its own; labels that are called so get `_label` behind their name."""
_FORMS: dict[str, pl.DataType] = {
    "text": pl.String(),
    "number": pl.Float64(),
    "classes": pl.List(pl.String),
    "labels": pl.List(pl.String),
    "spans": SPANS,
    "no items": pl.List(pl.Null),
}


@dataclass(kw_only=True)
class Imported:
    """What an import has made.

    Attributes:
        rows: the rows of the corpus.
        columns: column of labels to what it holds.
        dropped: what the corpus did not get.
        trimmed: the spans whose blanks at an edge were cut off.
        dropped_file: the file that lists `dropped`, or None.
    """

    rows: int = 0
    columns: dict[str, str] = field(default_factory=dict)
    dropped: list[Dropped] = field(default_factory=list)
    trimmed: int = 0
    dropped_file: Path | None = None

    @property
    def reasons(self) -> dict[tuple[str, bool], int]:
        """The number of what was dropped by its reason, and whether its row stays."""
        return dict(Counter((item.reason, item.row_stays) for item in self.dropped))


def write_corpus(found: Iterable[Found], path: Path) -> Imported:
    """Write the documents of an export as a Parquet file, and what was dropped as JSON lines beside it.

    Documents are kept in memory as a table.

    Raises:
        ValueError: no document; a column with labels of two forms.
    """
    result = Imported()
    table = _Table()
    ids: set[str] = set()
    for item in found:
        if isinstance(item, Document) and item.doc_id in ids:
            item = Dropped(place=item.place, doc_id=item.doc_id, reason=TWICE, found=item.text[:60])
        if isinstance(item, Dropped):
            result.dropped.append(item)
            continue
        ids.add(item.doc_id)
        result.trimmed += item.trimmed
        table.add(item)
    frame = table.frame()
    result.rows = len(frame)
    result.columns = {name: _described(frame[name]) for name in frame.columns if name in table.forms}
    beside = path.with_name(f"{path.stem}.dropped.jsonl")
    if frame.is_empty():
        reasons = "; ".join(f"{n} x {reason}" for (reason, _), n in result.reasons.items())
        raise ValueError(f"no document is left{f' ({reasons})' if reasons else ''}; nothing was written")
    with replacing(path) as temporary:
        frame.write_parquet(temporary)
    if result.dropped:
        result.dropped_file = beside
        with replacing(beside) as temporary, temporary.open("w", encoding="utf-8") as file:
            for item in result.dropped:
                file.write(json.dumps(_as_json(item), ensure_ascii=False) + "\n")
    else:
        beside.unlink(missing_ok=True)
    return result


def _as_json(item: Dropped) -> dict[str, Any]:
    return {
        "place": item.place,
        "doc_id": item.doc_id,
        "column": item.column,
        "row_stays": item.row_stays,
        "reason": item.reason,
        "found": item.found,
    }


class _Table:
    """The rows of the corpus, as frames of some thousand."""

    def __init__(self) -> None:
        self.forms: dict[str, str] = {}
        self.others: dict[str, None] = {}
        self.frames: list[pl.DataFrame] = []
        self.pending: list[Document] = []

    def add(self, document: Document) -> None:
        """Add a row."""
        labels = {
            f"{name}_label" if name in _ROW_COLUMNS else name: label
            for name, label in document.labels.items()
        }
        document = replace(document, labels=labels)
        for column, label in labels.items():
            form = _form(label)
            if form is None:
                self.forms.setdefault(column, "")
                continue
            known = self.forms.get(column) or form
            if form == "no items" and isinstance(_FORMS[known], pl.List):
                form = known
            elif known == "no items" and isinstance(_FORMS[form], pl.List):
                known = form
            if known != form:
                raise ValueError(
                    f"{document.place}: column {column!r}: {form} ({label!r:.60}); expected {known}, as in the rows before"
                )
            self.forms[column] = form
        self.others.update(dict.fromkeys(document.columns))
        self.pending.append(document)
        if len(self.pending) == _FRAME_ROWS:
            self._flush()

    def frame(self) -> pl.DataFrame:
        """Return all rows: ids, texts, other columns, labels."""
        self._flush()
        labels = {
            name: SPANS if form == "no items" else _FORMS[form or "text"] for name, form in self.forms.items()
        }
        schema = (
            {"doc_id": pl.String(), "text": pl.String()} | dict.fromkeys(self.others, pl.String()) | labels
        )
        whole = pl.concat([_completed(frame, schema) for frame in self.frames]) if self.frames else pl.DataFrame(schema=schema)  # fmt: skip
        singles = [
            name
            for name, form in self.forms.items()
            if form == "classes" and bool((whole[name].list.len().drop_nulls() == 1).all())
        ]
        return whole.with_columns(pl.col(name).list.first() for name in singles)

    def _flush(self) -> None:
        if not self.pending:
            return
        rows, self.pending = self.pending, []
        columns: list[pl.Series] = [
            pl.Series("doc_id", [row.doc_id for row in rows], pl.String),
            pl.Series("text", [row.text for row in rows], pl.String),
        ]
        columns += [
            pl.Series(name, [row.columns.get(name) for row in rows], pl.String) for name in self.others
        ]
        for name, form in self.forms.items():
            values = [_as_value(row.labels.get(name)) for row in rows]
            columns.append(pl.Series(name, values, _FORMS[form or "text"]))
        self.frames.append(pl.DataFrame(columns))


def _completed(frame: pl.DataFrame, schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """Return a frame with all columns, null where it has none."""
    return frame.select(
        pl.col(name).cast(dtype) if name in frame.columns else pl.lit(None, dtype).alias(name)
        for name, dtype in schema.items()
    )


def _form(label: Label | None) -> str | None:
    if label is None:
        return None
    if isinstance(label, Choices):
        return "classes"
    if isinstance(label, str):
        return "text"
    if isinstance(label, float):
        return "number"
    if not label:
        return "no items"
    return "labels" if isinstance(label[0], str) else "spans"


def _as_value(label: Label | None) -> Any:
    if isinstance(label, Choices):
        return list(label)
    if isinstance(label, list) and label and not isinstance(label[0], str):
        return [{"start": start, "end": end, "label": name} for start, end, name in label]
    return label


def _described(column: pl.Series) -> str:
    labelled = f"{len(column) - column.null_count():,} of {len(column):,} rows"
    if isinstance(column.dtype, pl.List):
        items = column.explode(empty_as_null=False).drop_nulls()
        if isinstance(column.dtype.inner, pl.Struct):
            return f"{len(items):,} spans of {items.struct.field('label').n_unique():,} labels in {labelled}"
        return f"{items.n_unique():,} labels in lists in {labelled}"
    if column.dtype == pl.Float64:
        return f"numbers in {labelled}"
    return f"{column.drop_nulls().n_unique():,} values in {labelled}"
