"""The kernel that masks addresses of the web, beside the expression that decides what one is."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from polars.testing import assert_series_equal

from mgm import native
from mgm.text.cleaning.mask import mask_identifiers
from mgm.text.cleaning.urls import mask_urls
from tests.kernel_library import kernel_library

SAMPLES = Path(__file__).parents[3] / "data" / "samples"
PARTS = [
    "http://", "HTTPS://", "ftp://", "ftps://", "sFtp://", "shttp://", "file://", "://", "www.", "WWW.", "wwww.", "_", "a", "Z9", "user:pw@",
    "u" * 65 + "@", "[fe80::1.2]", "[]", "[::1", "example.org", "/a(b)", "(c", "(d|e)", "(f.,)", ")", "|", "?!", "...", "'", "*", ",", ":", "/",
    "#x", "?q=1&r=%20", "~", "-", "<", ">", "\"", " ", "\n", "\x1c", "\x0b", "明", "。", "，", "\uff0e", "\uffef", "\ufffd", "é", "ſ", "\u212a", "😀",
]  # fmt: skip
texts = st.lists(st.sampled_from(PARTS), max_size=10).map("".join)


@pytest.fixture(autouse=True, scope="module")
def kernels() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(native, "LIBRARY", kernel_library())
        yield


def check(rows: pl.Series) -> None:
    found, edits = mask_identifiers(rows, ["url"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(native, "LIBRARY", Path("absent.so"))
        assert len(mask_urls(rows, "<URL>")[2]) == len(rows)
        expected, expected_edits = mask_identifiers(rows, ["url"])
    assert_series_equal(found, expected)
    assert_series_equal(edits.to_column(len(rows)), expected_edits.to_column(len(rows)))


@settings(max_examples=80)
@example(
    [
        "http://a.b:80/c?d=e.",
        "http://u:p@h",
        "http://u:p@ h",
        "http://@",
        "see (http://a.b/c_(d)), or www.x.org.",
        "so www.www.a",
    ]
)
@given(st.lists(st.one_of(texts, st.text(alphabet="htps:/w.a@[(]) 明", max_size=24)), max_size=5))
def test_addresses_are_those_of_the_expression(rows: list[str]) -> None:
    check(pl.Series(rows, dtype=pl.String))


def test_which_characters_the_kernel_knows() -> None:
    """ASCII and those from U+3000 to U+FFEF, none of which belongs to an address, before, in and after one."""
    known = [chr(point) for point in [*range(0x80), *range(0x3000, 0xD800), *range(0xE000, 0xFFF0)]]
    rows = pl.Series(["".join(f"{c}http://{c}www.a{c}b " for c in known[i::512]) for i in range(512)])
    assert len(mask_urls(rows, "<URL>")[2]) == 0
    check(rows)
    others = pl.Series([chr(point) + "www.a" for point in (0x80, 0x17F, 0x2FFF, 0xFFF0, 0xFFFF, 0x10000)])
    assert len(mask_urls(others, "<URL>")[2]) == len(others)


@pytest.mark.parametrize("name", sorted(path.stem for path in SAMPLES.glob("*.parquet")))
def test_addresses_of_the_shipped_corpora(name: str) -> None:
    rows = pl.read_parquet(SAMPLES / f"{name}.parquet", columns=["text"])["text"].drop_nulls()
    check(rows.gather_every(max(1, len(rows) // 100)))


def test_long_texts() -> None:
    text = "see http://example.org/a(b). Or 明月 www.a.b/c, " * 2_300
    check(pl.Series([text, "(" * 1_000 + "www.a" + "." * 1_000, "", text[:100_000]]))
    masked, _, _ = mask_urls(pl.Series([text]), "<URL>")
    assert masked.item() == "see <URL>. Or 明月 <URL>, " * 2_300
    assert np.array_equal(mask_urls(pl.Series(["none", "é"]), "<URL>")[2], [1])
