"""The memory of this process."""

from pathlib import Path

_STATUS = Path("/proc/self/status")


def peak_mib() -> float | None:
    """Return the most memory that this process held, in MiB; None where the system does not tell.

    getrusage is of no use: it counts the parent's memory up to the start as well.
    """
    if not _STATUS.is_file():
        return None
    lines = dict(
        line.split(":", 1) for line in _STATUS.read_text(encoding="utf-8").splitlines() if ":" in line
    )
    return round(int(lines["VmHWM"].split()[0]) / 1024, 1)
