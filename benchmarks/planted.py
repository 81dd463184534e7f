"""Documents of real sentences with planted copies and a planted rule of labels, for `benchmarks/scale.py`; equal for equal seeds.

A document has at least `MIN_SENTENCES` sentences of one language, drawn from the shipped and the fetched corpora, and one sentence with
two invented names, so that new words keep coming as in real text. The label `topic` is a rule: sentences of the pool belong to four
topics by turns, and most sentences of a document are of its own topic. Of the documents, 2% are exact copies of an earlier one (its text
in other case, blanks or marks) and 3% near copies: some words replaced, a sentence added or the order of two changed, so that the Jaccard
similarity of the sets of 5 characters, computed here without the library, is at least that of the setting. A copy has another `split` than
its original, so that the splits of both show whether a copy that is not dropped was found.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

EXACT_SHARE, NEAR_SHARE = 0.02, 0.03
THRESHOLD, SHINGLE = 0.85, 5
"""The defaults of text.deduplication."""
WAITING, WAITING_SHARE = 20_000, 0.1
"""The most documents that wait for their copy, and the share of documents that begin to."""
MIN_SENTENCES, MEDIAN_SENTENCES, MAX_SENTENCES = 3, 6, 60
BATCH = 20_000
TOPICS = ("north", "south", "east", "west")
OWN_TOPIC = 0.7
"""The chance that a sentence is of its document's topic, besides those that are by chance."""
LABELLED = 0.8
SPLITS = ("train",) * 7 + ("valid",) + ("test",) * 2
"""The splits of documents by turns."""
CHINESE = 0.3
_SENTENCE = r"[^.!?。！？\n]+[.!?。！？\n]+\s?"
_SENTENCE_END = re.compile(r"[.!?]\s+|[。！？]\s*")
_IGNORED = re.compile(r"[\W_]+")
_MAX_EDITS = 4
_SYLLABLES = "ba be bi bo da de do du fa fe ga go ka ki ko la le li lo ma me mi na ne no pa ra re ri ro sa se ta te to va vi wa zo".split()
_HAN = list("安博晨达恩芳国海慧建杰康兰磊丽敏娜宁平强青荣瑞山思涛婷文熙霞欣雅阳依颖宇泽志卓")


@dataclass(frozen=True)
class Pool:
    """The sentences of one language, and what invented names of it are made of."""

    sentences: list[str]
    letters: list[str]
    frame: str
    """A sentence about two names."""


def read_pools(folders: list[Path]) -> list[Pool]:
    """The sentences of all corpora in these folders: English, Chinese."""
    files = sorted(file for folder in folders for file in folder.glob("*.parquet"))
    texts = pl.concat([pl.read_parquet(file, columns=["text", "lang"]) for file in files])
    pools = []
    for language, letters, frame in (
        ("en", _SYLLABLES, "{} wrote to {} about it. "),
        ("zh", _HAN, "{}写信给{}说了这件事。"),
    ):
        found = (
            texts.filter(pl.col("lang") == language)["text"].str.extract_all(_SENTENCE).explode().drop_nulls()
        )
        found = found.filter(found.str.strip_chars().str.len_chars().is_between(8, 300)).unique(
            maintain_order=True
        )
        found = found.str.strip_chars() + (" " if language == "en" else "")
        pools.append(Pool(found.to_list(), letters, frame))
    return pools


@dataclass(frozen=True)
class _Original:
    """A document that will have a copy further on."""

    doc_id: str
    text: str
    split: str
    topic: int
    is_chinese: bool


def documents(number: int, pools: list[Pool], seed: int = 1) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """Batches of (documents, planted copies: doc_id, of, kind, similarity).

    Originals wait among `WAITING` others for their copy, of which each has one, so that copies are far from them.
    """
    random = np.random.default_rng(seed)
    waiting: list[_Original] = []
    for first in range(0, number, BATCH):
        n = min(BATCH, number - first)
        is_chinese = random.random(n) < CHINESE
        topics = random.integers(0, len(TOPICS), n)
        is_labelled = random.random(n) < LABELLED
        texts = _draw_texts(random, pools, is_chinese=is_chinese, topics=topics)
        splits = [SPLITS[(first + row) % len(SPLITS)] for row in range(n)]
        planted = []
        for row, (chance, waits) in enumerate(zip(random.random(n), random.random(n), strict=True)):
            if chance < EXACT_SHARE + NEAR_SHARE and waiting:
                original = waiting.pop(int(random.integers(0, len(waiting))))
                if chance < EXACT_SHARE:
                    kind, similarity = "exact", 1.0
                    texts[row] = _disguise(original.text, random)
                else:
                    kind, pool = "near", pools[int(original.is_chinese)]
                    texts[row], similarity = _edit(original.text, pool, random=random)
                topics[row] = original.topic
                if splits[row] == original.split:
                    splits[row] = "test" if original.split == "train" else "train"
                planted.append((f"d{first + row}", original.doc_id, kind, similarity))
            elif waits < WAITING_SHARE and len(waiting) < WAITING:
                waiting.append(
                    _Original(
                        f"d{first + row}", texts[row], splits[row], int(topics[row]), bool(is_chinese[row])
                    )
                )
        labels = [TOPICS[t] if given else None for t, given in zip(topics, is_labelled, strict=True)]
        frame = pl.DataFrame(
            {
                "doc_id": [f"d{first + i}" for i in range(n)],
                "text": texts,
                "split": splits,
                "topic": labels,
            },
            schema_overrides={"topic": pl.String},
        )
        schema = {"doc_id": pl.String, "of": pl.String, "kind": pl.String, "similarity": pl.Float64}
        yield frame, pl.DataFrame(planted, schema=schema, orient="row")


def _draw_texts(
    random: np.random.Generator,
    pools: list[Pool],
    *,
    is_chinese: np.ndarray,
    topics: np.ndarray,
) -> list[str]:
    n = len(topics)
    counts = np.exp(random.normal(np.log(MEDIAN_SENTENCES), 0.6, n)).round().astype(np.int64)
    counts = counts.clip(MIN_SENTENCES, MAX_SENTENCES)
    sizes = np.array([len(pool.sentences) for pool in pools])[is_chinese.astype(int)]
    row = np.repeat(np.arange(n), counts)
    index = (random.random(len(row)) * (sizes[row] - len(TOPICS))).astype(np.int64)
    own = random.random(len(row)) < OWN_TOPIC
    index[own] = index[own] // len(TOPICS) * len(TOPICS) + topics[row[own]]
    ends = np.cumsum(counts)
    names = [_names(random, pool.letters, 2 * n) for pool in pools]
    places = random.integers(0, counts)
    texts = []
    for i in range(n):
        pool = pools[int(is_chinese[i])]
        chosen = [pool.sentences[j] for j in index[ends[i] - counts[i] : ends[i]]]
        a, b = names[int(is_chinese[i])][2 * i : 2 * i + 2]
        chosen.insert(places[i], pool.frame.format(a, b))
        if len(chosen) > 8:
            chosen[7::8] = [s.rstrip() + "\n" for s in chosen[7::8]]
        texts.append("".join(chosen).strip())
    return texts


def _names(random: np.random.Generator, letters: list[str], n: int) -> list[str]:
    """Invented names, few of them often and ever more of them once, as in real text."""
    ranks = (random.pareto(0.7, n) * 50).clip(max=5e7).astype(np.int64)
    names = []
    for rank in ranks.tolist():
        name = ""
        while rank >= 0:
            rank, letter = divmod(rank, len(letters))
            name, rank = letters[letter] + name, rank - 1
        names.append(name.capitalize())
    return names


def _disguise(text: str, random: np.random.Generator) -> str:
    """The text with another case, other blanks or other marks at its end."""
    way = int(random.integers(0, 3))
    return (text.upper(), text.replace(" ", "  "), text.rstrip(".。") + " !")[way]


def _edit(text: str, pool: Pool, *, random: np.random.Generator) -> tuple[str, float]:
    """A near copy and its similarity: up to so many edits, fewer where the similarity would fall below the threshold."""
    for num_edits in range(int(random.integers(1, _MAX_EDITS + 1)), 0, -1):
        edited = text
        for _ in range(num_edits):
            edited = _edit_once(edited, pool, random=random)
        similarity = jaccard(text, edited)
        if THRESHOLD <= similarity < 1:
            return edited, similarity
    # of a short text, whatever is changed: one character is added
    edited = text + pool.letters[int(random.integers(0, len(pool.letters)))]
    return edited, jaccard(text, edited)


def _edit_once(text: str, pool: Pool, *, random: np.random.Generator) -> str:
    way, place = random.random(), int(random.integers(0, max(len(text) - 6, 1)))
    letter = pool.letters[int(random.integers(0, len(pool.letters)))]
    if way < 0.4:
        return text[:place] + letter + text[place + len(letter) :]
    if way < 0.6:
        return text[:place] + letter + text[place:]
    if way < 0.8:
        return text[:place] + text[place + 4 :]
    if way < 0.9:
        return text + " " + pool.sentences[int(random.integers(0, len(pool.sentences)))].strip()
    ends = [match.end() for match in _SENTENCE_END.finditer(text)]
    half = next((end for end in ends if end > place), 0)
    return text[half:].strip() + " " + text[:half].strip()


def shingles(text: str) -> set[str]:
    """The runs of 5 characters of a text without case, blanks and marks."""
    bare = _IGNORED.sub("", unicodedata.normalize("NFKC", text).lower())
    return {bare[i : i + SHINGLE] for i in range(len(bare) - SHINGLE + 1)}


def jaccard(one: str, other: str) -> float:
    """The Jaccard similarity of the sets of shingles."""
    a, b = shingles(one), shingles(other)
    return len(a & b) / max(len(a | b), 1)
