"""`reviews`: tweets, movie and product reviews with mean human valence.

Source: Hutto and Gilbert, VADER, ICWSM 2014; the archive inside the source distribution of vaderSentiment 3.3.2.
"""

import html
import io
import re
import tarfile
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mgm.corpus.fetch.errors import FetchError
from mgm.corpus.fetch.files import FLOAT, STRING, write_corpus
from mgm.corpus.fetch.packages import SourcePackage, read_members

PACKAGE = SourcePackage(
    "vaderSentiment", "3.3.2", "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9"
)
ARCHIVE = "additional_resources/hutto_ICWSM_2014.tar.gz"
FILES = {
    "tweets": "tweets_GroundTruth.txt",
    "movie": "movieReviewSnippets_GroundTruth.txt",
    "amazon": "amazonReviewSnippets_GroundTruth.txt",
}
NEUTRAL_VALENCE = 0.2
EXTREME_VALENCE = 2.0


def fetch(folder: Path) -> list[Path]:
    """Download the package and write `reviews.parquet`."""
    data = read_members(PACKAGE, [ARCHIVE])[ARCHIVE]
    rows = build_rows(data)
    tasks = {"valence": FLOAT, "polarity": STRING, "extremity": STRING}
    return [write_corpus(folder / "reviews.parquet", rows, tasks=tasks)]


def build_rows(archive: bytes) -> list[dict[str, Any]]:
    """Return the rows of the three rated files of the tar archive.

    Raises:
        FetchError: a file is missing, or a line is malformed.
    """
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        members = {Path(member.name).name: member for member in tar if member.isfile()}
        rows: list[dict[str, Any]] = []
        for source, name in FILES.items():
            file = tar.extractfile(members[name]) if name in members else None
            if file is None:
                raise FetchError(
                    f"{PACKAGE}: {ARCHIVE} has no file {name!r}; it has {', '.join(sorted(members))}"
                )
            rows.extend(_rated(source, name, content=file.read().decode("utf-8-sig")))
    return rows


def unescape_html(text: str) -> str:
    """Return a text without HTML entities; some of the source's were escaped twice."""
    while (plain := html.unescape(text)) != text:
        text = plain
    return text


def normalize_text(text: str) -> str:
    """Return the text that identifies a group: NFKC, case folded, runs of blanks as one."""
    return re.sub(r"\s+", " ", unicodedata.normalize("NFKC", text).casefold()).strip()


def _rated(source: str, name: str, *, content: str) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(content.split("\n"), start=1):
        if not line.strip():
            continue
        fields = line.split("\t", 2)
        try:
            identity, rating, raw = fields
            valence = float(rating)
        except ValueError as error:
            raise FetchError(
                f"{name}, line {number}: {line[:80]!r}; expected an id, a number and a text between tabs"
            ) from error
        text = unescape_html(raw).strip()
        yield {
            "doc_id": f"{source}-{identity}",
            "text": text,
            "lang": "en",
            "group": identity.partition("_")[0] if source == "amazon" else normalize_text(text),
            "valence": valence,
            "polarity": polarity(valence),
            "extremity": "extreme" if abs(valence) >= EXTREME_VALENCE else "mild",
        }


def polarity(valence: float) -> str:
    """Return the polarity of a valence: negative below -0.2, positive above 0.2, else neutral."""
    if valence < -NEUTRAL_VALENCE:
        return "negative"
    return "positive" if valence > NEUTRAL_VALENCE else "neutral"
