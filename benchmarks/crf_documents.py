"""The CRF of a span task by the documents that it learns from. `python benchmarks/crf_documents.py --workspace FOLDER [--task entities]`.

The workspace is a project whose features are made (`peoples_daily` for the committed numbers); nothing is written there. The CRF of the
wide part is solved for with each of `--shares` of the training documents, evenly spread over all, each in a process of its own: the F1
of spans on the validation rows that it has alone, seconds, and by how much the peak of the process's memory grew. Written to `--results`.
With `--lexicons` each is solved twice: without and with the lists of terms that the workspace's settings name (`text.lexicons`), such
as those of place_lists.py. Cost: about four minutes on one idle core; `--limit 2000` takes so many documents as all.
"""

import argparse
import itertools
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import hardware

import flows.environment  # noqa: F401  (before torch, which reads the environment when it is imported)

# isort: split
import numpy as np
import torch
from linear_memory import Growth

from flows.training_run import prepare
from mgm.settings.settings import Settings
from mgm.training.determinism import resolve_threads
from mgm.training.kinds import TASK_TRAINING, Pair
from mgm.training.wide_solver import select_known_rows
from mgm.training.word_solver import solve_word_tasks
from mgm.training.word_weight import _outcomes

RESULTS = Path("benchmarks/results/crf_documents.json")
PACKAGES = ("torch", "numpy", "scipy")
SHARES = [0.125, 0.25, 0.5, 1.0]
TOKENS_PER_BATCH = 4_000


def measure(task_name: str, share: float, *, limit: int | None, lexicons: bool) -> dict[str, Any]:
    """Solve in this process for a task, and return what was measured."""
    settings = Settings.load()
    plan = prepare(settings, [task for task in settings.active_tasks() if task.name == task_name])
    (task,) = plan.tasks
    torch.set_num_threads(resolve_threads(settings.train.threads))
    network, wide = plan.network, plan.network.wide_tagging
    if not lexicons:
        wide.set_lexicons([], {})
    known = sum(len(selected.rows) for selected in select_known_rows(plan.data.train, task, max_rows=limit))
    documents = round(known * share)
    wide.settings = wide.settings.model_copy(update={"documents": documents})
    start = time.perf_counter()
    with Growth() as growth:
        solve_word_tasks(network, plan.data, tokens_per_batch=TOKENS_PER_BATCH)
    seconds = time.perf_counter() - start
    pairs = []
    for selected in select_known_rows(plan.data.validation, task):
        outcomes = _outcomes(
            network, selected, tasks=[task], candidates=[1.0], tokens_per_batch=TOKENS_PER_BATCH
        )
        pairs.append(TASK_TRAINING[task.kind].pair(outcomes[task.name][1.0], selected, task=task))
    predicted, truth = (np.concatenate(column) for column in zip(*pairs, strict=True))
    return {
        "documents": documents,
        "lexicons": len(wide.lexicons),
        "f1": round(
            TASK_TRAINING[task.kind].metric(Pair(predicted=predicted, truth=truth), len(task.labels)), 4
        ),
        "features": len(wide.hashes),
        "seconds": round(seconds, 1),
        "megabytes": round(growth.megabytes),
    }


def lists_of(settings: Settings) -> list[str]:
    """The lists of terms of all corpora."""
    return sorted({name for corpus in settings.enabled for name in settings.text_for(corpus).lexicons})


def main() -> None:
    """Measure and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--task", default="entities")
    parser.add_argument("--shares", type=float, nargs="+", default=SHARES)
    parser.add_argument("--limit", type=int, help="training documents that count as all")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--lexicons", action="store_true", help="also with the workspace's lists of terms")
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    results, revision = chosen.results.resolve(), "" if chosen.alone else hardware.revision()
    os.chdir(chosen.workspace)
    if chosen.alone:
        print(json.dumps(measure(chosen.task, *chosen.shares, limit=chosen.limit, lexicons=chosen.lexicons)))
        return
    curve = []
    arms = [[], ["--lexicons"]] if chosen.lexicons else [[]]
    for share, arm in itertools.product(chosen.shares, arms):
        command = [sys.executable, str(Path(__file__).resolve()), "--alone", "--workspace", ".", "--task", chosen.task]  # fmt: skip
        command += [
            "--shares",
            str(share),
            *([] if chosen.limit is None else ["--limit", str(chosen.limit)]),
            *arm,
        ]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        curve.append(json.loads(done.stdout.splitlines()[-1]))
        print(curve[-1])
    content = {
        "machine": hardware.machine(),
        "versions": hardware.versions(PACKAGES),
        "revision": revision,
        "task": chosen.task,
        "limit": chosen.limit,
        "lists": lists_of(Settings.load()) if chosen.lexicons else [],
        "curve": curve,
    }
    results.write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    main()
