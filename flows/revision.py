"""The versions of the code and of the pipeline that made something: the git revision, the hash of dvc.lock, the hash of code."""

import hashlib
import subprocess
from pathlib import Path

import mgm.files

LOCK = Path("dvc.lock")
UNKNOWN = "unknown"


def code_revision() -> str:
    """Return the git revision of this folder, with `+changes` where tracked files differ from it; `unknown` outside of git."""
    try:
        revision = _git("rev-parse", "HEAD")
        changes = _git("status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError):
        return UNKNOWN
    return revision + ("+changes" if changes else "")


def lock_hash() -> str:
    """Return the SHA-256 of dvc.lock; empty where there is none."""
    return mgm.files.file_sha256(LOCK) if LOCK.is_file() else ""


def code_sha256(*rooms: str) -> str:
    """Return one hash for the code of some rooms of mgm, such as `training`, which DVC does not watch outside its graph."""
    root = Path(mgm.files.__file__).parent
    digest = hashlib.sha256()
    for file in sorted(file for room in rooms for file in (root / room).rglob("*.py")):
        digest.update(f"{file.relative_to(root)}\n".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()
