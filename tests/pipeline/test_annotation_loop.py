"""Documents of a night that annotators have labelled are documents of the corpus, and their labels count in the report."""

import json
import re
from pathlib import Path

import polars as pl
import pytest

from mgm.corpus.parts import read_table
from tests import tiny_corpora
from tests.pipeline.conftest import Project

pytestmark = pytest.mark.slow


def test_from_a_night_to_corrected_labels_in_the_report(built: Project, tmp_path: Path) -> None:
    project = built.copy_to(tmp_path / "project")
    (project.root / "incoming").mkdir()
    night = tiny_corpora.menus(12).select(pl.format("night-{}", "doc_id").alias("doc_id"), text=pl.format("{} Now!", "text"))  # fmt: skip
    night.write_ndjson(project.root / "incoming/2026-01-05.jsonl")
    printed = project.ok("mgm", "export", "review", "--night", "2026-01-05", "--task", "dish", "--n", "3")
    assert "review_dish.json: 3 of 12 documents" in printed

    tasks = json.loads((project.root / "review_dish.json").read_text(encoding="utf-8"))
    correct = "soup"
    for number, task in enumerate(tasks):
        (result,) = task["predictions"][0]["result"]
        corrected = result | {"value": {"choices": [correct]}}
        task |= {"id": number, "annotations": [{"result": [corrected], "completed_by": 1}]}
    place = project.root / "data/corrections/menus"
    place.mkdir()
    (place / "2026-01-05.json").write_text(json.dumps(tasks), encoding="utf-8")
    label = pl.read_ndjson(project.root / "raw/menus.jsonl").filter(pl.col("doc_id") == "m1")["dish"][0]
    other = next(dish for dish in ("soup", "cake") if dish != label)
    (place / "2026-01-06.csv").write_text(f"doc_id,dish\nm1,{other}\n", encoding="utf-8")
    project.edit(lambda params: params["corpora"]["menus"].update(corrections="data/corrections/menus"))

    changed = json.loads(project.run("dvc", "status", "--json").stdout)
    assert "corpora" in changed
    project.ok("mgm", "run", "report")
    documents = read_table(project.root / "data/documents/menus")
    given = dict(documents.select("doc_id", "label:dish").iter_rows())
    assert given["m1"] == other
    assert {given[task["data"]["doc_id"]] for task in tasks} == {correct}
    page = (project.root / "reports/report.html").read_text(encoding="utf-8")
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page))
    assert "menus: dish 1 0 3 4" in text and "menus: 3 new documents" in text
