"""CoNLL files: a token a line with its tags in columns, a blank line between sentences; and lines of `token|tag`, as spaCy's IOB has them.

A document goes from one `-DOCSTART-` or `# newdoc` to the next; in files without them each sentence is a document. CoNLL-U's
`# text` and `SpaceAfter=No` give the text as it was; elsewhere it is rebuilt by the rule of `tagged_tokens`.
Source of the formats: CoNLL-2003 shared task (Tjong Kim Sang and De Meulder 2003); Universal Dependencies, "CoNLL-U Format".
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from mgm.corpus.annotations.documents import Document, Dropped, Found
from mgm.corpus.annotations.options import ImportOptions
from mgm.corpus.annotations.tagged_tokens import join_tokens, labelled_spans
from mgm.corpus.annotations.text_lines import lines, stem
from mgm.corpus.readers.input_files import InputFile

NO_COLUMNS = "a line has another number of columns than the first"
OTHER_TEXT = "the tokens are not those of the line `# text`"
DEFAULT_TASK = "entities"
_DOCUMENT, _COMMENT = "-DOCSTART-", re.compile(r"#\s*(?:([\w.:]+)\s*=\s*(.*)|(newdoc|newpar)\s*)$")
_NEW_DOCUMENT = re.compile(r"#\s*newdoc(?:\s+id\s*=\s*(.+))?\s*$")
_UNIVERSAL_COLUMNS = 10
_UNIVERSAL_NAMES = {name: i for i, name in enumerate("id form lemma upos xpos feats head deprel deps misc".split())}  # fmt: skip


@dataclass
class _Sentence:
    first_line: int
    tokens: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    glued: list[bool] = field(default_factory=list)
    text: str | None = None
    id: str | None = None
    problem: tuple[int, str] | None = None


@dataclass
class _Group:
    """The sentences of a document."""

    id: str | None = None
    sentences: list[_Sentence] = field(default_factory=list)


def read_tokens(file: InputFile, options: ImportOptions) -> Iterator[Found]:
    """Yield the documents of a file.

    Raises:
        ValueError: the file cannot be read, or has no such column.
    """
    for number, group in enumerate(_groups(file, options), 1):
        yield _document(group, group.id or f"{stem(file)}-{number}", file=file, options=options)


def _groups(file: InputFile, options: ImportOptions) -> Iterator[_Group]:
    marked: _Group | None = None  # None: no mark of a document yet
    for event in _events(file, options):
        if isinstance(event, _Group):
            if marked is not None and marked.sentences:
                yield marked
            marked = event
        elif marked is not None:
            marked.sentences.append(event)
        else:
            yield _Group(event.id, [event])
    if marked is not None and marked.sentences:
        yield marked


def _events(file: InputFile, options: ImportOptions) -> Iterator[_Group | _Sentence]:
    """Yield an empty group at each mark of a document, and the sentences."""
    table: _Table | None = None
    sentence: _Sentence | None = None
    comments: dict[str, str] = {}
    for number, line in lines(file):
        if not line.strip():
            if sentence is not None:
                yield sentence
            sentence, comments = None, {}
            continue
        if sentence is None and line.startswith("#"):
            new = _NEW_DOCUMENT.fullmatch(line)
            if new is not None:
                yield _Group(new[1])
                continue
            comment = _COMMENT.fullmatch(line)
            if comment is not None:
                comments[comment[1] or comment[3]] = comment[2] or ""
                continue
        if line.split(None, 1)[0] == _DOCUMENT:
            yield _Group()
            continue
        if table is None:
            table = _Table.of(line, file=file, number=number, options=options)
        if table.is_slashed:
            yield table.slashed(line, number)
            continue
        if sentence is None:
            sentence = _Sentence(number, text=comments.get("text"), id=comments.get("sent_id"))
        table.add(sentence, line, number=number)
    if sentence is not None:
        yield sentence


@dataclass
class _Table:
    """The columns of a file, as its first token shows them."""

    separator: str | None
    columns: int
    token: int
    tag: int
    feature: str | None
    """The name of the value in CoNLL-U's last column that is the tag."""
    is_universal: bool
    is_slashed: bool = False
    open_range: int = 0
    """The last word of a CoNLL-U range, whose words are no tokens of the text."""

    @classmethod
    def of(cls, line: str, *, file: InputFile, number: int, options: ImportOptions) -> "_Table":
        separator = "\t" if "\t" in line else None
        cells = line.split(separator)
        if "\t" not in line and all(2 <= len(word.split("|")) <= 3 for word in cells):
            return cls(None, 0, 0, -1, None, False, is_slashed=True)
        is_universal = len(cells) == _UNIVERSAL_COLUMNS and re.fullmatch(r"\d+([-.]\d+)?", cells[0]) is not None  # fmt: skip
        if len(cells) < 2:
            raise ValueError(
                f"{file}: line {number}: {line[:60]!r} has one column; expected a token and its tag, "
                "with a blank or a tab between them, or words written as token|tag"
            )
        names = _UNIVERSAL_NAMES if is_universal else {}
        token = _column(options.tokens or ("form" if is_universal else "1"), names, columns=len(cells))
        feature, tag = None, None
        if is_universal and options.tags is not None:
            tag = _column(options.tags, names, columns=len(cells))
            if tag is None and not options.tags.isdecimal():
                feature, tag = options.tags, _UNIVERSAL_NAMES["misc"]
        else:
            tag = _column(options.tags or ("upos" if is_universal else str(len(cells))), names, columns=len(cells))  # fmt: skip
        for option, value, column in (("tokens", options.tokens, token), ("tags", options.tags, tag)):
            if column is None:
                raise ValueError(
                    f"{file}: line {number}: no column {value!r} for the {option}; expected a number from 1 to {len(cells)}"
                    + (f" or one of {', '.join(_UNIVERSAL_NAMES)}" if is_universal else "")
                )
        assert token is not None and tag is not None
        return cls(separator, len(cells), token, tag, feature, is_universal)

    def add(self, sentence: _Sentence, line: str, *, number: int) -> None:
        """Add the token of a line to its sentence."""
        cells = line.split(self.separator)
        if len(cells) != self.columns:
            sentence.problem = sentence.problem or (
                number,
                f"{line[:60]!r} has {len(cells)}, expected {self.columns}",
            )
            return
        glued = False
        if self.is_universal:
            first, _, last = cells[0].partition("-")
            if "." in first or (not last and first.isdecimal() and int(first) <= self.open_range):
                return
            self.open_range = int(last) if last else 0
            glued = "SpaceAfter=No" in cells[-1].split("|")
        tag = cells[self.tag]
        if self.feature is not None:
            values = dict(value.partition("=")[::2] for value in tag.split("|"))
            tag = values.get(self.feature, "O")
        sentence.tokens.append(cells[self.token])
        sentence.tags.append(tag)
        sentence.glued.append(glued)

    def slashed(self, line: str, number: int) -> _Sentence:
        """Return the sentence of a line of `token|tag` or `token|part of speech|tag`."""
        sentence = _Sentence(number)
        for word in line.split():
            parts = word.split("|")
            if not 2 <= len(parts) <= 3 or not parts[0]:
                sentence.problem = sentence.problem or (number, f"{word!r}, expected token|tag")
                continue
            sentence.tokens.append(parts[0])
            sentence.tags.append(parts[-1])
            sentence.glued.append(False)
        return sentence


def _column(name: str, names: dict[str, int], *, columns: int) -> int | None:
    """Return the index of a column that is given by its number from 1 or by its name."""
    if name.isdecimal():
        return int(name) - 1 if 1 <= int(name) <= columns else None
    return names.get(name.lower())


def _document(group: _Group, doc_id: str, *, file: InputFile, options: ImportOptions) -> Found:
    first = group.sentences[0].first_line
    place = f"{file}: line {first}"
    for sentence in group.sentences:
        if sentence.problem is not None:
            number, found = sentence.problem
            return Dropped(place=f"{file}: line {number}", doc_id=doc_id, reason=NO_COLUMNS, found=found)
    tokens = [sentence.tokens for sentence in group.sentences]
    if any(sentence.text is not None for sentence in group.sentences):
        parts, ranges = [], []
        at = 0
        for sentence in group.sentences:
            text = sentence.text if sentence.text is not None else " ".join(sentence.tokens)
            places = _places(text, sentence.tokens)
            if places is None:
                found = f"{text[:60]!r} and {' '.join(sentence.tokens)[:60]!r}"
                return Dropped(
                    place=f"{file}: line {sentence.first_line}",
                    doc_id=doc_id,
                    reason=OTHER_TEXT,
                    found=found,
                )
            ranges.append([(at + start, at + end) for start, end in places])
            parts.append(text)
            at += len(text) + 1
        text = "\n".join(parts)
    else:
        has_glue = any(any(sentence.glued) for sentence in group.sentences)
        glued = [sentence.glued for sentence in group.sentences] if has_glue else None
        text, ranges = join_tokens(tokens, options.join, glued=glued)
    spans = labelled_spans([sentence.tags for sentence in group.sentences], ranges)
    return Document(doc_id=doc_id, text=text, labels={options.task or DEFAULT_TASK: spans}, place=place)


def _places(text: str, tokens: list[str]) -> list[tuple[int, int]] | None:
    """Return the range of each token, where the text is the tokens with nothing but blanks between them; else None."""
    places = []
    at = 0
    for token in tokens:
        start = at
        while start < len(text) and not text.startswith(token, start) and text[start].isspace():
            start += 1
        if not text.startswith(token, start):
            return None
        at = start + len(token)
        places.append((start, at))
    if text[at:].strip():
        return None
    assert all(before[1] <= after[0] for before, after in pairwise(places))
    return places
