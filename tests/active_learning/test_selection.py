"""The choice of documents: by turns, without near copies, from all clusters."""

import numpy as np
import polars as pl

from mgm.active_learning.diversity import is_copy, spread
from mgm.active_learning.ranking import DOUBT, rank, take_turns
from mgm.active_learning.selection import candidates, select
from mgm.settings.text import DeduplicationSettings

SETTINGS = DeduplicationSettings()
LONG = (
    "Choose the command Format and then Paragraph, and set the distance between the lines to one and a half."
)


def test_copies_of_earlier_texts() -> None:
    texts = [LONG, "Press Enter.", "press  enter!", LONG.replace("half", "half times"), "按回车键。"]
    assert is_copy(texts, SETTINGS).tolist() == [False, False, True, True, False]
    assert is_copy([], SETTINGS).tolist() == []


def test_clusters_take_turns() -> None:
    vectors = np.array([[1, 0], [1, 0.01], [1, 0.02], [0, 1]], np.float32)
    assert spread([7, 8, 9, 4], vectors, number=4, seed=1) == [7, 4, 8, 9]
    assert spread([7], vectors[:1], number=4, seed=1) == [7]


def test_measures_take_turns_and_no_row_comes_twice() -> None:
    assert list(take_turns({"a": [1, 2, 3], "b": [2, 5]})) == [(1, "a"), (2, "b"), (3, "a"), (5, "b")]


def table(classes: list[str] | None = None, **columns: list[float | None]) -> pl.DataFrame:
    measures = pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.Float64))
    return measures.with_columns(pl.Series("predicted_class", classes or [None] * measures.height, pl.String))


def test_labels_are_ranked_by_doubt_and_the_others_by_uncertainty() -> None:
    measured = table(uncertainty=[0.1, 0.9, 0.5, 0.8], disagreement=[None, None, None, None])
    doubts = pl.DataFrame({"row": [1, 0], "doubt": [0.7, 0.2], "is_suspected": [True, False]})
    has_label = pl.Series([False, True, False, True])
    ranked = rank(measured, has_label, doubts=doubts)
    assert {name: rows["row"].to_list() for name, rows in ranked.items()} == {
        "uncertainty": [2, 0],
        DOUBT: [3, 1],
    }
    assert rank(measured, has_label, doubts=doubts, by=[DOUBT]).keys() == {DOUBT}


def test_classes_share_the_places_by_the_root_of_their_frequency() -> None:
    """Nine uncertain documents are of one class, and one is of another: it comes third, though it is the least uncertain."""
    uncertainty: list[float | None] = [0.9 - 0.01 * row for row in range(9)]
    measured = table(["large"] * 9 + ["small"], uncertainty=[*uncertainty, 0.1], disagreement=[None] * 10)
    ranked = rank(measured, pl.Series([False] * 10))
    assert ranked["uncertainty"]["row"].to_list() == [0, 1, 9, 2, 3, 4, 5, 6, 7, 8]
    assert ranked["uncertainty"]["value"].to_list()[0] == 0.9


def test_the_chosen_documents_and_why() -> None:
    """Of two copies the better one is chosen; what was proposed is all that is read again."""
    texts = [LONG, LONG, "按回车键。", "Press Escape."]
    measured = table(uncertainty=[0.9, 0.8, 0.7, 0.1], disagreement=[0.0, 0.1, 0.2, 0.9])
    ranked = rank(measured, pl.Series([False] * 4))
    assert set(candidates(ranked, 1)) == {0, 1, 2, 3}
    chosen = select(
        ranked,
        3,
        texts=lambda rows: [texts[row] for row in rows],
        vectors=lambda rows: np.eye(4, dtype=np.float32)[list(rows)],
        deduplication=SETTINGS,
        seed=1,
    )
    assert chosen.rows() == [(0, "uncertainty"), (3, "disagreement"), (2, "uncertainty")]
