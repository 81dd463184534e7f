"""How training fares beside busy processes. `python benchmarks/busy.py --workspace FOLDER`.

The workspace is a project whose features are made; nothing is written there. Each measurement is a process of its own with the preset
`fast`, `--threads` threads and an epoch of about `--words` words, beside none, one and two processes that keep a processor busy. The
fair share of p processors beside b busy processes is what t threads get where all have the same: min(t, p t / (t + b)). Told are words/s
and, against none, the slowdown over that of the fair share; at most 1.3 is aimed at. Written nowhere: the machine has to be idle
otherwise, and the numbers are its own. Cost: two minutes on 2 cores.
"""

import argparse
import os
import statistics
import subprocess
import sys
from pathlib import Path

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


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--words", type=int, default=200_000, help="words of an epoch")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    os.chdir(chosen.workspace)
    if chosen.alone:
        print(words_per_second(chosen.threads, chosen.words))
        return
    command = [sys.executable, str(Path(__file__).resolve()), "--workspace", ".", "--alone"]
    command += ["--threads", str(chosen.threads), "--words", str(chosen.words)]
    speeds: dict[int, list[float]] = {busy: [] for busy in BUSY}
    for _ in range(chosen.rounds):
        for busy, told in speeds.items():
            told.append(measure_beside(busy, command))
    for busy, told in speeds.items():
        share = fair_share(chosen.threads, busy) / fair_share(chosen.threads, 0)
        slowdown = statistics.median(
            alone * share / speed for alone, speed in zip(speeds[0], told, strict=True)
        )
        print(
            f"beside {busy} busy: {statistics.median(told):,.0f} words/s, {slowdown:.2f} of the fair share's time"
        )


if __name__ == "__main__":
    main()
