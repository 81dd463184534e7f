"""Tables and figures of the benchmarks' results: each number says where it is from, and what is missing is told."""

import json
from pathlib import Path
from typing import Any

import pytest

from docs._generate.benchmarks import render, results, with_tables
from docs._generate.benchmarks.linear_memory import COLUMNS
from docs._generate.readme import with_tables as with_readme_tables
from mgm.files import write_json

MACHINE = {"date": "2026-01-02", "cpu": "Abacus", "cores": 2}
MINILM = {"scoring": {"documents": 100, "seconds": 9.0, "cpu_seconds": 2.0}}


def found(accuracy: float, **more: Any) -> dict[str, Any]:
    made_by = {"cpu": "Abacus", "revision": "a" * 40, "date": "2026-01-01"}
    return {"tasks": {"dish": {"accuracy": accuracy}}} | made_by | more


def write(folder: Path, models: dict[str, dict[str, Any]]) -> None:
    """Write results of the task dish on debian, and speeds of scoring."""
    means = {
        model: {"dish": {"accuracy": {"mean": one["tasks"]["dish"]["accuracy"], "sd": None, "values": []}}}
        for model, one in models.items()
    }
    bundle = {
        "classes": {"dish": 3},
        "models": means,
        "results": {model: {"dish": {"1": one}} for model, one in models.items()},
        "machine": MACHINE,
        "versions": {"python": "3"},
    }
    (folder / "quality.json").write_text(json.dumps({"bundles": {"debian": bundle}}), encoding="utf-8")
    speeds = {
        f"{name}, 1 process": {"documents_per_second": speed}
        for name, speed in (("mgm", 9000), ("linear", 6000), ("fasttext", 8000))
    }
    (folder / "scoring.json").write_text(json.dumps({"speeds": speeds} | MACHINE), encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in place of benchmarks/results."""
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    return tmp_path


def test_the_figure_names_what_it_leaves_out(folder: Path) -> None:
    write(folder, {"linear": found(0.7), "mgm-fast": found(0.8)})
    figure = render("accuracy_and_speed")
    assert figure.count("<circle") == 2 and "| mgm `fast` | 0.800 | 9,000 |" in figure
    assert (
        "mgm `full` (quality and speed); fastText (quality); MiniLM, a task each (quality and speed)"
        in figure
    )


def test_minilms_speed_is_of_its_own_run(folder: Path) -> None:
    write(folder, {"mgm-fast": found(0.8), "minilm": found(0.9, **MINILM)})
    assert "| MiniLM, a task each | 0.900 | 50 |" in render("accuracy_and_speed")


def test_each_models_day_and_revision_stand_below_the_table(folder: Path) -> None:
    write(folder, {"linear": found(0.7, date="2025-12-31 or before"), "mgm-fast": found(0.8)})
    page = with_tables("<!-- table: quality -->")
    assert "linear: 2025-12-31 or before, Abacus, revision aaaaaaaaaa." in page
    assert "mgm `fast`: 2026-01-01, Abacus" in page


def test_pretrained_peers_have_a_column_of_their_own_once_measured(folder: Path) -> None:
    write(folder, {"linear": found(0.7), "mgm-fast": found(0.8)})
    readme = "<!-- begin: quality_summary -->\n\n<!-- end: quality_summary -->"
    assert "pretrained" not in with_readme_tables(readme)
    write(folder, {"linear": found(0.7), "minilm": found(0.9), "mgm-fast": found(0.8, date="2025-12-31")})
    table = with_readme_tables(readme)
    assert "| 0.700 (linear) | 0.900 (MiniLM, a task each) | 0.800 |" in table
    assert "2025-12-31 to 2026-01-01" in table


def test_a_page_cannot_name_a_table_that_is_none() -> None:
    with pytest.raises(ModuleNotFoundError, match="qualty"):
        with_tables("<!-- table: qualty -->")


@pytest.mark.parametrize(
    ("name", "result", "row"),
    [
        (
            "linear_memory",
            {"task": "dish", "ways": {"2 GB": dict.fromkeys((*COLUMNS, "documents"), 7)}},
            "| 2 GB | 7 | 7 |",
        ),
        (
            "busy",
            {
                "train.threads": {
                    "auto": {
                        "threads": 2,
                        "beside_busy": {"1": {"words_per_second": 9_000, "over_fair_share": 1.1}},
                    }
                }
            },
            "| `auto` | 2 | 1 | 9,000 | 1.10 |",
        ),
    ],
    ids=["linear-memory", "busy"],
)
def test_a_table_says_whether_it_was_measured(
    name: str, result: dict[str, Any], row: str, folder: Path
) -> None:
    assert render(name) == "Not measured yet.\n"
    machine = {"date": "2026-01-01", "cpu": "Abacus", "cores": 2}
    write_json(folder / f"{name}.json", result | {"machine": machine, "revision": "a" * 40})
    assert row in render(name) and "Abacus" in render(name)


def test_what_an_encoder_gives_is_the_mean_of_its_seeds(folder: Path) -> None:
    """A model that was not measured has no row."""
    runs = {
        seed: {"valid": value, "test": {"pearson": value - 0.1}, "revision": "b" * 40}
        for seed, value in (("1", 0.7), ("2", 0.8))
    }
    task = {"labels": 4000, "documents": 13027, "metric": "pearson", "models": {"taught": runs}}
    content = {"tasks": {"valence-4000": task}, "machine": MACHINE, "versions": {"python": "3"}}
    (folder / "distillation.json").write_text(json.dumps(content), encoding="utf-8")
    row = "| `valence`, Pearson | 4,000 of 13,027 | taught | 0.750 | 0.650 | 2 |"
    table = render("distillation")
    assert row in table and "plain" not in table and "revision bbbbbbbbbb" in table
