"""How long the main job takes on a fresh clone: `dvc repro`, stage by stage. `python benchmarks/main_job.py`.

Clones HEAD into a temporary folder (or `--keep FOLDER`), runs `dvc repro` with this environment, and writes benchmarks/results/main_job.json:
seconds a stage, the share of training, peak memory of the largest process, the test metrics reached, hardware and
versions. Cost: one run of the main job (about 5 minutes on 2 cores). Seconds are of one noisy machine: compare shares.
"""

import argparse
import hashlib
import itertools
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import hardware

RESULTS = Path("benchmarks/results/main_job.json")
PACKAGES = ("torch", "polars", "pyarrow", "dvc", "great-expectations", "dvclive")


def stages(root: Path) -> dict[str, float]:
    """Runs `dvc repro` in `root`; returns the seconds from each stage's start to the next one's."""
    env = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    starts: list[tuple[str, float]] = []
    with subprocess.Popen(["dvc", "repro"], cwd=root, env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            if found := re.match(r"Running stage '([^']+)'", line):
                starts.append((found[1], time.perf_counter()))
        if process.wait():
            raise SystemExit(f"dvc repro ended with {process.returncode}")
    starts.append(("end", time.perf_counter()))
    return {name: round(until - at, 1) for (name, at), (_, until) in itertools.pairwise(starts)}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--keep", type=Path, help="clone into this new folder and keep it")
    keep: Path | None = parser.parse_args().keep
    with tempfile.TemporaryDirectory() as folder:
        root = keep or Path(folder) / "mgm"
        subprocess.run(["git", "clone", "--quiet", ".", root.as_posix()], check=True)
        # A lock from another run would let DVC take results from its cache; the clone has none, but be sure.
        (root / "dvc.lock").unlink(missing_ok=True)
        began = time.perf_counter()
        seconds = stages(root)
        total = time.perf_counter() - began
        training = json.loads((root / "reports/training.json").read_text())
        metrics = json.loads((root / "reports/metrics.json").read_text())
        params = (root / "params.yaml").read_bytes()
    by_kind: dict[str, float] = {}
    for name, value in seconds.items():
        kind = name.split("@")[0]
        by_kind[kind] = round(by_kind.get(kind, 0.0) + value, 1)
    result = {
        "what": "dvc repro on a fresh clone, the corpora enabled by default, one seed",
        "revision": hardware.revision(),
        "params_sha256": hashlib.sha256(params).hexdigest(),
        "seconds": {"total": round(total, 1), "by_stage": by_kind},
        "train_share": round(seconds["train"] / total, 3),
        "training": {
            k: training[k] for k in ("rows", "words_per_epoch", "parameters", "best_epoch", "seconds")
        },
        "words_per_second": round(training["words_per_second"]),
        "peak_memory_mib": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024,
        "test_metrics": {
            task: {key: entry[key] for key in ("n", "low", "high", "baseline")}
            | {row["metric"]: row["value"] for row in entry["table"]}
            for task, entry in metrics.items()
        },
        "machine": hardware.machine(),
        "versions": hardware.versions(PACKAGES),
    }
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"total {total:.0f} s, train {seconds['train']:.0f} s; written to {RESULTS}")


if __name__ == "__main__":
    main()
