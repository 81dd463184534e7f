"""dvc.yaml against the code: every stage depends on the code that it runs and on the gates that it stands behind."""

from functools import cache
from pathlib import Path
from typing import Any

import grimp
import pytest
import yaml

FILES = {"dvc.yaml": Path("dvc.yaml"), "study/dvc.yaml": Path("study/dvc.yaml")}

# What a gate judges, and the verdict that whoever reads it must depend on.
GATED = {
    "data/documents": "reports/gates/ingest",
    "data/unique": "reports/gates/clean",
    "data/features": "reports/gates/features.json",
}


def stages() -> dict[str, dict[str, Any]]:
    """Every stage of both files, by name; of a foreach its `do`."""
    found = {}
    for file in FILES.values():
        for name, stage in yaml.safe_load(file.read_text(encoding="utf-8"))["stages"].items():
            found[name] = stage.get("do", stage)
    return found


STAGES = stages()


@cache
def import_graph() -> grimp.ImportGraph:
    return grimp.build_graph("mgm", "flows", cache_dir=None)


def module_of(stage: dict[str, Any]) -> str:
    return str(stage["cmd"]).split()[2]


def path_of(module: str) -> str:
    folder = Path(module.replace(".", "/"))
    return (folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")).as_posix()


def imported(module: str) -> set[str]:
    graph = import_graph()
    modules = graph.find_upstream_modules(module) | {module}
    return {path_of(m) for m in modules if Path(path_of(m)).read_text(encoding="utf-8").strip()}


def covered(path: str, dep: str) -> bool:
    return path == dep or path.startswith(dep.rstrip("/") + "/")


def code_deps(stage: dict[str, Any]) -> list[str]:
    return [d for d in stage["deps"] if d.startswith(("mgm", "flows"))]


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_depends_on_all_the_code_that_it_imports_and_on_no_other(name: str) -> None:
    deps = code_deps(STAGES[name])
    files = imported(module_of(STAGES[name])) - {"mgm/__init__.py"}
    missing = sorted(f for f in files if not any(covered(f, d) for d in deps))
    assert not missing, f"stage {name} imports what it does not depend on"
    idle = [d for d in deps if not any(covered(f, d) for f in files)]
    assert not idle, f"stage {name} depends on code that it never imports"


@pytest.mark.parametrize("name", [n for n in STAGES if not n.startswith("gate_")])
def test_a_reader_of_judged_data_depends_on_the_verdict(name: str) -> None:
    deps = STAGES[name]["deps"]
    for data, verdict in GATED.items():
        if any(covered(d, data) for d in deps):
            assert any(covered(d, verdict) or covered(verdict, d) for d in deps), f"{name} reads {data}"


def test_every_gate_stands_in_the_graph_and_writes_its_verdict() -> None:
    outs = {g: [next(iter(m)) for m in STAGES[g]["metrics"]] for g in STAGES if g.startswith("gate_")}
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
def test_what_holds_times_or_hardware_is_read_by_no_stage(path: str) -> None:
    assert any(path in s["outs"] for s in STAGES.values() if "outs" in s)
    assert not [n for n, s in STAGES.items() if any(covered(path, d) or covered(d, path) for d in s["deps"])]


@pytest.mark.parametrize("name", ["train", "explain", "single", "average"])
def test_what_takes_long_is_kept_whole_by_dvcs_run_cache(name: str) -> None:
    """It has no entry of a stage with an output that is not cached, metrics apart."""
    assert all(isinstance(out, str) for out in STAGES[name]["outs"])
