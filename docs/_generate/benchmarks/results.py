"""Results of benchmarks (benchmarks/results), with the names of what they measure and the line on their origin."""

import json
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parents[3] / "benchmarks" / "results"
MODELS = {
    "linear": "linear",
    "fasttext": "fastText",
    "crf": "CRF",
    "e5": "e5-small, frozen",
    "minilm": "MiniLM, a task each",
    "minilm-joint": "MiniLM, all tasks",
    "mgm-fast": "mgm `fast`",
    "mgm-full": "mgm `full`",
}
METRICS = {
    "accuracy": "accuracy",
    "accuracy_known": "accuracy of classes that training has",
    "accuracy_en": "accuracy, English",
    "accuracy_zh": "accuracy, Chinese",
    "micro_f1": "micro-F1",
    "macro_f1": "macro-F1",
    "span_f1": "span F1",
    "pearson": "Pearson",
}
FIRST_METRICS = ("accuracy", "micro_f1", "span_f1", "pearson")
PRETRAINED = ("e5", "minilm", "minilm-joint")


def load_result(name: str) -> dict[str, Any]:
    """Return the content of a results file."""
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


def has_result(name: str) -> bool:
    """Return whether a results file is there."""
    return (RESULTS / f"{name}.json").is_file()


def origin(result: dict[str, Any]) -> str:
    """Return the hardware, the versions and the revision of a measurement, in one line."""
    machine = result.get("machine", result)
    where = f"{machine['date']}, {machine['cpu']}, {machine['cores']} cores"
    versions = ", ".join(f"{name} {version}" for name, version in result.get("versions", {}).items())
    revision = result.get("revision", "")
    commit = f"revision {revision[:10]}{revision[40:]}" if revision else ""
    return f"<small>{'; '.join(part for part in (where, versions, commit) if part)}.</small>\n"
