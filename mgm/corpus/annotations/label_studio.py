"""Label Studio's JSON: tasks with the annotations of several people, or JSON-MIN with one a record.

Each control of the labelling interface (`from_name`) is a column: choices and taxonomies are classes, labels are spans, numbers and
ratings are numbers, text areas are texts. Offsets count UTF-16 units or code points, depending on the version; the text of the spans shows
which. The id of a document is `doc_id` of its data, which `mgm export review` writes, or that of the task.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import count
from typing import Any

from mgm.corpus.annotations.annotators import Annotation, merge
from mgm.corpus.annotations.documents import Choices, Document, Dropped, Found, Label
from mgm.corpus.annotations.label_studio_tasks import DOC_ID
from mgm.corpus.annotations.offsets import RawSpan, WrongSpan, to_code_points
from mgm.corpus.annotations.options import UTF16, ImportOptions
from mgm.corpus.annotations.text_lines import lines
from mgm.corpus.readers.input_files import InputFile

NO_TEXT = "the task has no text"
NO_COLUMN = "a control of this type is no column"
NO_VALUE = "the annotation has no value of its type"
CANCELLED = "the annotator has skipped the task"
_SPAN_TYPES = ("labels", "hypertextlabels")
_VALUE_TYPES = ("choices", "taxonomy", "rating", "number", "textarea")
_ABOUT_RECORDS = {
    "id", "annotator", "annotation_id", "created_at", "updated_at", "lead_time", "agreement", "file_upload", "project",
    "meta", "drafts", "predictions", "inner_id", "total_annotations", "cancelled_annotations", "total_predictions",
    DOC_ID, "comment_count", "unresolved_comment_count", "last_comment_updated_at", "updated_by", "comment_authors",
}  # fmt: skip
"""The keys of a task or record that are neither data nor labels."""


def read_label_studio(file: InputFile, options: ImportOptions) -> Iterator[Found]:
    """Yield the documents of an export.

    Raises:
        ValueError: it is no JSON of tasks, or which of its data is the text is not plain.
    """
    tasks = _tasks(file)
    if tasks and "annotations" not in tasks[0] and "completions" not in tasks[0]:
        yield from _read_records(file, tasks, options=options)
        return
    key = options.text or _text_key(file, [task.get("data") or {} for task in tasks])
    for number, task in enumerate(tasks, 1):
        document = _document(file, task, number=number, text=(task.get("data") or {}).get(key))
        if isinstance(document, Dropped):
            yield document
            continue
        annotations: list[Annotation] = []
        given = task.get("annotations") or task.get("completions") or []
        truths = [annotation for annotation in given if annotation.get("ground_truth")]
        names = count(1)
        for annotation in truths or given:
            person = annotation.get("completed_by")
            if isinstance(person, Mapping):
                person = person.get("email") or person.get("id")
            name = str(person) if person is not None else f"annotator{next(names)}"
            if annotation.get("was_cancelled"):
                yield _dropped(document, CANCELLED, found=f"annotator {name}")
                continue
            labels: dict[str, Label] = {}
            for found in _labels(annotation.get("result") or [], document, options=options):
                if isinstance(found, Dropped):
                    yield found
                else:
                    labels[found[0]] = found[1]
                    document = replace(document, trimmed=document.trimmed + found[2])
            annotations.append(Annotation(annotator=name, labels=labels))
        yield from merge(document, annotations, annotators=options.annotators)


def _tasks(file: InputFile) -> list[dict[str, Any]]:
    text = "\n".join(line for _, line in lines(file))
    try:
        tasks = json.loads(text)
    except ValueError as error:
        raise ValueError(
            f"{file}: no JSON: {error}; expected Label Studio's export as JSON or JSON-MIN"
        ) from None
    tasks = [tasks] if isinstance(tasks, dict) else tasks
    if not isinstance(tasks, list) or not all(isinstance(task, dict) for task in tasks):
        raise ValueError(f"{file}: expected an array of tasks, as Label Studio exports them")
    return tasks


def _text_key(file: InputFile, data: list[dict[str, Any]]) -> str:
    """Return the key of the text: `text` where there is one, else the only key with texts of several words."""
    keys = dict.fromkeys(key for values in data for key in values)
    if "text" in keys or not keys:
        return "text"
    texts = [key for key in keys if any(isinstance(values.get(key), str) for values in data)]
    if len(texts) == 1:
        return texts[0]
    raise ValueError(f"{file}: which of {', '.join(keys)} is the text? expected --text-column")


def _document(file: InputFile, task: Mapping[str, Any], *, number: int, text: Any) -> Document | Dropped:
    place = f"{file}: task {task.get('id', number)}"
    given = (task.get("data") or task).get(DOC_ID)
    doc_id = str(task.get("id", number) if given is None else given)
    if not isinstance(text, str) or not text.strip():
        return Dropped(place=place, doc_id=doc_id, reason=NO_TEXT, found=repr(text))
    return Document(doc_id=doc_id, text=text, place=place)


def _labels(
    results: list[dict[str, Any]], document: Document, *, options: ImportOptions
) -> Iterator[tuple[str, Label, int] | Dropped]:
    """Yield the label of each control with the number of spans that were trimmed, or why it has none."""
    spans: dict[str, list[RawSpan]] = {}
    for result in results:
        kind, name = str(result.get("type")), str(result.get("from_name"))
        value = result.get("value") or {}
        if kind in _SPAN_TYPES:
            spans.setdefault(name, []).extend(_raw_spans(value, kind))
            continue
        label = None if "start" in value else _value(kind, value)
        if label is None:
            is_known = kind in _VALUE_TYPES and "start" not in value
            reason = NO_VALUE if is_known else NO_COLUMN
            about = kind + (" of a span" if "start" in value else "")
            yield replace(_dropped(document, reason, found=about), column=name)
        else:
            yield name, label, 0
    for name, raw in spans.items():
        yield _spans(name, raw, document=document, options=options)


def _spans(
    name: str, raw: list[RawSpan], *, document: Document, options: ImportOptions
) -> tuple[str, Label, int] | Dropped:
    try:
        found, trimmed = to_code_points(document.text, raw, unit=options.offsets, default=UTF16)
    except WrongSpan as error:
        return replace(_dropped(document, error.reason, found=error.found), column=name)
    return name, sorted(found), trimmed


def _raw_spans(value: Mapping[str, Any], kind: str) -> Iterator[RawSpan]:
    place = value.get("globalOffsets") if kind == "hypertextlabels" else value
    start, end = (place or {}).get("start"), (place or {}).get("end")
    covered = value.get("text")
    for label in value.get(kind) or value.get("labels") or ():
        yield RawSpan(
            start if isinstance(start, int) else -1,
            end if isinstance(end, int) else -1,
            str(label),
            covered if isinstance(covered, str) else None,
        )


def _value(kind: str, value: Mapping[str, Any]) -> Label | None:
    """Return the label of a result that concerns the whole text, or None."""
    given = value.get("text" if kind == "textarea" else kind)
    if kind == "choices" and isinstance(given, list):
        return Choices(map(str, given))
    if kind == "taxonomy" and isinstance(given, list):
        return Choices(" / ".join(map(str, path)) for path in given)
    if kind in ("rating", "number") and isinstance(given, int | float):
        return float(given)
    if kind == "textarea" and given:
        return given if isinstance(given, str) else "\n".join(map(str, given))
    return None


def _read_records(
    file: InputFile, records: list[dict[str, Any]], *, options: ImportOptions
) -> Iterator[Found]:
    """Yield the documents of JSON-MIN, whose records have data and labels side by side."""
    data = [{key: value for key, value in record.items() if key not in _ABOUT_RECORDS} for record in records]
    key = options.text or _text_key(file, data)
    by_id: dict[str, tuple[Document, list[Annotation]]] = {}
    for number, (record, values) in enumerate(zip(records, data, strict=True), 1):
        document = _document(file, record, number=number, text=values.get(key))
        if isinstance(document, Dropped):
            yield document
            continue
        labels: dict[str, Label] = {}
        trimmed = 0
        for name, value in values.items():
            if name == key or value is None:
                continue
            if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
                raw = [span for item in value for span in _raw_spans(item, "labels")]
                found = _spans(name, raw, document=document, options=options)
                if isinstance(found, Dropped):
                    yield found
                    continue
                labels[name], trimmed = found[1], trimmed + found[2]
            elif isinstance(value, str):
                labels[name] = Choices([value])
            elif isinstance(value, Mapping) and isinstance(value.get("choices"), list):
                labels[name] = Choices(map(str, value["choices"]))
            elif isinstance(value, int | float) and not isinstance(value, bool):
                labels[name] = float(value)
            else:
                yield replace(_dropped(document, NO_COLUMN, found=str(value)[:60]), column=name)
        base, annotations = by_id.setdefault(document.doc_id, (replace(document, trimmed=0), []))
        by_id[document.doc_id] = (replace(base, trimmed=base.trimmed + trimmed), annotations)
        name = str(record.get("annotator", f"annotator{len(annotations) + 1}"))
        annotations.append(Annotation(annotator=name, labels=labels))
    for base, annotations in by_id.values():
        yield from merge(base, annotations, annotators=options.annotators)


def _dropped(document: Document, reason: str, *, found: str) -> Dropped:
    """Return a note of what is dropped of a document whose row stays."""
    return Dropped(place=document.place, doc_id=document.doc_id, row_stays=True, reason=reason, found=found)
