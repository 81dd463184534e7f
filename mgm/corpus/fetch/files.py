"""Files of fetched corpora, one Parquet file each: equal rows are equal bytes, and files are replaced atomically."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mgm.files import replacing

ROWS_PER_GROUP = 8192

STRING = pa.string()
FLOAT = pa.float32()
STRINGS = pa.list_(pa.string())
SPANS = pa.list_(pa.struct([("start", pa.int32()), ("end", pa.int32()), ("label", pa.string())]))

_DOCUMENT = [
    ("doc_id", pa.string()),
    ("text", pa.large_string()),
    ("lang", pa.string()),
    ("group", pa.string()),
]


def write_corpus(path: Path, rows: Sequence[Mapping[str, Any]], *, tasks: Mapping[str, pa.DataType]) -> Path:
    """Write rows, sorted by doc_id, as Parquet (zstd) with the document columns followed by the task columns.

    Every row has doc_id, text, lang, group and each task's value or None. The file appears whole or not at all.

    Raises:
        ValueError: no rows, a repeated doc_id, or an empty document column.
    """
    _check(path, rows)
    ordered = sorted(rows, key=lambda row: row["doc_id"])
    table = pa.Table.from_pylist(ordered, schema=pa.schema([*_DOCUMENT, *tasks.items()]))
    with replacing(path) as partial:
        pq.write_table(table, partial, compression="zstd", row_group_size=ROWS_PER_GROUP)
    return path


def _check(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    if not rows:
        raise ValueError(f"{path.name}: no rows; expected at least one document")
    for number, row in enumerate(rows):
        for column, _ in _DOCUMENT:
            if not row[column]:
                raise ValueError(
                    f"{path.name}: row {number}, column {column!r}: {row[column]!r}; expected a text"
                )
    doc_id, times = Counter(row["doc_id"] for row in rows).most_common(1)[0]
    if times > 1:
        raise ValueError(f"{path.name}: column 'doc_id': {doc_id!r} is in {times} rows; expected it once")
