"""The report's sections about the run itself: verdict, cost, training, gates, out-of-distribution documents, provenance."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from mgm.corpus.parts import MANIFEST
from mgm.evaluation.out_of_distribution import PLACE
from mgm.evaluation.run_files import GATES, RunFiles
from mgm.report.plots import line_plot
from mgm.settings.core import PARAMS
from mgm.settings.yaml_file import load_yaml

PLOTTED = ("epochs", "tasks")
"""Keys of reports/training.json that the plots show."""
HASHED = ((str(PARAMS),), ("dvc.lock",), ("models", "candidate", "manifest.json"))


@dataclass(frozen=True, kw_only=True)
class CostContent:
    """The number of weights, and the time and memory of training and scoring.

    Attributes:
        cost: the content of reports/cost.json.
        parts: the name of each part of the network, its number of weights, and its share of all.
        num_epochs: the number of epochs; 0 where reports/training.json lacks them.
        seconds: the time of training, in seconds; None where reports/training.json lacks it.
        peak_mib: the most memory during training, in MiB; None where reports/training.json lacks it.
    """

    cost: dict[str, Any]
    parts: list[tuple[str, int, float]]
    num_epochs: int
    seconds: float | None
    peak_mib: float | None

    @property
    def num_parameters(self) -> int:
        """The number of weights of all parts."""
        return sum(count for _, count, _ in self.parts)


@dataclass(frozen=True, kw_only=True)
class TrainingContent:
    """A plot for each first part of a series' name, and facts in words."""

    plots: list[Markup]
    facts: list[tuple[str, str]]


@dataclass(frozen=True, kw_only=True)
class Input:
    """A corpus's raw rows: their place, their number, and hashes; None where the file that holds them is missing.

    Attributes:
        md5: the MD5 of the raw file, from dvc.lock.
        documents: the SHA-256 of the manifest of the documents made from it.
    """

    corpus: str
    place: str
    rows: int | None
    md5: str | None
    documents: str | None


@dataclass(frozen=True, kw_only=True)
class ProvenanceContent:
    """The origin of the report.

    Attributes:
        facts: the name and value of each fact.
        params: the text of params.yaml, None where it is missing.
    """

    facts: list[tuple[str, str]]
    inputs: list[Input]
    params: str | None


def read_verdict(run_files: RunFiles) -> dict[str, Any] | None:
    """Read reports/promotion.json; None where there is none."""
    verdict: dict[str, Any] | None = run_files.json("reports", "promotion.json")
    return verdict


def read_out_of_distribution(run_files: RunFiles) -> dict[str, Any] | None:
    """Read how well the reconstruction error separates other documents from those of the test split.

    None where the fusion reconstructs nothing or no other documents were scored.
    """
    content: dict[str, Any] | None = run_files.json(*PLACE, expected=False)
    return content


def read_cost(run_files: RunFiles) -> CostContent | None:
    """Read reports/cost.json and reports/training.json; None without the first."""
    cost = run_files.json("reports", "cost.json")
    if cost is None:
        return None
    training = run_files.json("reports", "training.json", expected=False) or {}
    epochs = [e for e in training.get("epochs", []) if isinstance(e, dict)]
    peaks = [
        e["cost"]["peak_memory_mib"] for e in epochs if e.get("cost", {}).get("peak_memory_mib") is not None
    ]
    total = sum(cost["parameters"].values())
    counts = sorted(cost["parameters"].items(), key=lambda item: (-item[1], item[0]))
    return CostContent(
        cost=cost,
        parts=[(name, count, count / max(total, 1)) for name, count in counts],
        num_epochs=len(epochs),
        seconds=training.get("seconds"),
        peak_mib=max(peaks, default=None),
    )


def read_training(run_files: RunFiles) -> TrainingContent:
    """Read reports/live and reports/training.json."""
    families: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for name, points in run_files.curves().items():
        family, _, rest = name.partition("/")
        families.setdefault(family, {})[rest or family] = points
    facts = run_files.json("reports", "training.json") or {}
    return TrainingContent(
        plots=[line_plot(family.replace("_", " "), lines) for family, lines in sorted(families.items())],
        facts=[(name, _format(value)) for name, value in facts.items() if name not in PLOTTED],
    )


def read_gates(run_files: RunFiles) -> list[dict[str, Any]]:
    """Read the verdict of every gate of the enabled corpora; one that stopped the run lies under gates/failed."""
    gates = [(gate, corpus) for gate in GATES for corpus in run_files.settings.enabled]
    content = []
    for gate, corpus in [*gates, ("features", "")]:
        place = (gate, f"{corpus}.json") if corpus else (f"{gate}.json",)
        failed = run_files.json("reports", "gates", "failed", *place, expected=False)
        verdict = failed or run_files.json("reports", "gates", *place)
        content.append({"gate": gate, "corpus": corpus or "all", "verdict": verdict})
    return content


def read_provenance(run_files: RunFiles, facts: Mapping[str, str]) -> ProvenanceContent:
    """Read the inputs, settings and machine of the run.

    Args:
        facts: name to value of facts that no file holds: revision, time, versions and hardware of the report.
    """
    promotion = run_files.json("reports", "promotion.json", expected=False) or {}
    training = run_files.json("reports", "training.json", expected=False) or {}
    all_facts = {
        "bundle": promotion.get("bundle", "missing"),
        **facts,
        "trained on": _join(training.get("hardware")),
        "trained with": _join(training.get("versions")),
        "seed": f"{run_files.settings.seed}, of training, of every resample and of the study",
        **{f"SHA-256 of {'/'.join(place)}": run_files.hash_of(*place) or "missing" for place in HASHED},
    }
    params = run_files.root / PARAMS
    md5_sums = _read_md5_sums(run_files)
    return ProvenanceContent(
        facts=list(all_facts.items()),
        inputs=[
            _input(run_files, corpus, place=place, md5_sums=md5_sums)
            for corpus, place in run_files.settings.enabled.items()
        ],
        params=params.read_text(encoding="utf-8") if params.is_file() else None,
    )


def _input(
    run_files: RunFiles, corpus: str, *, place: str, md5_sums: Mapping[str, Mapping[str, str]]
) -> Input:
    counts = run_files.json("reports", "stages", "ingest", f"{corpus}.json", expected=False) or {}
    return Input(
        corpus=corpus,
        place=place,
        rows=counts.get("rows_in"),
        md5=md5_sums.get(f"ingest@{corpus}", {}).get(place),
        documents=run_files.hash_of("data", "documents", corpus, MANIFEST),
    )


def _read_md5_sums(run_files: RunFiles) -> dict[str, dict[str, str]]:
    """Return stage to path to hash of each file that dvc.lock lists as read by the stage."""
    path = run_files.root / "dvc.lock"
    if not path.is_file():
        return {}
    stages = (load_yaml(path.read_text(encoding="utf-8")) or {}).get("stages", {})
    return {
        name: {dep["path"]: str(dep.get("md5", "")) for dep in stage.get("deps", [])}
        for name, stage in stages.items()
    }


def _format(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_format(inner)}" for name, inner in value.items())
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _join(values: Mapping[str, Any] | None) -> str:
    return ", ".join(f"{name} {value}" for name, value in (values or {}).items()) or "missing"
