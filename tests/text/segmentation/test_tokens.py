"""Segmentation: words, sentences, paragraphs and offsets of tricky texts in English and Chinese."""

import numpy as np
import polars as pl
import pytest
import rjieba
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mgm.model.spans import word_spans
from mgm.settings.text import CleaningSettings, SegmentationSettings
from mgm.tasks import Task, with_label_spaces
from mgm.text import labels
from mgm.text.cleaning import clean, clean_texts
from mgm.text.dictionary import UserDictionary, UserWord
from mgm.text.segmentation.tokens import TOKEN_COLUMNS, tokenize
from mgm.text.segmentation.words import cut_han_runs

LINES = SegmentationSettings()
CLEANING = CleaningSettings()
CHARACTERS = SegmentationSettings(chinese_tokens="characters")
TRICKY = st.text(
    alphabet=st.sampled_from(
        "aB1. ,!?'\"-_(\n\n\r\t中文我们。！”…é\u0301😀👍🏽\u200d\ufe0f🇩🇪+#@:)々\u3000<URL>\u2028"
    ),
    max_size=40,
)


def documents(*texts: str) -> pl.DataFrame:
    return pl.DataFrame(
        {"doc_id": [f"d{i}" for i in range(len(texts))], "text": texts},
        schema={"doc_id": pl.String, "text": pl.String},
    )


def sentences(text: str, settings: SegmentationSettings = LINES) -> list[str]:
    """The sentences of a text, the words of each joined by a bar."""
    row = tokenize(documents(text), settings)[0].row(0, named=True)
    result, at = [], 0
    for size in row["sentence"]:
        result.append("|".join(row["words"][at : at + size]))
        at += size
    return result


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("don't use a well-known x86_64 file.txt", "don't|use|a|well-known|x86_64|file|.|txt"),
        ("C++ and C# cost 3.14 or 1,000", "C++|and|C#|cost|3.14|or|1,000"),
        ("e.g. the U.S. @user #tag :)", "e.g.|the|U.S.|@user|#tag|:)"),
        ("key:Debian (see a/b)", "key|:|Debian|(|see|a|/|b|)"),
        ("wow!!! ... --help", "wow|!!!|...|--|help"),
        ("I can't; he'd've. isn’t O'Neil's", "I|can't|;|he'd've|.|isn’t|O'Neil's"),
        ("state-of-the-art a--b -5", "state-of-the-art|a|--|b|-|5"),
        ("ftp.x.org/a_b?c=1", "ftp|.|x|.|org|/|a_b|?|c|=|1"),
        ("1,000.50 12:30:05 1/2 5% $3.50 v2.0.1 10,", "1,000.50|12:30:05|1/2|5|%|$|3.50|v2|.|0.1|10|,"),
        ("C++11, F#; g++", "C++|11|,|F#|;|g++"),
        ("<URL> and <EMAIL>, <PHONE>/<NUMBER>", "<URL>|and|<EMAIL>|,|<PHONE>|/|<NUMBER>"),
        ("a <b> <url> <URLS>", "a|<|b|>|<|url|>|<|URLS|>"),
        ("见<URL>，第<NUMBER>号", "见|<URL>|，|第|<NUMBER>|号"),
        ("我们用LibreOffice打开3个文件", "我们|用|LibreOffice|打开|3|个|文件"),
        ("我用Python3写code，跑了3.5小时", "我用|Python3|写|code|，|跑|了|3.5|小时"),
        ("《红楼梦》（上）", "《|红楼梦|》|（|上|）"),
        ("ＡＢＣ１２３，全角", "ＡＢＣ１２３|，|全角"),
        ("한국어 Привет", "한국어|Привет"),
        ("👨‍👩‍👧🇩🇪👍🏽 ❤️ok", "👨‍👩‍👧|🇩🇪|👍🏽|❤️|ok"),
    ],
)
def test_words(text: str, expected: str) -> None:
    assert sentences(text) == [expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It ended. Then it began. lower case", ["It|ended|.", "Then|it|began|.|lower|case"]),
        ("Dr. Smith met J. Doe. See No. 5.", ["Dr|.|Smith|met|J|.|Doe|.", "See|No|.|5|."]),
        ("I said no. Then I left.", ["I|said|no|.", "Then|I|left|."]),
        ('He said "Stop!" (Really.) Then left.', ['He|said|"|Stop|!|"', "(|Really|.|)", "Then|left|."]),
        ("What?! No... maybe", ["What|?!", "No|...|maybe"]),
        ("他说：“好！”然后走了。真的？", ["他|说|：|“|好|！|”", "然后|走|了|。", "真的|？"]),
        ("想想……然后", ["想想|……", "然后"]),
        ("one\ntwo", ["one", "two"]),
        ("a\r\nb\r\n\r\nc", ["a", "b", "c"]),
        ("In the U.S.A. we met N. America. U.S. Army", ["In|the|U.S.A.|we|met|N|.|America|.", "U.S.|Army"]),
        ("Smith et al. said so. Mr. X vs. Mrs. Y", ["Smith|et|al|.|said|so|.", "Mr|.|X|vs|.|Mrs|.|Y"]),
        ("Use C++. Or 3.14. It works", ["Use|C++|.", "Or|3.14|.", "It|works"]),
        ("He is 5. It works.", ["He|is|5|.", "It|works|."]),
        ("Wait... what? Hmm… Yes.", ["Wait|...|what|?", "Hmm|…", "Yes|."]),
        ("“Go,” he said. “Now!” (He left.) End", ["“|Go|,|”|he|said|.", "“|Now|!|”", "(|He|left|.|)", "End"]),
        ("他问：“好吗？”我说：“好。”", ["他|问|：|“|好|吗|？|”", "我|说|：|“|好|。|”"]),
        ("《红楼梦》好看……真的？！是的！！", ["《|红楼梦|》|好看|……", "真的|？！", "是|的|！！"]),
        ("他（小王）来了。（真的。）", ["他|（|小王|）|来|了|。", "（|真的|。|）"]),
        ("中文。English follows. 又是中文", ["中文|。", "English|follows|.", "又|是|中文"]),
        ("1. First item\n2. 苹果\nb. Third. End", ["1|.|First|item", "2|.|苹果", "b|.|Third|.", "End"]),
        ("See <URL>. Then call.", ["See|<URL>|.", "Then|call|."]),
    ],
)
def test_sentences(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


def test_paragraphs() -> None:
    text = "One. Two.\nThree.\n\nFour."
    blank_line = SegmentationSettings(paragraph="blank_line")
    assert tokenize(documents(text), LINES)[0]["paragraph"].to_list() == [[2, 1, 1]]
    assert tokenize(documents(text), blank_line)[0]["paragraph"].to_list() == [[3, 1]]


def test_a_line_break_ends_no_sentence_in_hard_wrapped_text() -> None:
    blank_line = SegmentationSettings(paragraph="blank_line")
    assert sentences("one two\nthree. Four\n\nfive", blank_line) == ["one|two|three|.", "Four", "five"]


def test_a_long_sentence_is_cut() -> None:
    short = SegmentationSettings(max_sentence_words=3)
    assert sentences("a b c d e f g", short) == ["a|b|c", "d|e|f", "g"]


def test_many_runs_in_one_call_are_cut_as_each_by_itself() -> None:
    runs = ["我们去北京大学", "々〇不", "中华人民共和国成立了", "的"]
    words, counts = cut_han_runs(pl.Series(runs))
    assert words.to_list() == [word for run in runs for word in rjieba.cut(run)]
    assert counts.tolist() == [len(rjieba.cut(run)) for run in runs]


def test_equal_runs_are_equal_words_wherever_they_stand() -> None:
    kept, _ = tokenize(documents("我们。我们 x 我们", "我们"), LINES)
    assert kept["words"].to_list() == [["我们", "。", "我们", "x", "我们"], ["我们"]]
    assert kept["start"].to_list() == [[0, 2, 3, 6, 8], [0]]


def test_chinese_as_characters_leaves_the_rest() -> None:
    assert sentences("我们用Python3写code。好", CHARACTERS) == ["我|们|用|Python3|写|code|。", "好"]


@given(st.data(), st.text(alphabet="北京大学明月不。，a ", min_size=1, max_size=20))
def test_spans_at_any_character_survive_tagging_of_characters(data: st.DataObject, text: str) -> None:
    places = [i for i, character in enumerate(text) if character in "北京大学明月不"]
    assume(places)
    start = data.draw(st.sampled_from(places))
    end = data.draw(st.sampled_from([i + 1 for i in places if i >= start and "。" not in text[start:i]]))
    task = Task(name="names", kind="tagging", corpora=["c"])
    span = {"start": start, "end": end, "label": "name"}
    frame = documents(text).with_columns(pl.Series(task.columns.label, [[span]], dtype=task.column_type))
    row = labels.encode(tokenize(frame, CHARACTERS)[0], with_label_spaces([task], {"names": ["name"]})).row(
        0, named=True
    )
    tags = np.array(row[task.columns.label_ids])
    found = word_spans(tags, np.ones(len(tags), np.float32), sentence_length=np.array(row["sentence"]))
    assert [(row["start"][a], row["end"][b]) for a, b in zip(found.first, found.last, strict=True)] == [
        (start, end)
    ]


def test_a_user_word_is_never_cut() -> None:
    text = "他说不可能的事情也可能"
    assert "不可能的事" not in sentences(text)[0].split("|")
    dictionary = UserDictionary((UserWord("不可能的事"), UserWord("可能的"), UserWord("能也")))
    row = tokenize(documents(text, "可能的能也"), LINES, dictionary=dictionary)[0]
    assert row["words"].to_list() == [["他", "说", "不可能的事", "情", "也", "可能"], ["可能的", "能也"]]


@given(
    st.lists(
        st.text(alphabet="北京大学生活不的", min_size=1, max_size=4), min_size=1, max_size=4, unique=True
    ),
    st.lists(st.text(alphabet="北京大学生活不的我", max_size=6), min_size=2, max_size=3),
    st.data(),
)
@settings(max_examples=40)
def test_the_first_user_word_of_a_run_stands_whole(
    words: list[str], others: list[str], data: st.DataObject
) -> None:
    dictionary = UserDictionary(tuple(UserWord(word) for word in words))
    run = data.draw(st.sampled_from(words)).join(others)
    row = tokenize(documents(run), LINES, dictionary=dictionary)[0].row(0, named=True)
    assert "".join(row["words"]) == run
    at = min(run.index(word) for word in words if word in run)
    longest = max((word for word in words if run.startswith(word, at)), key=len)
    assert (at, at + len(longest)) in zip(row["start"], row["end"], strict=True)


def test_a_document_without_words_is_rejected() -> None:
    kept, rejected = tokenize(documents("a", " \n ", ""), LINES)
    assert kept["doc_id"].to_list() == ["d0"]
    assert rejected["reasons"].to_list() == [["no_words"], ["no_words"]]


def test_an_empty_part_keeps_its_columns() -> None:
    kept, rejected = tokenize(documents(), LINES)
    assert dict(kept.schema) == {"doc_id": pl.String, **TOKEN_COLUMNS} and rejected.height == 0


@given(st.lists(TRICKY, min_size=1, max_size=5), st.sampled_from(["line", "blank_line"]))
def test_words_tile_the_text_and_lengths_add_up(texts: list[str], paragraph: str) -> None:
    settings = SegmentationSettings.model_validate({"paragraph": paragraph, "max_sentence_words": 4})
    frame = documents(*texts)
    kept, rejected = tokenize(frame, settings)
    assert kept.height + rejected.height == frame.height
    for row in kept.iter_rows(named=True):
        raw, at = texts[int(row["doc_id"][1:])], 0
        for word, start, end in zip(row["words"], row["start"], row["end"], strict=True):
            assert raw[start:end] == word and raw[at:start].replace("\u200d", "").strip() == ""
            at = end
        assert raw[at:].replace("\u200d", "").strip() == ""
        assert sum(row["sentence"]) == len(row["words"]) and 0 < max(row["sentence"]) <= 4
        assert sum(row["paragraph"]) == len(row["sentence"]) and min(row["paragraph"]) > 0


@given(st.lists(TRICKY, min_size=2, max_size=4))
def test_a_document_does_not_depend_on_its_neighbours(texts: list[str]) -> None:
    together = pl.concat(list(tokenize(documents(*texts), LINES)[:1])).drop("doc_id")
    alone = pl.concat([tokenize(documents(text), LINES)[0] for text in texts]).drop("doc_id")
    assert together.equals(alone)


@given(
    st.lists(
        st.lists(
            st.sampled_from(["ab", " ", "\u200b", "\t", ".", "中文", "\r\n", "e\u0301", "a@b.org", "😀"])
        ).map("".join),
        min_size=1,
        max_size=4,
    )
)
def test_offsets_of_cleaned_documents_lead_into_the_raw_text(texts: list[str]) -> None:
    """What stands there in the raw text, cleaned, is the word."""
    kept, _ = clean(documents(*texts), CLEANING)
    for row in tokenize(kept, LINES)[0].iter_rows(named=True):
        raw = texts[int(row["doc_id"][1:])]
        found = [raw[start:end] for start, end in zip(row["start"], row["end"], strict=True)]
        assert clean_texts(pl.Series(found), CLEANING)[0].to_list() == row["words"]


def test_a_placeholder_has_the_offsets_of_what_it_stands_for() -> None:
    raw = "Write  to a.b@example.org​ or see https://example.org/x?y=1 now"
    row = tokenize(clean(documents(raw), CLEANING)[0], LINES)[0].row(0, named=True)
    assert row["words"] == ["Write", "to", "<EMAIL>", "or", "see", "<URL>", "now"]
    found = [raw[start:end].strip("\u200b") for start, end in zip(row["start"], row["end"], strict=True)]
    assert found == ["Write", "to", "a.b@example.org", "or", "see", "https://example.org/x?y=1", "now"]
