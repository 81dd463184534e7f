"""The profile: statistics of the training split, the same however the corpus is cut into parts."""

import json

import polars as pl

from mgm.corpus.profile import CorpusProfile, quantiles
from mgm.tasks import COLUMN_TYPES, Task

TASKS = [
    Task(name="kind", kind="classification", corpora=["c"]),
    Task(name="tags", kind="multilabel", corpora=["c"]),
    Task(name="title", kind="generation", corpora=["c"]),
    Task(name="value", kind="regression", corpora=["c"]),
]
TYPES = pl.DataFrame({"text": ["Cat", "cat", "planted", "北京"], "id": [1, 1, 0, 2]})
DOCUMENTS = pl.DataFrame(
    {
        "split": ["train", "train", "test", "train"],
        "lang": ["en", "zh", "en", "en"],
        "word": [[0, 1, 1], [3], [2, 0], [1]],
        "kind": ["a", "b", "a", None],
        "tags": [["x", "y"], ["x"], ["z"], []],
        "title": ["t"] * 4,
        "value": [1.0, 2.0, 9.0, None],
    },
    schema_overrides={t.name: COLUMN_TYPES[t.kind] for t in TASKS} | {"word": pl.List(pl.Int32)},
)


def profile(*parts: pl.DataFrame) -> dict[str, object]:
    gathered = CorpusProfile(TASKS)
    for part in parts:
        gathered.add(part, TYPES)
    return gathered.result()


def test_profile_describes_the_training_split() -> None:
    found = profile(DOCUMENTS)
    assert found["rows"] == {"test": 1, "train": 3} and found["unknown_words"] == {"test": 0.5, "train": 0.0}
    assert found["top_words"] == {"cat": 0.8, "北京": 0.2}
    assert found["languages"] == {"en": 0.666667, "zh": 0.333333}
    assert found["tasks"] == {
        "kind": {"labelled": 2, "labels": {"a": 0.5, "b": 0.5}},
        "tags": {"labelled": 3, "labels": {"x": 0.666667, "y": 0.333333}},
        "value": {"labelled": 2, "values": quantiles(DOCUMENTS["value"].head(2).to_numpy())},
    }


def test_parts_do_not_matter() -> None:
    whole = json.dumps(profile(DOCUMENTS))
    assert json.dumps(profile(DOCUMENTS.head(1), DOCUMENTS.slice(1, 2), DOCUMENTS.tail(1))) == whole


def test_a_corpus_without_training_rows_has_an_empty_profile() -> None:
    assert profile(DOCUMENTS.filter(pl.col("split") == "test"))["words_per_document"] == {}
    assert profile(DOCUMENTS.clear())["rows"] == {}
