import numpy as np
import polars as pl
import pytest
from sklearn.metrics import f1_score, mean_absolute_error

from mgm.evaluation.bootstrap import GroupBootstrap
from mgm.evaluation.slices import flag_worse_slices, slices
from tests.evaluation.frames import frame, span, task

LABELS = ["a", "b", "c"]
TRAIN = pl.Series(["a"] * 500 + ["b"] * 50 + ["c"] * 20)


def documents(n: int, worse: float, seed: int) -> pl.DataFrame:
    """English and Chinese, Chinese right less often; 1 to n words."""
    generator = np.random.default_rng(seed)
    true = generator.choice(LABELS, n, p=[0.6, 0.3, 0.1])
    chinese = np.arange(n) % 3 == 0
    right = generator.random(n) < np.where(chinese, 0.8 - worse, 0.8)
    other = np.array(LABELS)[(np.searchsorted(LABELS, true) + generator.integers(1, 3, n)) % 3]
    return frame(
        "classification",
        true.tolist(),
        np.where(right, true, other).tolist(),
        lang=np.where(chinese, "zh", "en"),
        words=pl.Series(generator.permutation(n) + 1, dtype=pl.Int32),
        unknown=pl.Series(np.where(np.arange(n) % 2, 0.0, generator.random(n)), dtype=pl.Float32),
    )


def cut(rows: pl.DataFrame, kind: str = "classification", train: pl.Series = TRAIN) -> list[dict]:
    bootstrap = GroupBootstrap({"c": rows["group"]}, resamples=200, seed=1)
    return slices(rows, train, task=task(kind, LABELS), bootstrap=bootstrap, min_groups=30)


def test_values_are_those_of_the_slices_documents() -> None:
    rows = documents(400, 0.1, 1)
    found = cut(rows)
    assert {entry["by"] for entry in found} == {"language", "words", "unknown words", "label frequency"}
    for entry in found:
        if entry["by"] != "language":
            continue
        own = rows.filter(lang=entry["name"])
        assert entry["n"] == own.height
        assert entry["value"] == pytest.approx((own["prediction:t"] == own["label:t"]).mean(), abs=1e-4)
        assert entry["difference"] == pytest.approx(
            entry["value"] - (rows["prediction:t"] == rows["label:t"]).mean(), abs=2e-4
        )
        assert entry["first"] == pytest.approx(
            f1_score(own["label:t"], own["prediction:t"], average="macro"), abs=1e-4
        )
        assert entry["low"] < entry["value"] < entry["high"]


def test_quarters_hold_every_document_once() -> None:
    found = cut(documents(400, 0, 1))
    words = [(entry["name"], entry["n"]) for entry in found if entry["by"] == "words"]
    assert words == [
        ("up to 100", 100),
        ("above 100 to 200", 100),
        ("above 200 to 300", 100),
        ("above 300", 100),
    ]
    unknown = [(entry["name"], entry["n"]) for entry in found if entry["by"] == "unknown words"]
    assert unknown[0] == ("none", 200)
    assert sum(n for _, n in unknown) == 400


def test_labels_are_cut_by_how_often_training_has_them() -> None:
    rows = documents(400, 0, 1)
    found = {entry["name"]: entry for entry in cut(rows) if entry["by"] == "label frequency"}
    assert set(found) == {"10 to 99", "100 to 999"}
    rare = f1_score(rows["label:t"], rows["prediction:t"], labels=["b", "c"], average="micro")
    assert found["10 to 99"]["value"] == pytest.approx(rare, abs=1e-4)
    assert found["10 to 99"]["n"] == rows["label:t"].is_in(["b", "c"]).sum()
    spans = frame(
        "tagging",
        [[span(0, 1, "a"), span(2, 3, "b")]] * 40,
        [[span(0, 1, "a", 1.0), span(2, 4, "b", 1.0)]] * 40,
    )
    train = pl.Series([[span(0, 1, "a")]] * 200 + [[span(0, 1, "b")]] * 2)
    found = {entry["name"]: entry for entry in cut(spans, "tagging", train)}
    assert found["1 to 9"]["value"] == 0
    assert found["100 to 999"]["value"] == 1
    assert found["1 to 9"]["n"] == 40


def test_a_larger_absolute_error_is_worse() -> None:
    generator = np.random.default_rng(2)
    true, far = generator.normal(0, 1, 300), np.arange(300) % 2 == 0
    rows = frame(
        "regression",
        true.tolist(),
        (true + np.where(far, 2.0, 0.5) * generator.normal(0, 1, 300)).tolist(),
        lang=np.where(far, "zh", "en"),
    )
    found = cut(rows, "regression")
    flag_worse_slices(found)
    below = {entry["name"]: entry["below"] for entry in found}
    assert below == {"zh": True, "en": False}
    own = rows.filter(lang="zh")
    assert found[1]["value"] == pytest.approx(
        mean_absolute_error(own["label:t"], own["prediction:t"]), abs=1e-4
    )


def test_a_worse_slice_is_flagged_unless_it_has_few_groups() -> None:
    rows = documents(600, 0.3, 3)
    found = cut(rows)
    flag_worse_slices(found)
    languages = {entry["name"]: entry["below"] for entry in found if entry["by"] == "language"}
    assert languages == {"en": False, "zh": True}
    few = rows.with_columns(lang=pl.when(pl.col("doc_id") < "d0020").then(pl.lit("fr")).otherwise("lang"))
    found = cut(few)
    flag_worse_slices(found)
    (french,) = [entry for entry in found if entry["name"] == "fr"]
    assert (french["p"], french["p_adjusted"], french["below"], french["n"]) == (None, None, False, 20)


def test_where_nothing_differs_few_runs_flag_a_slice() -> None:
    """At most 5% and two and a half standard errors of 20 runs, of two tasks with about eleven slices each."""
    flagged = 0
    for trial in range(20):
        found = {name: cut(documents(250, 0.0, 1000 + 2 * trial + i)) for i, name in enumerate("tu")}
        for entries in found.values():  # labels differ in difficulty by design: F1 of rare labels is lower
            entries[:] = [entry for entry in entries if entry["by"] != "label frequency"]
        flag_worse_slices([entry for entries in found.values() for entry in entries])
        flagged += any(entry["below"] for entries in found.values() for entry in entries)
    assert flagged <= 3


def test_one_language_and_equal_lengths_are_no_slices() -> None:
    rows = documents(60, 0, 1).with_columns(lang=pl.lit("en"), words=pl.lit(7, pl.Int32)).drop("unknown")
    assert {entry["by"] for entry in cut(rows)} == {"label frequency"}
