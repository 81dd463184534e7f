"""What a measurement was made on: processor, cores, system, versions."""

import os
import platform
import re
import subprocess
from collections.abc import Iterable
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

_RESULTS = "benchmarks/results"


def cpu() -> str:
    """The processor's name, where the system tells it."""
    info = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*: (.*)", info.read_text()) if info.is_file() else []
    return names[0] if names else platform.processor() or platform.machine()


def machine() -> dict[str, Any]:
    """Processor, cores, system, and the day of the measurement."""
    return {
        "cpu": cpu(),
        "cores": os.cpu_count(),
        "system": platform.platform(terse=True),
        "date": date.today().isoformat(),
    }


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Of Python and of these packages."""
    return {"python": platform.python_version()} | {name: version(name) for name in packages}


def revision(folder: Path = Path()) -> str:
    """A checkout's Git revision, marked where files differ from it other than the results, which a benchmark writes as it goes."""

    def git(*command: str) -> str:
        done = subprocess.run(["git", *command], cwd=folder, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    changed = git("status", "--porcelain", "--untracked-files=no", "--", ".", f":(exclude){_RESULTS}")
    return git("rev-parse", "HEAD") + (" with uncommitted changes" if changed else "")
