"""The frame of drift: which measures are judged, at which thresholds, and what is said of them."""

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mgm.profiling.layout import Profile
from mgm.profiling.profile import CorpusProfile
from mgm.quality.drift import drift_frame
from mgm.settings.gates import DriftGate
from mgm.tasks import Task
from tests.label_columns import with_label_columns

TASK = Task(name="topic", kind="classification", corpora=["notes"])
GATE = DriftGate()


def profile(documents: int, chinese: float = 0.5, words: int = 8, tea: float = 0.5) -> Profile:
    """Documents of `words` words more or less, a share of them Chinese, and a share labelled tea."""
    number = np.arange(documents)
    sizes = words + number % 4
    flat = np.concatenate([np.arange(n) % 6 for n in sizes]).astype(np.int32)
    lists = np.split(flat, np.cumsum(sizes)[:-1])
    frame = pl.DataFrame(
        {
            "split": ["train"] * documents,
            "lang": np.where(number < documents * chinese, "zh", "en"),
            "word": pl.Series([w.tolist() for w in lists], dtype=pl.List(pl.Int32)),
            "topic": np.where(number * 7 % documents < documents * tea, "tea", "rice"),
        }
    ).with_columns(start=pl.col("word"), end=pl.col("word"))
    types = pl.DataFrame({"text": list("abcdef"), "id": pl.Series(range(6), dtype=pl.Int32)})
    found = CorpusProfile([TASK])
    found.add(with_label_columns(frame, [TASK.name]), types)
    return found.result()


def faults(before: Profile, now: Profile, gate: DriftGate = GATE, **more: Any) -> pl.DataFrame:
    frame = drift_frame({"notes": (before, now)}, gate=gate, **({"may_stop": True} | more))
    assert frame.id_column == "measure"
    return frame.rows.filter(pl.any_horizontal(pl.col("drifted", "drifted_far").is_not_null()))


def test_two_alike_have_no_fault_and_every_measure_is_a_row():
    frame = drift_frame(
        {"notes": (profile(3000), profile(1000)), "poems": (profile(300),) * 2}, gate=GATE, may_stop=True
    )
    assert set(frame.rows["corpus"]) == {"notes", "poems"}
    assert frame.rows["drifted_far"].null_count() == frame.rows.height
    aspects = {"rows", "words_per_document", "languages", "vocabulary", "labels: topic", "labelled: topic"}
    assert aspects <= set(frame.rows["aspect"])
    # Three times as many or as few are at the limit, not beyond it.
    assert faults(profile(1400), profile(1000)).is_empty()


@pytest.mark.parametrize(
    ("change", "aspect", "statistic", "detail"),
    [
        ({"chinese": 0.9}, "languages", "psi", "zh 50.0% -> 90.0%"),
        ({"words": 16}, "words_per_document", "ks", "-> 0.0%"),
        ({"tea": 0.1}, "labels: topic", "cramers_v", "tea 50.0% -> 10.0%"),
    ],
    ids=["languages", "lengths", "labels"],
)
def test_a_fault_states_value_numbers_and_threshold(change, aspect, statistic, detail):
    found = faults(profile(1000), profile(900, **change))
    assert aspect in set(found["aspect"])
    # Longer documents have other characters, too, and more unknown words; nothing else moved.
    assert set(found["aspect"]) <= {aspect, "characters_per_document", "unknown_per_document"}
    row = found.filter((pl.col("aspect") == aspect) & (pl.col("statistic") == statistic)).row(0, named=True)
    limit = getattr(GATE, statistic).stop
    assert row["drifted"] is None and row["excess"] > limit
    text = row["drifted_far"]
    assert text.startswith(f"notes: {aspect}: {statistic} ")
    assert f"n 900 against 1000) above {limit}: " in text and detail in text


def test_a_small_move_is_a_warning():
    """A small move is a warning and so is a large one that may not stop."""
    found = faults(profile(5000), profile(5000, chinese=0.68))
    assert found["drifted_far"].null_count() == found.height > 0
    assert found["drifted"].str.contains("above 0.1: en 50.0% -> 32.0%", literal=True).any()
    far = faults(profile(5000), profile(5000, chinese=0.9), may_stop=False)
    assert far["drifted_far"].null_count() == far.height
    assert far["drifted"].str.contains("above 0.25:", literal=True).any()


@pytest.mark.parametrize(
    ("documents", "column"),
    [(199, None), (200, "drifted"), (500, "drifted_far")],
    ids=["not judged", "warns", "stops"],
)
def test_few_documents_are_not_judged_or_do_not_stop(documents, column):
    """Few documents are not judged and more of them do not stop."""
    found = faults(profile(500), profile(documents, chinese=1.0), DriftGate(ratio={"warn": 9}))
    assert (found.height > 0) == (column is not None)
    if column:
        assert found.filter(pl.col("aspect") == "languages")[column].is_not_null().all()


def test_an_effect_within_noise_is_not_judged():
    gate = DriftGate(psi={"warn": 0.1, "stop": 0.2, "noise": 0.003})
    found = faults(profile(500), profile(500, chinese=0.9), gate).filter(pl.col("aspect") == "languages")
    assert set(found["statistic"]) == {"js", "cramers_v"}


def test_a_threshold_of_null_is_never_reached():
    never = {"warn": None, "stop": None}
    gate = DriftGate(
        **dict.fromkeys(("psi", "js", "cramers_v", "ks", "difference", "jaccard", "ratio"), never)
    )
    assert faults(profile(1000), profile(500, chinese=1.0, words=30, tea=1.0), gate).is_empty()


@pytest.mark.parametrize(
    ("now", "limit"),
    [(3400, "1:3.0"), (600, "1:1.5"), (300, "1:3.0"), (20, "1:3.0")],
    ids=["far more", "fewer", "far fewer", "next to none"],
)
def test_far_more_or_fewer_documents_are_a_fault(now, limit):
    """Far more or fewer documents are a fault unless numbers are not compared."""
    found = faults(profile(1000), profile(now)).filter(pl.col("aspect") == "rows")
    (text,) = found.select(pl.coalesce("drifted", "drifted_far")).to_series()
    assert text.startswith("notes: rows: ratio ") and f"beyond {limit}: 1,000 -> {now:,}" in text
    rest = faults(profile(1000), profile(now), compare_num_documents=False)
    assert "rows" not in set(rest["aspect"])


def test_of_each_aspect_the_worst_comes_first():
    frame = drift_frame(
        {"notes": (profile(1000), profile(900, chinese=1.0, words=30, tea=1.0))}, gate=GATE, may_stop=True
    )
    first = frame.rows.filter(pl.col("drifted_far").is_not_null())["aspect"].to_list()
    distinct = len(set(first))
    assert len(set(first[:distinct])) == distinct and first[0] == "words_per_document"


def test_nothing_to_compare_is_an_empty_frame():
    frame = drift_frame({}, gate=GATE, may_stop=True).rows
    assert frame.is_empty() and {"drifted", "drifted_far", "excess"} <= set(frame.columns)


@given(st.floats(0, 1), st.floats(0, 1), st.integers(2, 1200))
@settings(max_examples=25)
def test_a_fault_has_one_severity_and_is_above_its_threshold(before, now, documents):
    """A fault has exactly one severity and an excess above its threshold."""
    found = faults(profile(800, before), profile(documents, now))
    assert (found["drifted"].is_null() != found["drifted_far"].is_null()).all()
    for row in found.filter(pl.col("statistic") != "ratio").iter_rows(named=True):
        limits = getattr(GATE, row["statistic"])
        assert row["excess"] > (limits.warn if row["drifted"] else limits.stop)
        assert documents >= (GATE.warn_documents if row["drifted"] else GATE.stop_documents)
