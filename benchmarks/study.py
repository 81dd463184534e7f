"""Puts what `make study` found into benchmarks/results/study.json, with machine, versions and revision. `python benchmarks/study.py`.

A workspace is a project's folder in which `make study` ran; without --workspace it is this one. What it has not trained, or
trained on other features or settings than the present ones, stands under `left_out`.
"""

import argparse
import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
import flows.environment  # noqa: F401  (before torch, which reads the environment when it is imported)

# isort: split
import hardware
import quality

from mgm.experiments.gain import GAIN
from mgm.files import read_json
from mgm.settings.settings import PARAMS, Settings

RESULTS = quality.RESULTS / "study.json"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workspace", type=Path, default=Path("."), help="a project's folder")
    folder: Path = parser.parse_args().workspace
    gain = folder.joinpath(*GAIN)
    if not gain.is_file():
        raise FileNotFoundError(f"{gain}: not there, expected what `make study` writes")
    found, settings = read_json(gain), Settings.load(folder / PARAMS)
    del found["inputs"]
    corpora = sorted({corpus for task in settings.active_tasks() for corpus in task.corpora})
    content = found | {
        "preset": settings.model.preset,
        "threads": settings.train.threads,
        "revision": hardware.revision(folder),
    }
    what = (
        "make study: the joint model beside each task alone and each variant; first metrics of the test split"
    )
    quality.write(RESULTS, what, "+".join(corpora), content)
    print(f"written to {RESULTS}")


if __name__ == "__main__":
    try:
        main()
    except (ValueError, FileNotFoundError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
