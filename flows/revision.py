"""What of the code and of the pipeline made something: the git revision, and the hash of dvc.lock."""

import subprocess
from pathlib import Path

from mgm.corpus.parts import file_sha256

LOCK = Path("dvc.lock")
UNKNOWN = "unknown"


def code_revision() -> str:
    """The git revision of this folder, with `+changes` where tracked files differ from it; `unknown` outside of git."""
    try:
        revision = _git("rev-parse", "HEAD")
        changed = _git("status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError):
        return UNKNOWN
    return revision + ("+changes" if changed else "")


def lock_hash() -> str:
    """The SHA-256 of dvc.lock; empty where there is none."""
    return file_sha256(LOCK) if LOCK.is_file() else ""


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()
