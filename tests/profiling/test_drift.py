"""Drift: each planted change moves the measures that are about it, and nothing else; no change moves none."""

import json
from typing import Any

import numpy as np
import polars as pl
import pytest

from mgm.profiling.drift import measure_drift
from mgm.profiling.layout import Profile
from mgm.profiling.measures import SCHEMA
from mgm.profiling.pooling import pool_profiles
from mgm.profiling.profile import CorpusProfile
from mgm.profiling.vocabulary_sketch import expected_jaccard, sketch_jaccard
from mgm.tasks import TASK_KINDS, Task
from tests.label_columns import with_label_columns

TASKS = [
    Task(name="topic", kind="classification", corpora=["c"]),
    Task(name="tags", kind="multilabel", corpora=["c"]),
    Task(name="stars", kind="regression", corpora=["c"]),
]
# Sizes of an effect from which on it is moderate, for each statistic.
MODERATE = {"psi": 0.1, "js": 0.13, "cramers_v": 0.16, "ks": 0.12, "difference": 0.05, "jaccard": 0.5}
KNOWN = 3000
CAT, BOND = 0, 5000  # where two domains' words start


def documents(
    seed: int,
    n: int = 2000,
    length: float = 40,
    chinese: float = 0.3,
    topics: str = "aaabbc",
    first_word: int = CAT,
    labelled: float = 1.0,
    stars: float = 3.0,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Documents of words with frequencies like those of a language (Zipf), and their types."""
    random = np.random.default_rng(seed)
    sizes = np.maximum(random.lognormal(np.log(length), 0.6, n).astype(int), 1)
    rank = np.minimum(random.zipf(1.3, sizes.sum()), 4000) - 1 + first_word
    distinct, codes = np.unique(rank, return_inverse=True)
    types = pl.DataFrame(
        {"text": [f"w{word}" for word in distinct], "id": np.where(distinct < KNOWN, distinct + 1, 0)}
    )
    ends = np.cumsum(sizes)
    bounds = list(zip(ends - sizes, ends, strict=True))
    rows = {
        "split": np.where(random.random(n) < 0.7, "train", "test"),
        "lang": np.where(random.random(n) < chinese, "zh", "en"),
        "word": [codes[low:high].tolist() for low, high in bounds],
        "start": [[0] for _ in bounds],
        "end": [[5 * (high - low)] for low, high in bounds],
        "topic": random.choice(list(topics), n).tolist(),
        "tags": [random.choice(["x", "y", "z"], k, replace=False).tolist() for k in random.integers(0, 3, n)],
        "stars": random.normal(stars, 1, n),
    }
    types_of = {name: pl.List(pl.Int32) for name in ("word", "start", "end")}
    frame = pl.DataFrame(
        rows, schema_overrides=types_of | {t.name: TASK_KINDS[t.kind].column_type for t in TASKS}
    )
    keep = pl.Series(random.random(n) < labelled)
    frame = frame.with_columns(topic=pl.when(keep).then("topic"))
    return with_label_columns(frame, [task.name for task in TASKS]), types


def profile(*parts: tuple[pl.DataFrame, pl.DataFrame], **options: Any) -> Profile:
    gathered = CorpusProfile(options.pop("tasks", TASKS), **options)
    for part in parts:
        gathered.add(*part)
    return gathered.result()


REFERENCE = profile(documents(1, n=4000))


def night(seed: int = 2, **changes: Any) -> Profile:
    return profile(documents(seed, **changes), split=None, reference=REFERENCE)


def moved(found: pl.DataFrame) -> dict[str, set[str]]:
    """The statistics that show at least a moderate excess, by aspect."""
    limits = pl.col("statistic").replace_strict(MODERATE, default=None, return_dtype=pl.Float64)
    rows = found.filter(pl.col("excess") >= limits)
    return {aspect: set(own["statistic"]) for (aspect,), own in rows.group_by("aspect")}  # type: ignore[misc]


def row(found: pl.DataFrame, aspect: str, statistic: str) -> dict[str, Any]:
    return found.row(
        by_predicate=(pl.col("aspect") == aspect) & (pl.col("statistic") == statistic), named=True
    )


def test_a_profile_has_not_moved_from_itself() -> None:
    found = measure_drift(REFERENCE, json.loads(json.dumps(REFERENCE, sort_keys=True)))
    assert dict(found.schema) == dict(SCHEMA)
    same = found.filter(~pl.col("statistic").is_in(["jaccard", "ratio"]))
    assert same["value"].to_list() == [0.0] * same.height and same["excess"].to_list() == [0.0] * same.height
    assert row(found, "vocabulary", "jaccard")["value"] == row(found, "rows", "ratio")["value"] == 1


@pytest.mark.parametrize("seed", range(2, 5), ids="seed {}".format)
def test_documents_of_the_same_kind_have_not_moved(seed: int) -> None:
    found = measure_drift(REFERENCE, night(seed))
    assert moved(found) == {}
    roots = found.filter(pl.col("statistic").is_in(["js", "cramers_v", "ks"]))
    assert (roots["value"] < 3 * roots["noise"]).all(), "noise is what these are without drift"


def test_longer_documents_move_the_lengths() -> None:
    found = measure_drift(REFERENCE, night(length=80))
    assert moved(found) == {a: {"psi", "ks"} for a in ("words_per_document", "characters_per_document")}
    assert row(found, "words_per_document", "ks")["detail"].startswith("below 5")
    assert row(found, "words_per_document", "psi")["detail"].startswith(">= 128 2.7% -> 1")


def test_a_flip_of_languages_moves_the_languages() -> None:
    found = measure_drift(REFERENCE, night(chinese=0.7))
    assert moved(found) == {"languages": {"psi", "js", "cramers_v"}}
    assert (
        "zh 30." in row(found, "languages", "psi")["detail"]
        and "-> 69." in row(found, "languages", "psi")["detail"]
    )


def test_a_label_that_vanished_is_seen() -> None:
    found = measure_drift(REFERENCE, night(topics="aaabb"))
    assert moved(found) == {"labels: topic": {"psi", "js", "cramers_v"}}
    assert (
        row(found, "labels: topic", "js")["detail"].startswith("c 16.")
        and "-> 0.0%" in row(found, "labels: topic", "js")["detail"]
    )


def test_a_new_label_is_seen() -> None:
    found = measure_drift(REFERENCE, night(topics="aaabbcd"))
    assert moved(found) == {"labels: topic": {"psi", "js", "cramers_v"}}
    assert row(found, "labels: topic", "psi")["detail"].startswith("d 0.0% -> 1")


def test_words_of_another_domain_move_the_vocabulary() -> None:
    """Words of another domain move the vocabulary and are unknown."""
    found = measure_drift(REFERENCE, night(first_word=BOND))
    assert moved(found) == {
        "vocabulary": {"js", "jaccard"},
        "unknown_words": {"difference"},
        "unknown_per_document": {"psi", "ks"},
    }
    assert row(found, "vocabulary", "jaccard")["value"] == 0 and row(found, "vocabulary", "js")["value"] > 0.9
    assert "-> 100.0%" in row(found, "unknown_words", "difference")["detail"]


def test_missing_labels_move_their_share_only() -> None:
    found = measure_drift(REFERENCE, night(labelled=0.5))
    assert moved(found) == {"labelled: topic": {"difference"}}
    assert row(found, "labelled: topic", "difference")["value"] == pytest.approx(-0.5, abs=0.05)


def test_other_numbers_move_the_values() -> None:
    assert moved(measure_drift(REFERENCE, night(stars=4.0))) == {"values: stars": {"psi", "ks"}}


def test_numbers_that_were_binned_apart_are_not_compared() -> None:
    found = row(measure_drift(REFERENCE, profile(documents(2), split=None)), "values: stars", "psi")
    assert found["value"] is None and found["detail"] == "the bins differ"


def test_predictions_are_compared_with_the_training_labels() -> None:
    frame, types = documents(2, topics="aaaaaab")
    gathered = CorpusProfile([], split=None, reference=REFERENCE)
    gathered.add(frame, types)
    predictions = frame.rename({task.columns.label: task.name for task in TASKS})
    gathered.add_predictions(predictions, TASKS)
    found = measure_drift(REFERENCE, gathered.result())
    assert moved(found) == {"predictions: labels: topic": {"psi", "js", "cramers_v"}}
    assert {"predictions: values: stars", "predictions: labels_per_document: tags"} <= set(found["aspect"])
    assert "labels: topic" not in found["aspect"], "the night has no labels of its own"
    assert moved(measure_drift(gathered.result() | {"tasks": {}}, gathered.result())) == {}


def test_few_documents_have_much_noise_and_it_is_stated() -> None:
    few, many = measure_drift(REFERENCE, night(n=50)), measure_drift(REFERENCE, night(n=2000))
    for aspect, statistic in [
        ("words_per_document", "psi"),
        ("words_per_document", "ks"),
        ("labels: topic", "cramers_v"),
    ]:
        one, other = row(few, aspect, statistic), row(many, aspect, statistic)
        assert one["n"] == 50 and one["noise"] > 3 * other["noise"]
        assert one["value"] > other["value"], "what noise does to the effect itself"
    assert row(few, "vocabulary", "jaccard")["noise"] < row(many, "vocabulary", "jaccard")["noise"] / 2


@pytest.mark.parametrize("n", [50, 200, 1000], ids="{} documents".format)
def test_noise_is_the_mean_effect_without_drift(n: int) -> None:
    nights = pl.concat(measure_drift(REFERENCE, night(seed, n=n)) for seed in range(10, 30))
    means = (
        nights.drop_nulls("noise")
        .group_by("aspect", "statistic")
        .agg(pl.col("value").abs().mean(), pl.col("noise").mean())
    )
    for aspect, statistic, value, noise in means.iter_rows():
        if noise > 0:
            # D of few bins is less than that of a continuous value.
            least = 0.25 if statistic == "ks" else 0.5
            assert least * noise < value < 1.8 * noise, (aspect, statistic)


def test_very_few_documents_have_no_effect_but_noise() -> None:
    """So few that nothing can be told have no effect but noise."""
    found = row(measure_drift(REFERENCE, night(n=3)), "labels: topic", "psi")
    assert found["value"] == 0 and found["noise"] > 0.3 and found["n"] == 3


def test_nothing_to_compare_gives_nulls() -> None:
    nothing = profile(split=None, reference=REFERENCE)
    for one, other in ((REFERENCE, nothing), (nothing, REFERENCE), (nothing, nothing)):
        found = measure_drift(one, other)
        assert found["value"].is_null().all() and found["excess"].is_null().all() and found.height > 10


def test_a_pooled_reference_has_no_expected_overlap() -> None:
    found = row(measure_drift(pool_profiles([REFERENCE, REFERENCE]), night()), "vocabulary", "jaccard")
    assert found["value"] > 0 and found["noise"] is None and found["excess"] is None


def test_sketches_of_other_hashes_are_not_compared() -> None:
    other = json.loads(json.dumps(REFERENCE))
    other["vocabulary"]["sketch"]["algorithm"] = "RMinHash 1, 128 values, seed 1"
    found = row(measure_drift(REFERENCE, other), "vocabulary", "jaccard")
    assert found["value"] is None and found["detail"] == "the sketches differ"


def test_profiles_that_do_not_compare_are_refused() -> None:
    with pytest.raises(ValueError, match=r"profile of version None; expected 1"):
        measure_drift({"rows": {}}, REFERENCE)
    other = json.loads(json.dumps(REFERENCE))
    other["tasks"]["topic"]["kind"] = "tagging"
    with pytest.raises(ValueError, match="task topic: kind 'tagging'; the reference has 'classification'"):
        measure_drift(REFERENCE, other)


def test_the_expected_overlap_of_two_halves_is_theirs() -> None:
    frame, types = documents(3, n=4000)
    one, other = (
        profile((half, types), split=None)["vocabulary"] for half in (frame.head(2000), frame.tail(2000))
    )
    words = [
        set(types["text"].gather(half["word"].explode().unique()))
        for half in (frame.head(2000), frame.tail(2000))
    ]
    true = len(words[0] & words[1]) / len(words[0] | words[1])
    assert expected_jaccard(one, other) == pytest.approx(true, abs=0.05)


def test_the_overlap_of_sketches_is_the_share_of_equal_values() -> None:
    assert sketch_jaccard(np.array([1, 2, 3, 4]), np.array([1, 2, 3, 9])) == 0.75
