"""The profile: statistics of one split, the same however the corpus is cut into parts, and poolable."""

import json
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mgm.profiling.layout import Profile
from mgm.profiling.pooling import pool_profiles
from mgm.profiling.profile import CorpusProfile
from mgm.profiling.unknown_words import held_out_unknown_words
from mgm.tasks import TASK_KINDS, Task
from tests.label_columns import with_label_columns

TASKS = [
    Task(name="kind", kind="classification", corpora=["c"]),
    Task(name="tags", kind="multilabel", corpora=["c"]),
    Task(name="title", kind="generation", corpora=["c"]),
    Task(name="value", kind="regression", corpora=["c"]),
    Task(name="spans", kind="tagging", corpora=["c"]),
]
LISTS = dict.fromkeys(("word", "start", "end"), pl.List(pl.Int32))
SCHEMA = {t.name: TASK_KINDS[t.kind].column_type for t in TASKS} | LISTS
TYPES = pl.DataFrame({"text": ["Cat", "cat", "planted", "北京"], "id": [1, 1, 0, 2]})
PLACE = {"start": 0, "end": 3, "label": "place"}
DOCUMENTS = pl.DataFrame(
    {
        "split": ["train", "train", "test", "train"],
        "lang": ["en", "zh", "en", "en"],
        "word": [[0, 1, 1], [3], [2, 0], [1]],
        "start": [[2, 6, 10], [0], [0, 8], [0]],
        "end": [[5, 9, 13], [2], [7, 11], [3]],
        "kind": ["a", "b", "a", None],
        "tags": [["x", "y"], ["x"], ["z"], []],
        "title": ["t"] * 4,
        "value": [1.0, 2.0, 9.0, None],
        "spans": [[PLACE, PLACE], [], [PLACE], None],
    },
    schema_overrides=SCHEMA,
)


LABELS = {task.columns.label: task.name for task in TASKS}
DOCUMENTS = with_label_columns(DOCUMENTS, LABELS.values())


def profile(*parts: pl.DataFrame, types: pl.DataFrame = TYPES, **options: Any) -> Profile:
    gathered = CorpusProfile(options.pop("tasks", TASKS), **options)
    for part in parts:
        gathered.add(part, types)
    return gathered.result()


def filled(histogram: Profile) -> dict[float, int]:
    """The lower bound of each bin that is not empty, and its count."""
    lower = [0, *histogram["bounds"]]
    return {bound: n for bound, n in zip(lower, histogram["counts"], strict=True) if n}


def test_the_profile_describes_the_training_split() -> None:
    found = profile(DOCUMENTS)
    assert found["rows"] == {"test": 1, "train": 3} and found["words"] == {"test": 2, "train": 5}
    assert found["unknown_words"] == {"test": 0.5, "train": 0.0}
    assert found["unknown"]["test"]["unknown"] == 1 and filled(found["unknown"]["test"]["per_document"]) == {
        0.5: 1
    }
    assert filled(found["words_per_document"]) == {1: 2, 3: 1}
    assert found["words_per_document"]["quantiles"]["1.0"] == 3
    assert filled(found["characters_per_document"]) == {2: 1, 3: 1, 11: 1}
    assert found["languages"] == {"n": 3, "counts": {"en": 2, "zh": 1}}
    vocabulary = found["vocabulary"]
    assert vocabulary["top"] == {"cat": 4, "北京": 1} and list(vocabulary["top"]) == ["cat", "北京"]
    assert (vocabulary["n"], vocabulary["documents"], vocabulary["distinct"]) == (5, 3, 2)
    assert filled(vocabulary["document_frequencies"]) == {0: 1, 2: 1}  # 北京 in one document, cat in two


def test_the_profile_counts_labels_and_rows_without() -> None:
    tasks = profile(DOCUMENTS)["tasks"]
    assert list(tasks) == ["kind", "tags", "value", "spans"], "a generation task has no labels to count"
    assert tasks["kind"] == {
        "kind": "classification",
        "rows": 3,
        "labelled": 2,
        "labels": {"n": 2, "counts": {"a": 1, "b": 1}},
    }
    assert tasks["tags"]["labelled"] == 3 and tasks["tags"]["labels"]["counts"] == {"x": 2, "y": 1}
    assert filled(tasks["tags"]["per_document"]) == {0: 1, 1: 1, 2: 1}
    assert tasks["spans"]["labels"]["counts"] == {"place": 2} and filled(tasks["spans"]["per_document"]) == {
        0: 1,
        2: 1,
    }
    assert tasks["value"]["labelled"] == 2 and tasks["value"]["values"]["bounds"] == [1.0, 2.0]


def test_parts_and_their_order_do_not_matter() -> None:
    whole = json.dumps(profile(DOCUMENTS))
    assert json.dumps(profile(DOCUMENTS.head(1), DOCUMENTS.slice(1, 2), DOCUMENTS.tail(1))) == whole
    assert json.dumps(profile(DOCUMENTS.tail(1), DOCUMENTS.slice(1, 2), DOCUMENTS.head(1))) == whole


def test_the_types_of_a_part_may_stand_in_any_order() -> None:
    turned = DOCUMENTS.with_columns(word=pl.col("word").list.eval(3 - pl.element()))
    assert profile(turned, types=TYPES.reverse()) == profile(DOCUMENTS)


def test_a_corpus_without_training_rows_has_an_empty_profile() -> None:
    for documents in (DOCUMENTS.filter(pl.col("split") == "test"), DOCUMENTS.clear()):
        found = profile(documents)
        assert found["words_per_document"]["n"] == found["vocabulary"]["n"] == found["languages"]["n"] == 0
        assert found["vocabulary"]["top"] == {} and found["tasks"]["value"]["values"]["quantiles"] == {}
    assert profile(DOCUMENTS.clear())["rows"] == {}


def test_documents_without_splits_or_labels_have_a_profile() -> None:
    """Documents without splits labels and languages have a profile."""
    night = DOCUMENTS.select("word", "start", "end")
    found = profile(night, tasks=[], split=None)
    assert (
        found["rows"] == {"all": 4}
        and found["words"] == {"all": 7}
        and found["unknown_words"] == {"all": 0.142857}
    )
    assert found["tasks"] == {} and found["languages"]["n"] == 0 and "predictions" not in found
    assert found["vocabulary"]["top"] == {"cat": 5, "planted": 1, "北京": 1}


def test_predicted_labels_are_binned_like_training_labels() -> None:
    """Predicted labels stand apart and are binned like the training labels."""
    reference = profile(DOCUMENTS)
    night = CorpusProfile([], split=None, reference=reference)
    predicted = (
        DOCUMENTS.rename(LABELS)
        .select("kind", "tags", "value", "title")
        .with_columns(pl.col("kind", "value").fill_null(strategy="forward"))
    )
    for part in (predicted.head(1), predicted.tail(3)):
        night.add_predictions(part, [task for task in TASKS if task.name != "spans"])
    found = night.result()["predictions"]
    assert found["kind"]["labels"]["counts"] == {"a": 3, "b": 1} and found["tags"]["rows"] == 4
    assert found["value"]["values"]["bounds"] == [1.0, 2.0] and found["value"]["values"]["counts"] == [
        0,
        1,
        3,
    ]


def test_unknown_words_are_those_of_held_out_documents() -> None:
    """Unknown words are those of held out documents where there are some."""
    assert held_out_unknown_words(profile(DOCUMENTS))["unknown"] == 1
    train = profile(DOCUMENTS.filter(pl.col("split") == "train"))
    assert held_out_unknown_words(train)["n"] == 5
    assert held_out_unknown_words(profile(DOCUMENTS.clear()))["n"] == 0


def test_a_profile_is_small() -> None:
    words = pl.DataFrame({"text": [f"北京市的第{i}個詞語" for i in range(5000)], "id": range(5000)})
    document = DOCUMENTS.head(1).with_columns(word=pl.Series([list(range(5000))], dtype=pl.List(pl.Int32)))
    found = json.dumps(profile(document, types=words), indent=1, ensure_ascii=False).encode()
    assert len(found) < 60_000


ROWS = st.lists(st.integers(0, DOCUMENTS.height - 1), max_size=6)


@settings(max_examples=40)
@given(ROWS, ROWS)
def test_pooled_profiles_are_the_profile_of_all_documents(one: list[int], other: list[int]) -> None:
    like = profile(DOCUMENTS)  # so that real numbers are binned alike
    pooled = pool_profiles(
        [profile(DOCUMENTS[one], reference=like), profile(DOCUMENTS[other], reference=like)]
    )
    assert_same(pooled, profile(DOCUMENTS[one], DOCUMENTS[other], reference=like))


def assert_same(pooled: Any, whole: Any, path: str = "") -> None:
    """All that the pooled profile has, but for the design effects, which are means."""
    if not isinstance(pooled, dict):
        assert pooled == whole, path
        return
    for key in pooled.keys() - {"design_effect"}:
        assert_same(pooled[key], whole[key], f"{path}/{key}")


def test_sections_that_cannot_be_pooled_are_left_out() -> None:
    other = DOCUMENTS.with_columns(pl.col("label:value") + 10)
    pooled = pool_profiles([profile(DOCUMENTS), profile(other)])
    assert "values" not in pooled["tasks"]["value"] and pooled["tasks"]["value"]["labelled"] == 4
    assert "quantiles" not in pooled["words_per_document"] and "distinct" not in pooled["vocabulary"]


def test_a_task_is_pooled_over_the_corpora_that_have_it() -> None:
    pooled = pool_profiles([profile(DOCUMENTS), profile(DOCUMENTS, tasks=TASKS[:1])])
    assert pooled["tasks"]["kind"]["rows"] == 6 and pooled["tasks"]["tags"]["rows"] == 3


def test_profiles_that_do_not_fit_together_are_refused() -> None:
    with pytest.raises(ValueError, match="expected at least one profile, found none"):
        pool_profiles([])
    with pytest.raises(ValueError, match="differ in split: 'train' and None; expected the same"):
        pool_profiles([profile(DOCUMENTS), profile(DOCUMENTS, split=None)])
    with pytest.raises(ValueError, match="differ in the kind of a task: 'classification' and 'multilabel'"):
        other = Task(name="kind", kind="multilabel", corpora=["c"])
        turned = DOCUMENTS.head(1).with_columns(pl.concat_list("label:kind"))
        pool_profiles([profile(DOCUMENTS), profile(turned, tasks=[other])])
