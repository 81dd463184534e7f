"""The languages of documents of which only the words are left: what a night is compared with training by.

The same words make the same answer on both sides; the languages that a corpus declares would not do, since raw
documents to be scored declare none.
"""

import polars as pl

from mgm.profiling.profile import Profile
from mgm.settings.text import LanguageSettings
from mgm.text.language import detect_languages
from mgm.text.list_columns import flatten, lengths, unflatten

DETECTED = "detected_languages"
"""The section of a profile that holds them: n, counts."""
SAMPLED = 2_000


def detected_languages(
    documents: pl.DataFrame, types: pl.DataFrame, settings: LanguageSettings
) -> dict[str, int]:
    """How many documents there are in each language, told from their words joined by blanks; of a part with more
    than SAMPLED documents, of so many at even distances.

    Args:
        documents: `word`, lists of rows of `types`.
        types: `text`.
    """
    documents = documents.gather_every(-(-documents.height // SAMPLED)) if documents.height else documents
    # A word is a character at least, and a blank follows it.
    words = documents["word"].list.head(settings.characters // 2)
    texts = unflatten("text", types["text"].gather(flatten(words)), lengths(words)).list.join(" ")
    counts = detect_languages(texts, settings).alias("language").value_counts(name="n")
    return dict(sorted(counts.iter_rows()))


def with_detected(profile: Profile) -> Profile:
    """The profile with the detected languages as its `languages`; with none where they were not detected."""
    return profile | {"languages": profile.get(DETECTED, {"n": 0, "counts": {}})}
