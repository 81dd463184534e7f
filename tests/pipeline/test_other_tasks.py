"""The documents' examples of other tasks: relations and persons by markers, and a new task for a model that is there."""

import json
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from mgm.bundle.load import load_bundle
from mgm.scoring.scorer import Scorer
from mgm.settings.text import CleaningSettings, SegmentationSettings
from mgm.text.cleaning import clean
from mgm.text.segmentation.tokens import tokenize
from tests import entity_markers
from tests.pipeline.conftest import ROOT, Project

DATA = {
    "relations": [*entity_markers.relations("en"), *entity_markers.relations("zh")],
    "persons": entity_markers.persons(),
}


def examples() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The rows and the settings of the page, block by block joined."""
    text = (ROOT / "docs/how-to/relations.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    rows = [json.loads(line) for kind, block in blocks if kind == "json" for line in block.splitlines()]
    return rows, [yaml.safe_load(block) for kind, block in blocks if kind == "yaml"]


def test_the_rows_of_the_page_are_rows_of_the_data() -> None:
    known = {row["doc_id"]: row for rows in DATA.values() for row in rows}
    rows, _ = examples()
    assert len(rows) == 6
    for row in rows:
        assert row.items() <= known[row["doc_id"]].items()
        for span in row.get("places", []):
            assert row["text"][span["start"] : span["end"]] in entity_markers.ZH_CITIES


@pytest.mark.parametrize("corpus", DATA)
def test_a_marker_stays_one_word(corpus: str) -> None:
    rows = DATA[corpus]
    frame = pl.DataFrame({name: [row[name] for row in rows] for name in ("doc_id", "text", "lang")})
    kept, rejected = clean(frame, CleaningSettings(), min_chars=1)
    tokens, none = tokenize(kept, SegmentationSettings())
    assert not rejected.height and not none.height
    for text, words, starts in (
        tokens.with_columns(frame["text"]).select("text", "words", "start").iter_rows()
    ):
        markers = [(word, start) for word, start in zip(words, starts, strict=True) if word.startswith("#")]
        assert markers == [(match[0], match.start()) for match in re.finditer(r"#[a-z0-9_]+", text)]


@pytest.mark.parametrize("marker", ["@e1", "#subj", "#e1_end"])
def test_brackets_are_words_and_other_markers_stay_whole(marker: str) -> None:
    frame = pl.DataFrame({"doc_id": ["1"], "text": [f"在{marker}腾讯 [E1] {marker} Oslo"]})
    tokens, _ = tokenize(frame, SegmentationSettings())
    assert tokens["words"][0].to_list() == ["在", marker, "腾讯", "[", "E1", "]", marker, "Oslo"]


def first_metrics(project: Project) -> dict[str, float]:
    content = json.loads((project.root / "reports/metrics.json").read_text(encoding="utf-8"))
    return {task: entry.get("macro_f1", entry.get("span_f1")) for task, entry in content.items()}


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_examples_run(fresh: Project, tmp_path: Path) -> None:
    project = fresh.copy_to(tmp_path / "project")
    for corpus, rows in DATA.items():
        lines = [json.dumps(row, ensure_ascii=False) for row in rows]
        (project.root / f"data/{corpus}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    _, (first, second) = examples()

    def begin(params: dict[str, Any]) -> None:
        params.update(first)
        params["train"] |= {"epochs": 5, "tokens_per_batch": 400, "learning_rate": 0.01}
        params["model"]["preset"] = "fast"
        params["verdict"] = {"floors": {"relation": 0.9}}
        params["text"]["deduplication"] = {}  # as shipped

    project.edit(begin)
    project.ok("mgm", "run", "evaluate")
    # one text has both labels: whoever does not read the markers is right half the time
    metrics = first_metrics(project)
    assert metrics.keys() == {"relation", "occupation"}
    assert metrics["relation"] > 0.9
    assert metrics["occupation"] > 0.7
    statistics = json.loads((project.root / "reports/stages/deduplicate/relations.json").read_text())
    assert statistics["rejected"] == 0

    project.edit(lambda params: params["tasks"].update(second["tasks"]))
    project.ok("mgm", "run", "evaluate")
    metrics = first_metrics(project)
    assert metrics.keys() == {"relation", "occupation", "places"}
    assert metrics["relation"] > 0.9
    assert metrics["places"] > 0.8

    scorer = Scorer(load_bundle(project.root / "models/candidate"))
    texts = [
        "#e1 Nora Quist #e1_end works for #e2 Zenith #e2_end and lives in Bergen.",
        "#e1 Nora Quist #e1_end works for Zenith and lives in #e2 Bergen #e2_end.",
        "#e1黄蕾#e1_end家住#e2苏州#e2_end，在青石书店上班。",
        "#e1黄蕾#e1_end家住苏州，在#e2青石书店#e2_end上班。",
    ]
    documents = pl.DataFrame(
        {"doc_id": ["a", "b", "c", "d"], "text": texts, "lang": ["en", "en", "zh", "zh"]}
    )
    scored, rejected = scorer.score(documents, "relations")
    assert not rejected.height
    assert scored["relation"].to_list() == ["works_for", "lives_in", "lives_in", "works_for"]
    assert "places" in scored.columns
