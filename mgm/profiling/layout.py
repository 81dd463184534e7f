"""The layout of a profile, which describes the documents of a snapshot, to compare later ones with.

A profile is a dictionary ready for JSON, some 30 kB a corpus; nothing in it needs the documents again:

    version, split              of this layout; the split that is profiled, or null: all documents
    rows, words, unknown_words  by split: documents, words, the share of words outside the vocabulary
    unknown                     by split: n (words), unknown, design_effect, per_document (a histogram)
    words_per_document          a histogram
    characters_per_document     a histogram, of the raw text from the first word to the last
    languages                   n, counts
    vocabulary                  n (words), documents, distinct, top (the most frequent words, lower case, and
                                their counts), design_effect, document_frequencies, sketch
    tasks                       by task: kind, rows, labelled, and labels with their counts, or values (a
                                histogram), per_document (a histogram) where a document has several
    predictions                 the same of predicted labels, where they were added

All but `rows`, `words`, `unknown_words` and `unknown` is of the one split. Which sections a task has is decided by its kind
(mgm/profiling/kinds); everything that reads a profile goes by the sections that it finds.
"""

import json
from pathlib import Path
from typing import Any

VERSION = 1
ALL_DOCUMENTS = "all"
"""The name of the split of documents that have none."""

Profile = dict[str, Any]


def read_profiles(path: Path) -> dict[str, Profile]:
    """Return the profiles of a file such as data/features/profile.json by corpus; those of another layout are left out.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it holds no profiles.
    """
    return parse_profiles(path.read_bytes(), path)


def parse_profiles(content: bytes, path: Path) -> dict[str, Profile]:
    """Return the profiles of a file's content; see `read_profiles`. Errors name the path."""
    try:
        corpora = json.loads(content)["corpora"]
        return {
            name: profile for name, profile in sorted(corpora.items()) if profile.get("version") == VERSION
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path}: no profiles of corpora in it: {error!r}") from error


def num_profiled_documents(profile: Profile) -> int:
    """Return the number of documents of the split that is profiled."""
    return sum(n for split, n in profile["rows"].items() if profile["split"] in (None, split))
