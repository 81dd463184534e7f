"""What a stage takes as a process with its children: CPU seconds, memory, temporary files, and its outputs on disk."""

import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import hardware
import psutil

_POLL_SECONDS = 0.3


def measure(stage: str, command: list[str], root: Path, *, outputs: Sequence[str]) -> dict[str, Any]:
    """Run a stage as a process of one thread in the folder `root`, and return what it took; `outputs`: its folders there."""
    threads = dict.fromkeys(("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    environment = os.environ | {"PYTHONPATH": Path.cwd().as_posix()} | threads
    log = root / "log.txt"
    start = time.perf_counter()
    cpu: dict[int, float] = {}
    peaks = {"peak_memory": 0, "peak_resident": 0, "temporary": 0}
    with (
        log.open("wb") as output,
        subprocess.Popen(command, cwd=root, env=environment, stdout=output, stderr=output) as process,
    ):
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            for name, value in zip(peaks, sizes(process.pid, cpu, root), strict=True):
                peaks[name] = max(peaks[name], value)
            time.sleep(_POLL_SECONDS)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - start
    if process.returncode:
        raise SystemExit(
            f"{stage} ended with {process.returncode}:\n{log.read_text(encoding='utf-8')[-3000:]}"
        )
    return {
        "seconds": round(seconds, 2),
        # a cluster's workers are not waited for by the stage, so that its usage lacks theirs
        "cpu_seconds": round(max(usage.ru_utime + usage.ru_stime, sum(cpu.values())), 2),
        "peak_memory_mib": round(peaks["peak_memory"] / 2**20, 1),
        "peak_resident_mib": round(peaks["peak_resident"] / 2**20, 1),
        "temporary_mib": round(peaks["temporary"] / 2**20, 1),
        "disk_mib": round(sum(disk(root / folder) for folder in outputs) / 2**20, 1),
        "revision": hardware.revision(),
        "load": round(os.getloadavg()[0], 1),
    }


def sizes(pid: int, cpu: dict[int, float], root: Path) -> tuple[int, int, int]:
    """Bytes of a process and its children: memory that cannot be given back, all that is resident, temporary files.

    Those are files without a name that they have open, and the columns of a shuffle, which are there for its processes to read.

    The CPU seconds that each of them has used so far are entered in `cpu`.
    """
    memory = resident = 0
    temporary = sum(allocated(file) for file in (root / "data").rglob("column-*"))
    try:
        parent = psutil.Process(pid)
        for process in (parent, *parent.children(recursive=True)):
            folder = Path(f"/proc/{process.pid}")
            times = process.cpu_times()
            cpu[process.pid] = times.user + times.system
            fields = dict(
                line.split(":", 1)
                for line in (folder / "status").read_text(encoding="utf-8").splitlines()
                if line.startswith("Rss")
            )
            anonymous, of_files, shared = (
                int(fields.get(name, "0 kB").split()[0]) * 1024 for name in ("RssAnon", "RssFile", "RssShmem")
            )
            memory += anonymous + shared
            resident += anonymous + of_files + shared
            temporary += sum(unnamed_files(folder))
    except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError, PermissionError):
        pass  # it ended meanwhile
    return memory, resident, temporary


def allocated(file: Path) -> int:
    """Bytes on disk of a file; 0: it is gone."""
    try:
        return file.stat().st_blocks * 512
    except OSError:
        return 0


def unnamed_files(process: Path) -> Iterator[int]:
    """Bytes on disk of the files without a name that a process has open or mapped."""
    for link in (process / "map_files").iterdir() if os.geteuid() == 0 else (process / "fd").iterdir():
        try:
            if os.readlink(link).endswith(" (deleted)"):
                yield link.stat().st_blocks * 512
        except OSError:
            continue


def disk(folder: Path) -> int:
    """Bytes on disk of a folder's files."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
