"""Descriptions of a fetched corpus: rows, splits, label counts, and a hash of its content."""

import json
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path

import polars as pl

from mgm.corpus.splits import assign_splits

LABELS_SHOWN = 20
MAX_CLASSES = 1000
_DOCUMENT = ("doc_id", "text", "lang", "group")


def describe(path: Path) -> str:
    """Return lines with a corpus's rows, documents of each split, label counts of each task, and content hash."""
    frame = pl.read_parquet(path)
    splits = assign_splits(frame).value_counts(sort=False)
    by_split = dict(zip(splits["split"], splits["count"], strict=True))
    lines = [
        f"{path.stem}: {frame.height:,} rows, {frame['group'].n_unique():,} groups",
        "  splits: " + ", ".join(f"{name} {by_split.get(name, 0):,}" for name in ("train", "valid", "test")),
    ]
    lines += [f"  {name}: {_labels(frame[name])}" for name in frame.columns if name not in _DOCUMENT]
    lines.append(f"  content hash: {content_hash(frame)}")
    return "\n".join(lines)


def content_hash(frame: pl.DataFrame) -> str:
    """Return the hexadecimal blake2b-128 of the rows in doc_id order, each as one line of JSON with sorted keys.

    It depends on names and values alone, not on row or column order, types' widths or the Parquet encoding.
    """
    state = blake2b(digest_size=16)
    for row in _rows(frame.sort("doc_id")):
        line = json.dumps(row, sort_keys=True, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
        state.update(line.encode("ascii") + b"\n")
    return state.hexdigest()


def _rows(frame: pl.DataFrame) -> Iterator[dict[str, object]]:
    for part in frame.iter_slices(4096):
        yield from part.to_dicts()


def _labels(column: pl.Series) -> str:
    labelled = column.drop_nulls()
    if labelled.is_empty():
        return "no row labelled"
    start = f"{labelled.len():,} rows labelled"
    if labelled.dtype.is_numeric():
        low, mean, high = (float(value) for value in (labelled.min(), labelled.mean(), labelled.max()))  # type: ignore[arg-type]
        return f"{start}, from {low:.4f} to {high:.4f}, mean {mean:.4f}"
    if isinstance(labelled.dtype, pl.List):
        labelled = labelled.explode(empty_as_null=False)
        if isinstance(labelled.dtype, pl.Struct):
            labelled = labelled.struct.field("label")
    counts = labelled.alias("label").value_counts().sort("count", "label", descending=[True, False])
    if counts.height > MAX_CLASSES:
        return f"{start}, {counts.height:,} distinct"
    shown = ", ".join(f"{label} {count:,}" for label, count in counts.head(LABELS_SHOWN).iter_rows())
    more = f", and {counts.height - LABELS_SHOWN} more" if counts.height > LABELS_SHOWN else ""
    return f"{start}, {counts.height} labels on {labelled.len():,} places: {shown}{more}"
