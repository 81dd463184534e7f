"""Runs of Thai, Lao, Khmer, Burmese and scripts like them, which put no blank between words: cut into words or into characters.

The words are those of the dictionaries of ICU (icu4py, the extra `icu`). Without it a run is cut into characters as a reader sees them:
a letter with its marks and with the letters that are stacked below it.
"""

from importlib.util import find_spec
from typing import Literal

import numpy as np
import polars as pl

from mgm.errors import MissingExtra
from mgm.text.characters import JOINERS, SOUTHEAST_ASIAN
from mgm.text.list_columns import Array, flatten, lengths, num_characters, unflatten

Tokens = Literal["words", "characters"]

RUN = rf"[{SOUTHEAST_ASIAN}][[{SOUTHEAST_ASIAN}]\p{{M}}{JOINERS}]*"
IS_RUN = rf"^[{SOUTHEAST_ASIAN}]"
# of the scripts that a segmenter cuts: a run of another one is characters, whatever is installed
IN_TEXT = r"[[\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]&&[\p{L}\p{M}]]"
"""Matches a text that ICU cuts otherwise than into characters."""
# The signs for a stacked letter, and the vowels am, which Unicode takes for marks although they are letters.
_CHARACTER = rf"(?s:.)(?:[\x{{1039}}\x{{17D2}}\x{{1A60}}]\p{{L}}|[\p{{M}}\x{{E33}}\x{{EB3}}{JOINERS}])*"
# ICU has no dictionary of other scripts, whose runs it leaves whole.
_IN_DICTIONARY = r"^[\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{M}" + JOINERS + "]+$"
_LOCALE = "th"  # of no effect: ICU chooses the dictionary by the script


def is_icu_installed() -> bool:
    """Return whether there is a segmenter for these scripts."""
    return find_spec("icu4py") is not None


def icu_version() -> str:
    """Return the version of ICU, whose dictionaries decide the words."""
    import icu4py  # here, since it is an extra

    return icu4py.icu_version


def choose_tokens(setting: Literal["auto", "words", "characters"]) -> Tokens:
    """Return the tokens of these scripts: words where they are asked for, or where the setting is auto and ICU is installed.

    Raises:
        MissingExtra: words are asked for, and ICU is not installed.
    """
    if setting == "auto":
        return "words" if is_icu_installed() else "characters"
    if setting == "words" and not is_icu_installed():
        raise MissingExtra(
            "text.segmentation.southeast_asian_tokens: words: Thai, Lao, Khmer and Burmese are cut into words by ICU (icu4py), "
            "which is not installed",
            extra="icu",
        )
    return setting


def describe_choice(tokens: Tokens, num_documents: int) -> str:
    """Return a line that says what the setting `auto` has chosen, and how to have the same elsewhere."""
    installed = "installed" if tokens == "words" else "not installed"
    return (
        f"{num_documents:,} documents with Thai, Lao, Khmer or Burmese are cut into {tokens}, since ICU (icu4py) is {installed}; "
        f"text.segmentation.southeast_asian_tokens: {tokens} has the same on every machine"
    )


def cut_southeast_asian_runs(runs: pl.Series, *, tokens: Tokens) -> tuple[pl.Series, Array]:
    """Return the words, or the characters, of runs, and the number of those of each run."""
    characters = runs.str.extract_all(_CHARACTER)
    if tokens == "characters":
        return flatten(characters), lengths(characters)
    in_dictionary = runs.str.contains(_IN_DICTIONARY)
    words = _cut_by_icu(runs.filter(in_dictionary))
    both = pl.concat([words, characters.filter(~in_dictionary)])
    place = np.concatenate(
        [np.flatnonzero(in_dictionary.to_numpy()), np.flatnonzero(~in_dictionary.to_numpy())]
    )
    cut = both.gather(np.argsort(place))
    return flatten(cut), lengths(cut)


def _cut_by_icu(runs: pl.Series) -> pl.Series:
    """Return the words of each run. One call cuts all of them, separated by line breaks, at which ICU always cuts."""
    from icu4py.breakers import WordBreaker

    cut = pl.Series(runs.name, list(WordBreaker("\n".join(runs.to_list()), _LOCALE)), dtype=pl.String)
    cut = cut.filter(cut != "\n")
    bounds, ends = np.cumsum(num_characters(cut)), np.cumsum(num_characters(runs))
    last = np.searchsorted(bounds, ends)
    assert np.array_equal(bounds[last], ends), "ICU's words are not their runs"
    return unflatten(cut, np.diff(np.append(-1, last)), name=runs.name)
