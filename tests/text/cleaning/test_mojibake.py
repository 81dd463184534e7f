"""Cleaning step mojibake."""

import ftfy
import polars as pl
import pytest
from ftfy.badness import MOJIBAKE_CATEGORIES
from hypothesis import example, given
from hypothesis import strategies as st

from mgm.text.cleaning.mojibake import SUSPICIOUS, fix_text, repair_encoding
from tests.text.cleaning.checks import after, changes, check_edits, raw_of

BROKEN = [
    ("itâ€™s", "it’s"),
    ("cafÃ©", "café"),
    ("â€œquotedâ€\x9d", "“quoted”"),
    ("æ–‡å\xad—", "文字"),
    ("ä¸­æ–‡", "中文"),
    ("ä¸\xadæ\x96\x87", "中文"),
    ("voilÃ\xa0 le cafÃ©", "voilà le café"),
    ("ÐŸÑ€Ð¸Ð²ÐµÑ‚", "Привет"),
    ("a good line\nitâ€™s a bad one\n中文，好的", "a good line\nit’s a bad one\n中文，好的"),
    ("naÃ¯ve â€” and naïve", "naïve — and naïve"),
]
SOUND = [
    "plain",
    "it’s “curly” – and — dashed…",
    "café, naïve, Ångström, ÇA VA, Škoda, œuvre, ¿qué?",
    "5 °C ± 2 µm, £3 €4 ½",
    "中文，“引号”。《书名》——破折号……",
    "ＡＢＣ，ﬁ &amp; &lt;",
    "Привет, мир. Γειά σου.",
    "日本語ｶﾞ ┌─┐ ☃ 😀",
]


@pytest.mark.parametrize(("broken", "repaired"), BROKEN)
def test_the_encoding_is_repaired(broken: str, repaired: str) -> None:
    assert after(repair_encoding, broken) == repaired
    new, edits = repair_encoding(pl.Series([broken]))
    check_edits([broken], new.to_list(), edits)


@pytest.mark.parametrize("text", SOUND)
def test_sound_text_stays(text: str) -> None:
    texts = pl.Series([text])
    assert repair_encoding(texts)[0] is texts


def test_the_prefilter_is_rare_on_sound_text() -> None:
    assert not pl.Series(SOUND).str.contains(SUSPICIOUS).any()


def test_a_repair_changes_only_the_encoding() -> None:
    """Quotes, widths, ligatures, entities and line breaks stay."""
    assert after(repair_encoding, "“ﬁ” ＡＢ &amp; \x1b[1m\r\nÃ©") == "“ﬁ” ＡＢ &amp; \x1b[1m\r\né"


def test_each_character_knows_its_own_bytes() -> None:
    raw = "你好，世界。".encode().decode("latin-1")
    new, edits = repair_encoding(pl.Series([raw]))
    assert new[0] == "你好，世界。"
    assert raw_of(edits, raw, new[0], "世界") == "世界".encode().decode("latin-1")
    # A line that was only partly broken: its edits are found by alignment, and cut in the same way.
    assert changes(repair_encoding, "中文 and ä¸\xadæ–‡") == [("ä¸\xad", "中"), ("æ–‡", "文")]


def test_offsets_in_later_lines() -> None:
    raw = "first\ncafÃ© noir\n\nthe cafÃ© at last"
    new, edits = repair_encoding(pl.Series(["fine", raw]))
    assert new[1] == "first\ncafé noir\n\nthe café at last"
    spans = list(zip(edits.text, edits.old_start, edits.old_end, edits.new_start, strict=True))
    assert spans == [(1, 9, 11, 9), (1, 25, 27, 24)]


def _pairs() -> list[str]:
    return ["".join(chars) for chars in MOJIBAKE_CATEGORIES.values()]


PIECE = st.one_of(
    st.sampled_from([a for a, _ in BROKEN] + SOUND),
    st.sampled_from("".join(_pairs()) + "aZ ÃÂ\n\t\x1c\x85œŒ°²×√≈‚ÄвЂГÐÎØÙβā中。"),
    st.characters(codec="utf-8", max_codepoint=0x2200),
    st.text(alphabet="éèüßñ中文“”’—ж", min_size=1, max_size=3).map(lambda t: t.encode().decode("latin-1")),
    st.text(alphabet="éèüßñ中文“”’—ж", min_size=1, max_size=3).map(
        lambda t: ftfy.fixes.fix_c1_controls(t.encode().decode("latin-1"))
    ),
)


@given(st.lists(PIECE, max_size=6).map("".join))
@example("sÃ\n³")
@example("a\nÂ b")
@example("\x1cÂ£")
def test_the_prefilter_changes_no_result(text: str) -> None:
    assert after(repair_encoding, text) == fix_text(text)


@given(st.lists(PIECE, max_size=6).map("".join))
def test_edits_lead_back(text: str) -> None:
    new, edits = repair_encoding(pl.Series([text]))
    check_edits([text], new.to_list(), edits)
