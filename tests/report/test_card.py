"""The model card repeats the numbers of the run's files."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from mgm.evaluation.run_files import RunFiles
from mgm.report.card import render_card
from mgm.report.page import render

MANIFEST = '{"format": 3, "files": {}}'


def write(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")


@pytest.fixture
def run(finished_run: RunFiles) -> RunFiles:
    """The finished run with a candidate, and two slices of a task."""
    root = finished_run.root
    (root / "models" / "candidate").mkdir(parents=True, exist_ok=True)
    (root / "models" / "candidate" / "manifest.json").write_text(MANIFEST, encoding="utf-8")
    rows = {"train": 1234, "valid": 56, "test": 78}
    profile = {"corpora": {"pages": {"rows": rows, "languages": {"counts": {"en": 800, "zh": 434}}}}}
    write(root / "models" / "candidate" / "profile.json", profile)
    cut = {
        "by": "language",
        "name": "zh",
        "metric": "accuracy",
        "value": 0.4,
        "low": 0.3,
        "high": 0.5,
        "n": 40,
    }
    even = cut | {"name": "en", "below": False}
    labels = [
        {"label": "a|b*", "f1": 0.1, "support": 9},
        {"label": "calc", "f1": 0.9, "support": 50},
        {"label": "few", "f1": 0.0, "support": 1},
    ]
    state = {"ece": 0.123}
    content = {
        "slices": [cut | {"below": True}, even],
        "labels": labels,
        "calibration": {"before": state, "after": {"ece": 0.045}, "temperature": 1.5, "applied": True},
    }
    for path in (root / "reports" / "evaluation").glob("*.json"):
        path.unlink()
    write(root / "reports" / "evaluation" / "module.json", content)
    return finished_run


def line(card: str, start: str) -> str:
    return next(one for one in card.splitlines() if one.startswith(start))


def test_layout_and_bundle(run: RunFiles) -> None:
    card = render_card(run, {"git revision": "c0ffee"})
    heads = [one[3:] for one in card.splitlines() if one.startswith("## ")]
    assert heads == [
        "Model details", "Intended use", "Factors", "Metrics", "Evaluation data", "Training data", "Quantitative analyses",
        "Ethical considerations", "Caveats and recommendations", "Provenance",
    ]  # fmt: skip
    assert hashlib.sha256(MANIFEST.encode()).hexdigest() in card
    assert "from revision c0ffee" in card


def test_numbers_are_those_of_the_files(run: RunFiles) -> None:
    card = render_card(run, {})
    metrics = json.loads((run.root / "reports" / "metrics.json").read_text(encoding="utf-8"))
    for name, first in (("module", "macro_f1"), ("themes", "micro_f1"), ("valence", "pearson")):
        e = metrics[name]
        assert (
            f"| {name} | {first.replace('_', ' ')} | {e[first]:.3f} [{e['low']:.3f}, {e['high']:.3f}] | "
            f"majority {e['baseline']:.3f} | – | – | {e['n']} |" in card
        )
    assert "| pages | 1,234 / 56 / 78 | en 800, zh 434 |" in card
    assert "| poems | – / – / – | – |" in card
    assert "| module | classification | pages | 3 |" in card
    assert "| valence | regression | poems | a number |" in card
    assert "1,000 parameters (wide 900, word 100)" in card
    assert "p50 4.2 ms, p95 9.5 ms for a document alone; 789 documents/s in a batch; at most 321 MiB" in card


def test_limits_are_named(run: RunFiles) -> None:
    card = render_card(run, {})
    assert "- module: language zh, accuracy 0.400 [0.300, 0.500], n 40" in card
    assert "language en" not in card
    assert "- themes: not measured" in card
    assert line(card, "- Weakest labels of module") == (
        "- Weakest labels of module (F1): a\\|b\\* 0.100 (n 9), calc 0.900 (n 50)"
    )
    assert "expected error 0.123, 0.045 with temperature 1.500 (applied if score.calibrate is true)" in card
    assert "valence: the words that explain its answers were worse than random when deleted" in card
    unseen = json.loads((run.root / "reports" / "metrics.json").read_text(encoding="utf-8"))["module"][
        "unseen_labels"
    ]
    assert unseen > 0
    assert f"module: {unseen} labels of the test split were never seen in training" in card


def test_task_no_better_than_the_majority(run: RunFiles) -> None:
    path = run.root / "reports" / "metrics.json"
    metrics = json.loads(path.read_text(encoding="utf-8"))
    metrics["themes"]["baseline"] = metrics["themes"]["low"]
    path.write_text(json.dumps(metrics), encoding="utf-8")
    card = render_card(run, {})
    assert "- themes is not shown to be better than the majority." in card
    assert "- valence is not shown" not in card


def test_task_no_better_than_ngrams_alone(run: RunFiles) -> None:
    path = run.root / "reports" / "metrics.json"
    metrics = json.loads(path.read_text(encoding="utf-8"))
    interval = {"value": 0.25, "difference": 0.0625, "low": -0.125, "high": 0.25}
    metrics["themes"]["linear"] = interval | {"shown": "no difference shown"}
    metrics["module"]["linear"] = interval | {"shown": "better"}
    path.write_text(json.dumps(metrics), encoding="utf-8")
    card = render_card(run, {})
    assert "| 0.250 | +0.062 [-0.125, +0.250] |" in line(card, "| themes | micro f1")
    assert "- themes is not shown to be better than a linear model on n-grams alone" in card
    assert "- module is not shown" not in card


def test_missing_measures_and_missing_candidate(run: RunFiles) -> None:
    for name in ("metrics.json", "cost.json", "training.json"):
        (run.root / "reports" / name).unlink()
    card = render_card(run, {})
    assert "| module | macro f1 | not measured | – | – |" in card
    assert "size not measured" in card
    (run.root / "models" / "candidate" / "manifest.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"models/candidate/manifest\.json: missing"):
        render_card(run, {})


@pytest.mark.parametrize(
    ("measured", "expected"),
    [
        (["train", "valid"], "test metrics are of this fit, thresholds, calibration and explanations of the"),
        (["train"], "every number is of the fit before it, on train alone"),
    ],
    ids=["valid", "all"],
)
def test_card_and_page_say_which_fit_the_numbers_are_of(
    finished_run: RunFiles, measured: list[str], expected: str
) -> None:
    root = finished_run.root
    (root / "models" / "candidate").mkdir(parents=True, exist_ok=True)
    (root / "models" / "candidate" / "manifest.json").write_text(MANIFEST, encoding="utf-8")
    path = root / "reports" / "metrics.json"
    metrics = json.loads(path.read_text(encoding="utf-8"))
    splits = ["train", "valid"] if len(measured) > 1 else ["train", "valid", "test"]
    for entry in metrics.values():
        entry["fits"] = {"bundle": splits, "measured": measured}
    write(path, metrics)
    path = root / "reports" / "training.json"
    refit = {"splits": splits, "first_fit": "abc", "rows": 1500, "epochs": 4, "seconds": 12.0}
    write(path, json.loads(path.read_text(encoding="utf-8")) | {"refit": refit})
    card = render_card(finished_run, {})
    assert expected in card and expected in render(finished_run, {})
    assert f"- Fitted again on {', '.join(splits)}: 1,500 documents, 4 epochs, in 12 s; first fit" in card
    assert "no part of it was trained or tuned on in the fit that was measured" in card
