"""The verdict on models/candidate, from the files of a run: metrics, predictions, raw documents, and the champion's bundle.

The champion is read as it is at this moment. It is no dependency in dvc.yaml, where a file that may be missing cannot stand;
promotion.py judges again where the champion has changed since. Its predictions are kept in data/champion.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

import mgm
from flows import keys
from flows.champion import CHAMPION, checked_out, read_champion
from flows.corrections import compare_corrections
from flows.project import CANDIDATE, DATA, DOCUMENTS, METRICS, PREDICTIONS
from mgm.bundle.format import bundle_id
from mgm.compute.processes import run_in_subprocess
from mgm.corpus.parts import read_manifest
from mgm.errors import MissingInput
from mgm.evaluation.champion_comparison import ModelPredictions, champion_checks
from mgm.evaluation.run_files import RunFiles
from mgm.evaluation.summary import SPLIT, fits_note
from mgm.evaluation.verdict import Check, floor_checks, judge, smoke_checks
from mgm.files import read_json, replacing
from mgm.scoring.held_out import read_held_out_ids, read_raw_documents, sample_evenly, score_documents
from mgm.scoring.scorer import Scorer
from mgm.scoring.smoke import SmokeResult, run_smoke_test
from mgm.settings.views.promotion import PromotionSettings
from mgm.tasks import Task, with_label_spaces

CHAMPION_PREDICTIONS = DATA / "champion"


def judge_candidate(settings: PromotionSettings, root: Path = Path()) -> dict[str, Any]:
    """Return the content of reports/promotion.json; see `verdict.judge`.

    Raises:
        FileNotFoundError: there is no candidate, or it was not evaluated.
        ValueError: a file of the run is not what it should be, or resamples are off and there is a champion.
    """
    candidate = bundle_id(root / CANDIDATE)
    pointer = read_champion(root)
    before = None if pointer is None else pointer.bundle
    if before is not None and settings.evaluate.bootstrap < 1:
        raise ValueError(
            f"params.yaml: evaluate.bootstrap: found {settings.evaluate.bootstrap}, expected at least 1: without "
            f"resamples no difference to the champion ({root / CHAMPION}) can be shown"
        )
    metrics = root / METRICS
    if not metrics.is_file():
        raise MissingInput(metrics, "the candidate was not evaluated", made_by="evaluate")
    active = [task.name for task in settings.active_tasks()]
    content = read_json(metrics)
    checks = floor_checks(content, floors=settings.verdict.floors, active=active)
    held_out = _held_out(settings, root)
    measured = asdict(_score_smoke_batch(held_out, settings, root=root))
    checks += smoke_checks(measured, settings.verdict)
    if before is None:
        checks.append(Check(check="champion", passed=True, why="there is no champion to compare with"))
    elif before == candidate:
        checks.append(Check(check="champion", passed=True, why="the candidate is the champion"))
    else:
        checks += _champion_checks(before, held_out, settings=settings, root=root)
    verdict = judge(candidate, before, checks=checks, measured=measured, fits=fits_note(content))
    corrections = compare_corrections(settings.enabled, champion=before, root=root)
    return verdict if corrections is None else verdict | {"corrections": corrections}


def _held_out(settings: PromotionSettings, root: Path) -> dict[str, pl.Series]:
    """Return the ids of the tested documents of each corpus that has tasks."""
    corpora = [c for c in settings.enabled if any(c in task.corpora for task in settings.active_tasks())]
    return {corpus: read_held_out_ids(root / PREDICTIONS / corpus, SPLIT) for corpus in corpora}


def _score_smoke_batch(
    held_out: Mapping[str, pl.Series], settings: PromotionSettings, *, root: Path
) -> SmokeResult:
    samples = {}
    for corpus, ids in held_out.items():
        chosen = sample_evenly(ids, settings.verdict.smoke_documents)
        documents = list(read_raw_documents(root / DOCUMENTS / corpus, chosen))
        if documents:
            samples[corpus] = pl.concat(documents)
    try:
        return run_in_subprocess(
            partial(run_smoke_test, tasks=settings.active_tasks(), repeats=settings.verdict.smoke_repeats),
            root / CANDIDATE,
            samples,
        )
    except ChildProcessError as error:
        num_documents = sum(frame.height for frame in samples.values())
        return SmokeResult(documents=num_documents, problems=[f"the bundle cannot score: {error}"])


def _champion_checks(
    bundle: str, held_out: Mapping[str, pl.Series], *, settings: PromotionSettings, root: Path
) -> list[Check]:
    """Compare the candidate with the champion; generated texts are left out, since generating them takes long."""
    try:
        scorer = _load_unseen(bundle, root)
    except (ValueError, FileNotFoundError) as error:
        why = (
            f"the champion {bundle[:12]} cannot be loaded, so nothing can be compared with it: {error} "
            f"(`dvc pull` fetches what DVC has of the store; `mgm rollback` goes back to the champion before; "
            f"without {CHAMPION} the floors alone decide)"
        )
        return [Check(check="champion", passed=False, why=why)]
    names = [task.name for task in scorer.bundle.tasks if not task.spec.generates_text]
    scorer = Scorer(scorer.bundle, tasks=names)
    predictions = pl.concat(
        [
            _champion_predictions(scorer, corpus, ids=ids, root=root).with_columns(corpus=pl.lit(corpus))
            for corpus, ids in held_out.items()
        ]
    )
    labels = read_json(root / PREDICTIONS / "labels.json")
    tasks = [task for task in settings.active_tasks() if not task.spec.generates_text]
    return champion_checks(
        ModelPredictions(
            tasks=with_label_spaces(tasks, labels), tables=_candidate_predictions(tasks, settings, root=root)
        ),
        ModelPredictions(tasks=scorer.tasks, tables=dict.fromkeys(names, predictions)),
        resamples=settings.evaluate.bootstrap,
        seed=settings.seed,
        margin=settings.verdict.noninferiority_margin,
    )


def _load_unseen(bundle: str, root: Path) -> Scorer:
    """Load a champion or, where it was fitted on the test split, its first fit, which `mgm promote` stored beside it.

    A model that has learned the test documents would beat every candidate on them.
    """
    scorer = Scorer.load(checked_out(bundle, root), encryption_key=keys.encryption_key())
    refit = scorer.bundle.refit
    if refit is None or not scorer.bundle.has_seen(SPLIT):
        return scorer
    return Scorer.load(checked_out(refit.first_fit, root), encryption_key=keys.encryption_key())


def _candidate_predictions(
    tasks: list[Task], settings: PromotionSettings, *, root: Path
) -> dict[str, pl.DataFrame]:
    run_files = RunFiles(root, settings)
    tables = {}
    for task in tasks:
        table = run_files.predictions(task, SPLIT)
        if table is None:
            raise MissingInput(", ".join(run_files.missing), "no predictions", made_by="evaluate")
        tables[task.name] = table
    return tables


def _champion_predictions(scorer: Scorer, corpus: str, *, ids: pl.Series, root: Path) -> pl.DataFrame:
    """Return the champion's predictions: those kept in data/champion where the same bundle, documents and code made them."""
    documents = root / DOCUMENTS / corpus
    path = root / CHAMPION_PREDICTIONS / corpus / f"{_key(scorer.bundle.id, documents, ids=ids)}.parquet"
    if not path.is_file():
        predictions = score_documents(scorer, read_raw_documents(documents, ids), corpus=corpus)
        path.parent.mkdir(parents=True, exist_ok=True)
        for stale in path.parent.iterdir():
            stale.unlink()
        with replacing(path) as temporary:
            predictions.write_parquet(temporary)
    return pl.read_parquet(path)


def _key(bundle: str, documents: Path, *, ids: pl.Series) -> str:
    """Return a hash of all that the predictions follow from. DVC does not watch this folder, so code counts too."""
    digest = hashlib.sha256(bundle.encode())
    for value in [*(part.sha256 for part in read_manifest(documents).parts), *ids]:
        digest.update(f"\n{value}".encode())
    for file in sorted(Path(str(mgm.__file__)).parent.rglob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:32]
