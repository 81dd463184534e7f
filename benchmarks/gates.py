"""What a gate costs: ingest and clean on 1,000,000 documents of about 500 characters. `python benchmarks/gates.py`.

Writes such tables into a temporary folder (English-like words; a classification, a multilabel and a tagging task), once
good and once with faults in every row, and runs the stage's real command on them in a process of its own: seconds from
start to end, peak memory, what the gate said. Then once more with timers inside: imports, frames, evaluation. Written to
benchmarks/results/gates.json with the budget (10 s, 2 GB). Cost: about three minutes on 2 cores, 200 MB in the temporary
folder. Where the machine is shared, CPU seconds (of all threads) say more than seconds.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hardware
import numpy as np
import polars as pl
import yaml

RESULTS = Path("benchmarks/results/gates.json")
PACKAGES = ("great-expectations", "pandas", "polars", "pyarrow", "numpy")
BUDGET = {"seconds": 10.0, "peak_memory_mib": 2048}
CORPUS, PART, VOCABULARY, WORDS = "notes", 20_000, 5_000, 75
GATES = ("ingest", "clean")
PARAMS: dict[str, Any] = {
    "enabled": {CORPUS: "notes.jsonl"},
    "corpora": {CORPUS: {}},
    "tasks": {
        "topic": {"kind": "classification", "corpora": [CORPUS]},
        "themes": {"kind": "multilabel", "corpora": [CORPUS]},
        "terms": {"kind": "tagging", "corpora": [CORPUS]},
    },
}


def documents(rows: int) -> Iterator[pl.DataFrame]:
    """Good documents, a part at a time: no text twice, words by Zipf's law, every fourth without a label."""
    rng = np.random.default_rng(1)
    syllables = np.array([a + b for a in "bdfgklmnprst" for b in ("a", "e", "i", "o", "u", "an", "er")])
    words = pl.Series([("".join(rng.choice(syllables, size=rng.integers(1, 5)))) for _ in range(VOCABULARY)])
    lengths = words.str.len_chars().to_numpy().astype(np.int64)
    chances = 1 / np.arange(2, VOCABULARY + 2)
    chances /= chances.sum()
    for first in range(0, rows, PART):
        n = min(PART, rows - first)
        counts = rng.integers(WORDS - 30, WORDS + 31, n)
        row = np.repeat(np.arange(n), counts)
        ids = rng.choice(VOCABULARY, size=counts.sum(), p=chances)
        numbers = pl.Series(np.arange(first, first + n))
        text = pl.DataFrame({"row": row, "word": words.gather(ids)}).group_by("row", maintain_order=True)
        # Three spans a document: its words 0, 10 and 20.
        ends = np.cumsum(lengths[ids] + 1)
        begins = np.cumsum(counts) - counts
        starts = ends - lengths[ids] - 1 - np.repeat(ends[begins] - lengths[ids[begins]] - 1, counts)
        spans = [
            pl.struct(
                start=pl.lit(pl.Series(starts[begins + k].astype(np.int32))),
                end=pl.lit(pl.Series((starts + lengths[ids])[begins + k].astype(np.int32))),
                label=pl.lit("plant"),
            )
            for k in (0, 10, 20)
        ]
        number = pl.col("number")
        labelled = number % 4 != 0
        yield (
            pl.DataFrame({"number": numbers, "text": text.agg(pl.col("word").str.join(" "))["word"]})
            .with_columns(terms=pl.when(labelled).then(pl.concat_list(spans)))
            .with_columns(
                doc_id=pl.format("d{}", number),
                text=pl.format("{} {}", "text", number),
                lang=pl.lit("en"),
                group=pl.format("g{}", number),
                split=pl.when(number % 10 < 7)
                .then(pl.lit("train"))
                .when(number % 10 < 8)
                .then(pl.lit("valid"))
                .otherwise(pl.lit("test")),
                topic=pl.when(labelled).then(pl.format("topic {}", number // 20 % 20)),
                themes=pl.when(labelled).then(
                    pl.concat_list(pl.format("a{}", number // 20 % 7), pl.format("b{}", number // 20 % 5))
                ),
            )
            .drop("number")
        )


def at_fault(frame: pl.DataFrame) -> pl.DataFrame:
    """Every row breaks most row rules: id and text twice, language, group, label, spans."""
    spans = [(pl.lit(0), pl.lit(6)), (pl.lit(3), pl.lit(9)), (pl.lit(5), pl.lit(9_999))]
    return frame.with_columns(
        doc_id=pl.lit("d0"),
        text=pl.format("  {} ", pl.col("text").first()),
        lang=pl.lit("latin"),
        group=pl.lit("g"),
        topic=pl.lit(" "),
        terms=pl.concat_list(
            pl.struct(start=a.cast(pl.Int32), end=b.cast(pl.Int32), label=pl.lit("plant")) for a, b in spans
        ),
    )


def write_project(root: Path, rows: int, change: Callable[[pl.DataFrame], pl.DataFrame]) -> float:
    """What the stages before the gates would have left below `root`; returns the mean length of a text."""
    from flows.gates.gate import TABLES
    from mgm.corpus.contract import SPLITS
    from mgm.corpus.parts import REJECTS, PartsWriter
    from mgm.tasks import TASK_KINDS

    labels = {name: TASK_KINDS[task["kind"]].column_type for name, task in PARAMS["tasks"].items()}
    schema = pl.Schema(dict.fromkeys(("doc_id", "text", "lang", "group", "split"), pl.String()) | labels)
    (root / "params.yaml").write_text(yaml.safe_dump(PARAMS), encoding="utf-8")
    characters = 0
    tables = {root / TABLES[gate] / CORPUS for gate in GATES}
    first, *others = sorted(tables)
    with PartsWriter(first, schema) as out:
        for frame in documents(rows):
            changed = change(frame)
            characters += changed["text"].str.len_chars().sum()
            out.write(changed)
    for other in others:
        other.parent.mkdir(parents=True, exist_ok=True)
        other.symlink_to(first, target_is_directory=True)
    for stage in ("ingest", "clean", "deduplicate"):
        with PartsWriter(root / "data/rejects" / stage / CORPUS, REJECTS):
            pass
    said = {
        "clean": {"rows_out": rows, "language_disagrees": 0},
        "ingest": {"split_column_unused": None},
        "deduplicate": {
            "conflicts": {},
            "examples": [],
            "labelled": dict.fromkeys(SPLITS, 0),
            "labelled_copies": dict.fromkeys(SPLITS, 0),
            "split_overlap": {},
            "split_overlap_ids": {},
        },
    }
    for stage, statistics_of in said.items():
        path = root / "reports/stages" / stage / f"{CORPUS}.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(statistics_of), encoding="utf-8")
    return characters / rows


def run_command(root: Path, arguments: list[str]) -> tuple[dict[str, float], str]:
    """Runs Python with these arguments in `root`: seconds and peak memory of that process, and what it printed."""
    env = os.environ | {"PYTHONPATH": Path.cwd().as_posix()}
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=root,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    said = process.stdout.read()
    # Not resource.getrusage: that is the largest of all processes so far, and this one must be alone.
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - start
    if "gate " not in said:
        raise SystemExit(f"the gate ended with {process.returncode} and without a verdict: {said}")
    cpu = usage.ru_utime + usage.ru_stime
    return {"seconds": seconds, "cpu_seconds": cpu, "peak_memory_mib": usage.ru_maxrss // 1024}, said


def with_timers(gate: str) -> None:
    """The stage in this process, with timers around its steps; prints them as its last line."""
    began = time.perf_counter()
    from flows.gates import gate as module
    from flows.stages import gate as stage

    seconds: dict[str, float] = {"import of the project": time.perf_counter() - began}
    began = time.perf_counter()
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations  # noqa: F401

    seconds["import of Great Expectations"] = time.perf_counter() - began

    def timed(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any, **more: Any) -> Any:
            start = time.perf_counter()
            made = function(*arguments, **more)
            seconds[name] = time.perf_counter() - start
            seconds[f"MiB after {name}"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            return made

        return run

    module.document_frames = timed("frames", module.document_frames)  # type: ignore[attr-defined]
    module.run_suite = timed("evaluation", module.run_suite)  # type: ignore[attr-defined]
    stage.main(gate, CORPUS)
    print(json.dumps(seconds))


def measure(root: Path, gate: str, repeat: int) -> dict[str, Any]:
    """Medians of the real command, and one run's parts."""
    rounds = [run_command(root, ["-m", "flows.stages.gate", gate, CORPUS]) for _ in range(repeat)]
    said = rounds[-1][1]
    _, timed = run_command(root, [Path(__file__).resolve().as_posix(), "inside", gate])
    seconds = statistics.median(r["seconds"] for r, _ in rounds)
    cpu = statistics.median(r["cpu_seconds"] for r, _ in rounds)
    peak = max(r["peak_memory_mib"] for r, _ in rounds)
    return {
        "seconds": round(seconds, 1),
        "cpu_seconds": round(cpu, 1),
        "peak_memory_mib": peak,
        "within_budget": seconds <= BUDGET["seconds"] and peak <= BUDGET["peak_memory_mib"],
        "inside": {k: round(v, 1) for k, v in json.loads(timed.splitlines()[-1]).items()},
        "said": next(
            line
            for line in (line.removeprefix("error: ") for line in said.splitlines())
            if line.startswith("gate ")
        ).split(" (")[0],
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=3)
    arguments = parser.parse_args()
    result: dict[str, Any] = {
        "what": "one gate on documents with three tasks; median seconds of the stage's command, rounds in a row",
        "documents": arguments.rows,
        "rounds": arguments.repeat,
        "budget": BUDGET,
        "revision": hardware.revision(),
        "cases": {},
        "machine": hardware.machine(),
        "versions": hardware.versions(PACKAGES),
    }
    sys.path.insert(0, Path.cwd().as_posix())
    for case, change in {"good": lambda frame: frame, "every row at fault": at_fault}.items():
        with tempfile.TemporaryDirectory() as folder:
            mean = write_project(Path(folder), arguments.rows, change)
            own = {gate: measure(Path(folder), gate, arguments.repeat) for gate in GATES}
            result["cases"][case] = {"characters_per_document": round(mean), **own}
        print(case, json.dumps(result["cases"][case], indent=1), flush=True)
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"written to {RESULTS}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["inside"]:
        with_timers(sys.argv[2])
    else:
        main()
