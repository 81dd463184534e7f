"""The wide part from disk against the same in memory. `python benchmarks/linear_memory.py --workspace FOLDER [--task section]`.

The workspace is a project whose features are made (`debian` for the committed numbers); nothing is written there. The linear models of
one task (C of 1, the mean of models with and without scaled n-grams) are solved for once for each of `--memory`, in gigabytes of
`train.memory`: the first has to hold all values. `averaged` is the smallest memory without the compiled kernels, where models of blocks
are averaged. Each is a process of its own, which tells on the validation rows its metrics, the share of documents with the class of the
first, the largest difference of an output from the first's; the seconds and processor seconds of the solution with its features; and
by how much the peak of the process's memory grew. Written to `--results`. Cost: about 15 minutes on one idle core; `--documents 5000` learns
from so many, which takes two.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import hardware
import numpy as np

import flows.environment  # noqa: F401  (before torch, which reads the environment when it is imported)

# isort: split
import torch
from sklearn.metrics import f1_score

from flows.training_run import prepare
from mgm.model.collate import collate, gather_targets
from mgm.settings.settings import Settings
from mgm.training.batches import ordered_batches
from mgm.training.determinism import resolve_threads
from mgm.training.loop import initialize_from_data
from mgm.training.sparse_rows import Storage
from mgm.training.wide_solver import select_known_rows, solve_wide
from mgm.training.wide_tuning import WideMethod

RESULTS = Path("benchmarks/results/linear_memory.json")
PACKAGES = ("torch", "numpy", "scipy")
MEMORY = [2.0, 0.1, 0.03]
TOKENS_PER_BATCH = 4_000


class Growth:
    """The most megabytes by which this process grows within the context, without mapped files, which the system may drop."""

    def __enter__(self) -> "Growth":
        self.start, self.megabytes, self._is_over = self._resident(), 0.0, threading.Event()
        self._watch = threading.Thread(target=self._look)
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._watch.join()

    def _look(self) -> None:
        while not self._is_over.wait(0.01):
            self.megabytes = max(self.megabytes, self._resident() - self.start)

    @staticmethod
    def _resident() -> float:
        status = Path("/proc/self/status").read_text()
        return int(re.findall(r"RssAnon:\s+(\d+) kB", status)[0]) * 1024 / 1e6


def measure(task_name: str, memory: float, *, documents: int | None, output: Path) -> dict[str, Any]:
    """Solve in this process for a task, write the outputs of its validation rows, and return what was measured."""
    settings = Settings.load()
    plan = prepare(settings, [task for task in settings.active_tasks() if task.name == task_name])
    (task,) = plan.tasks
    torch.set_num_threads(resolve_threads(settings.train.threads))
    network, data = plan.network, plan.data
    known = select_known_rows(data.train, task, max_rows=documents)
    data = replace(data, train=known)
    initialize_from_data(network, data, tokens_per_batch=TOKENS_PER_BATCH)
    start, cpu = time.perf_counter(), time.process_time()
    with Growth() as growth:
        solve_wide(
            network,
            data,
            tokens_per_batch=TOKENS_PER_BATCH,
            storage=Storage(max_bytes=round(memory * 1e9)),
            methods={task.name: WideMethod()},
        )
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu
    rows = select_known_rows(data.validation, task)
    truth = np.concatenate(
        [gather_targets(s.labels_of(task), task, word_count=s.length).numpy() for s in rows]
    )
    network.eval()
    with torch.no_grad():
        outputs = np.concatenate(
            [
                network.wide_outputs(collate(rows[planned.source].part, planned.rows))[task.name].numpy()
                for planned in ordered_batches(rows, TOKENS_PER_BATCH)
            ]
        )
    np.save(output, outputs)
    predicted = outputs.argmax(1)
    return {
        "documents": sum(len(s.rows) for s in known),
        "accuracy": round(float((predicted == truth).mean()), 4),
        "macro_f1": round(float(f1_score(truth, predicted, average="macro", zero_division=0)), 4),
        "seconds": round(seconds, 1),
        "cpu_seconds": round(cpu_seconds, 1),
        "megabytes": round(growth.megabytes),
    }


def in_process(arguments: list[str], environment: dict[str, str]) -> dict[str, Any]:
    """Return what a process of its own measured."""
    command = [sys.executable, str(Path(__file__).resolve()), "--workspace", ".", *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=os.environ | environment)  # fmt: skip
    measured: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return measured


def compared(task: str, memories: list[float], *, documents: int | None) -> dict[str, dict[str, Any]]:
    """Return what each way measured, with its outputs compared with those of the first."""
    ways: dict[str, tuple[float, dict[str, str]]] = {f"{memory:g} GB": (memory, {}) for memory in memories}
    ways["averaged"] = memories[-1], {"MGM_KERNELS": "off"}
    told: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as folder:
        exact: np.ndarray | None = None
        for name, (memory, environment) in ways.items():
            output = Path(folder) / "outputs.npy"
            arguments = ["--task", task, "--memory", str(memory), "--output", str(output)]
            arguments += [] if documents is None else ["--documents", str(documents)]
            told[name] = in_process(arguments, environment)
            outputs = np.load(output)
            exact = outputs if exact is None else exact
            same = float((outputs.argmax(1) == exact.argmax(1)).mean())
            told[name] |= {
                "same_class": round(same, 4),
                "largest_difference": round(float(np.abs(outputs - exact).max()), 4),
            }
            print(name, told[name])
    return told


def main() -> None:
    """Measure and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--task", default="section")
    parser.add_argument("--memory", type=float, nargs="+", default=MEMORY)
    parser.add_argument("--documents", type=int)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--output", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    results, revision = chosen.results.resolve(), hardware.revision() if chosen.output is None else ""
    os.chdir(chosen.workspace)
    if chosen.output is not None:
        print(
            json.dumps(measure(chosen.task, *chosen.memory, documents=chosen.documents, output=chosen.output))
        )
        return
    content = {
        "machine": hardware.machine(),
        "versions": hardware.versions(PACKAGES),
        "revision": revision,
        "task": chosen.task,
        "limit": chosen.documents,
        "ways": compared(chosen.task, chosen.memory, documents=chosen.documents),
    }
    results.write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    main()
