"""evaluate, verdict and report on real features and an untrained network: what they write, for all four
kinds at once."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import yaml
from sklearn.metrics import accuracy_score, mean_absolute_error

from flows.stages import (
    clean,
    deduplicate,
    evaluate,
    explain,
    features,
    ingest,
    report,
    stopwords,
    tokenize,
    vectors,
    verdict,
)
from mgm.bundle.bundle import Bundle, load_stopwords, shaping_settings
from mgm.bundle.format import bundle_id
from mgm.bundle.save import save_bundle
from mgm.corpus.parts import read_table
from mgm.model.calibration import Calibration, PrecisionPoint, Temperatures
from mgm.model.linear_baseline import LinearBaseline
from mgm.settings.settings import Settings
from mgm.tasks import with_label_spaces
from mgm.text.features import FeaturePart
from mgm.text.vocabulary import Vocabulary
from mgm.training.fit import plan_training
from tests import in_process

ROWS = 80
PARAMS: dict[str, Any] = {
    "enabled": {"mixed": "raw/mixed.jsonl", "plain": "raw/plain.jsonl"},
    "corpora": {"mixed": {}, "plain": {}},
    "tasks": {
        "topic": {"kind": "classification", "corpora": ["mixed", "plain"]},
        "names": {"kind": "tagging", "corpora": ["mixed"]},
        "marks": {"kind": "multilabel", "corpora": ["mixed"]},
        "mood": {"kind": "regression", "corpora": ["mixed"]},
        "heading": {"kind": "generation", "corpora": ["plain"]},
    },
    "ingest": {"rows_per_part": 30},
    "text": {"features": {"ngram_buckets": 100}, "deduplication": {"exact": "off", "near": "off"}},
    "model": {"width": 16, "document": {"heads": 2}},
    "evaluate": {"bootstrap": 50},
    "explain": {
        "bootstrap": 20,
        "faithfulness": 4,
        "steps": 4,
        "max_steps": 8,
        "cost_documents": 3,
    },
    "verdict": {"floors": {"topic": 1.1}},
}

CALIBRATION = Calibration(
    temperatures=Temperatures(common=2.0), predictions=20, points=(PrecisionPoint(0.0, 20, 19),)
)
"""What validation says of the scores of `topic`: an untrained network has nothing to fit."""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project folder after the stages up to a bundle with fresh weights; two parts a corpus hold test
    rows."""
    root = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        in_process.score_in_this_process(patch)
        Path("params.yaml").write_text(yaml.safe_dump(PARAMS), encoding="utf-8")
        Path("raw").mkdir()
        for name in PARAMS["enabled"]:
            rows = [json.dumps(row, ensure_ascii=False) for row in documents(name)]
            Path(f"raw/{name}.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
            for stage in (ingest, clean, deduplicate, tokenize, stopwords):
                stage.main(name)
        features.main()
        vectors.main()
        settings = Settings.load()
        folder = Path("data/features")
        labels = json.loads((folder / "labels.json").read_text(encoding="utf-8"))
        vocabulary = Vocabulary.load(folder / "vocabulary.parquet")
        parts = {c: [FeaturePart.load(folder / c, i) for i in range(3)] for c in settings.enabled}
        made = plan_training(
            settings,
            with_label_spaces(settings.active_tasks(), labels),
            parts=parts,
            vocabulary_size=len(vocabulary),
        )
        bundle = Bundle(
            network=made.network,
            settings=shaping_settings(settings),
            tasks=made.tasks,
            thresholds={},
            linear_baselines={"topic": LinearBaseline()},
            calibrations={"topic": CALIBRATION},
            vocabulary=vocabulary,
            profile={},
            stopwords=load_stopwords(settings),
        )
        save_bundle(Path("models/candidate"), bundle)
        for stage in (evaluate, explain, verdict, report):
            stage.main()
        yield root


def documents(corpus: str) -> list[dict[str, Any]]:
    rows = []
    for i in range(ROWS):
        text = (
            f"The cat number {i} sat on the mat. Nobody asked."
            if i % 2
            else f"我在北京看見{i}隻貓。牠們很高興。"
        )
        start = text.index("cat") if i % 2 else text.index("北京")
        names = [{"start": start, "end": start + (3 if i % 2 else 2), "label": "thing" if i % 2 else "place"}]
        row: dict[str, Any] = {
            "doc_id": f"{corpus}{i:02d}",
            "text": text,
            "lang": "en" if i % 2 else "zh",
            "group": f"g{i // 2}",
        }
        if corpus == "mixed":
            row |= {"names": names, "marks": ["even"] if i % 4 else [], "mood": (i % 9) - 4.0}
        else:
            row["heading"] = "heading"
        rows.append(row | {"topic": ["animals", "cities", "rain"][i % 3] if i % 5 else None})
    return rows


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def test_metrics_agree_with_the_predictions_that_were_written(project: Path) -> None:
    metrics = read(project / "reports" / "metrics.json")
    assert sorted(metrics) == ["marks", "mood", "names", "topic"]
    columns = ["doc_id", "split", "prediction:topic", "label:topic", "probs:topic"]
    both = pl.concat([read_table(project / "data" / "predictions" / c, columns) for c in ("mixed", "plain")])
    test = both.filter(pl.col("split") == "test").drop_nulls("label:topic")
    assert metrics["topic"]["n"] == test.height
    assert metrics["topic"]["accuracy"] == round(
        accuracy_score(test["label:topic"], test["prediction:topic"]), 4
    )
    labels = read(project / "data" / "predictions" / "labels.json")["topic"]
    best = np.argmax(np.array(both["probs:topic"].to_list()), axis=1)
    assert [labels[i] for i in best] == both["prediction:topic"].to_list()
    mood = read_table(project / "data" / "predictions" / "mixed").filter(pl.col("split") == "test")
    assert metrics["mood"]["mae"] == pytest.approx(
        mean_absolute_error(mood["label:mood"], mood["prediction:mood"]), abs=1e-4
    )


def test_metrics_stand_beside_those_of_ngrams_alone(project: Path) -> None:
    """Of a bundle whose wide part has no weights, n-grams alone give one class."""
    metrics = read(project / "reports" / "metrics.json")
    linear = metrics["topic"]["linear"]
    assert linear["difference"] == pytest.approx(metrics["topic"]["macro_f1"] - linear["value"], abs=1e-4)
    assert linear["low"] <= linear["difference"] <= linear["high"]
    assert "transitions between tags" in metrics["names"]["linear"]["why"]
    assert metrics["marks"]["linear"] == {"value": None, "why": metrics["mood"]["linear"]["why"]}


def test_details_are_of_the_saved_predictions(project: Path) -> None:
    found = {name: read(project / "reports" / "evaluation" / f"{name}.json") for name in ("topic", "mood")}
    both = pl.concat(
        [
            read_table(
                project / "data" / "predictions" / c,
                ["split", "lang", "words", "prediction:topic", "label:topic"],
            )
            for c in ("mixed", "plain")
        ]
    )
    test = both.filter(pl.col("split") == "test").drop_nulls("label:topic")
    assert test["words"].min() > 0  # type: ignore[operator]
    for entry in found["topic"]["slices"]:
        if entry["by"] == "language":
            own = test.filter(lang=entry["name"])
            assert entry["n"] == own.height
            assert entry["value"] == round(accuracy_score(own["label:topic"], own["prediction:topic"]), 4)
    assert {entry["by"] for entry in found["topic"]["slices"]} >= {"language", "corpus", "words"}
    assert found["topic"]["calibration"]["temperature"] == 2.0, "that of the bundle"
    asked = found["topic"]["abstention"]
    assert [entry["precision"] for entry in asked] == [0.9, 0.95, 0.99]
    assert (asked[0]["score"], asked[0]["n"], asked[2]["score"]) == (0.0, test.height, None)
    assert found["mood"]["calibration"] is None
    curve = pl.read_csv(project / "reports" / "plots" / "reliability" / "topic.csv")
    assert curve.filter(when="before")["n"].sum() == test.height
    metrics = read(project / "reports" / "metrics.json")
    assert metrics["topic"]["ece"] == found["topic"]["calibration"]["before"]["ece"]


def test_every_row_of_valid_and_test_is_predicted_once_in_order(project: Path) -> None:
    for corpus in ("mixed", "plain"):
        every = read_table(project / "data" / "documents" / corpus, ["doc_id", "split"])
        expected = every.filter(pl.col("split") != "train")["doc_id"].to_list()
        found = read_table(project / "data" / "predictions" / corpus)
        assert found["doc_id"].to_list() == expected
        assert "heading" not in found.columns


def test_confusion_file_and_verdict_are_written(project: Path) -> None:
    confusion = pl.read_csv(project / "reports" / "plots" / "confusion" / "topic.csv")
    assert confusion.columns == ["actual", "predicted"]
    assert confusion.height == read(project / "reports" / "metrics.json")["topic"]["n"]
    promotion = read(project / "reports" / "promotion.json")
    assert promotion["verdict"] == "refused"
    assert promotion["bundle"] == bundle_id(project / "models" / "candidate")
    assert "below its floor 1.1" in promotion["reasons"][0]


def test_report_is_one_page_that_names_what_is_missing(project: Path) -> None:
    page = (project / "reports" / "report.html").read_text(encoding="utf-8")
    assert "Refused" in page
    assert "reports/gates/features.json" in page
    assert "reports/stages" not in page
    assert "Typical words" in page
    assert "Listed but not trained: heading" in page


def test_evaluating_again_gives_the_same_bytes(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A corpus that was switched off leaves nothing behind."""
    monkeypatch.chdir(project)
    stale = Path("data/predictions/dormant")
    stale.mkdir()
    before = (
        Path("reports/metrics.json").read_bytes(),
        Path("data/predictions/mixed/_parts.json").read_bytes(),
    )
    evaluate.main()
    assert before == (
        Path("reports/metrics.json").read_bytes(),
        Path("data/predictions/mixed/_parts.json").read_bytes(),
    )
    assert not stale.exists()


def test_every_task_is_explained_or_says_why_not(project: Path) -> None:
    found = {p.stem: read(p) for p in (project / "data" / "explanations").iterdir()}
    assert sorted(found) == ["examples", "faithfulness", "gates", "label_errors", "masking"]
    tasks = ["marks", "mood", "names", "topic"]
    assert [sorted(found[name]) for name in ("masking", "faithfulness", "label_errors")] == [tasks] * 3
    for name in ("topic", "marks", "mood"):
        assert list(found["masking"][name]["masks"]) == sorted(
            "character word window_2 window_4 window_8 lead sentence paragraph document wide deep".split()
        )
    assert sorted(found["masking"]["names"]["masks"]) == [
        "character and word", "deep", "sentence", "wide", "window_2", "window_4", "window_8",
    ]  # fmt: skip
    metrics = read(project / "reports" / "metrics.json")
    assert found["masking"]["topic"]["value"] == metrics["topic"]["macro_f1"]
    assert found["gates"] == {"fusion": "concat", "weights": {}}
    both = pl.concat(
        [read_table(project / "data" / "predictions" / c, ["label:topic"]) for c in ("mixed", "plain")]
    )
    assert found["label_errors"]["topic"]["searched"] == both["label:topic"].count()
    assert "confident learning needs classes" in found["label_errors"]["mood"]["why"]
    texts = {row["doc_id"]: row["text"] for c in ("mixed", "plain") for row in documents(c)}
    for name in ("topic", "mood"):
        assert len(found["examples"][name]) == 5
        for example in found["examples"][name]:
            pieces = [piece[0] for s in example["sentences"] for piece in s["pieces"]]
            assert "".join(pieces) == texts[example["doc_id"]]
            assert sum(s["weight"] for s in example["sentences"]) == pytest.approx(1, abs=0.01)
    # tagging reads no level that attends to sentences
    assert found["examples"]["names"]
    assert {s["weight"] for example in found["examples"]["names"] for s in example["sentences"]} == {None}
    assert found["faithfulness"]["mood"]["n"] == 4


def test_explaining_again_gives_the_same_bytes(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of an earlier run are removed."""
    monkeypatch.chdir(project)
    in_process.score_in_this_process(monkeypatch)
    folder = Path("data/explanations")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    (folder / "stale.json").write_text("{}", encoding="utf-8")
    explain.main()
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    cost = read(Path("reports/cost.json"))
    assert cost["documents"] == 6
    assert cost["one_p50_ms"] > 0
