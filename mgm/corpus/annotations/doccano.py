"""doccano's JSONL: texts with spans, classes or texts, for one annotator a file."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from mgm.corpus.annotations.annotators import Annotation, merge
from mgm.corpus.annotations.documents import Choices, Document, Dropped, Found, Label
from mgm.corpus.annotations.offsets import RawSpan, WrongSpan, to_code_points
from mgm.corpus.annotations.options import CODE_POINTS, ImportOptions
from mgm.corpus.annotations.text_lines import lines, stem
from mgm.corpus.readers.input_files import InputFile

NO_JSON = "the line is no JSON object"
NO_TEXT = "the document has no text"
NO_LABEL = "the labels are of no known form"
OTHER_TEXTS = "the annotators' files have other texts for the document"
SPANS, CLASSES = "entities", "label"
"""The columns for spans and for classes."""
_ID_KEYS = ("doc_id", "id")
"""doccano gives each document an id, and keeps that with which it was imported."""
_TEXT_KEYS, _LABEL_KEYS = ("text", "data"), ("label", "labels", "entities", "annotations")


def read_doccano(files: Sequence[InputFile], options: ImportOptions) -> Iterator[Found]:
    """Yield the documents of an export: of several files, one for each annotator, those of one id are one document."""
    holds_spans = any(map(_holds_spans, files))
    order: dict[str, tuple[Document, list[Annotation]]] = {}
    for file in files:
        annotator = stem(file)
        for found in _read_file(file, options, holds_spans=holds_spans):
            if isinstance(found, Dropped):
                yield found
                continue
            base, annotations = order.setdefault(found.doc_id, (found, []))
            if base.text != found.text:
                yield Dropped(
                    place=found.place, doc_id=found.doc_id, reason=OTHER_TEXTS, found=repr(found.text[:60])
                )
                continue
            labels = {column: label for column, label in found.labels.items() if label is not None}
            annotations.append(Annotation(annotator=annotator, labels=labels))
    for base, annotations in order.values():
        yield from merge(base, annotations, annotators=options.annotators)


def _holds_spans(file: InputFile) -> bool:
    """Return whether the file's labels are spans, which documents without a label do not show."""
    for _, line in lines(file):
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict) and any(_are_spans(row.get(key)) for key in _LABEL_KEYS):
            return True
    return False


def _read_file(file: InputFile, options: ImportOptions, *, holds_spans: bool) -> Iterator[Found]:
    for number, line in lines(file):
        if not line.strip():
            continue
        place = f"{file}: line {number}"
        try:
            row = json.loads(line)
        except ValueError as error:
            yield Dropped(place=place, reason=NO_JSON, found=f"{line[:60]!r} ({error})")
            continue
        if not isinstance(row, dict):
            yield Dropped(place=place, reason=NO_JSON, found=repr(line[:60]))
            continue
        given_id = next((row[key] for key in _ID_KEYS if row.get(key) is not None), None)
        doc_id = f"{stem(file)}-{number}" if given_id is None else str(given_id)
        key = options.text or next((key for key in _TEXT_KEYS if key in row), "text")
        text = row.get(key)
        if not isinstance(text, str) or not text.strip():
            yield Dropped(place=place, doc_id=doc_id, reason=NO_TEXT, found=f"{key}: {text!r}")
            continue
        given = next((row[key] for key in _LABEL_KEYS if row.get(key) is not None), None)
        document = Document(doc_id=doc_id, text=text, place=place)
        if given is None:
            yield document
        else:
            yield from _labelled(document, given, holds_spans=holds_spans, options=options)


def _labelled(
    document: Document, given: Any, *, holds_spans: bool, options: ImportOptions
) -> Iterator[Found]:
    column = options.task or (SPANS if holds_spans else CLASSES)
    try:
        label, trimmed = _label(document.text, given, holds_spans=holds_spans, options=options)
    except WrongSpan as error:
        yield Dropped(
            place=document.place,
            doc_id=document.doc_id,
            column=column,
            row_stays=True,
            reason=error.reason,
            found=error.found,
        )
        yield document
        return
    yield replace(document, labels={column: label}, trimmed=trimmed)


def _are_spans(given: Any) -> bool:
    return isinstance(given, list) and bool(given) and isinstance(given[0], list | dict)


def _label(text: str, given: Any, *, holds_spans: bool, options: ImportOptions) -> tuple[Label, int]:
    """Return the label of a document, and the number of spans whose blanks were cut off."""
    if not holds_spans:
        classes = [given] if isinstance(given, str) else given
        if not isinstance(classes, list) or not all(isinstance(item, str) for item in classes):
            raise WrongSpan(NO_LABEL, str(given)[:60])
        return Choices(classes), 0
    if not isinstance(given, list):
        raise WrongSpan(NO_LABEL, str(given)[:60])
    spans = [_raw_span(item) for item in given]
    return to_code_points(text, spans, unit=options.offsets, default=CODE_POINTS)


def _raw_span(item: Any) -> RawSpan:
    try:
        if isinstance(item, dict):
            start, end = item["start_offset"], item["end_offset"]
            label, covered = item["label"], item.get("text")
        else:
            start, end, label, *rest = item
            covered = rest[0] if rest else None
    except (KeyError, TypeError, ValueError):
        raise WrongSpan(NO_LABEL, str(item)[:60]) from None
    if not (isinstance(start, int) and isinstance(end, int)):
        raise WrongSpan(NO_LABEL, str(item)[:60])
    return RawSpan(start, end, str(label), covered if isinstance(covered, str) else None)
