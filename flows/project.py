"""What every stage's command line shares: where tables lie, errors in one clear line, JSON written atomically."""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mgm.corpus.fetch import FetchError
from mgm.corpus.parts import Counts

DATA = Path("data")
REPORTS = Path("reports")
CANDIDATE = Path("models/candidate")
CARD = REPORTS / "card.md"
"""The candidate's model card, which `mgm promote` puts into the bundle."""


def processes() -> int:
    """How many processes the stages that work part by part use: the variable MGM_PROCESSES, else one.

    No setting of params.yaml, since it changes no result.

    Raises:
        ValueError: not a number from 1 on.
    """
    text = os.environ.get("MGM_PROCESSES", "1")
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(f"environment variable MGM_PROCESSES: found {text!r}, expected a number from 1 on")
    return int(text)


def rejects_folder(stage: str, corpus: str) -> Path:
    """Where a stage writes the rows that it drops."""
    return DATA / "rejects" / stage / corpus


def write_json(path: Path, content: Any) -> None:
    """Writes JSON with sorted keys, atomically, so that equal content is equal bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(
        json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    os.replace(temporary, path)


def read_json(path: Path) -> Any:
    """Reads a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def write_counts(stage: str, corpus: str, counts: Counts, **more: Any) -> None:
    """Writes a stage's statistics for one corpus, and says them in one line."""
    content = {
        "rows_in": counts.rows_in,
        "rows_out": counts.rows_out,
        "rejected": counts.rejected,
        "reasons": counts.reasons,
    }
    write_json(REPORTS / "stages" / stage / f"{corpus}.json", content | more)
    reasons = "".join(f", {reason} {n}" for reason, n in counts.reasons.items())
    print(
        f"{stage} {corpus}: {counts.rows_in:,} rows in, {counts.rows_out:,} out, {counts.rejected:,} rejected{reasons}"
    )


def run_stage(main: Callable[..., int | None]) -> None:
    """Runs a stage's `main` on the command line's arguments. What a user did wrong is said in one block, without a trace."""
    start = time.perf_counter()
    try:
        code = main(*sys.argv[1:]) or 0
    except (ValueError, FileNotFoundError, FetchError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
    if code == 0:
        print(f"done in {time.perf_counter() - start:.1f} s", flush=True)
    sys.exit(code)
