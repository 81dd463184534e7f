"""Seconds to load a bundle, in the clear and sealed: `python -m benchmarks.loading FOLDER`.

Prints one line for each form: the median of some loads after a first one that is not counted, and the bundle's size.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from mgm.bundle.load import load_bundle
from mgm.bundle.seal import seal_bundle
from mgm.bundle.sealing import SealingKey, generate_key

REPEATS = 7


def main() -> None:
    """Measure a bundle in both forms."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="a bundle in the clear")
    folder = parser.parse_args().folder
    key = SealingKey.parse(generate_key(), "benchmark")
    with tempfile.TemporaryDirectory() as temporary:
        sealed = Path(temporary) / "sealed"
        seal_bundle(folder, sealed, key=key)
        for name, place, opening in (("in the clear", folder, None), ("sealed", sealed, key)):
            seconds = _median_seconds(place, opening)
            size = sum(path.stat().st_size for path in place.iterdir()) / 1e6
            print(f"{name:13} {seconds:6.3f} s  {size:6.1f} MB")


def _median_seconds(folder: Path, key: SealingKey | None) -> float:
    times = []
    for _ in range(REPEATS + 1):
        start = time.perf_counter()
        load_bundle(folder, key=key)
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


if __name__ == "__main__":
    main()
