"""Tokens with tags as a text with spans.

Tokens carry no blanks, so that the text is rebuilt by a rule: a blank between two tokens, none in documents most of whose tokens have
Chinese or Japanese characters, a line break between two sentences.
Source of the schemes of tags: Ramshaw and Marcus 1995 (IOB), Tjong Kim Sang and Veenstra 1999 (IOB1, IOB2, IOE), Ratinov and Roth 2009 (BILOU).
"""

import re
from collections.abc import Iterator, Sequence

from mgm.corpus.annotations.documents import Span
from mgm.corpus.annotations.options import BLANK, NONE

_NO_TAGS = ("O", "_", "-", "")
_TAG = re.compile(r"([BIMESLUW])-(.+)", re.DOTALL)
_STARTS, _ENDS = "BSUW", "ESLUW"
_WITHOUT_BLANKS = re.compile(r"[぀-ヿ㐀-䶿一-鿿豈-﫿\U00020000-\U0003fffd]")


def tag_spans(tags: Sequence[str]) -> Iterator[tuple[int, int, str]]:
    """Yield the first token, the token behind the last, and the label of each span.

    IOB1, IOB2, IOBES and BILOU are read in one way, as conlleval does: a span begins at B, S or U, at a tag of another label, and where
    none is open. A tag without a prefix, such as a part of speech, is a span of one token.
    """
    start, label = 0, None
    for i, tag in enumerate(tags):
        match = _TAG.fullmatch(tag)
        if match is None:
            if label is not None:
                yield start, i, label
            label = None
            if tag not in _NO_TAGS:
                yield i, i + 1, tag
            continue
        if label is not None and (match[1] in _STARTS or match[2] != label):
            yield start, i, label
            label = None
        if label is None:
            start, label = i, match[2]
        if match[1] in _ENDS:
            yield start, i + 1, label
            label = None
    if label is not None:
        yield start, len(tags), label


def join_tokens(
    sentences: Sequence[Sequence[str]], join: str, *, glued: Sequence[Sequence[bool]] | None = None
) -> tuple[str, list[list[tuple[int, int]]]]:
    """Return the text of a document, and the range of each token in it.

    Args:
        sentences: the tokens of each sentence.
        join: `ImportOptions.join`.
        glued: for each token whether the next one follows without a blank; None: by `join`.
    """
    if join not in (BLANK, NONE):
        tokens = [token for sentence in sentences for token in sentence]
        join = NONE if sum(map(_is_without_blanks, tokens)) * 2 > len(tokens) else BLANK
    parts: list[str] = []
    ranges: list[list[tuple[int, int]]] = []
    at = 0
    for s, sentence in enumerate(sentences):
        if s:
            parts.append("\n")
            at += 1
        ranges.append([])
        for t, token in enumerate(sentence):
            ranges[-1].append((at, at + len(token)))
            is_glued = glued[s][t] if glued is not None else join == NONE
            blank = "" if is_glued or t == len(sentence) - 1 else " "
            parts += [token, blank]
            at += len(token) + len(blank)
    return "".join(parts), ranges


def labelled_spans(tags: Sequence[Sequence[str]], ranges: Sequence[Sequence[tuple[int, int]]]) -> list[Span]:
    """Return the spans of a document from the tags and ranges of the tokens of each sentence."""
    return [
        Span(places[first][0], places[behind - 1][1], label)
        for sentence, places in zip(tags, ranges, strict=True)
        for first, behind, label in tag_spans(sentence)
    ]


def _is_without_blanks(token: str) -> bool:
    return _WITHOUT_BLANKS.search(token) is not None
