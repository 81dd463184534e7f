"""Scores a night's documents with the champion, exactly once: `python -m flows.score --date 2026-11-20`.

A gate judges the documents first; what it refuses is not scored, and what was scored before stays. Predictions and rejects
are rows of two Delta tables (params.yaml, `score`), partitioned by date. A night that is there is not scored again
(`--rescore` replaces it), and a killed run goes on where it stood. Beside the tables: gate.json and summary.json in the
night's folder of `score.staging_dir`, and a page in reports/nights.
"""

import argparse
import os
import sys
import time
from dataclasses import asdict
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import flows.environment  # noqa: F401  (before Prefect, which reads the environment when it is imported)

if __name__ == "__main__":
    # this command says itself what went wrong; whatever it does not expect is raised, and seen, anyway
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "CRITICAL")

# isort: split
from prefect import flow
from prefect.runtime import flow_run
from tqdm import tqdm

from flows import champion, keys, night_page, server
from flows.champion import CHAMPION, STORE
from flows.revision import code_revision, lock_hash
from mgm.corpus.readers import Source
from mgm.files import read_json, write_json
from mgm.quality.night_rows import NightRows
from mgm.scoring import cluster, shards, steps, table
from mgm.scoring.inputs import Inputs
from mgm.scoring.isolation import ModelBroken
from mgm.scoring.night import ScoreFrames, Tables, score_here, score_night
from mgm.scoring.scorer import Scorer
from mgm.scoring.staging import Staging
from mgm.scoring.table import Night
from mgm.settings.core import PARAMS
from mgm.settings.gates import GateSettings
from mgm.settings.scoring import ScoreSettings
from mgm.settings.views.scoring import ScoringSettings

SUMMARY, VERDICT, SHARDS = "summary.json", "gate.json", "shards"
PLACEHOLDER = "{date}"
SCORED, SKIPPED = "scored", "skipped"


class NightRefused(ValueError):
    """The gate stops these documents. The message says why, the first line in short."""


def champion_bundle() -> Path:
    """The folder of the champion's bundle.

    Raises:
        FileNotFoundError: no model was promoted yet.
        ValueError: the pointer is not one.
    """
    now = champion.champion()
    if now is None:
        raise FileNotFoundError(
            f"{CHAMPION}: there is no champion; run `mgm promote`, or pass --bundle models/candidate"
        )
    return STORE / now.bundle


def parse_date(text: str) -> date:
    """A date as YYYY-MM-DD.

    Raises:
        ValueError: it is not one.
    """
    try:
        found = date.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"date {text!r}: expected YYYY-MM-DD ({error})") from error
    if found.isoformat() != text:
        raise ValueError(f"date {text!r}: expected YYYY-MM-DD, as in {found.isoformat()}")
    return found


def score(
    day: date,
    source: Source | None = None,
    bundle: Path | None = None,
    like: str | None = None,
    settings: ScoreSettings | None = None,
    gates: GateSettings | None = None,
    accept_drift: bool = False,
    rescore: bool = False,
) -> dict[str, Any]:
    """Judges, scores and commits a night, and returns its summary: the commit's metadata and `state`, which is `scored`, or
    `skipped` where the night was there.

    Args:
        day: the night's date.
        source: a file, a folder or an s3:// address with the columns doc_id and text; those that `like` names, where
            it is given. {date} in it is the night's. None: `score.input`.
        bundle: the bundle's folder; None: the champion's.
        like: a corpus of the bundle that these documents are like: its columns and text settings are used, and its
            profile is what the gate compares them with.
        accept_drift: drift that would stop the night is only a warning, and the summary says so.
        rescore: a night that is there is replaced, as its next revision.

    Raises:
        NightRefused: the gate stops the documents.
        FileNotFoundError, ValueError: before anything is scored, for whatever is wrong with bundle, input or tables.
        NightTaken: another run has committed the night meanwhile, from other documents or with another bundle.
        ModelBroken: the model fails for too many documents.
        OSError: something cannot be written; the predictions are as they were.
    """
    settings, gates = settings or ScoreSettings(), gates or GateSettings()
    tables = Tables(settings.table, settings.rejects)
    folder = Path(settings.staging_dir) / day.isoformat()
    before = table.open_table(tables.predictions)
    revision = table.revision(before, day)
    if revision and not rescore:
        there = table.last_night(before, day)
        assert there is not None, "a transaction of a night comes with its commit"
        return _finish(folder, there, SKIPPED)
    if settings.ray.address is not None:
        cluster.check_installed()
    bundle = bundle or champion_bundle()
    scorer = Scorer.load(bundle, settings.tasks, public_key=keys.verify_key())
    scorer.bundle.text_for(like)
    table.check_schema(tables.predictions, scorer.schema)
    own = None if like is None else scorer.bundle.settings.corpora[like]
    place = _dated(settings.input if source is None else source, day)
    inputs = Inputs(place) if own is None else Inputs(place, own.id, own.text_column)
    seen = NightRows(gates.score)
    cut = shards.cut(inputs, settings.rows_per_shard, seen.add)
    shards.write(folder, cut)
    steps.reached(steps.CUT)
    warnings = _judge(seen, inputs, scorer, like, folder, gates, settings.rows_per_batch, accept_drift)
    steps.reached(steps.JUDGED)
    tasks, code = [t.name for t in scorer.tasks], code_revision()
    scored_by = {
        "bundle": scorer.bundle.id,
        "code": code,
        "like": like,
        "tasks": tasks,
        "rows_per_batch": settings.rows_per_batch,
    }
    night = Night(
        date=day.isoformat(),
        revision=revision + 1,
        input_sha256=cut.sha256,
        bundle=scorer.bundle.id,
        code=code,
        dvc_lock=lock_hash(),
        flow_run=str(flow_run.id or ""),
        rows_in=0,
        predictions=0,
        rejected=0,
        reasons={},
        tasks=tasks,
        like=like,
        accepted_drift=accept_drift,
        warnings=warnings,
        broken=[],
    )
    with tqdm(total=cut.rows, unit=" documents", disable=not sys.stderr.isatty()) as bar:
        made = score_night(
            night,
            tables,
            _where(scorer, bundle, like, settings),
            inputs,
            Staging(folder / SHARDS, scorer.schema, scored_by),
            cut,
            bar.update,
        )
    return _finish(folder, made, SCORED)


def _where(scorer: Scorer, bundle: Path, like: str | None, settings: ScoreSettings) -> ScoreFrames:
    """What scores shards: this process, or a cluster's workers."""
    if settings.ray.address is None:
        return score_here(scorer, like, settings)
    return partial(cluster.score_on_ray, cluster.Model.read(bundle, keys.verify_key(), like, settings))


def _dated(source: Source, day: date) -> Source:
    if isinstance(source, str | Path):
        return type(source)(str(source).replace(PLACEHOLDER, day.isoformat()))
    return source


def _judge(
    seen: NightRows,
    inputs: Inputs,
    scorer: Scorer,
    like: str | None,
    folder: Path,
    gates: GateSettings,
    rows: int,
    accept_drift: bool,
) -> list[str]:
    """Asks the gate; returns what it warns of."""
    # Imported here: it brings Great Expectations, which nothing else in this process needs.
    from flows.gates.night import REFUSED, judge_night

    judged = judge_night(seen, inputs, scorer, like, folder, gates, rows, accept_drift)
    if not judged.verdict.passed:
        failures = "".join(f"\n{finding}" for finding in judged.verdict.failures)
        columns = ", ".join(dict.fromkeys(str(finding.column) for finding in judged.verdict.failures))
        raise NightRefused(
            f"the gate stops these documents ({columns}); nothing was scored ({folder / REFUSED}){failures}"
        )
    (folder / REFUSED).unlink(missing_ok=True)
    write_json(folder / VERDICT, judged.as_dict())
    return [f"{finding.column}: {finding.observed}" for finding in judged.verdict.warnings]


def _finish(folder: Path, night: Night, state: str) -> dict[str, Any]:
    """What follows the commit, and may be done again: the end of the shards, the page, and last the summary, which says that
    nothing is left to do. A night that was finished before is left alone: the shards may be those of a new revision."""
    summary, page = asdict(night), night_page.path(night.date)
    if not (page.is_file() and (folder / SUMMARY).is_file() and read_json(folder / SUMMARY) == summary):
        Staging.clear(folder / SHARDS)
        verdict = read_json(folder / VERDICT) if (folder / VERDICT).is_file() else None
        night_page.write(night, verdict)
        steps.reached(steps.PAGE_WRITTEN)
        write_json(folder / SUMMARY, summary)
        steps.reached(steps.SUMMARY_WRITTEN)
    return summary | {"state": state}


@flow(name="score", validate_parameters=False)
def score_flow(
    day: date,
    source: str | None = None,
    bundle: str | None = None,
    like: str | None = None,
    accept_drift: bool = False,
    rescore: bool = False,
) -> dict[str, Any]:
    """`score` with the settings of params.yaml, as a Prefect flow."""
    return score(day, source, Path(bundle) if bundle else None, like, *load_settings(), accept_drift, rescore)


def load_settings() -> tuple[ScoreSettings, GateSettings]:
    """The settings of this folder's params.yaml; the defaults where there is none."""
    if not PARAMS.is_file():
        return ScoreSettings(), GateSettings()
    settings = ScoringSettings.load()
    return settings.score, settings.gates


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m flows.score", description="Scores a night's documents, exactly once."
    )
    parser.add_argument("--date", required=True, metavar="YYYY-MM-DD", help="the night")
    parser.add_argument(
        "--input",
        help="file, folder or s3://bucket/prefix: Parquet, JSONL, CSV or TSV with doc_id and text, or .txt; {date} in it is "
        "the night's; default: score.input of params.yaml",
    )
    parser.add_argument("--bundle", help="folder of a bundle; default: the champion's")
    parser.add_argument(
        "--like", metavar="CORPUS", help="read the documents with this corpus's columns and text settings"
    )
    parser.add_argument(
        "--accept-drift",
        action="store_true",
        help="score documents too that are far from those of training; summary.json says so",
    )
    parser.add_argument(
        "--rescore", action="store_true", help="score a night that is there again, and replace it"
    )
    given = parser.parse_args(arguments)
    start = time.perf_counter()
    try:
        day = parse_date(given.date)
        server.start_temporary()
        summary = score_flow(day, given.input, given.bundle, given.like, given.accept_drift, given.rescore)
    except (ValueError, OSError, ModelBroken) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for warning in summary["warnings"]:
        print(f"warning: {warning}", file=sys.stderr)
    for line in summary["broken"]:
        print(f"warning: rejected, the model fails: {line}", file=sys.stderr)
    reasons = "".join(f", {reason} {n}" for reason, n in summary["reasons"].items())
    counts = f"{summary['predictions']:,} of {summary['rows_in']:,} documents; {summary['rejected']:,} rejected{reasons}"
    night = f"night {summary['date']}, revision {summary['revision']}: "
    if summary["state"] == SKIPPED:
        print(f"{night}scored before (--rescore replaces it): {counts}")
    else:
        print(
            f"{night}scored {counts}; {time.perf_counter() - start:.1f} s; {night_page.path(summary['date'])}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
