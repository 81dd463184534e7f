"""The area under the ROC curve of the reconstruction error, and what evaluate and the report make of it."""

import json
import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from flows.stages import evaluate
from mgm.corpus.parts import read_table, write_manifest
from mgm.evaluation.out_of_distribution import PLACE, auroc, separation
from mgm.evaluation.run_files import RunFiles
from mgm.report.page import render
from mgm.text.feature_tables import write_feature_part
from tests import tiny_corpora
from tests.finished_run import write

some = st.lists(st.integers(0, 6), min_size=1, max_size=12)


@settings(max_examples=60, deadline=None)
@given(some, some)
def test_the_area_is_scikit_learns_with_ties_too(own: list[int], foreign: list[int]) -> None:
    found = auroc(np.array(own, np.float32), np.array(foreign, np.float32))
    truth = [0] * len(own) + [1] * len(foreign)
    assert found == pytest.approx(roc_auc_score(truth, [*own, *foreign]))


def test_a_separation_has_an_interval_around_it() -> None:
    rng = np.random.default_rng(0)
    own = {
        "menus": rng.normal(1, 1, 300).astype(np.float32),
        "verses": rng.normal(1, 1, 200).astype(np.float32),
    }
    foreign = {
        "菜谱": rng.normal(2, 1, 250).astype(np.float32),
        "same": rng.normal(1, 1, 250).astype(np.float32),
    }
    content = separation(own, foreign, resamples=200, seed=1)
    far, same = content["out_of_distribution"]["菜谱"], content["out_of_distribution"]["same"]
    assert far["auroc"] == pytest.approx(0.76, abs=0.05)  # of two normal laws a deviation apart
    assert far["low"] < far["auroc"] < far["high"]
    assert same["low"] < 0.5 < same["high"]
    assert content["in_distribution"]["menus"]["n"] == 300
    assert separation(own, foreign, resamples=200, seed=1) == content


def test_the_report_shows_it_where_it_was_measured(finished_run: RunFiles) -> None:
    assert "Out-of-distribution documents" not in render(finished_run, {})
    entry = {"n": 250, "median": 2.125, "auroc": 0.912, "low": 0.9, "high": 0.925}
    own = {"pages": {"n": 300, "median": 0.875}}
    write(
        finished_run.root.joinpath(*PLACE),
        {"in_distribution": own, "out_of_distribution": {"其他<b>": entry}},
    )
    html = render(finished_run, {})
    part = html[html.index('id="out_of_distribution"') : html.index('id="training"')]
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", part))
    assert "pages, test split 300 0.875 –" in text
    assert "其他&lt;b&gt;, out of distribution 250 2.125 0.912 [0.900, 0.925]" in text


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """A folder with features, a candidate whose fusion is a stacked autoencoder, and a file of other documents."""
    monkeypatch.chdir(tmp_path)
    raw = tiny_corpora.SETTINGS | {
        "model": tiny_corpora.SETTINGS["model"] | {"fusion": "stacked_autoencoder"},
        "evaluate": {"bootstrap": 20, "ood_inputs": {"letters": "letters.jsonl"}},
    }
    config = tiny_corpora.Settings.parse(raw)
    for corpus, (part,) in tiny_corpora.prepared(config, tiny_corpora.corpora())[0].items():
        features_folder = Path("data/features") / corpus
        write_manifest(features_folder, [write_feature_part(part, features_folder, index=0, input_sha256="")])
    tiny_corpora.saved_bundle(tmp_path / "models", config)
    (tmp_path / "models" / "bundle").rename(tmp_path / "models" / "candidate")
    texts = ["Dear Sir, your letter of May.", "尊敬的先生，您五月的来信。", "Yours sincerely, etc."]
    pl.DataFrame({"doc_id": ["a", "b", "c"], "text": texts}).write_ndjson("letters.jsonl")
    Path("params.yaml").write_text(yaml.safe_dump(raw), encoding="utf-8")
    return raw


def test_evaluate_scores_other_documents_from_their_raw_text(
    project: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "flows")
    evaluate.main()
    content = json.loads(Path(*PLACE).read_text(encoding="utf-8"))
    assert content["out_of_distribution"]["letters"]["n"] == 3
    tested = {c: frame.filter(split="test").height for c, frame in tiny_corpora.corpora().items()}
    assert {c: entry["n"] for c, entry in content["in_distribution"].items()} == tested
    assert re.search(r"letters: AUROC [01]\.\d+ of the reconstruction error", caplog.text)
    errors = read_table(Path("data/predictions/verses"))["reconstruction_error"]
    assert (errors > 0).all()

    Path("letters.jsonl").write_text('{"doc_id": "a", "text": " "}\n', encoding="utf-8")
    with pytest.raises(
        ValueError, match=r"evaluate\.ood_inputs\.letters: letters\.jsonl: no document with a text"
    ):
        evaluate.main()


def test_other_documents_want_a_fusion_that_reconstructs(project: dict[str, object], tmp_path: Path) -> None:
    raw = project | {"model": tiny_corpora.SETTINGS["model"]}
    Path("params.yaml").write_text(yaml.safe_dump(raw), encoding="utf-8")
    (tmp_path / "models" / "candidate").rename(tmp_path / "models" / "old")
    tiny_corpora.saved_bundle(tmp_path / "models", tiny_corpora.Settings.parse(raw))
    (tmp_path / "models" / "bundle").rename(tmp_path / "models" / "candidate")
    with pytest.raises(ValueError, match="model.fusion: concat has no reconstruction error"):
        evaluate.main()
