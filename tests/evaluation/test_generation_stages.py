"""Generation tasks through every stage, from raw rows to the report."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from flows.stages import (
    clean,
    deduplicate,
    evaluate,
    explain,
    features,
    gate,
    ingest,
    report,
    stopwords,
    tokenize,
    train,
    vectors,
    verdict,
)
from mgm.corpus.parts import read_table
from mgm.evaluation.kinds import evaluation_of
from mgm.scoring.scorer import Scorer
from mgm.settings.settings import Settings
from mgm.tasks import Task
from tests import generation_corpora, in_process

PARAMS: dict[str, Any] = generation_corpora.SETTINGS | {
    "enabled": {"orders": "raw/orders.jsonl", "notices": "raw/notices.jsonl"},
    "train": generation_corpora.SETTINGS["train"]
    | {"epochs": 3, "tokens_per_batch": 150, "learning_rate": 0.02},
    "evaluate": {"bootstrap": 20},
    "explain": {
        "bootstrap": 10,
        "faithfulness": 2,
        "steps": 4,
        "max_steps": 4,
        "cost_documents": 3,
    },
    "gates": {"features": {"unknown_words_stop": 1.0}, "drift": {"training": "warn"}},
}
INTO = Task(name="into_zh", kind="generation", corpora=["orders"])


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    root = tmp_path_factory.mktemp("writing")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        in_process.score_in_this_process(patch)
        Path("params.yaml").write_text(yaml.safe_dump(PARAMS), encoding="utf-8")
        Path("raw").mkdir()
        generation_corpora.orders(150).write_ndjson("raw/orders.jsonl")
        generation_corpora.notices(60).write_ndjson("raw/notices.jsonl")
        for name in PARAMS["enabled"]:
            for stage in (ingest, clean, deduplicate, tokenize, stopwords):
                stage.main(name)
        features.main()
        gate.main("features")
        vectors.main()
        for stage in (train, evaluate, explain, verdict, report):
            stage.main()
        yield root


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def test_metrics_are_those_of_the_texts_that_were_written(project: Path) -> None:
    found = read(project / "reports" / "metrics.json")["into_zh"]
    rows = read_table(project / "data" / "predictions" / "orders").filter(split="test")
    assert rows["prediction:into_zh"].null_count() == 0 and rows["truncated:into_zh"].any() is False
    expected = evaluation_of(INTO).statistics(rows.drop_nulls("label:into_zh"), INTO).score()
    for name in ("chrf", "bleu", "rouge1", "rouge2", "rougeL", "exact_match"):
        assert found[name] == pytest.approx(expected[name], abs=1e-4)
    assert set(found["baselines"]) == {"lead", "copy", "memory", "fuzzy"}
    assert found["baseline"] == max(metrics["chrf"] for metrics in found["baselines"].values())
    assert found["n"] == rows["label:into_zh"].count()


def test_the_examples_are_the_worst_and_some_others(project: Path) -> None:
    found = read(project / "reports" / "evaluation" / "into_zh.json")
    assert found["labels"] is None and found["calibration"] is None and found["confusions"] is None
    assert [entry["metric"] for entry in found["slices"]] == ["chrf"] * len(found["slices"])
    worst = [entry for entry in found["generated"] if entry["worst"]]
    scores = [entry["chrf"] for entry in worst]
    assert len(worst) == 20 and scores == sorted(scores)
    assert all(entry["chrf"] >= scores[-1] for entry in found["generated"] if not entry["worst"])
    rows = {row["doc_id"]: row for row in read_table(project / "data" / "predictions" / "orders").to_dicts()}
    raw = {row["doc_id"]: row["text"] for row in generation_corpora.orders(150).to_dicts()}
    for entry in found["generated"]:
        row = rows[entry["doc_id"]]
        assert "".join(piece["text"] for piece in entry["output"]).strip() == row["prediction:into_zh"]
        assert "".join(word["text"] for word in entry["source"]).strip() == raw[entry["doc_id"]]
        assert entry["reference"] == row["label:into_zh"] and entry["memory"] == row["memory:into_zh"]
        assert max(word["level"] for word in entry["source"]) == 4
    assert any(piece["copied"] for entry in found["generated"] for piece in entry["output"]), (
        "names are copied"
    )


def test_the_page_shows_them(project: Path) -> None:
    page = (project / "reports" / "report.html").read_text(encoding="utf-8")
    assert "Texts written" in page and "The 20 worst by chrF" in page
    assert '<th class="n">fuzzy</th>' in page and "training document with the smallest edit distance" in page
    assert "rougeL" in page and "BLEU and chrF are of the whole split by sacreBLEU" in page
    assert "a text" in (project / "reports" / "card.md").read_text(encoding="utf-8")


def test_other_stages_leave_texts_out(project: Path) -> None:
    found = {p.stem: read(p) for p in (project / "data" / "explanations").iterdir()}
    assert list(found["masking"]) == list(found["label_errors"]) == ["dish"]
    reasons = read(project / "reports" / "promotion.json")
    assert reasons["verdict"] == "approved", reasons["reasons"]


def test_the_candidate_writes_raw_documents(project: Path) -> None:
    settings = Settings.load(project / "params.yaml")
    scorer = Scorer.load(project / "models" / "candidate", tasks=["into_zh"])
    assert scorer.bundle.settings.model.generation == settings.model.generation
    rows = read_table(project / "data" / "predictions" / "orders")
    chosen = generation_corpora.orders(150).filter(pl.col("doc_id").is_in(rows["doc_id"].implode()))
    found, _ = scorer.score(chosen.select("doc_id", "text"), "orders")
    both = found.join(rows.select("doc_id", predicted="prediction:into_zh"), on="doc_id")
    assert both.height == rows.height and (both["into_zh"] == both["predicted"]).all()
