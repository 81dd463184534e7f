import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from mgm.text.factorized_tokens import FactorizedTokens

words = st.sampled_from(["the", "The", "tea", "茶", "茶馆", "."])
documents = st.lists(st.lists(words, max_size=5), max_size=6)


@given(documents)
def test_codes_spell_the_words(
    texts: list[list[str]],
) -> None:
    """Distinct words are in order of first appearance."""
    column = pl.Series("words", texts, dtype=pl.List(pl.String))
    coded = FactorizedTokens.from_lists(column)
    assert coded.types.to_list() == list(dict.fromkeys(word for text in texts for word in text))
    assert coded.to_lists(coded.types.alias("words")).to_list() == texts


@given(documents, st.randoms())
def test_codes_into_repeated_types_are_made_distinct(texts: list[list[str]], random: object) -> None:
    given_words = [word for text in texts for word in text]
    types = ["unused", *given_words[::-1]]
    code = np.array([types.index(word) for word in given_words], dtype=np.int64)
    tokens = FactorizedTokens.from_codes(
        code, pl.Series("words", types), counts=np.array([len(text) for text in texts], dtype=np.int64)
    )
    expected = FactorizedTokens.from_lists(pl.Series("words", texts, dtype=pl.List(pl.String)))
    assert tokens.codes.tolist() == expected.codes.tolist()
    assert tokens.types.to_list() == expected.types.to_list()
