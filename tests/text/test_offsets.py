"""Edit lists: mapping, snapping, composition."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgm.text.offsets import EDIT, Edits, align, compose

TEXT = st.text(alphabet="ab 　é中文", max_size=12)


def one(*edits: tuple[int, ...]) -> Edits:
    return Edits.of([0] * len(edits), *zip(*edits, strict=True))


def rows(edits: Edits) -> list[tuple[int, ...]]:
    """The bounds of each edit, old and new."""
    return list(
        zip(
            *(part.tolist() for part in (edits.old_start, edits.old_end, edits.new_start, edits.new_end)),
            strict=True,
        )
    )


def apply(edits: Edits, text: int, old: str, new: str) -> str:
    """The old text with each edit's new characters put in."""
    result, at = "", 0
    for owner, a, b, c, d in zip(
        edits.text, edits.old_start, edits.old_end, edits.new_start, edits.new_end, strict=True
    ):
        if owner == text:
            result, at = result + old[at:a] + new[c:d], b
    return result + old[at:]


def test_a_boundary_inside_an_edit_snaps_to_it() -> None:
    edits = one((2, 5, 2, 3))  # abXXXcd -> abYcd
    assert edits.map_starts([0] * 5, [0, 2, 3, 5, 6]).tolist() == [0, 2, 2, 3, 4]
    assert edits.map_ends([0] * 5, [1, 2, 3, 5, 6]).tolist() == [1, 2, 3, 3, 4]


def test_a_deletion_at_a_boundary_stays_outside_the_span() -> None:
    back = one((2, 4, 2, 2)).inverse()  # ab--cd -> abcd
    assert (back.map_starts([0], [2]).tolist(), back.map_ends([0], [2]).tolist()) == ([4], [2])


def test_texts_do_not_disturb_each_other() -> None:
    edits = Edits.of([0, 2], [0, 1], [3, 2], [0, 1], [0, 1])
    assert edits.map_starts([0, 1, 2], [5, 5, 5]).tolist() == [2, 5, 4]


def test_deletions_that_touch_are_one() -> None:
    edits = one((0, 1, 0, 0), (1, 3, 0, 0), (3, 4, 0, 2))
    assert (edits.old_end.tolist(), edits.new_end.tolist()) == ([3, 4], [0, 2])


def test_what_is_neither_before_nor_after_is_no_edit() -> None:
    assert one((0, 0, 0, 0), (2, 3, 2, 2), (4, 4, 3, 3)).old_start.tolist() == [2]


def test_an_alignment_joins_what_lies_between_two_characters_that_stayed() -> None:
    edits = align([("ae\u0301b", "aéb"), ("ﬃx", "ffix"), ("same", "same")])
    assert edits.text.tolist() == [0, 1]
    assert (edits.old_start.tolist(), edits.old_end.tolist()) == ([1, 0], [3, 1])


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ((12, 13, 12, 12), (6, 12, 6, 13), [(6, 12, 6, 13), (12, 13, 13, 13)]),
        ((0, 1, 0, 0), (0, 6, 0, 7), [(0, 1, 0, 0), (1, 7, 0, 7)]),
        ((8, 9, 8, 8), (6, 11, 6, 7), [(6, 12, 6, 7)]),
        ((6, 12, 6, 7), (7, 8, 7, 7), [(6, 12, 6, 7), (12, 13, 7, 7)]),
        ((2, 6, 2, 2), (2, 2, 2, 3), [(2, 6, 2, 3)]),
        ((2, 2, 2, 4), (2, 4, 2, 2), []),
    ],
    ids=["deleted_after", "deleted_before", "deleted_within", "replaced_first", "inserted_where_deleted",
         "deleted_what_was_inserted"],
)  # fmt: skip
def test_a_replaced_word_keeps_its_bounds_beside_a_deletion(
    first: tuple[int, ...], second: tuple[int, ...], expected: list[tuple[int, ...]]
) -> None:
    assert rows(compose(one(first), one(second))) == expected


def test_replacements_that_touch_keep_their_own_bounds() -> None:
    edits = one((0, 3, 0, 1), (3, 6, 1, 2))  # two characters of three bytes each
    for side, bounds in ((edits, [0, 3, 6]), (edits.inverse(), [0, 1, 2])):
        other = [0, 1, 2] if bounds[1] == 3 else [0, 3, 6]
        assert side.map_starts([0] * 3, bounds).tolist() == side.map_ends([0] * 3, bounds).tolist() == other
    assert (edits.map_starts([0], [4]).tolist(), edits.map_ends([0], [2]).tolist()) == ([1], [1])


def test_composition_keeps_replacements_separate() -> None:
    """Only an edit across their common bound joins two replacements."""
    first = one((0, 3, 0, 1), (3, 6, 1, 2), (6, 9, 2, 3))
    after = compose(first, one((3, 5, 3, 4)))
    assert (after.old_start.tolist(), after.old_end.tolist()) == ([0, 3, 6, 9], [3, 6, 9, 11])
    across = compose(first, one((1, 3, 1, 2)))
    assert (across.old_start.tolist(), across.old_end.tolist()) == ([0, 3], [3, 9])
    inserted = compose(first, one((1, 1, 1, 3)))
    assert (inserted.old_start.tolist(), inserted.new_end.tolist()) == ([0, 3, 3, 6], [1, 3, 4, 5])


def test_edits_found_in_several_ways_are_sorted() -> None:
    edits = Edits.union(one((4, 5, 4, 6)), Edits.none(), one((0, 1, 0, 1), (8, 9, 9, 9)))
    assert edits.old_start.tolist() == [0, 4, 8]


# What happens to a stretch of text, from old to new: kept, replaced, deleted, inserted.
STRETCH = st.tuples(st.integers(0, 3), st.integers(0, 3), st.booleans())


def rewritten(length: int, stretches: list[tuple[int, int, bool]]) -> tuple[Edits, int]:
    """Edits of a text of this length, and the length of the new one."""
    edits, old, new = [], 0, 0
    for before, after, kept in stretches:
        before = min(before, length - old)
        after = before if kept else after
        if not kept and before + after:
            edits.append((old, old + before, new, new + after))
        old, new = old + before, new + after
    return (one(*edits) if edits else Edits.none()), new + length - old


@given(st.integers(0, 12), st.lists(STRETCH, max_size=8), st.lists(STRETCH, max_size=8))
def test_composed_edits_are_sorted_and_cover_both(
    length: int, first_stretches: list[tuple[int, int, bool]], second_stretches: list[tuple[int, int, bool]]
) -> None:
    """Composed edits do not overlap, and cover what either of both lists covers."""
    first, middle = rewritten(length, first_stretches)
    second, last = rewritten(middle, second_stretches)
    both = compose(first, second)
    old_at = new_at = 0
    for a, b, c, d in zip(
        [*both.old_start, length], [*both.old_end, length], [*both.new_start, last], [*both.new_end, last],
        strict=True,
    ):  # fmt: skip
        assert old_at <= a <= b <= length and new_at <= c <= d <= last and a - old_at == c - new_at
        old_at, new_at = b, d
    # A span whose bounds neither step moves about is mapped as by one step after the other.
    text, places = [0] * (length + 1), list(range(length + 1))
    by_steps = second.map_starts(text, first.map_starts(text, places))
    calm = first.map_starts(text, places) == first.map_ends(text, places)
    calm &= by_steps == second.map_ends(text, first.map_ends(text, places))
    inside = np.isin(
        places, [p for a, b in zip(both.old_start, both.old_end, strict=True) for p in range(a + 1, b)]
    )
    calm &= ~inside
    assert (both.map_starts(text, places)[calm] == by_steps[calm]).all()


def test_column_round_trip_keeps_unchanged_texts_null() -> None:
    edits = Edits.of([1, 1, 3], [0, 4, 2], [1, 5, 3], [0, 3, 2], [0, 3, 4])
    column = edits.to_column(5)
    assert column.dtype == pl.List(EDIT) and column.is_null().to_list() == [True, False, True, False, True]
    assert Edits.from_column(column).new_end.tolist() == [0, 3, 4]
    assert Edits.none().to_column(2).to_list() == [None, None]


@given(st.lists(st.tuples(TEXT, TEXT, TEXT), min_size=1, max_size=4))
def test_composed_edits_lead_from_first_to_last(triples: list[tuple[str, str, str]]) -> None:
    both = compose(align([(a, b) for a, b, _ in triples]), align([(b, c) for _, b, c in triples]))
    for text, (first, _, last) in enumerate(triples):
        assert apply(both, text, first, last) == last


@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=4), st.data())
def test_a_span_outside_every_edit_is_the_same_characters(
    pairs: list[tuple[str, str]], data: st.DataObject
) -> None:
    edits = align(pairs)
    text = data.draw(st.integers(0, len(pairs) - 1))
    old, new = pairs[text]
    start = data.draw(st.integers(0, len(old)))
    end = data.draw(st.integers(start, len(old)))
    of_text = edits.text == text
    outside = not ((edits.old_start[of_text] < end) & (edits.old_end[of_text] > start)).any()
    inner = ((edits.old_start[of_text] == edits.old_end[of_text]) & (edits.old_start[of_text] > start)) & (
        edits.old_end[of_text] < end
    )
    if start < end and outside and not inner.any():
        a, b = int(edits.map_starts([text], [start])[0]), int(edits.map_ends([text], [end])[0])
        assert new[a:b] == old[start:end]


@given(st.tuples(TEXT, TEXT), st.lists(st.integers(0, 12), min_size=2, max_size=6))
def test_mapping_is_monotone_and_inside_the_text(pair: tuple[str, str], places: list[int]) -> None:
    edits = align([pair])
    places = sorted(min(p, len(pair[0])) for p in places)
    for mapped in (edits.map_starts([0] * len(places), places), edits.map_ends([0] * len(places), places)):
        assert (mapped[1:] >= mapped[:-1]).all() and mapped.min() >= 0 and mapped.max() <= len(pair[1])
