"""The network beside n-grams alone, on the same documents."""

from pathlib import Path

import polars as pl
import pytest

from mgm.bundle.load import load_bundle
from mgm.bundle.save import save_bundle
from mgm.evaluation.linear_baseline import compare_with_linear, predict_linear, why_no_baseline
from mgm.files import file_sha256, read_json, write_json
from mgm.model.linear_baseline import LinearBaseline
from mgm.tasks import Task
from tests import tiny_corpora

TASK = Task(name="mood", kind="classification", corpora=["c"], labels=("bad", "good"))
TRUTH = ["good", "bad"] * 20


def table(predicted: list[str]) -> pl.DataFrame:
    names = [f"d{i}" for i in range(len(predicted))]
    return pl.DataFrame(
        {
            "corpus": "c",
            "doc_id": names,
            "group": names,
            "prediction:mood": predicted,
            "label:mood": TRUTH[: len(names)],
        }
    )


def entry(network: list[str], linear: list[str]) -> dict[str, object]:
    of_linear = (
        table(linear).select("corpus", "doc_id", "prediction:mood").reverse()
    )  # the order must not matter
    return compare_with_linear(
        {"mood": table(network)}, {"mood": of_linear}, tasks=[TASK], why_none={}, resamples=200, seed=1
    )["mood"]


WRONG = ["bad", "good"] * 6 + TRUTH[12:]


@pytest.mark.parametrize(
    ("network", "linear", "shown"),
    [(TRUTH, WRONG, "better"), (WRONG, TRUTH, "worse"), (WRONG, WRONG, "no difference shown")],
    ids=["network right", "n-grams right", "equal"],
)
def test_the_difference_says_which_is_better(network: list[str], linear: list[str], shown: str) -> None:
    compared = entry(network, linear)
    assert compared["shown"] == shown
    assert compared["value"] == (1.0 if linear is TRUTH else 0.7)
    assert compared["difference"] == {"better": 0.3, "worse": -0.3}.get(shown, 0.0)


def test_a_task_without_a_baseline_has_the_reason() -> None:
    none = compare_with_linear(
        {"mood": table(TRUTH)}, {}, tasks=[TASK], why_none={"mood": "because"}, resamples=10, seed=1
    )
    assert none == {"mood": {"value": None, "why": "because"}}


def test_a_document_that_ngrams_skip_is_an_error() -> None:
    """A prediction that is missing must not be scored as one that is wrong."""
    lacking = table(TRUTH).select("corpus", "doc_id", "prediction:mood").head(3)
    with pytest.raises(ValueError, match="column prediction:mood, doc_id 'd3': found None"):
        compare_with_linear(
            {"mood": table(TRUTH)}, {"mood": lacking}, tasks=[TASK], why_none={}, resamples=10, seed=1
        )


def test_labelled_test_documents_are_predicted_by_a_bundles_baseline(tmp_path: Path) -> None:
    """The baselines come back from a saved bundle; one of an earlier version has none, and says so."""
    made = tiny_corpora.bundle()
    made.linear_baselines["dish"] = LinearBaseline(factor=0.5)
    save_bundle(tmp_path / "bundle", made)
    loaded = load_bundle(tmp_path / "bundle")
    assert loaded.linear_baselines == made.linear_baselines
    features, _, _ = tiny_corpora.prepared(tiny_corpora.settings(), tiny_corpora.corpora())
    predicted = predict_linear(
        loaded.network, features, tasks=loaded.tasks, baselines=loaded.linear_baselines
    )
    documents = pl.concat(
        part.documents.select("doc_id", "split", "label:dish") for part in features["menus"]
    )
    expected = documents.filter(pl.col("label:dish").is_not_null(), split="test")["doc_id"].to_list()
    assert predicted.keys() == {"dish"} and predicted["dish"]["doc_id"].to_list() == expected
    config = read_json(tmp_path / "bundle" / "config.json")
    del config["linear_baselines"]
    write_json(tmp_path / "bundle" / "config.json", config)
    manifest = read_json(tmp_path / "bundle" / "manifest.json")
    manifest["files"]["config.json"] = file_sha256(tmp_path / "bundle" / "config.json")
    write_json(tmp_path / "bundle" / "manifest.json", manifest)
    older = load_bundle(tmp_path / "bundle")
    dish = next(task for task in older.tasks if task.name == "dish")
    assert older.linear_baselines == {} and "earlier version" in why_no_baseline(older.network, dish)
