"""Write one sample corpus as Parquet with the same bytes at every run, and say what was written."""

import hashlib
import itertools
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

SAMPLES = Path(__file__).resolve().parents[1]
ROWS_PER_GROUP = 4096
BASE_FIELDS = [
    pa.field("doc_id", pa.string(), nullable=False),
    pa.field("text", pa.large_string(), nullable=False),
    pa.field("lang", pa.string(), nullable=False),
    pa.field("group", pa.string(), nullable=False),
]


def split_of(group: str) -> str:
    """The split of a group: blake2b of its UTF-8 modulo 10; 0 and 1 are test, 2 is valid, the rest train."""
    n = int(hashlib.blake2b(group.encode("utf-8"), digest_size=8).hexdigest(), 16) % 10
    return "test" if n < 2 else "valid" if n == 2 else "train"


def write_sample(name: str, rows: list[dict[str, Any]], task_fields: list[pa.Field]) -> Path:
    """Write `rows`, sorted by doc_id, to NAME.parquet (zstd); raises ValueError on a repeated doc_id."""
    rows = sorted(rows, key=lambda row: row["doc_id"])
    for before, after in itertools.pairwise(rows):
        if before["doc_id"] == after["doc_id"]:
            raise ValueError(f"{name}: doc_id {after['doc_id']!r} occurs twice; every row needs its own")
    table = pa.Table.from_pylist(rows, schema=pa.schema(BASE_FIELDS + task_fields))
    path = SAMPLES / f"{name}.parquet"
    pq.write_table(table, path, compression="zstd", compression_level=19, row_group_size=ROWS_PER_GROUP)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    print(f"{path.name}: {table.num_rows} rows, {path.stat().st_size / 1e6:.2f} MB, sha256 {digest}")
    return path
