import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from mgm.quality.leaks import MAX_CHANCE, MIN_DOCUMENTS, Leaks
from tests.profiling.test_typical_words import DISH, KEYS, PRICE, ROW, THEMES, Tables, row, tables

SOUP = [row(f"stir the pot p{i % 7}", "soup") for i in range(30)]
CAKE = [row(f"bake the cake p{i % 7}", "cake") for i in range(30)]


def leaks(*parts: Tables) -> list[tuple[str, str, str, float, float, int]]:
    gathered = Leaks([DISH, THEMES, PRICE, KEYS])
    for documents, types in parts:
        gathered.add(documents, types)
    return [tuple(found.values()) for found in gathered.result()]


def test_a_word_of_one_label_alone_is_a_leak() -> None:
    """A word that stands with one label alone is found with its numbers."""
    planted = [row("(header-a) " + r["text"], "soup") if i < 21 else r for i, r in enumerate(SOUP)]
    mixed = [row(r["text"].replace("bake the cake", "stir the pot"), "cake") for r in CAKE]
    # Without content too; in both labels it is none.
    assert leaks(tables(planted + mixed)) == [("dish", "soup", "header-a", 1.0, 0.7, 30)]
    one_cake_too = [row("header-a " + mixed[0]["text"], "cake"), *mixed[1:]]
    assert leaks(tables(planted + one_cake_too)) == [("dish", "soup", "header-a", 0.9545, 0.7, 30)]


def test_only_words_that_no_other_beats_are_reported() -> None:
    rows = [
        row(
            ("sure " if i < 20 else "") + ("often " if i < 28 else "") + ("beaten " if i < 15 else ""), "soup"
        )
        for i in range(30)
    ] + [row("often" if i < 2 else "other", "cake") for i in range(30)]
    rows = [row(r["text"].strip() or "none", r["dish"]) for r in rows]
    found = [f for f in leaks(tables(rows)) if f[1] == "soup"]
    assert found == [("dish", "soup", "sure", 1.0, 0.6667, 30), ("dish", "soup", "often", 0.9333, 0.9333, 30)]


def test_sets_are_judged_label_by_label() -> None:
    """Sets of labels are judged label by label and numbers and spans are not."""
    rows = [row("moon" if i % 2 else "rain", None, themes=["night"] if i % 2 else []) for i in range(60)]
    assert leaks(tables(rows)) == [("themes", "night", "moon", 1.0, 1.0, 30)]


def test_few_documents_and_chance_are_no_leak() -> None:
    """Few documents a class that all have and chance are no leak."""
    few = SOUP[: MIN_DOCUMENTS - 1] + CAKE
    assert {f[1] for f in leaks(tables(few))} == {"cake"}
    assert {f[1] for f in leaks(tables(SOUP + CAKE))} == {"soup", "cake"}
    # Whatever the word, nearly all of its documents are of a class that 97% have.
    most = [row("the pot", "soup" if i % 33 else "cake") for i in range(990)]
    assert leaks(tables(most)) == []
    # Four documents of four, of a class that half have: so has every sixteenth word.
    rare = [row("rare pot" if i < 4 else "pot", "soup") for i in range(30)]
    assert leaks(tables(rare + [row("pot", "cake")] * 30)) == []
    assert MAX_CHANCE < 0.5**4


def test_held_out_rows_and_rows_without_a_label_do_not_count() -> None:
    held_out = [row("stir bake", "cake", "test")] * 90 + [row("stir bake", None)] * 90
    assert leaks(tables(SOUP + CAKE + held_out)) == leaks(tables(SOUP + CAKE))


@given(st.lists(ROW, min_size=1, max_size=12), st.integers(1, 12), st.data())
def test_parts_and_order_of_rows_do_not_matter(
    rows: list[dict[str, object]], cut: int, data: st.DataObject
) -> None:
    """Neither cuts into parts nor the order of rows change the result."""
    rows = rows * 10
    shuffled = data.draw(st.permutations(rows))
    parts = [tables(some) for some in (shuffled[:cut], shuffled[cut:]) if some]
    assert leaks(*parts) == leaks(tables(rows))
    assert all(0.5 <= f[3] <= 1 and 0.1 <= f[4] <= 1 and isinstance(f[5], int) for f in leaks(*parts))


def test_a_frame_without_rows_has_no_leaks() -> None:
    documents, types = tables(SOUP)
    assert leaks((documents.filter(pl.lit(False)), types)) == []
