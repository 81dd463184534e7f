"""spaCy's DocBin (.spacy): texts with entities, groups of spans, and categories."""

import importlib
from collections.abc import Iterator
from typing import Any

from mgm.corpus.annotations.documents import Choices, Document, Dropped, Found, Label, Span
from mgm.corpus.annotations.options import ImportOptions
from mgm.corpus.annotations.text_lines import stem
from mgm.corpus.readers.input_files import InputFile, one_line
from mgm.errors import MissingExtra

ENTITIES, CATEGORIES = "entities", "categories"
NO_TEXT = "the document has no text"
_LEAST_SCORE = 0.5


def read_docbin(file: InputFile, options: ImportOptions) -> Iterator[Found]:
    """Yield the documents of a file; a category counts with a score of at least one half.

    Raises:
        MissingExtra: spaCy is not installed.
        ValueError: the file is no DocBin.
    """
    try:
        spacy = importlib.import_module("spacy")
        tokens = importlib.import_module("spacy.tokens")
    except ModuleNotFoundError:
        raise MissingExtra("a DocBin is read by spaCy, which is not installed", extra="spacy") from None
    try:
        documents = list(tokens.DocBin().from_disk(file.path).get_docs(spacy.blank("xx").vocab))
    except Exception as error:  # zlib, msgpack and spaCy each have their own
        raise ValueError(f"{file}: no DocBin of spaCy: {one_line(error)[:200]}") from None
    for number, doc in enumerate(documents, 1):
        doc_id, place = f"{stem(file)}-{number}", f"{file}: document {number}"
        if not doc.text.strip():
            yield Dropped(place=place, doc_id=doc_id, reason=NO_TEXT, found=repr(doc.text))
            continue
        yield Document(doc_id=doc_id, text=doc.text, labels=dict(_labels(doc, options)), place=place)


def _labels(doc: Any, options: ImportOptions) -> Iterator[tuple[str, Label]]:
    if doc.has_annotation("ENT_IOB"):
        yield options.task or ENTITIES, _spans(doc.ents)
    for name, group in doc.spans.items():
        yield name, _spans(group)
    if doc.cats:
        chosen = [name for name, score in doc.cats.items() if score >= _LEAST_SCORE]
        yield (CATEGORIES if options.task is None or doc.has_annotation("ENT_IOB") else options.task), Choices(chosen)  # fmt: skip


def _spans(spans: Any) -> list[Span]:
    return sorted({Span(span.start_char, span.end_char, span.label_) for span in spans})
