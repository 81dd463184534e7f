"""What a night costs after 10, 100 and 1,000 others. `python benchmarks/nights.py --bundle models/candidate`.

Commits so many nights of a few rows to tables in temporary folders, each with the files that a night leaves. Then scores further nights
of real documents with the bundle, each in a process of its own, by turns in the three folders, and writes to benchmarks/results/nights.json:
CPU seconds of a night by the number of those before it, their ratio to the fewest, and the share of the night that the second
reading of its input takes. Cost: about 5 minutes on 2 cores.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import hardware
import polars as pl

from flows.night import score_date
from flows.night_facts import facts_path
from flows.night_files import SUMMARY, VERDICT
from flows.night_page import page_path
from flows.scoring_options import ScoringOptions
from mgm.corpus.parts import REJECTS
from mgm.files import read_json, write_json
from mgm.scoring import commits, delta
from mgm.scoring.commits import Night
from mgm.scoring.inputs import Inputs
from mgm.settings.scoring import ScoreSettings

RESULTS = Path("benchmarks/results/nights.json")
PACKAGES = ("deltalake", "polars", "torch")
NUM_BEFORE = (10, 100, 1_000)
FIRST, PATTERN = date(2020, 1, 1), "{date}.parquet"
CORPORA = ("help", "poems")


def main() -> None:
    """Measure, or with `--night` score one night in the present folder."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--documents", type=int, default=20_000, help="documents of a measured night")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--night", type=date.fromisoformat, help=argparse.SUPPRESS)
    options = parser.parse_args()
    bundle = options.bundle.resolve()
    if options.night is not None:
        print(json.dumps(score_one(options.night, bundle)))
        return
    documents = real_documents(options.documents)
    with tempfile.TemporaryDirectory() as temporary:
        folders = {num: Path(temporary, str(num)) for num in NUM_BEFORE}
        for num, folder in folders.items():
            folder.mkdir()
            prepare(folder, num, documents=documents, bundle=bundle, rounds=options.rounds)
        runs = [
            {"nights_before": num + turn + 1}
            | measured_night(folder, FIRST + timedelta(days=num + turn + 1), bundle=bundle)
            | {"group": num}
            for turn in range(options.rounds)
            for num, folder in folders.items()
        ]
    medians = {
        str(num): statistics.median(run["cpu_seconds"] for run in runs if run["group"] == num)
        for num in NUM_BEFORE
    }
    fewest = medians[str(NUM_BEFORE[0])]
    write_json(
        options.results,
        {
            "what": "CPU seconds of a night by the number of committed nights before it, tables in a local folder",
            "revision": hardware.revision(),
            "documents": documents.height,
            "cpu_seconds": {num: round(value, 2) for num, value in medians.items()},
            "ratio_to_fewest": {num: round(value / fewest, 3) for num, value in medians.items()},
            "share_of_second_reading": round(
                statistics.median(run["second_reading"] / run["cpu_seconds"] for run in runs), 4
            ),
            "runs": runs,
            "machine": hardware.machine(),
            "versions": hardware.versions(PACKAGES),
        },
    )
    print(options.results.read_text())


def real_documents(number: int) -> pl.DataFrame:
    """Texts of the shipped corpora in turn, again from the start where they do not suffice."""
    texts = pl.concat([pl.read_parquet(f"data/samples/{name}.parquet", columns=["text"]) for name in CORPORA])
    texts = texts.sample(fraction=1.0, shuffle=True, seed=1)
    repeats = -(-number // texts.height)
    return pl.concat([texts] * repeats).head(number).with_row_index("doc_id").cast({"doc_id": pl.String})


def prepare(folder: Path, num: int, *, documents: pl.DataFrame, bundle: Path, rounds: int) -> None:
    """Score one real night, and commit `num` nights of a few rows that leave the files that it has left."""
    for turn in range(rounds + 1):
        documents.write_parquet(folder / PATTERN.replace("{date}", str(FIRST + timedelta(days=num + turn))))
    measured_night(folder, FIRST + timedelta(days=num), bundle=bundle)
    settings = ScoreSettings()
    before = Path.cwd()
    os.chdir(folder)
    try:
        real = FIRST + timedelta(days=num)
        table = delta.open_table(settings.table)
        night = commits.read_night(table, real)
        assert night is not None
        schema = pl.scan_delta(settings.table).collect_schema()
        rows = pl.read_delta(settings.table).head(20).drop(delta.DATE)
        for number in range(num):
            commit_like(night, FIRST + timedelta(days=number), rows=rows, schema=schema, settings=settings)
    finally:
        os.chdir(before)


def commit_like(
    night: Night, day: date, *, rows: pl.DataFrame, schema: pl.Schema, settings: ScoreSettings
) -> None:
    """Commit a night of these rows, with the files that another has left."""
    commits.commit_rejects(
        settings.rejects,
        day=day,
        made_of={"date": str(day)},
        schema=delta.with_date(REJECTS),
        frames=lambda: [],
    )
    values = asdict(night) | {"date": day.isoformat(), "input_sha256": str(day)}
    new = commits.commit_predictions(settings.table, Night(**values), schema=schema, frames=lambda: [rows])
    staging, source = Path(settings.staging_dir), Path(settings.staging_dir, night.date)
    (staging / new.date).mkdir(parents=True)
    shutil.copy(source / VERDICT, staging / new.date / VERDICT)
    write_json(staging / new.date / SUMMARY, asdict(new))
    shutil.copy(page_path(night.date), page_path(new.date))
    write_json(facts_path(new.date), read_json(facts_path(night.date)) | {"date": new.date})


def measured_night(folder: Path, day: date, *, bundle: Path) -> dict[str, Any]:
    """Score a night in a process of its own, as a schedule does, and return what it measured."""
    command = [sys.executable, str(Path(__file__).resolve()), "--bundle", str(bundle), "--night", str(day)]
    environment = os.environ | {"PYTHONPATH": str(Path.cwd())}
    done = subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    measured: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return measured


def score_one(day: date, bundle: Path) -> dict[str, Any]:
    """Score a night and return its CPU seconds and those of the second reading of its input."""
    seconds: list[float] = []
    read = Inputs.read

    def timed(self: Inputs, source: Any, rows: int) -> Iterator[pl.DataFrame]:
        seconds.append(0.0)
        frames = read(self, source, rows)
        while True:
            start = time.process_time()
            frame = next(frames, None)
            seconds[-1] += time.process_time() - start
            if frame is None:
                return
            yield frame

    Inputs.read = timed  # type: ignore[method-assign]
    source = PATTERN.replace("{date}", day.isoformat())
    score_date(day, ScoringOptions(source=source, bundle=bundle, accept_drift=True))
    _, second, *_ = seconds
    return {"cpu_seconds": round(time.process_time(), 3), "second_reading": round(second, 4)}


if __name__ == "__main__":
    main()
