"""The languages of documents as detected from their words, by which a night is compared with training.

The same words give the same language on both sides. The languages that a corpus declares do not compare, since raw
documents to be scored declare none.
"""

import polars as pl

from mgm.profiling.layout import Profile
from mgm.settings.text import LanguageSettings
from mgm.text.language import detect_languages
from mgm.text.list_columns import flatten, lengths, unflatten

DETECTED = "detected_languages"
"""The section of a profile that holds them: n, counts."""
MAX_DOCUMENTS = 2_000


def detected_languages(
    documents: pl.DataFrame, types: pl.DataFrame, *, settings: LanguageSettings
) -> dict[str, int]:
    """Return the number of documents in each language, as detected from their words joined by blanks.

    In a part of more than MAX_DOCUMENTS documents, so many at even distances are counted.

    Args:
        documents: `word`, lists of rows of `types`.
        types: `text`.
    """
    documents = (
        documents.gather_every(-(-documents.height // MAX_DOCUMENTS)) if documents.height else documents
    )
    # A word is a character at least, and a blank follows it.
    words = documents["word"].list.head(settings.max_characters // 2)
    texts = unflatten(types["text"].gather(flatten(words)), lengths(words), name="text").list.join(" ")
    counts = detect_languages(texts, settings).alias("language").value_counts(name="n")
    return dict(sorted(counts.iter_rows()))


def use_detected_languages(profile: Profile) -> Profile:
    """Return the profile with the detected languages as its `languages`; with none where they were not detected."""
    return profile | {"languages": profile.get(DETECTED, {"n": 0, "counts": {}})}
