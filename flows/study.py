"""The study: what lies outside the default graph (study/dvc.yaml), announced with its cost, resumable. `make study`."""

import subprocess
import sys
from pathlib import Path

from flows.stages._common import REPORTS, read_json
from mgm.settings import Settings

STUDY = Path("study/dvc.yaml")
TRAINING = REPORTS / "training.json"


def announce(settings: Settings) -> str:
    """What will be trained, and how long that took the joint model."""
    tasks = [task.name for task in settings.active_tasks()]
    text = (
        f"study: {len(tasks)} single-task models ({', '.join(tasks)}), each with the joint model's settings"
    )
    if not TRAINING.is_file():
        return f"{text}; the joint model has not been trained here yet, so the cost is not known"
    seconds = read_json(TRAINING)["seconds"]
    return f"{text}; together at most {len(tasks)} times the joint model's {seconds / 60:.1f} minutes. What is done already is kept."


def main() -> int:
    """Runs every single-task stage that is out of date, then makes the report anew; returns the exit status."""
    settings = Settings.load()
    print(announce(settings), flush=True)
    targets = [f"{STUDY}:single@{task.name}" for task in settings.active_tasks()]
    for command in (["dvc", "repro", *targets], ["dvc", "repro", "--force", "--single-item", "report"]):
        done = subprocess.run(command, check=False)
        if done.returncode:
            print(
                f"error: {' '.join(command)} ended with {done.returncode}; run again to go on",
                file=sys.stderr,
            )
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
