"""The verdict on models/candidate, made of what a run left: metrics, predictions, raw documents, and the champion's bundle.

The champion is read as it is at this moment. It is no dependency in dvc.yaml, where a file that may be missing cannot stand;
promotion.py judges again where the champion has changed since. Its predictions are kept in data/champion.
"""

import hashlib
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

import mgm
from flows.champion import CHAMPION, bundle_folder, read_champion
from flows.project import CANDIDATE, DATA, REPORTS
from mgm.bundle.bundle import bundle_id
from mgm.corpus.parts import read_manifest
from mgm.corpus.processes import run_in_subprocess
from mgm.evaluation.champion_comparison import champion_checks
from mgm.evaluation.run_files import Sources
from mgm.evaluation.summary import SPLIT
from mgm.evaluation.verdict import Check, floor_checks, judge, smoke_checks
from mgm.files import read_json
from mgm.scoring.held_out import read_held_out_ids, read_raw_documents, sample_evenly, score_documents
from mgm.scoring.scorer import Scorer
from mgm.scoring.smoke import SmokeResult, run_smoke_test
from mgm.settings.views.promotion import PromotionSettings

VERDICT = REPORTS / "promotion.json"
PREDICTED = DATA / "champion"


def judge_candidate(settings: PromotionSettings, root: Path = Path()) -> dict[str, Any]:
    """The content of reports/promotion.json; see `verdict.judge`.

    Raises:
        FileNotFoundError: there is no candidate, or it was not evaluated.
        ValueError: a file of the run is not what it should be, or resamples are off and there is a champion.
    """
    identity = bundle_id(root / CANDIDATE)
    now = read_champion(root)
    against = None if now is None else now.bundle
    if against is not None and settings.evaluate.bootstrap < 1:
        raise ValueError(
            f"params.yaml: evaluate.bootstrap: found {settings.evaluate.bootstrap}, expected at least 1: without "
            f"resamples no difference to the champion ({root / CHAMPION}) can be shown"
        )
    metrics = root / REPORTS / "metrics.json"
    if not metrics.is_file():
        raise FileNotFoundError(f"{metrics}: the candidate was not evaluated; run `dvc repro`")
    checks = floor_checks(
        read_json(metrics), settings.verdict.floors, [task.name for task in settings.active_tasks()]
    )
    measured = asdict(_smoke(settings, root))
    checks += smoke_checks(measured, settings.verdict)
    if against is None:
        checks.append(Check("champion", True, "there is no champion to compare with"))
    elif against == identity:
        checks.append(Check("champion", True, "the candidate is the champion"))
    else:
        checks += _against(against, settings, root)
    return judge(identity, against, checks, measured)


def _held_out(settings: PromotionSettings, root: Path) -> dict[str, pl.Series]:
    """Of each corpus that has tasks, the ids of the documents that were tested."""
    corpora = [c for c in settings.enabled if any(c in task.corpora for task in settings.active_tasks())]
    return {corpus: read_held_out_ids(root / DATA / "predictions" / corpus, SPLIT) for corpus in corpora}


def _smoke(settings: PromotionSettings, root: Path) -> SmokeResult:
    samples = {}
    for corpus, ids in _held_out(settings, root).items():
        few = sample_evenly(ids, settings.verdict.smoke_documents)
        found = list(read_raw_documents(root / DATA / "documents" / corpus, few))
        if found:
            samples[corpus] = pl.concat(found)
    try:
        return run_in_subprocess(
            partial(run_smoke_test, tasks=settings.active_tasks(), repeats=settings.verdict.smoke_repeats),
            root / CANDIDATE,
            samples,
        )
    except ChildProcessError as error:
        documents = sum(frame.height for frame in samples.values())
        return SmokeResult(documents=documents, problems=[f"the bundle cannot score: {error}"])


def _against(against: str, settings: PromotionSettings, root: Path) -> list[Check]:
    try:
        scorer = Scorer.load(bundle_folder(against, root))
    except (ValueError, FileNotFoundError) as error:
        why = (
            f"the champion {against[:12]} cannot be loaded, so nothing can be compared with it: {error} "
            f"(`dvc pull` fetches what DVC has of the store; `mgm rollback` goes back to the champion before; "
            f"without {CHAMPION} the floors alone decide)"
        )
        return [Check("champion", False, why)]
    # texts are not compared: to write them takes long
    tasks = [task for task in settings.active_tasks() if not task.spec.generates_text]
    scorer = Scorer(
        scorer.bundle, tasks=[task.name for task in scorer.bundle.tasks if not task.spec.generates_text]
    )
    sources = Sources(root, settings)
    rows: dict[str, pl.DataFrame] = {}
    for task in tasks:
        found = sources.predictions(task, SPLIT)
        if found is None:
            raise FileNotFoundError(f"{', '.join(sources.missing)}: no predictions; run `dvc repro`")
        rows[task.name] = found
    theirs = pl.concat(
        [
            _champion_predictions(scorer, corpus, ids, root).with_columns(corpus=pl.lit(corpus))
            for corpus, ids in _held_out(settings, root).items()
        ]
    )
    return champion_checks(
        rows,
        theirs,
        tasks,
        scorer.tasks,
        read_json(root / DATA / "predictions" / "labels.json"),
        scorer.bundle.labels,
        settings.evaluate.bootstrap,
        settings.seed,
        settings.verdict.noninferiority_margin,
    )


def _champion_predictions(scorer: Scorer, corpus: str, ids: pl.Series, root: Path) -> pl.DataFrame:
    """From data/champion where the same bundle, documents and code have made them, else made and kept there."""
    documents = root / DATA / "documents" / corpus
    path = root / PREDICTED / corpus / f"{_key(scorer.bundle.id, documents, ids)}.parquet"
    if not path.is_file():
        found = score_documents(scorer, read_raw_documents(documents, ids), corpus)
        path.parent.mkdir(parents=True, exist_ok=True)
        for stale in path.parent.iterdir():
            stale.unlink()
        partial = path.with_suffix(".partial")
        found.write_parquet(partial)
        partial.replace(path)
    return pl.read_parquet(path)


def _key(bundle: str, documents: Path, ids: pl.Series) -> str:
    """The hash of all that the predictions follow from. DVC does not watch this folder, so code counts too."""
    digest = hashlib.sha256(bundle.encode())
    for value in [*(part.sha256 for part in read_manifest(documents).parts), *ids]:
        digest.update(f"\n{value}".encode())
    for file in sorted(Path(str(mgm.__file__)).parent.rglob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:32]
