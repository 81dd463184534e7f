"""`make run-generation` from raw rows: a project of its own, with a report, that is not run twice."""

import json

import pytest

from tests import generation_corpora
from tests.pipeline.conftest import Project

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


def test_generation_is_trained_apart_and_once(fresh: Project, tmp_path) -> None:  # type: ignore[no-untyped-def]
    project = fresh.copy_to(tmp_path / "project")
    generation_corpora.orders(150).write_ndjson(project.root / "raw/orders.jsonl")
    generation_corpora.notices(60).write_ndjson(project.root / "raw/notices.jsonl")

    def change(params: dict) -> None:  # type: ignore[type-arg]
        for name in ("orders", "notices"):
            params["enabled"][name] = f"raw/{name}.jsonl"
            params["corpora"][name] = {}
        params["tasks"] |= generation_corpora.SETTINGS["tasks"]
        params["text"]["features"] |= {"subwords": 400}
        params["model"] = params["model"] | {"generation": generation_corpora.SETTINGS["model"]["generation"]}
        params["run_generation"] = {"model.preset": "fast", "train.epochs": 2, "verdict.smoke_repeats": 1}

    project.edit(change)
    output = project.ok("python", "-m", "flows.generation")
    assert "into_zh" in output and "heading" in output and "chrf" in output
    below = project.root / "data/generation"
    metrics = json.loads((below / "reports/metrics.json").read_text(encoding="utf-8"))
    assert sorted(metrics) == ["heading", "into_zh"]
    assert "Texts written" in (below / "reports/report.html").read_text(encoding="utf-8")
    assert (below / "models/candidate/subwords.model").is_file()
    assert not (project.root / "models/candidate").exists() and not (project.root / "data/features").exists()
    again = project.ok("python", "-m", "flows.generation")
    assert "Running stage" not in again
