"""A night with a project around it: its champion, gate, settings, page and summary.

Predictions and rejects are rows of two Delta tables (params.yaml, `score`), partitioned by date. Beside the tables: gate.json
and summary.json in the night's folder of `score.staging_dir`, and in reports/nights a page, the night's facts, and the index of all
nights.
"""

import logging
import sys
import time
from dataclasses import asdict
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from prefect.runtime import flow_run
from tqdm import tqdm

from flows import keys, night_page
from flows.champion import champion_folder
from flows.committed_night import read_committed_night
from flows.errors import message
from flows.night_facts import NightFacts, label_columns, profile_labels, write_facts
from flows.night_files import REFUSED, SHARDS, SUMMARY, VERDICT
from flows.nights_index import INDEX, try_write_index
from flows.revision import code_revision, lock_hash
from flows.scoring_options import PLACEHOLDER, ScoringOptions
from mgm.compute.cluster import check_installed
from mgm.corpus.parts import REJECTS
from mgm.corpus.readers import Dialect, Source
from mgm.files import read_json, write_json
from mgm.quality.night_rows import NightRows
from mgm.scoring import cluster, commits, delta, steps
from mgm.scoring.answers import AnswerOptions
from mgm.scoring.cluster import WorkerModel
from mgm.scoring.commits import Night
from mgm.scoring.inputs import Inputs
from mgm.scoring.local import ShardScorer, score_in_process
from mgm.scoring.night import NightPlan, Tables, night_schema, score_night
from mgm.scoring.night_frames import NightReader
from mgm.scoring.protection import Protection
from mgm.scoring.reject_budget import TooManyRejects
from mgm.scoring.scorer import Scorer
from mgm.scoring.shards import cut_shards, write_manifest
from mgm.scoring.staging import Staging, read_predictions
from mgm.settings.compute import ComputeSettings, RaySettings
from mgm.settings.gates import GateSettings
from mgm.settings.scoring import ScoreSettings

SCORED, SKIPPED = "scored", "skipped"
_log = logging.getLogger(__name__)


class NightRefused(ValueError):
    """The gate stops these documents, or too many are rejected. The message has the reasons, its first line a summary."""


def score_date(
    day: date,
    options: ScoringOptions,
    *,
    settings: ScoreSettings | None = None,
    gates: GateSettings | None = None,
    compute: ComputeSettings | None = None,
) -> dict[str, Any]:
    """Judge, score and commit a night.

    Args:
        settings, gates, compute: None: the defaults.

    Returns:
        The night's summary: the commit's metadata and `state`, which is `scored`, or `skipped` where the night was in the table.

    Raises:
        NightRefused: the gate stops the documents, or scoring rejects too many of them.
        FileNotFoundError, ValueError: before anything is scored, for a fault of bundle, input or tables.
        NightConflict: another run has committed the night meanwhile, from other documents or with another bundle.
        ModelBroken: the model fails for too many documents.
        OSError: something cannot be written; the predictions are as they were.
    """
    start = time.monotonic()
    settings, gates = settings or ScoreSettings(), gates or GateSettings()
    ray_settings = (compute or ComputeSettings()).ray
    folder = Path(settings.staging_dir) / day.isoformat()
    table = delta.open_table(settings.table)
    revision = commits.current_revision(table, day)
    if revision and not options.rescore:
        committed = read_committed_night(table, day, settings=settings)
        assert committed is not None, "it has a revision"
        is_new = _finish(folder, committed)
        if is_new or not INDEX.is_file():
            try_write_index(settings, gates.drift)
        return asdict(committed) | {"state": SKIPPED}
    if ray_settings.address is not None:
        check_installed()
    bundle = options.bundle or champion_folder()
    scorer = Scorer.load(
        bundle,
        tasks=settings.tasks,
        options=AnswerOptions(calibrate=settings.calibrate, abstain=settings.abstain),
        public_key=keys.verify_key(),
        encryption_key=keys.encryption_key(),
        allows_missing=True,
    )
    scorer.bundle.text_for(options.as_corpus)
    delta.check_table(settings.table, night_schema(scorer.schema, scorer.answers.calibrated))
    delta.check_table(settings.rejects, REJECTS)
    try:
        plan = _plan(day, options, revision=revision + 1, scorer=scorer, settings=settings, gates=gates)
    except NightRefused:
        try_write_index(settings, gates.drift)
        raise
    shard_scorer = (
        partial(score_in_process, scorer=scorer, as_corpus=options.as_corpus, settings=settings)
        if ray_settings.address is None
        else _cluster_scorer(bundle, ray_settings, as_corpus=options.as_corpus, settings=settings)
    )
    progress: list[int] = []
    with tqdm(total=plan.shards.rows, unit=" documents", disable=not sys.stderr.isatty()) as bar:

        def on_progress(num_documents: int) -> None:
            progress.append(num_documents)
            bar.update(num_documents)

        try:
            night = score_night(plan, shard_scorer, on_progress=on_progress)
        except TooManyRejects as error:
            # imported here as in `_judge`
            from flows.gates.night import refuse_rejects

            refuse_rejects(folder, error, as_corpus=options.as_corpus)
            try_write_index(settings, gates.drift)
            raise NightRefused(f"{error}; the night is not committed ({folder / REFUSED})") from error
    # the first number is that of the shards that an earlier try had scored
    _try_write_facts(
        night, plan, scorer=scorer, seconds=time.monotonic() - start, num_scored=sum(progress[1:])
    )
    _finish(folder, night)
    try_write_index(settings, gates.drift)
    return asdict(night) | {"state": SCORED}


def _plan(
    day: date,
    options: ScoringOptions,
    *,
    revision: int,
    scorer: Scorer,
    settings: ScoreSettings,
    gates: GateSettings,
) -> NightPlan:
    """Cut the documents into shards and judge them."""
    folder = Path(settings.staging_dir) / day.isoformat()
    inputs = _inputs(day, options, scorer=scorer, settings=settings)
    rows = NightRows(gates.score)
    shards = cut_shards(inputs, settings.rows_per_shard, on_frame=rows.add)
    write_manifest(folder, shards)
    steps.reached(steps.CUT)
    reader = NightReader(
        inputs=inputs, scorer=scorer, as_corpus=options.as_corpus, rows_per_batch=settings.rows_per_batch
    )
    warnings = _judge(rows, reader, folder=folder, gates=gates, accept_drift=options.accept_drift)
    steps.reached(steps.JUDGED)
    tasks, code = [task.name for task in scorer.tasks], code_revision()
    scored_by = {
        "bundle": scorer.bundle.id,
        "code": code,
        "like": options.as_corpus,
        "tasks": tasks,
        "rows_per_batch": settings.rows_per_batch,
        "calibrated": scorer.answers.calibrated,
        "least_scores": {task: point.score for task, point in scorer.answers.least.items()},
    }
    night = Night(
        date=day.isoformat(),
        revision=revision,
        input_sha256=shards.sha256,
        bundle=scorer.bundle.id,
        code=code,
        dvc_lock=lock_hash(),
        flow_run=str(flow_run.id or ""),
        tasks=tasks,
        as_corpus=options.as_corpus,
        accepted_drift=options.accept_drift,
        warnings=warnings,
        predicted_by=scorer.predicted_by,
        calibrated=scorer.answers.calibrated,
        abstained={
            task: {"precision": settings.abstain[task], "score": point.score, "answered": 0}
            for task, point in scorer.answers.least.items()
        },
    )
    return NightPlan(
        night=night,
        inputs=inputs,
        shards=shards,
        staging=Staging(
            folder / SHARDS,
            schema=scorer.schema,
            scored_by=scored_by,
            protection=Protection(key=keys.encryption_key(), reject_values=settings.reject_values),
        ),
        tables=Tables(predictions=settings.table, rejects=settings.rejects),
        budget=gates.score,
        num_warned=rows.num_blank if rows.num_blank > gates.score.blank_warn * shards.rows else 0,
    )


def _inputs(day: date, options: ScoringOptions, *, scorer: Scorer, settings: ScoreSettings) -> Inputs:
    source: Source = settings.input if options.source is None else options.source
    if isinstance(source, str | Path):
        source = type(source)(str(source).replace(PLACEHOLDER, day.isoformat()))
    if options.as_corpus is None:
        columns, prefix = settings.format, "score.format."
    else:
        columns, prefix = scorer.bundle.settings.corpora[options.as_corpus], f"corpora.{options.as_corpus}."
    given = options.format.settings
    dialect = options.format.dialect(columns) if given else Dialect.of(columns, prefix)
    return Inputs(source, doc_id=columns.id, text=columns.text_column, dialect=dialect)


def _cluster_scorer(
    bundle: Path, ray_settings: RaySettings, *, as_corpus: str | None, settings: ScoreSettings
) -> ShardScorer:
    """Return the function that has a cluster's workers score shards."""
    model = WorkerModel.read(bundle, public_key=keys.verify_key(), as_corpus=as_corpus, settings=settings)
    return partial(
        cluster.score_on_ray, model=model, ray_settings=ray_settings, encryption_key=keys.encryption_key()
    )


def _judge(
    rows: NightRows, reader: NightReader, *, folder: Path, gates: GateSettings, accept_drift: bool
) -> list[str]:
    """Run the gate, and return its warnings."""
    # imported here, since it brings Great Expectations, which nothing else in this process needs
    from flows.gates.night import judge_night

    judged = judge_night(rows, reader, output=folder, gates=gates, accept_drift=accept_drift)
    if not judged.verdict.passed:
        failures = "".join(f"\n{finding}" for finding in judged.verdict.failures)
        columns = ", ".join(dict.fromkeys(str(finding.column) for finding in judged.verdict.failures))
        raise NightRefused(
            f"the gate stops these documents ({columns}); nothing was scored ({folder / REFUSED}){failures}"
        )
    (folder / REFUSED).unlink(missing_ok=True)
    write_json(folder / VERDICT, judged.as_dict())
    return [f"{finding.column}: {finding.observed}" for finding in judged.verdict.warnings]


def _try_write_facts(
    night: Night, plan: NightPlan, *, scorer: Scorer, seconds: float, num_scored: int
) -> None:
    """Write the facts of a committed night while its shards are there; where that fails, log why: the night is whole without."""
    try:
        frames = read_predictions(
            plan.staging.find_all(plan.shards.shards), columns=label_columns(scorer.tasks)
        )
        write_facts(
            NightFacts(
                date=night.date,
                revision=night.revision,
                seconds=round(seconds, 3),
                num_scored=num_scored,
                labels=profile_labels(scorer.tasks, frames),
            )
        )
    except Exception as error:
        _log.warning(
            "night %s: its time and labels are not recorded, the night is not concerned: %s",
            night.date,
            message(error) or repr(error),
        )


def _finish(folder: Path, night: Night) -> bool:
    """Do the steps after the commit, which may be repeated: remove the shards, write the page, and last the summary.

    A night with its summary is left alone, since the shards may be those of a new revision.

    Returns:
        Whether there was something to do.
    """
    summary, page = asdict(night), night_page.page_path(night.date)
    if page.is_file() and (folder / SUMMARY).is_file() and read_json(folder / SUMMARY) == summary:
        return False
    Staging.remove(folder / SHARDS)
    verdict = read_json(folder / VERDICT) if (folder / VERDICT).is_file() else None
    night_page.write_page(night, verdict)
    steps.reached(steps.PAGE_WRITTEN)
    write_json(folder / SUMMARY, summary)
    steps.reached(steps.SUMMARY_WRITTEN)
    return True
