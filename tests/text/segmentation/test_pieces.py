"""The kernel that cuts texts into pieces, beside the expression that decides what a piece is."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mgm import native
from mgm.settings.text import SegmentationSettings
from mgm.text.segmentation.pieces import Pieces, character_classes, find_pieces
from mgm.text.segmentation.words import _match_pieces, find_words
from tests.kernel_library import kernel_library

SAMPLES = Path(__file__).parents[3] / "data" / "samples"
SPELT = [
    "<URL>", "<EMAIL>", "<IP>", "<PHONE>", "<NUMBER>", "<URL", "3.14", "1,000", "12:30", "1/2", "3.", "U.S.", "e.g.", "a.b", "C#",
    "F#", "don't", "well-known", "libstdc++", "c+", "x86_64", "@me", "#tag", "#", "@", ":-)", ":D", ":Dx", ";(", "=))", "<3", "<", "-",
    "--", "...", "…", "!?", "！？", "~~", "~", "。。", "——", "明月", "楼", "T恤", "café", "Привет", "½", "٣٫٤", "ﬁ", "한국", "かな",
    "\n", "\n\n", " ", "\t", "\u3000", "\u00a0", "\r\n", "\u0085", "é", "e\u0301", "👩\u200d💻", "👍", "🎉🎉", "𝐀b", "ไทย", "می\u200cخواهم", "3\ufe0f\u20e3", "ℹ",
]  # fmt: skip
texts = st.lists(st.one_of(st.sampled_from(SPELT), st.text(max_size=3)), max_size=12).map("".join)
few = st.text(alphabet="aB1.,:;-+'#@<>()=!?…。明é \n", max_size=20)


@pytest.fixture(autouse=True, scope="module")
def kernels() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(native, "LIBRARY", kernel_library())
        yield


def spelt(pieces: Pieces) -> list[tuple[int, str, int, int]]:
    words = pieces.distinct.gather(pieces.code)
    return list(zip(pieces.row.tolist(), words, pieces.start.tolist(), pieces.gap.tolist(), strict=True))


def check(rows: pl.Series) -> np.ndarray:
    """Compares the pieces of the texts that the kernel knows with those of the expression, and returns which it knows."""
    found = find_pieces(rows)
    assert found is not None
    pieces, known = found
    at = np.flatnonzero(known)
    expected = _match_pieces(rows.gather(at))
    assert spelt(pieces) == spelt(expected._replace(row=at[expected.row]))
    assert pieces.distinct.n_unique() == len(pieces.distinct)
    return known


@settings(max_examples=60)
@example(SPELT)
@given(st.lists(st.one_of(texts, few), max_size=4))
def test_pieces_are_those_of_the_expression(rows: list[str]) -> None:
    check(pl.Series(rows, dtype=pl.String))


@pytest.mark.parametrize("name", ["help", "help_pairs_en", "help_pairs_zh", "poems"])
def test_pieces_of_the_shipped_corpora(name: str) -> None:
    rows = pl.read_parquet(SAMPLES / f"{name}.parquet", columns=["text"])["text"]
    assert check(rows.gather_every(max(1, len(rows) // 100))).mean() > 0.9


def test_every_pair_of_known_characters_of_a_class() -> None:
    """Of each combination of classes, which is what the kernel sees of a character that is not ASCII, some characters."""
    classes = character_classes()
    some = [
        chr(p)
        for c in np.unique(classes)[1:]
        for p in np.flatnonzero(classes == c)[:: max(1, (classes == c).sum() // 4)]
    ]
    rows = pl.Series([a + b + "a" for a in [*some, *map(chr, range(32, 127))] for b in some])
    assert check(rows).all()


def test_long_texts() -> None:
    """More distinct pieces than the first table holds, and a text of 100,000 characters."""
    words = " ".join(f"word{number}" for number in range(9_000))
    assert check(pl.Series([words, words[:100_000], "明" * 1_000, ""])).all()


@pytest.mark.parametrize(
    "character", ["\u0301", "\u200d", "\u200b", "👍🏽", "🇩🇪", "𠀀", "ก", "\ufe0f", "\x07", "ℹ", "\U000e0067"]
)
def test_rare_characters_are_left_to_the_expression(character: str) -> None:
    found = find_pieces(pl.Series(["plain text", f"a {character} b"]))
    assert found is not None and found[1].tolist() == [True, False]


def test_texts_of_both_ways_are_in_order() -> None:
    rows = pl.Series(["the e\u0301nd", "is near.\n\nSo 明月照", "👍 yes", None, "yes"], dtype=pl.String)
    with_kernel = find_words(rows, SegmentationSettings(), dictionary=None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(native, "LIBRARY", Path("absent.so"))
        without = find_words(rows, SegmentationSettings(), dictionary=None)
    for name in ("row", "start", "end", "gap"):
        assert getattr(with_kernel, name).tolist() == getattr(without, name).tolist()
    assert (
        with_kernel.types.gather(with_kernel.code).to_list() == without.types.gather(without.code).to_list()
    )
