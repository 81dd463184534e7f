"""What the tests of the steps share."""

import numpy as np
import polars as pl

from mgm.text.cleaning.rewrite import Step
from mgm.text.offsets import Edits


def after(step: Step, text: str) -> str:
    """The text after a step."""
    return step(pl.Series([text]))[0][0]


def changes(step: Step, text: str) -> list[tuple[str, str]]:
    """What each edit of a step takes away, and what it puts there."""
    new, edits = step(pl.Series([text]))
    return [(text[a:b], new[0][c:d]) for _, a, b, c, d in rows(edits)]


def rows(edits: Edits) -> list[tuple[int, ...]]:
    return list(
        zip(
            *(
                part.tolist()
                for part in (edits.text, edits.old_start, edits.old_end, edits.new_start, edits.new_end)
            ),
            strict=True,
        )
    )


def raw_of(edits: Edits, raw: str, new: str, word: str) -> str:
    """The raw characters that a word of the new text came from."""
    start = new.index(word)
    back = edits.inverse()
    return raw[int(back.map_starts([0], [start])[0]) : int(back.map_ends([0], [start + len(word)])[0])]


def check_edits(raws: list[str], news: list[str], edits: Edits, exchanges: bool = False) -> None:
    """Edits are sorted and apart, and what lies between them is as long in both texts.

    It is the same too, unless characters were exchanged one for one.
    """
    for text, (raw, new) in enumerate(zip(raws, news, strict=True)):
        old_at = new_at = 0
        for _, a, b, c, d in [row for row in rows(edits) if row[0] == text] + [
            (text, len(raw), len(raw), len(new), len(new))
        ]:
            assert old_at <= a <= b <= len(raw) and new_at <= c <= d <= len(new)
            assert a - old_at == c - new_at
            assert exchanges or raw[old_at:a] == new[new_at:c]
            old_at, new_at = b, d
    assert (np.diff(edits.text) >= 0).all()


def check_spans(raw: str, new: str, edits: Edits) -> None:
    """Every span that touches no edit is the same characters before and after, and comes back to itself."""
    touched = np.zeros(len(raw) + 1, dtype=bool)
    for _, a, b, _, _ in rows(edits):
        touched[a : b + 1] = True
    for start in range(len(raw)):
        if touched[start]:
            continue
        end = start + 1
        while end < len(raw) and not touched[end]:
            end += 1
        to_start, to_end = int(edits.map_starts([0], [start])[0]), int(edits.map_ends([0], [end])[0])
        assert to_end - to_start == end - start
        back = edits.inverse()
        assert (int(back.map_starts([0], [to_start])[0]), int(back.map_ends([0], [to_end])[0])) == (
            start,
            end,
        )
