"""The documents and results of nights in the present folder."""

import json
from pathlib import Path
from typing import Any

import polars as pl

INPUT, OUTPUT = "incoming/{date}.jsonl", "data/scored/nights"


def write_documents(day: str, rows: int) -> None:
    """Write the documents of a date."""
    Path("incoming").mkdir(exist_ok=True)
    frame = pl.DataFrame(
        {"doc_id": [f"{day}-{i}" for i in range(rows)], "text": ["Stir the soup. 明月照高楼。"] * rows}
    )
    frame.write_ndjson(f"incoming/{day}.jsonl")


def read_summary(day: str) -> dict[str, Any]:
    """Return the summary of a date."""
    return json.loads(Path(OUTPUT, day, "summary.json").read_text(encoding="utf-8"))
