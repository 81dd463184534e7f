"""What the stage `explain` leaves of the finished run of tests/finished_run.py, in its shape, with planted numbers."""

import json
from pathlib import Path
from typing import Any

MASKS = {
    "character": {"change": -0.2, "low": -0.25, "high": -0.15, "shown": "worse"},
    "window_2": {"change": 0.01, "low": -0.02, "high": 0.04, "shown": "no difference shown"},
}
GATES = {"character": 0.75, "window_2": 0.25}


def write_explanations(root: Path) -> None:
    """data/explanations and reports/cost.json."""
    tasks = {"module": "macro_f1", "themes": "micro_f1", "valence": "pearson"}
    masking: dict[str, Any] = {
        name: {"metric": metric, "value": 0.5, "n": 90, "masks": MASKS} for name, metric in tasks.items()
    }
    words = {"character and word": {"change": -0.4, "low": None, "high": None, "shown": "no interval"}}
    masking["ui_terms"] = {"metric": "span_f1", "value": 0.25, "n": 90, "masks": words}
    exact = {
        "explained": 12,
        "median": 0.01,
        "worst": 0.061,
        "within": 11,
        "tolerance": 0.02,
        "most_steps": 32,
    }
    deleted = {
        "n": 10, "top": 0.4, "random": 0.1, "difference": 0.3, "low": 0.2, "high": 0.4, "shown": "faithful",
        "shares": [0.1, 0.5], "documents": 90, "max_words": 250, "explainable": 80, "completeness": exact,
    }  # fmt: skip
    unfaithful = deleted | {"top": 0.1, "random": 0.2, "difference": -0.1, "low": -0.2, "high": -0.05}
    doubt = {
        "corpus": "pages",
        "lang": "en",
        "split": "test",
        "label": "calc",
        "suggested": "<b>draw",
        "probability": 0.97,
    }
    suspected = {"searched": 110, "suspected": 7, "examples": [doubt | {"doc_id": "pages/001"}]}
    found = {
        "masking": masking,
        "gates": {"fusion": "gated", "weights": {"module": GATES}},
        "faithfulness": dict.fromkeys(masking, deleted)
        | {"valence": unfaithful | {"shown": "worse than random"}},
        "label_errors": {
            "module": suspected,
            "themes": {"searched": 0, "suspected": 0, "examples": []},
            "ui_terms": {"searched": None, "why": "spans are no fixed items"},
            "valence": {"searched": None, "why": "it needs classes"},
        },
        "examples": {"module": [_example()], "ui_terms": [_span()]},
    }
    for name, content in found.items():
        _write(root / "data" / "explanations" / f"{name}.json", content)
    cost = {
        "parameters": {"wide": 900, "word": 100}, "bundle_bytes": 3 * 2**20, "documents": 12, "characters": 3456,
        "one_p50_ms": 4.25, "one_p95_ms": 9.5, "batch_documents_per_second": 789.0,
        "batch_characters_per_second": 12345.0, "peak_mib": 321.0, "threads": 2,
    }  # fmt: skip
    _write(root / "reports" / "cost.json", cost)


def _example() -> dict[str, Any]:
    return {
        "corpus": "pages", "doc_id": "pages/002", "lang": "en", "predicted": "calc", "true": "draw", "right": False,
        "start": None, "end": None, "score": 0.91, "target": "calc rather than draw", "deep": 1.5, "wide": -0.25,
        "error": 0.061, "steps": 32,
        "sentences": [
            {"weight": 0.875, "pieces": [["Sum", 4, False], [" the ", 0, False], ["<td>", -3, False], [". ", 0, False]]},
            {"weight": 0.125, "pieces": [["Then stop.", 0, False]]},
        ],
    }  # fmt: skip


def _span() -> dict[str, Any]:
    return _example() | {
        "doc_id": "pages/003", "lang": "zh", "predicted": "menuitem at 0–2", "true": "this very span", "right": True,
        "start": 0, "end": 2, "target": "menuitem rather than outside any span", "wide": None, "error": 0.001,
        "sentences": [{"weight": None, "pieces": [["選單", 0, True], ["打開", 2, False], ["。", 0, False]]}],
    }  # fmt: skip


def _write(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, ensure_ascii=False, sort_keys=True), encoding="utf-8")
