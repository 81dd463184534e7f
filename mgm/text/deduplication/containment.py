"""Near copies that another text contains: it has all of their sentences or lines, and besides nothing but headings.

Two texts that share most of their shingles may differ by the word that matters: "left" for "right", 4 for 5. Sentences are compared as
exact copies are, so that a changed word makes another sentence. A sentence more may say of what a text is ("This package contains the
documentation."), but a heading does not: a text that has none can be dropped for one that has, without losing a word.

Source: Broder 1997, On the resemblance and containment of documents.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from mgm.settings.text import SegmentationSettings
from mgm.text.deduplication import disk_arrays
from mgm.text.deduplication.shingles import fold_texts
from mgm.text.list_columns import Array, Flags, num_characters, offsets
from mgm.text.segmentation.sentences import find_sentences
from mgm.text.segmentation.words import Words, find_words

MIN_BYTES = 24
"""The least bytes of a sentence in its normalized form: of four English words or eight Chinese characters.

What is shorter may be a heading if it has the form of one, or a cell of a table, which means something by its place.
"""
_HEADING = r"^\s*[\p{L}\p{N}][^:：]*$"
"""A heading begins with a letter or a number: a bullet begins an item of a list, which its text is about, as is what a colon names."""
_STOP = r"""[.!?。！？…;；]["'”’»›」』）)\]】》〉\s]*$"""
_LONGEST = int(np.iinfo(np.int32).max)
# A hard-wrapped text has its sentences only where line breaks end none, a list or a heading only where they do.
_RULES = [
    SegmentationSettings(
        paragraph=paragraph,
        max_sentence_words=_LONGEST,
        chinese_tokens="characters",
        southeast_asian_tokens="characters",
    )
    for paragraph in ("line", "blank_line")
]
_CHARACTERS_AT_ONCE = 1 << 20


@dataclass(frozen=True, kw_only=True)
class SentenceLists:
    """The sentences of T texts as hashes of their normalized forms, text after text, for each text once by each of R rules.

    By the one a line break ends a sentence, by the other only an empty line does.
    """

    hashes: npt.NDArray[np.uint64]
    bounds: Array
    """Where each list begins, and at last where they all end, (T * R + 1,)."""
    headings: Flags
    """Whether each sentence is a heading."""
    movable: Flags
    """Whether no sentence of a list is short, (T * R,)."""

    def contains(self, text: int, part: int) -> bool:
        """Return whether a text has all sentences of another one and, besides, nothing but headings, by any of the rules.

        They are in the same order, or none of them is so short that its meaning may depend on its place.
        """
        num_rules = len(_RULES)
        return any(
            self._contains(text * num_rules + rule, part * num_rules + rule) for rule in range(num_rules)
        )

    def _contains(self, row: int, part_row: int) -> bool:
        own, others = (slice(*self.bounds[i : i + 2].tolist()) for i in (row, part_row))
        sentences, wanted = self.hashes[own].tolist(), self.hashes[others].tolist()
        if not set(self.hashes[own][~self.headings[own]].tolist()) <= set(wanted):
            return False
        following = iter(sentences)
        in_order = all(sentence in following for sentence in wanted)
        return in_order or (bool(self.movable[part_row]) and set(wanted) <= set(sentences))

    def contained(self, texts: Array, *, parts: Array) -> Flags:
        """Return whether texts[i] contains parts[i]."""
        pairs = zip(texts.tolist(), parts.tolist(), strict=True)
        return np.fromiter((self.contains(text, part) for text, part in pairs), np.bool_, len(texts))


def sentence_lists(texts: Iterable[pl.Series], folder: Path | None = None) -> SentenceLists:
    """Return the sentences of texts that come in parts.

    Args:
        texts: the parts.
        folder: where an unnamed file is made for them, 16 bytes a sentence; None: they are in memory.
    """
    counts, headings = [np.empty(0, np.int64)], [np.empty(0, np.bool_)]
    movable = [np.empty(0, np.bool_)]

    def parts() -> Iterator[npt.NDArray[np.uint64]]:
        for block in _blocks(texts):
            sentences = _find_sentences(block)
            lists = sentences.group_by("list").agg(pl.len().alias("count"), pl.col("short").any())
            count = np.zeros(len(block) * len(_RULES), np.int64)
            is_movable = np.ones(len(count), np.bool_)
            count[lists["list"].to_numpy()] = lists["count"].to_numpy()
            is_movable[lists["list"].to_numpy()] = ~lists["short"].to_numpy()
            counts.append(count)
            movable.append(is_movable)
            headings.append(sentences["heading"].to_numpy())
            yield sentences["hash"].to_numpy()

    hashes = disk_arrays.concatenate(folder, parts(), dtype=np.uint64)
    return SentenceLists(
        hashes=hashes,
        bounds=offsets(np.concatenate(counts)),
        headings=np.concatenate(headings),
        movable=np.concatenate(movable),
    )


def _blocks(texts: Iterable[pl.Series]) -> Iterator[pl.Series]:
    """Yield the texts in blocks, since words take many times the memory of their characters."""
    for part in texts:
        number = np.cumsum(num_characters(part)) // _CHARACTERS_AT_ONCE
        starts = np.flatnonzero(np.diff(number, prepend=-1))
        for begin, end in pairwise([*starts.tolist(), len(part)]):
            yield part[begin:end]


def _find_sentences(texts: pl.Series) -> pl.DataFrame:
    """Return the sentences of texts in the order of their lists: list, hash of the normalized form, whether short, whether a heading."""
    words = find_words(texts, _RULES[0], dictionary=None)
    by_rule = [_cut(texts, words, rule=rule) for rule in _RULES]
    sentences = pl.concat(
        [pl.DataFrame({"list": row * len(_RULES) + i, "text": text}) for i, (row, text) in enumerate(by_rule)]
    )
    folded = fold_texts(sentences["text"])
    is_short = folded.str.len_bytes() < MIN_BYTES
    has_form = sentences["text"].str.contains(_HEADING) & ~sentences["text"].str.contains(_STOP)
    is_heading = is_short & has_form
    return (
        sentences.select("list", hash=folded.hash(seed=0), short=is_short, heading=is_heading)
        .filter(folded != "")
        .sort("list", maintain_order=True)
    )


def _cut(texts: pl.Series, words: Words, *, rule: SegmentationSettings) -> tuple[Array, pl.Series]:
    """Return the sentences of texts, and the row of each."""
    first = np.flatnonzero(find_sentences(words, rule)[0])
    row, start = words.row[first], words.start[first]
    is_last = np.append(row[1:] != row[:-1], True)[: len(row)]
    end = np.where(is_last, num_characters(texts)[row], np.roll(start, -1))
    whole = texts.to_list()
    places = zip(row.tolist(), start.tolist(), end.tolist(), strict=True)
    return row, pl.Series([whole[i][begin:stop] for i, begin, stop in places], dtype=pl.String)
