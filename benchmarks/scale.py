"""How the stages grow with the documents. `python benchmarks/scale.py --documents 5000 50000 100000 200000 [--bundle models/candidate]`.

Makes so many documents with planted copies (benchmarks/planted.py) in a folder of its own, and runs on them the text stages, the gates
between them and, with a bundle, a night, each as a process of its own that has one thread: its CPU seconds and seconds, the peak of its
memory that cannot be given back (anonymous pages of its processes, sampled), of all that it had resident (with files that it maps), the
bytes that it leaves on disk and those of temporary files. Then fits to each stage seconds = a + b n or a + b n log2 n, and
memory and disk = a + b n, by relative error, and states on that ground what `TARGET` documents take. Planted copies that the
stage `deduplicate` found, by dropping them or keeping them in the split of their original, are counted, and documents that it dropped
without a planted original.

`--pairs FILE` runs the stages up to `deduplicate` on the documents of the shipped and fetched corpora, with the labels that classes have,
and the docstrings of some libraries, and writes `SAMPLE` of the pairs of a near copy that was dropped and the document that was kept for it,
for a person to enter `copy` or `different` as their `verdict`; `--verdicts FILE` counts these. Where real documents have fewer pairs, the others
are of `PLANTED` documents with planted copies. With `--ray 2` the stages are
worked on by two workers of a local Ray cluster (`compute.ray`), beside which the driver has a thread of its own.

Results are kept after each stage (benchmarks/results/scale.json), so that a run goes on where another one ended; what is there is not
measured again. Cost on an idle machine: 0.5 ms and 3.3 KB of disk a document for stages, 1 ms a document for the night; about an hour, or
three with a night, and 14 GB for 1, 2 and 4 million documents. With `--keep` the folder of a size stays.
"""

import argparse
import json
import shutil
import sys
from datetime import date
from pathlib import Path
from typing import Any

import hardware
import planted
import polars as pl
import yaml
from docstrings import read_docstrings
from growth_fit import LINEAR, TIMES, at, exponent, fit
from process_cost import measure

from mgm.settings.yaml_file import load_yaml

RESULTS = Path("benchmarks/results/scale.json")
PACKAGES = ("polars", "pyarrow", "numpy", "scipy", "rensa", "rjieba", "deltalake")
CORPUS = "synthetic"
STAGES = {
    "ingest": ["ingest", CORPUS],
    "gate of ingest": ["gate", "ingest", CORPUS],
    "clean": ["clean", CORPUS],
    "deduplicate": ["deduplicate", CORPUS],
    "gate of clean": ["gate", "clean", CORPUS],
    "tokenize": ["tokenize", CORPUS],
    "stopwords": ["stopwords", CORPUS],
    "features": ["features"],
    "gate of features": ["gate", "features"],
}
"""The commands of the stages by name."""
OUTPUTS = {
    "ingest": ("data/documents", "data/rejects/ingest"),
    "clean": ("data/clean", "data/rejects/clean"),
    "deduplicate": ("data/unique", "data/rejects/deduplicate"),
    "tokenize": ("data/tokens", "data/rejects/tokenize"),
    "stopwords": ("data/content",),
    "features": ("data/features",),
    "night": ("data/scored", "data/rejected"),
}
NIGHT = "night"
ONE_PROCESS = "one process"
FIRST_NIGHT = date(2026, 1, 1)
TARGET = 100_000_000
WORKERS = (8, 32)
DIVIDED = {"ingest", "clean", "tokenize", "stopwords", "features", NIGHT}
"""The stages whose work `compute.processes` or `compute.ray` divides. Of `deduplicate` it divides signatures and the search in bands alone:
exact copies, the comparison in full, clusters and writing are one process's, as which all of it counts."""
BUDGETS = {"documents": 10_000_000, "memory_gib": 24, "disk_gb": 60}
FULL_PARTS = 20_000
"""Documents that fill a part (`ingest.rows_per_part`)."""
SAMPLE = 200
PLANTED = 100_000
"""Documents with planted copies whose pairs are read where real ones are too few."""
LABELS = ("classification", "multilabel", "regression")
"""The kinds of tasks whose labels documents have when their near copies are searched for."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--documents", type=int, nargs="+", default=[5_000, 1_000_000, 2_000_000, 4_000_000])
    parser.add_argument("--bundle", type=Path, help="of the night; without it none is measured")
    parser.add_argument("--ray", type=int, default=0, help="workers of a local Ray cluster; 0: one process")
    parser.add_argument("--folder", type=Path, default=Path("scale"), help="where documents and outputs go")
    parser.add_argument("--keep", action="store_true", help="do not delete the folder of a size")
    parser.add_argument("--only", nargs="+", choices=[*STAGES, NIGHT], help="stages to measure")
    parser.add_argument("--output", type=Path, default=RESULTS)
    parser.add_argument("--pairs", type=Path, help="the CSV file of pairs to write")
    parser.add_argument("--verdicts", type=Path, help="the pairs with their verdicts")
    parser.add_argument("--night", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.night is not None:
        score_night(given.night)
        return
    result = json.loads(given.output.read_text(encoding="utf-8")) if given.output.is_file() else {}
    result.setdefault("runs", {})
    if given.verdicts is not None:
        result.setdefault("judged", {}).update(count_verdicts(given.verdicts))
    elif given.pairs is not None:
        result["judged"] = write_pairs(given.pairs, given.folder / "real")
    else:
        for number in given.documents:
            measure_size(number, result, given)
    write(result, given.output)
    print(describe(result))


def measure_size(number: int, result: dict[str, Any], given: argparse.Namespace) -> None:
    """Measure the stages on so many documents that are not measured yet, and keep each in the results."""
    way = f"{given.ray} Ray workers" if given.ray else ONE_PROCESS
    runs = result["runs"].setdefault(way, {}).setdefault(str(number), {})
    wanted = [*STAGES, *([NIGHT] if given.bundle is not None else [])]
    if given.only:
        wanted = [stage for stage in wanted if stage in given.only]
    missing = [stage for stage in wanted if stage not in runs]
    if not missing:
        return
    root = (given.folder / str(number)).resolve()
    made = root / "made.json"
    if not made.is_file():
        shutil.rmtree(root, ignore_errors=True)
        write_documents(root, number)
    write_project(root, given.ray)
    result["corpus"] = json.loads(made.read_text(encoding="utf-8"))["corpus"]
    last = (
        max(list(STAGES).index(stage) for stage in missing if stage in STAGES)
        if set(missing) - {NIGHT}
        else -1
    )
    for stage in list(STAGES)[: last + 1]:
        done = root / "done" / stage
        if stage not in missing and (done.is_file() or stage not in OUTPUTS):
            continue  # its outputs are there, which later stages read, or no stage reads them
        measured = run(
            stage, [sys.executable, "-m", f"flows.stages.{STAGES[stage][0]}", *STAGES[stage][1:]], root
        )
        if stage in missing:
            runs[stage] = measured
            if stage == "deduplicate" and not given.ray:
                result.setdefault("copies", {})[str(number)] = count_copies(root)
            write(result, given.output)
        done.parent.mkdir(exist_ok=True)
        done.touch()
        print(f"{number:>10,} {stage:<18} {json.dumps(measured)}", flush=True)
    if NIGHT in missing:
        command = [sys.executable, str(Path(__file__).resolve()), "--night", str(given.bundle.resolve())]
        runs[NIGHT] = run(NIGHT, command, root)
        write(result, given.output)
        print(f"{number:>10,} {NIGHT:<18} {json.dumps(runs[NIGHT])}", flush=True)
    if not given.keep:
        shutil.rmtree(root)


def write_documents(root: Path, number: int) -> None:
    """Write documents, the list of planted copies and the settings of a project."""
    folders = [Path("data/samples"), Path("data/fetched")]
    pools = planted.read_pools([folder for folder in folders if folder.is_dir()])
    (root / "raw").mkdir(parents=True)
    copies, size = [], 0
    for index, (frame, planted_copies) in enumerate(planted.documents(number, pools)):
        frame.write_parquet(root / "raw" / f"{index:05d}.parquet", compression="zstd")
        copies.append(planted_copies)
        size += int(frame["text"].str.len_bytes().sum())
    pl.concat(copies).write_parquet(root / "planted.parquet")
    corpus = {
        "bytes_per_document": round(size / number),
        "sentences": [len(pool.sentences) for pool in pools],
        "exact_share": planted.EXACT_SHARE,
        "near_share": planted.NEAR_SHARE,
    }
    made = {"documents": number, "corpus": corpus}
    (root / "made.json").write_text(json.dumps(made), encoding="utf-8")
    print(f"made {number:,} documents, {size / 1e9:.2f} GB of text", flush=True)


def write_project(root: Path, workers: int, *, tasks: dict[str, Any] | None = None) -> None:
    """Write params.yaml with this one corpus and its tasks, and with Ray if there are workers; the other settings are the shipped ones."""
    params = load_yaml(Path("params.yaml").read_text(encoding="utf-8"))
    params["enabled"] = {CORPUS: "raw"}
    params["corpora"] = {CORPUS: {"lang": "detect"}}
    tasks = tasks or {"topic": {"kind": "classification"}}
    params["tasks"] = {name: task | {"corpora": [CORPUS]} for name, task in tasks.items()}
    params["train"]["weights"] = {}
    params["verdict"]["floors"] = {}
    params["gates"] = {}
    params["compute"] = {"ray": {"address": "local", "workers": workers}} if workers else {}
    (root / "params.yaml").write_text(yaml.safe_dump(params, allow_unicode=True), encoding="utf-8")
    (root / "data/resources").mkdir(parents=True, exist_ok=True)


def run(stage: str, command: list[str], root: Path) -> dict[str, Any]:
    """Run a stage in a project, and return what it took."""
    return measure(stage, command, root, outputs=OUTPUTS.get(stage, ()))


def score_night(bundle: Path) -> None:
    """Score all documents as one night, in the present folder."""
    from flows.night import score_date
    from flows.scoring_options import ScoringOptions

    score_date(FIRST_NIGHT, ScoringOptions(source="raw", bundle=bundle, accept_drift=True))


def read_dropped(root: Path) -> pl.DataFrame:
    """The documents that were dropped: doc_id, of (the kept one), reason."""
    rejects = pl.concat(
        [
            pl.read_parquet(file)
            for file in sorted((root / "data/rejects/deduplicate" / CORPUS).glob("*.parquet"))
        ]
    )
    return rejects.select(
        "doc_id",
        of=pl.col("values").str.json_path_match("$.duplicate_of"),
        reason=pl.col("reasons").list.first(),
    )


def count_copies(root: Path) -> dict[str, Any]:
    """Count the planted copies that were found, and the dropped documents that are in no planted pair with the kept one.

    A planted copy is found if it and its original have the same kept document, or kept documents of one split, since they came with different ones.
    """
    dropped = read_dropped(root)
    kept = dict(dropped.select("doc_id", "of").iter_rows())

    def kept_for(doc_id: str) -> str:
        while doc_id in kept:
            doc_id = kept[doc_id]
        return doc_id

    planted_copies = pl.read_parquet(root / "planted.parquet")
    # A document that ingest or clean rejected is no copy that could be found.
    ids = set(pl.read_parquet(root / "data/clean" / CORPUS / "*.parquet", columns=["doc_id"])["doc_id"])
    unique = pl.read_parquet(root / "data/unique" / CORPUS / "*.parquet", columns=["doc_id", "split"])
    split = dict(unique.iter_rows())
    counts: dict[str, Any] = {}
    pairs: set[tuple[str, str]] = set()
    for doc_id, of, kind, _ in planted_copies.iter_rows():
        pairs |= {(doc_id, of), (of, doc_id)}
        if doc_id in ids and of in ids:
            count = counts.setdefault(kind, {"planted": 0, "found": 0, "dropped": 0})
            kept_of = kept_for(doc_id), kept_for(of)
            count["planted"] += 1
            count["found"] += len({split[i] for i in kept_of}) == 1
            count["dropped"] += len(set(kept_of)) == 1
    for count in counts.values():
        count["recall"] = round(count["found"] / count["planted"], 5)
    others = sum(pair not in pairs for pair in kept.items())
    return counts | {"dropped": dropped.height, "dropped_without_planted_original": others}


def write_pairs(path: Path, root: Path) -> dict[str, Any]:
    """Deduplicate the real documents, and write a sample of the near copies that were dropped, with the documents kept for them."""
    shutil.rmtree(root, ignore_errors=True)
    (root / "raw").mkdir(parents=True)
    files = [
        file for folder in ("data/samples", "data/fetched") for file in sorted(Path(folder).glob("*.parquet"))
    ]
    tasks = {
        name: task
        for name, task in load_yaml(Path("params.yaml").read_text(encoding="utf-8"))["tasks"].items()
        if task["kind"] in LABELS
    }
    texts = [
        pl.read_parquet(
            file, columns=["text", *(name for name, task in tasks.items() if file.stem in task["corpora"])]
        ).with_columns(corpus=pl.lit(file.stem))
        for file in files
    ]
    docstrings = pl.DataFrame({"text": read_docstrings()}).with_columns(corpus=pl.lit("docstrings"))
    documents = pl.concat([*texts, docstrings], how="diagonal").with_row_index("row")
    documents = documents.with_columns(doc_id=pl.format("{}-{}", "corpus", "row")).drop("corpus", "row")
    documents.write_parquet(root / "raw/00000.parquet")
    labelled = {name: task for name, task in tasks.items() if name in documents.columns}
    write_project(root.resolve(), 0, tasks=labelled)
    for stage in ("ingest", "clean", "deduplicate"):
        run(stage, [sys.executable, "-m", f"flows.stages.{stage}", CORPUS], root.resolve())
    params = yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8"))
    rows, counts = sample_pairs(root, SAMPLE, "real")
    shutil.rmtree(root)
    if len(rows) < SAMPLE:
        write_documents(root, PLANTED)
        write_project(root.resolve(), 0)
        for stage in ("ingest", "clean", "deduplicate"):
            run(stage, [sys.executable, "-m", f"flows.stages.{stage}", CORPUS], root.resolve())
        rows += sample_pairs(root, SAMPLE - len(rows), "planted")[0]
        shutil.rmtree(root)
    pl.DataFrame(rows, schema_overrides={"verdict": pl.String}).write_csv(path)
    return counts | {"near": params["text"]["deduplication"]["near"]}


def sample_pairs(root: Path, number: int, source: str) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """Return so many pairs of a dropped near copy and the document kept for it, as rows of the file, and the counts of documents."""
    dropped = read_dropped(root)
    near = dropped.filter(pl.col("reason") == "near_duplicate").sort("doc_id")
    cleaned = pl.read_parquet(root / "data/clean" / CORPUS / "*.parquet", columns=["doc_id", "text"])
    of = dict(cleaned.iter_rows())
    rows = [
        {
            "source": source,
            "doc_id": doc_id,
            "of": kept,
            "similarity": round(planted.jaccard(of[doc_id], of[kept]), 4),
            "text": of[doc_id],
            "text_of": of[kept],
            "verdict": None,
        }
        for doc_id, kept, _ in near.sample(min(number, near.height), seed=1, shuffle=True).iter_rows()
    ]
    return rows, {"documents": cleaned.height, "dropped": dropped.height, "near_copies": near.height}


def count_verdicts(path: Path) -> dict[str, Any]:
    """Count what a person entered for the pairs."""
    pairs = pl.read_csv(path, schema_overrides={"verdict": pl.String})
    if pairs["verdict"].null_count():
        raise SystemExit(
            f"{path}: {pairs['verdict'].null_count()} pairs without a verdict: copy or different"
        )
    return {
        "pairs": pairs.height,
        "planted_pairs": int((pairs["source"] == "planted").sum()),
        "different": int((pairs["verdict"] == "different").sum()),
    }


def growth(runs: dict[str, Any]) -> dict[str, Any]:
    """Fit every stage that was measured on three sizes or more."""
    fits: dict[str, Any] = {}
    for stage in [*STAGES, NIGHT]:
        measured = sorted((int(n), of[stage]) for n, of in runs.items() if stage in of)
        if len(measured) < 3:
            continue
        ns = [n for n, _ in measured]
        fits[stage] = {
            "sizes": ns,
            "cpu_seconds": fit(ns, [one["cpu_seconds"] for _, one in measured], TIMES),
            "exponent": exponent(ns, [one["cpu_seconds"] for _, one in measured]),
            "memory_bytes": fit_memory(measured),
            "disk_bytes": fit(ns, [one["disk_mib"] * 2**20 for _, one in measured], LINEAR),
            "temporary_bytes": fit(ns, [one["temporary_mib"] * 2**20 for _, one in measured], LINEAR),
        }
    return fits


def fit_memory(measured: list[tuple[int, dict[str, Any]]]) -> dict[str, Any]:
    """Fit the peaks of the sizes that fill parts of full size, since smaller parts take less memory than any corpus does."""
    whole = [(n, one["peak_memory_mib"] * 2**20) for n, one in measured if n >= FULL_PARTS]
    if len(whole) < 2:
        whole = [(n, one["peak_memory_mib"] * 2**20) for n, one in measured]
    return fit([n for n, _ in whole], [size for _, size in whole], LINEAR)


def extrapolate(fits: dict[str, Any], n: int) -> dict[str, Any]:
    """What n documents take, by stage: hours by number of workers, of one core each, and GiB and GB.

    Of a stage that works part by part the time beyond the start is divided among the workers; that it is divided evenly is assumed.
    """
    return {
        stage: {
            "hours": {str(workers): round(hours(stage, one, n, workers), 2) for workers in (1, *WORKERS)},
            "memory_gib": round(at(one["memory_bytes"], n) / 2**30, 2),
            "disk_gb": round(at(one["disk_bytes"], n) / 1e9, 2),
            "temporary_gb": round(at(one["temporary_bytes"], n) / 1e9, 2),
        }
        for stage, one in fits.items()
    }


def hours(stage: str, fitted: dict[str, Any], n: int, workers: int) -> float:
    """The hours of n documents with so many workers."""
    start = fitted["cpu_seconds"]["start"]
    divided = (at(fitted["cpu_seconds"], n) - start) / (workers if stage in DIVIDED else 1)
    return (start + divided) / 3600


def write(result: dict[str, Any], path: Path) -> None:
    """Write the results with all that follows from them."""
    fits = growth(result["runs"].get(ONE_PROCESS, {}))
    whole = {
        "what": "each stage as a process of one thread, on real sentences with planted copies and a planted rule",
        "revision": hardware.revision(),
        **{key: value for key, value in result.items() if key in {"corpus", "copies", "judged"}},
        "runs": {
            way: dict(sorted(runs.items(), key=lambda item: int(item[0])))
            for way, runs in result["runs"].items()
        },
        "growth": fits,
        "extrapolated": {str(n): extrapolate(fits, n) for n in (BUDGETS["documents"], TARGET)}
        if fits
        else {},
        "budgets": BUDGETS,
        "machine": hardware.machine(),
        "versions": hardware.versions(PACKAGES),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".tmp")
    partial.write_text(json.dumps(whole, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    partial.replace(path)


def describe(result: dict[str, Any]) -> str:
    """The fits as a table for the terminal."""
    lines = [f"{'stage':<18}{'growth':>9}{'exp.':>7}{'us/doc':>9}{'B/doc mem':>11}{'B/doc disk':>12}"]
    for stage, one in growth(result["runs"].get(ONE_PROCESS, {})).items():
        largest = one["sizes"][-1]
        microseconds = (at(one["cpu_seconds"], largest) - one["cpu_seconds"]["start"]) / largest * 1e6
        lines.append(
            f"{stage:<18}{one['cpu_seconds']['growth']:>9}{one['exponent'] or 0:>7}{microseconds:>9.0f}"
            f"{one['memory_bytes']['slope']:>11.1f}{one['disk_bytes']['slope']:>12.0f}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
