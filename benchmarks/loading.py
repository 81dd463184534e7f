"""CPU seconds and memory to load a bundle, in the clear and sealed. `python benchmarks/loading.py [--bundle FOLDER]`.

Beside them reading the weights and their SHA-256 alone. Each load is a process of its own for the memory; for the time, loads alternate within
one process and medians are kept. Compare the ratios; writes benchmarks/results/loading.json. Cost: half a minute.
"""

import argparse
import hashlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import hardware

from mgm.bundle.format import WEIGHTS, bundle_id
from mgm.bundle.load import load_bundle
from mgm.bundle.seal import seal_bundle
from mgm.bundle.sealing import SealingKey, generate_key

RESULTS = Path("benchmarks/results/loading.json")
PACKAGES = ("torch", "safetensors", "pyrage")
ROUNDS = 5
PEAK = """
import re, sys
from pathlib import Path
from mgm.bundle.load import load_bundle
from mgm.bundle.sealing import SealingKey
key = SealingKey.parse(sys.argv[2], "benchmark") if sys.argv[2] else None
def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024 / 1e6
before = peak()
load_bundle(Path(sys.argv[1]), key=key)
print(peak() - before)
"""


def read_and_hash(folder: Path) -> None:
    """Read the weights and hash them."""
    hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()


def median_seconds(cases: dict[str, Callable[[], object]]) -> dict[str, float]:
    """The median CPU seconds of each case, after a first round that is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(ROUNDS + 1):
        for name, run in cases.items():
            start = time.process_time()
            run()
            seconds[name].append(time.process_time() - start)
    return {name: round(statistics.median(times[1:]), 3) for name, times in seconds.items()}


def peak_megabytes(folder: Path, key: str) -> float:
    """The memory by which a process grows at most while it loads a bundle."""
    command = [sys.executable, "-c", PEAK, str(folder), key]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def main() -> None:
    """Measure and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--bundle", type=Path, default=Path("models/candidate"))
    parser.add_argument("--results", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    folder, text = arguments.bundle, generate_key()
    key = SealingKey.parse(text, "benchmark")
    with tempfile.TemporaryDirectory() as temporary:
        sealed = Path(temporary) / "sealed"
        seal_bundle(folder, sealed, key=key)
        seconds = median_seconds(
            {
                "plain": lambda: load_bundle(folder),
                "sealed": lambda: load_bundle(sealed, key=key),
                "read and hash": lambda: read_and_hash(folder),
            }
        )
        peaks = {"plain": peak_megabytes(folder, ""), "sealed": peak_megabytes(sealed, text)}
    content = {
        "machine": hardware.machine(),
        "versions": hardware.versions(PACKAGES),
        "revision": hardware.revision(),
        "bundle": bundle_id(folder),
        "megabytes": round(sum(path.stat().st_size for path in folder.iterdir()) / 1e6, 1),
        "rounds": ROUNDS,
        "cpu_seconds": seconds,
        "peak_megabytes": {name: round(peak) for name, peak in peaks.items()},
    }
    arguments.results.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
