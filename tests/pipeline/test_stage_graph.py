"""dvc.yaml against the code: every stage depends on the code that it runs and on the gates that it stands behind."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from flows import stage_dependencies
from flows.stage_dependencies import FILES

# What a gate judges, and the verdict that whoever reads it must depend on.
GATED = {
    "data/documents": "reports/gates/ingest",
    "data/unique": "reports/gates/clean",
    "data/features": "reports/gates/features.json",
}


def stages() -> dict[str, dict[str, Any]]:
    """Every stage of both files, by name; of a foreach its `do`."""
    found = {}
    for file in FILES:
        for name, stage in yaml.safe_load(file.read_text(encoding="utf-8"))["stages"].items():
            found[name] = stage.get("do", stage)
    return found


STAGES = stages()


def covered(path: str, dep: str) -> bool:
    return path == dep or path.startswith(dep.rstrip("/") + "/")


@pytest.mark.parametrize("file", FILES, ids=str)
def test_stages_depend_on_the_code_that_they_import(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert text == stage_dependencies.updated(text), "run python -m flows.stage_dependencies"


GATES = {"gate_ingest", "gate_clean", "gate_features"}


@pytest.mark.parametrize(
    ("path", "dependents"),
    [
        ("mgm/settings/gates.py", GATES),
        ("mgm/settings/scoring.py", set()),
        ("mgm/text/deduplication/deduplicate.py", {"deduplicate"}),
        (
            "mgm/text/segmentation/sentences.py",
            {"deduplicate", "tokenize", "features", "evaluate", "explain", "verdict"},
        ),
        ("flows/gates/suites", GATES),
        ("mgm/report/page.py", {"report"}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_change_of_code_reruns_only_its_users(path: str, dependents: set[str]) -> None:
    """None of these trains the model again."""
    assert {name for name, stage in STAGES.items() if path in stage["deps"]} == dependents


@pytest.mark.parametrize("name", [n for n in STAGES if not n.startswith("gate_")])
def test_a_reader_of_judged_data_depends_on_the_verdict(name: str) -> None:
    deps = STAGES[name]["deps"]
    for data, verdict in GATED.items():
        if any(covered(d, data) for d in deps):
            assert any(covered(d, verdict) or covered(verdict, d) for d in deps), f"{name} reads {data}"


def test_every_gate_stands_in_the_graph_and_writes_its_verdict() -> None:
    outs = {g: STAGES[g]["outs"] for g in STAGES if g.startswith("gate_")}
    assert outs == {
        "gate_ingest": ["reports/gates/ingest/${key}.json"],
        "gate_clean": ["reports/gates/clean/${key}.json"],
        "gate_features": ["reports/gates/features.json"],
    }


def test_a_stage_that_joins_corpora_depends_on_the_list_of_them() -> None:
    joined = {
        name
        for name, stage in STAGES.items()
        if any(
            d in ("data/tokens", "data/content", "data/features", "data/documents", "data/predictions")
            for d in stage["deps"]
        )
    }
    assert joined >= {"features", "train", "evaluate", "report", "single"}
    for name in joined:
        assert "enabled" in STAGES[name]["params"], name


@pytest.mark.parametrize("path", ["reports/live", "reports/training.json", "reports/cost.json"])
def test_no_stage_reads_times_or_hardware(path: str) -> None:
    assert any(path in s["outs"] for s in STAGES.values() if "outs" in s)
    assert not [n for n, s in STAGES.items() if any(covered(path, d) or covered(d, path) for d in s["deps"])]


@pytest.mark.parametrize("name", ["train", "explain"])
def test_long_stages_can_be_restored_by_the_run_cache(name: str) -> None:
    """It has no entry of a stage with an output that is not cached, metrics apart."""
    assert all(isinstance(out, str) for out in STAGES[name]["outs"])


def test_all_outputs_of_the_default_graph_are_cached() -> None:
    """Else a clone is not up to date after `dvc pull`."""
    stages = yaml.safe_load(Path("dvc.yaml").read_text(encoding="utf-8"))["stages"].values()
    outs = [
        out for s in stages for out in [*s.get("do", s).get("outs", []), *s.get("do", s).get("metrics", [])]
    ]
    assert len(outs) > 30
    assert all(isinstance(out, str) or next(iter(out.values())).get("cache", True) for out in outs)
