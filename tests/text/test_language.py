"""Which language a text is: script first, the model for Latin text only."""

import socket
from typing import NoReturn

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mgm.corpus.contract import LANGUAGES
from mgm.settings.text import LanguageSettings
from mgm.text import language
from mgm.text.language import detect_languages

POEM = "白日依山盡，黃河入海流。欲窮千里目，更上一層樓。"


def language_of(text: str | None, mixed_share: float = 0.2, characters: int = 500) -> str:
    settings = LanguageSettings(mixed_share=mixed_share, max_characters=characters)
    detected = detect_languages(pl.Series("text", [text], dtype=pl.String), settings)
    assert detected.name == "language" and detected.dtype == pl.String
    return str(detected[0])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The printer burns again, and nobody knows why.", "en"),
        ("THE PRINTER BURNS AGAIN AND NOBODY KNOWS WHY", "en"),
        ("Thank you!", "en"),
        ("nightmare.", "en"),  # the model alone: Italian
        ("First line\nsecond line of it\r\nand the third", "en"),
        ("打印机又着火了，谁也不知道为什么。", "zh"),
        (POEM, "zh"),  # the model alone: Japanese
        ("好", "zh"),
        ("我用 Word 打开了文件，但是打印机不工作，换了一台还是不行。", "zh"),
        ("打印机 printer 着火了 burns again", "mixed"),
        ("Choose Tools - Macros.\n要访问此命令，请选择菜单。", "mixed"),
        ("プリンターがまた燃えています。", "other"),
        ("東京都は日本の首都である。", "other"),
        ("프린터가 또 불타고 있어요", "other"),
        ("Принтер снова горит, и никто не знает почему.", "other"),
        ("الطابعة تحترق مرة أخرى", "other"),
        ("Der Drucker brennt schon wieder, und niemand weiß warum.", "other"),
        ("L'imprimante brûle encore et personne ne sait pourquoi.", "other"),
        ("El ordenador no funciona y nadie sabe por qué.", "other"),
        ("打印机 Принтер снова горит, и никто не знает почему", "other"),
        ("1997.8.12 :-) ...", "other"),
        ("", "other"),
        (" \n\t", "other"),
        (None, "other"),
        ("<URL>", "other"),  # no word of the author's
        ("<URL> 打印机坏了 <EMAIL> <PHONE>", "zh"),
    ],
)
def test_one_text(text: str | None, expected: str) -> None:
    assert language_of(text) == expected


def test_mixed_needs_its_share_of_both() -> None:
    text = "打印机又着火了，谁也不知道为什么。 printer"
    assert language_of(text, mixed_share=0.2) == "zh"
    assert language_of(text, mixed_share=0.05) == "mixed"


def test_only_the_first_characters_count() -> None:
    text = "The printer burns again. " + "打印机又着火了。" * 50
    assert language_of(text, characters=24) == "en"
    assert language_of(text, characters=400) == "zh"


def test_the_model_sees_latin_text_only(monkeypatch: pytest.MonkeyPatch) -> None:
    read = []

    class Model:
        def predict(self, line: str) -> tuple[tuple[str], tuple[float]]:
            read.append(line)
            return ("__label__fr",), (0.99,)

    monkeypatch.setattr(language, "_model", Model)
    texts = pl.Series(["好的", "Принтер", "...", "Bonjour\nle monde"])
    assert detect_languages(texts, LanguageSettings()).to_list() == ["zh", "other", "other", "other"]
    assert read == ["Bonjour le monde"]


def test_it_needs_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> NoReturn:
        raise AssertionError("it opened a socket")

    monkeypatch.setattr(socket, "socket", refuse)
    language._model.cache_clear()
    assert language_of("The printer burns again.") == "en"


@settings(max_examples=50)
@given(
    st.lists(st.one_of(st.none(), st.text(max_size=40), st.sampled_from([POEM, "the cat\nsat", "a\r\x00b"])))
)
def test_each_row_has_a_language_of_its_own(texts: list[str | None]) -> None:
    series = pl.Series("text", texts, dtype=pl.String)
    detected = detect_languages(series, LanguageSettings())
    assert len(detected) == len(texts) and set(detected) <= set(LANGUAGES)
    assert detected.to_list() == [language_of(text) for text in texts]
