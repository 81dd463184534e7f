"""How training fares beside busy processes. `python benchmarks/busy.py --workspace FOLDER`.

The workspace is a project whose features are made; nothing is written there. Each measurement is a process of its own with the preset
`fast`, one of `--threads` (numbers, or auto), and an epoch of about `--words` words, beside none, one and two processes that keep a processor
busy; they take turns. The fair share of p processors beside b busy processes is what t threads get where all have the same:
min(t, p, p t / (t + b)). Told are words/s and, against none, the slowdown over that of the fair share; at most 1.3 is aimed at. Written
to `--results`. The machine has to be idle otherwise. Cost: four minutes on 2 cores.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

import hardware

import flows.environment  # noqa: F401  (before torch, which reads the environment when it is imported)

# isort: split
from mgm.training.determinism import resolve_threads

RESULTS = Path("benchmarks/results/busy.json")
PACKAGES = ("torch", "numpy")
BUSY = (0, 1, 2)


def words_per_second(threads: int, words: int) -> float:
    """Words/s of an epoch in this process, after one that is not measured."""
    from training import configured, measure, planned, some

    from mgm.settings.settings import Settings

    settings = configured(Settings.load(), "fast", "fp32", 4000)
    settings = settings.model_copy(update={"train": settings.train.model_copy(update={"threads": threads})})
    plan = planned(settings)
    return measure(plan, some(plan.data.train, words), settings, "cpu").words_per_second


def measure_beside(busy: int, command: list[str]) -> float:
    """The same in a new process, beside busy ones."""
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(busy)]
    try:
        return float(
            subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()[-1]
        )
    finally:
        for other in others:
            other.kill()
            other.wait()


def fair_share(threads: int, busy: int) -> float:
    processors = os.cpu_count() or 1
    return min(threads, processors, processors * threads / (threads + busy))


def slowdowns(threads: int, speeds: dict[int, list[float]]) -> dict[str, dict[str, float]]:
    """The median words/s by number of busy processes, and the slowdown over that of the fair share."""
    found = {}
    for busy, told in speeds.items():
        share = fair_share(threads, busy) / fair_share(threads, 0)
        over = [alone * share / speed for alone, speed in zip(speeds[0], told, strict=True)]
        found[str(busy)] = {
            "words_per_second": round(statistics.median(told)),
            "over_fair_share": round(statistics.median(over), 2),
        }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--threads", nargs="+", default=["1", "auto"], help="numbers, or auto")
    parser.add_argument("--words", type=int, default=200_000, help="words of an epoch")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    results, revision = chosen.results.resolve(), "" if chosen.alone else hardware.revision()
    os.chdir(chosen.workspace)
    numbers = {name: resolve_threads("auto" if name == "auto" else int(name)) for name in chosen.threads}
    if chosen.alone:
        print(words_per_second(*numbers.values(), chosen.words))
        return
    command = [sys.executable, str(Path(__file__).resolve()), "--workspace", ".", "--alone"]
    speeds: dict[str, dict[int, list[float]]] = {name: {busy: [] for busy in BUSY} for name in numbers}
    for _ in range(chosen.rounds):
        for busy in BUSY:
            for name, number in numbers.items():
                arguments = ["--threads", str(number), "--words", str(chosen.words)]
                speeds[name][busy].append(measure_beside(busy, [*command, *arguments]))
    beside = {
        name: {"threads": number, "beside_busy": slowdowns(number, speeds[name])}
        for name, number in numbers.items()
    }
    for name, told in beside.items():
        print(f"threads: {name}: {told}")
    content = {
        "machine": hardware.machine(),
        "versions": hardware.versions(PACKAGES),
        "revision": revision,
        "rounds": chosen.rounds,
        "train.threads": beside,
    }
    results.write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    main()
