"""The report's section about provenance: what the run was made of."""

from dataclasses import dataclass
from typing import Any

import yaml

from mgm.corpus.parts import MANIFEST
from mgm.evaluation.run_files import Sources
from mgm.settings.settings import PARAMS

HASHED = ((str(PARAMS),), ("dvc.lock",), ("models", "candidate", "manifest.json"))


@dataclass(frozen=True)
class Input:
    """A corpus's raw rows: their place, rows read, the MD5 that dvc.lock has of them, and the SHA-256 of the manifest of the
    documents made of them; None where the file that says it is missing."""

    corpus: str
    place: str
    rows: int | None
    md5: str | None
    documents: str | None


@dataclass(frozen=True)
class Provenance:
    """facts: (name, value); params: params.yaml as it stands, None where it is missing."""

    facts: list[tuple[str, str]]
    inputs: list[Input]
    params: str | None


def provenance_page(sources: Sources, facts: dict[str, str]) -> Provenance:
    """`facts`: what no file says (revision, time, versions and hardware of the report)."""
    promotion = sources.json("reports", "promotion.json", expected=False) or {}
    training = sources.json("reports", "training.json", expected=False) or {}
    made = {
        "bundle": promotion.get("bundle", "missing"),
        **facts,
        "trained on": _words(training.get("hardware")),
        "trained with": _words(training.get("versions")),
        "seed": f"{sources.settings.seed}, of training, of every resample and of the study",
        **{f"SHA-256 of {'/'.join(file)}": sources.hash_of(*file) or "missing" for file in HASHED},
    }
    md5 = _locked(sources)
    inputs = [
        Input(
            corpus,
            place,
            (sources.json("reports", "stages", "ingest", f"{corpus}.json", expected=False) or {}).get(
                "rows_in"
            ),
            md5.get(f"ingest@{corpus}", {}).get(place),
            sources.hash_of("data", "documents", corpus, MANIFEST),
        )
        for corpus, place in sources.settings.enabled.items()
    ]
    params = sources.root / PARAMS
    text = params.read_text(encoding="utf-8") if params.is_file() else None
    return Provenance(list(made.items()), inputs, text)


def _words(values: dict[str, Any] | None) -> str:
    return ", ".join(f"{name} {value}" for name, value in (values or {}).items()) or "missing"


def _locked(sources: Sources) -> dict[str, dict[str, str]]:
    """Stage to path to hash of what dvc.lock says that each stage read."""
    path = sources.root / "dvc.lock"
    if not path.is_file():
        return {}
    stages = (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).get("stages", {})
    return {
        name: {dep["path"]: str(dep.get("md5", "")) for dep in stage.get("deps", [])}
        for name, stage in stages.items()
    }
