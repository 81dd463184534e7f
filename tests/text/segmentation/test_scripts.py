"""Words with joiners, emoji sequences, and scripts without blanks between words, from raw text to offsets."""

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mgm.settings.text import CleaningSettings, FeatureSettings, SegmentationSettings
from mgm.text.cleaning import clean
from mgm.text.features import PROPERTIES, featurize
from mgm.text.segmentation.southeast_asian import cut_southeast_asian_runs
from mgm.text.segmentation.tokens import tokenize
from mgm.text.stopwords import Stopwords
from mgm.text.vocabulary import SCHEMA, Vocabulary

NO_WORDS = Vocabulary(SCHEMA.to_frame())
CHARACTERS = SegmentationSettings(southeast_asian_tokens="characters")

EMOJI = {
    "woman technologist": "\U0001f469\u200d\U0001f4bb",
    "family": "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466",
    "flag of Scotland": "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
    "flag of Wales": "\U0001f3f4\U000e0067\U000e0062\U000e0077\U000e006c\U000e0073\U000e007f",
    "flag of Texas": "\U0001f3f4\U000e0075\U000e0073\U000e0074\U000e0078\U000e007f",
    "rainbow flag": "\U0001f3f3\ufe0f\u200d\U0001f308",
    "pirate flag": "\U0001f3f4\u200d\u2620\ufe0f",
    "couple with skin tones": "\U0001f469\U0001f3fd\u200d\u2764\ufe0f\u200d\U0001f48b\u200d\U0001f468\U0001f3ff",
    "man with red hair": "\U0001f468\U0001f3fc\u200d\U0001f9b0",
    "woman running to the right": "\U0001f3c3\U0001f3fd\u200d\u2640\ufe0f\u200d\u27a1\ufe0f",
    "broken chain": "\u26d3\ufe0f\u200d\U0001f4a5",
    "flag of a country": "\U0001f1e9\U0001f1ea",
    "keycap of a digit": "1\ufe0f\u20e3",
    "keycap without a selector": "7\u20e3",
    "keycap of a hash": "#\ufe0f\u20e3",
    "keycap of a star": "*\ufe0f\u20e3",
    "red heart": "\u2764\ufe0f",
    "text style": "\u2764\ufe0e",
    "information": "\u2139\ufe0f",
    "thumb with a skin tone": "\U0001f44d\U0001f3fd",
    "copyright": "\u00a9\ufe0f",
}
WORDS = {
    "Persian": "می\u200cخواهم",
    "Persian after a letter that does not join": "کار\u200cها",
    "Persian with two": "نمی\u200cتوان\u200cگفت",
    "Urdu": "خوب\u200cصورت",
    "Sinhala": "ශ්\u200dරී",
    "Hindi half form": "क्\u200dष",
    "Hindi explicit virama": "क्\u200cष",
    "Marathi at the end": "र्\u200d",
    "Bengali": "র\u200d্যাব",
    "Kannada": "ರ\u200d್ಕ",
    "Malayalam chillu": "അവന്\u200d",
    "Mongolian": "ᠨᠠᠷ\u180eᠠ",
    "Latin": "word",
    "accented": "cafe\u0301",
}


def documents(*texts: str) -> pl.DataFrame:
    return pl.DataFrame({"doc_id": [f"d{i}" for i in range(len(texts))], "text": texts})


def words_and_spans(text: str, chosen: SegmentationSettings = CHARACTERS) -> list[tuple[str, int, int]]:
    """Each word of a raw text that is cleaned, with its raw offsets."""
    tokens, _ = tokenize(clean(documents(text), CleaningSettings())[0], chosen)
    if tokens.is_empty():
        return []
    row = tokens.row(0, named=True)
    return list(zip(row["words"], row["start"], row["end"], strict=True))


def only_words(text: str, chosen: SegmentationSettings = CHARACTERS) -> list[str]:
    return [word for word, _, _ in words_and_spans(text, chosen)]


@pytest.mark.parametrize("sequence", EMOJI.values(), ids=EMOJI.keys())
def test_an_emoji_sequence_is_one_word(sequence: str) -> None:
    """Alone, between words, beside letters and digits, and beside another one of its kind."""
    n = len(sequence)
    assert words_and_spans(sequence) == [(sequence, 0, n)]
    assert words_and_spans(f"ok {sequence} go")[1] == (sequence, 3, 3 + n)
    assert words_and_spans(f"ok{sequence}go") == [("ok", 0, 2), (sequence, 2, 2 + n), ("go", 2 + n, 4 + n)]
    assert words_and_spans(sequence * 2) == [(sequence, 0, n), (sequence, n, 2 * n)]
    assert words_and_spans(f"12{sequence}")[-1] == (sequence, 2, 2 + n)


@pytest.mark.parametrize("word", WORDS.values(), ids=WORDS.keys())
def test_a_word_keeps_its_joiners(word: str) -> None:
    cleaned = clean(documents(word), CleaningSettings())[0]["text"].item()
    assert words_and_spans(f"a {word}, b")[1] == (cleaned, 2, 2 + len(word))
    assert [c for c in cleaned if c in "\u200c\u200d\u180e"] == [c for c in word if c in "\u200c\u200d\u180e"]


@pytest.mark.parametrize(
    ("raw", "word"),
    [
        ("pass\u200bword", "password"),
        ("pass\u200dword", "password"),
        ("pass\u200cword", "password"),
        ("中\u200d国", "中国"),
        ("\U0001f469\u200cok", "\U0001f469"),
        ("می\u200c\u200cخواهم", "می\u200cخواهم"),
        ("می\u200b\u200cخواهم", "می\u200cخواهم"),
        ("می\u200c،", "می"),
        ("a\U000e0061\U000e0062b", "ab"),
        ("\U0001f3f4\U000e0067\U000e0062", "\U0001f3f4"),
        ("\U0001f3f4\U000e007f", "\U0001f3f4"),
        ("x\ufdd0y", "xy"),
    ],
    ids=[
        "zero-width space",
        "joiner between Latin letters",
        "non-joiner between Latin letters",
        "joiner between Chinese characters",
        "non-joiner after an emoji",
        "two non-joiners",
        "space and non-joiner",
        "non-joiner at the end",
        "tags after a letter",
        "tags without an end",
        "an end without tags",
        "noncharacter",
    ],
)
def test_a_joiner_that_joins_nothing_is_dropped(raw: str, word: str) -> None:
    assert only_words(raw)[0] == word


def test_offsets_of_a_word_are_of_the_whole() -> None:
    assert words_and_spans("a pass\u200bword b")[1] == ("password", 2, 11)


@pytest.mark.parametrize(
    "nothing",
    [
        "\ufffe",
        "\uffff",
        "\ufdd0",
        "\U0001fffe",
        "\U0010ffff",
        "\x07",
        "\x7f",
        "\u2060",
        "\ufeff",
        "\u200d",
        "\U000e0041",
    ],
    ids=ascii,
)
@pytest.mark.parametrize("cleans", [True, False], ids=["cleaned", "raw"])
def test_what_has_no_width_is_no_word(nothing: str, cleans: bool) -> None:
    cleaning = CleaningSettings(control_characters=cleans, mojibake=cleans)
    for text in (f"a {nothing} b", f"a {nothing}\nb", f"{nothing} a b {nothing}"):
        tokens, _ = tokenize(clean(documents(text), cleaning)[0], CHARACTERS)
        assert tokens["words"].to_list() == [["a", "b"]]


def test_a_text_of_nothing_has_no_words() -> None:
    kept, rejected = tokenize(documents("\ufffe\u200b", "\u200d"), CHARACTERS)
    assert kept.is_empty() and rejected["reasons"].to_list() == [["no_words"]] * 2


def test_a_next_line_is_a_line_break() -> None:
    row = tokenize(clean(documents("one\x85two. Three"), CleaningSettings())[0], CHARACTERS)[0].row(
        0, named=True
    )
    assert row["words"] == ["one", "two", ".", "Three"] and row["paragraph"] == [1, 2]
    assert row["start"] == [0, 4, 7, 9]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ฉันรักภาษาไทย", "ฉั|น|รั|ก|ภ|า|ษ|า|ไ|ท|ย"),
        ("น้ำ", "น้ำ"),
        ("บริษัทGoogleเปิดตัว iPhone 15 ปี2567", "บ|ริ|ษั|ท|Google|เ|ปิ|ด|ตั|ว|iPhone|15|ปี|2567"),
        ("ข่าว: #ไทย!", "ข่|า|ว|:|#|ไ|ท|ย|!"),
        ("ខ្ញុំស្រលាញ់ខ្មែរ។", "ខ្ញុំ|ស្រ|លា|ញ់|ខ្មែ|រ|។"),
        ("ຂ້ອຍຮັກລາວ", "ຂ້|ອ|ຍ|ຮັ|ກ|ລ|າ|ວ"),
        ("မြန်မာစာ", "မြ|န်|မာ|စာ"),
        ("བོད་ཡིག་", "བོད|་|ཡིག|་"),
        ("中文ไทย中文", "中文|ไ|ท|ย|中文"),
    ],
    ids=[
        "Thai",
        "vowel am",
        "Thai with Latin",
        "hashtag",
        "Khmer",
        "Lao",
        "Burmese",
        "Tibetan",
        "Chinese beside",
    ],
)
def test_characters_of_scripts_without_blanks(text: str, words: str) -> None:
    """Where no segmenter is installed, or where characters are asked for."""
    spans = words_and_spans(text)
    assert [word for word, _, _ in spans] == words.split("|")
    assert all(text[start:end] == word for word, start, end in spans)


def test_runs_of_several_scripts_keep_their_order() -> None:
    cut, counts = cut_southeast_asian_runs(pl.Series(["ไท", "ᨲᩫ᩠ᩅ", "ລາ"]), tokens="characters")
    assert cut.to_list() == ["ไ", "ท", "ᨲᩫ᩠ᩅ", "ລ", "າ"] and counts.tolist() == [2, 1, 2]


PARTS = [*EMOJI.values(), *WORDS.values(), "中文", "x1", ".", "น้ำ", "pass\u200bword"]


@given(
    st.lists(
        st.tuples(st.sampled_from(PARTS), st.sampled_from([" ", "\n", "  ", " \ufffe "])),
        min_size=1,
        max_size=6,
    )
)
@settings(max_examples=15)
def test_neighbours_leave_each_sequence_its_offsets(parts: list[tuple[str, str]]) -> None:
    text, expected, at = "", [], 0
    for part, gap in parts:
        expected.append((at, at + len(part)))
        text += part + gap
        at = len(text)
    spans = [(start, end) for _, start, end in words_and_spans(text)]
    assert spans == expected


@given(
    st.text(
        alphabet=st.sampled_from(
            "".join({c for part in PARTS for c in part}) + " \n\u200c\u200d\U000e007f\ufffea"
        ),
        max_size=12,
    )
)
@example("\u0e49\u09cd")  # marks of two scripts, which NFC puts in another order: each comes from both
@settings(max_examples=20)
def test_any_mixture_has_words_with_ranges_that_ascend(text: str) -> None:
    """Words that one change of cleaning made have its range, each."""
    last = (0, 0)
    for word, start, end in words_and_spans(text):
        assert word and start < end <= len(text)
        assert last[1] <= start or (start, end) == last
        last = start, end


def test_features_and_stopwords_read_these_words() -> None:
    words = [*EMOJI.values(), *WORDS.values(), "น้ำ", "ខ្ញុំ"]
    tokens = pl.DataFrame({"doc_id": ["d"], "words": [words], "content": [[True] * len(words)]})
    types = featurize(tokens, NO_WORDS, settings=FeatureSettings()).types
    assert types["text"].to_list() == words and (types["ngrams"].list.len() > 0).all()
    assert all(types[name].is_between(0, size - 1).all() for name, size in PROPERTIES.items())
    other, arabic, latin = 6, 5, 2
    scripts = dict(types.select("text", "script").rows())
    assert scripts[WORDS["Persian"]] == arabic and scripts[WORDS["Sinhala"]] == other
    assert scripts["น้ำ"] == other and scripts["word"] == latin
    shapes = dict(types.select("text", "shape").rows())
    assert shapes[WORDS["Persian"]] == shapes[WORDS["Sinhala"]] == shapes["น้ำ"] == 14
    assert shapes[EMOJI["family"]] == shapes[EMOJI["flag of Scotland"]] == 10
    assert Stopwords(frozenset()).is_content(pl.Series(list(EMOJI.values()))).all()
