"""Segmentation: words, sentences, paragraphs and offsets of tricky texts in English and Chinese."""

import polars as pl
import pytest
import rjieba
from hypothesis import given
from hypothesis import strategies as st

from mgm.settings import CleaningSettings, SegmentationSettings
from mgm.text.cleaning import clean
from mgm.text.segmentation import COLUMNS, cut_han_runs, tokenize

LINES = SegmentationSettings()
TRICKY = st.text(
    alphabet=st.sampled_from("aB1. ,!?'\"-_(\n\n\t中文我们。！”…é\u0301😀+#@:)々\u3000"), max_size=40
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
        ("我们用LibreOffice打开3个文件", "我们|用|LibreOffice|打开|3|个|文件"),
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


def test_one_call_of_jieba_gives_the_words_of_many() -> None:
    runs = ["我们去北京大学", "々〇不", "中华人民共和国成立了", "的"]
    words, counts = cut_han_runs(pl.Series(runs))
    assert words.to_list() == [word for run in runs for word in rjieba.cut(run)]
    assert counts.tolist() == [len(rjieba.cut(run)) for run in runs]


def test_a_document_without_words_is_rejected() -> None:
    kept, rejected = tokenize(documents("a", " \n ", ""), LINES)
    assert kept["doc_id"].to_list() == ["d0"]
    assert rejected["reasons"].to_list() == [["no_words"], ["no_words"]]


def test_an_empty_part_keeps_its_columns() -> None:
    kept, rejected = tokenize(documents(), LINES)
    assert dict(kept.schema) == {"doc_id": pl.String, **COLUMNS} and rejected.height == 0


@given(st.lists(TRICKY, min_size=1, max_size=5), st.sampled_from(["line", "blank_line"]))
def test_words_tile_the_text_and_lengths_add_up(texts: list[str], paragraph: str) -> None:
    settings = SegmentationSettings.model_validate({"paragraph": paragraph, "max_sentence_words": 4})
    frame = documents(*texts)
    kept, rejected = tokenize(frame, settings)
    assert kept.height + rejected.height == frame.height
    for row in kept.iter_rows(named=True):
        raw, at = texts[int(row["doc_id"][1:])], 0
        for word, start, end in zip(row["words"], row["start"], row["end"], strict=True):
            assert raw[start:end] == word and raw[at:start].strip() == ""
            at = end
        assert raw[at:].strip() == ""
        assert sum(row["sentence"]) == len(row["words"]) and 0 < max(row["sentence"]) <= 4
        assert sum(row["paragraph"]) == len(row["sentence"]) and min(row["paragraph"]) > 0


@given(st.lists(TRICKY, min_size=2, max_size=4))
def test_a_document_does_not_depend_on_its_neighbours(texts: list[str]) -> None:
    together = pl.concat(list(tokenize(documents(*texts), LINES)[:1])).drop("doc_id")
    alone = pl.concat([tokenize(documents(text), LINES)[0] for text in texts]).drop("doc_id")
    assert together.equals(alone)


@given(st.lists(st.text(alphabet="ab \u200b\t.中", max_size=15), min_size=1, max_size=4))
def test_offsets_of_cleaned_documents_lead_into_the_raw_text(texts: list[str]) -> None:
    kept, _ = clean(documents(*texts), CleaningSettings())
    for row in tokenize(kept, LINES)[0].iter_rows(named=True):
        raw = texts[int(row["doc_id"][1:])]
        found = [
            raw[start:end].replace("\u200b", "") for start, end in zip(row["start"], row["end"], strict=True)
        ]
        assert found == row["words"]
