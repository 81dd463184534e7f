"""For work outside DVC's graph that reads what its stages have made: what DVC says is out of date, and the hash of code."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import mgm

FEATURES = ("vectors", "pretrain", "teachers", "gate_features")
"""The stages that must have ended well before anything is trained."""


def require(stages: Sequence[str] = FEATURES) -> None:
    """Does nothing where these stages and all that they need are up to date.

    Raises:
        ValueError: one is not, or DVC cannot say.
    """
    command = [sys.executable, "-m", "dvc", "status", "--json", "--with-deps", *stages]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    if told.returncode:
        raise ValueError(
            f"DVC cannot say whether {' and '.join(stages)} are up to date: {told.stderr.strip()}"
        )
    changed = sorted(json.loads(told.stdout))
    if changed:
        shown = ", ".join(changed[:5]) + (f" and {len(changed) - 5} more" if len(changed) > 5 else "")
        raise ValueError(f"out of date, or not made yet: {shown}; run: dvc repro {' '.join(stages)}")


def code_sha256(*rooms: str) -> str:
    """One hash for the code of some rooms of mgm, such as `training`: DVC does not watch over work outside its graph."""
    root = Path(str(mgm.__file__)).parent
    files = sorted(file for room in rooms for file in (root / room).rglob("*.py"))
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.relative_to(root)}\n".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()
