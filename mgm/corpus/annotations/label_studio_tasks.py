"""Tasks for Label Studio: documents with predictions that annotators see and correct, and the labelling interface for them.

Source of the format: Label Studio, "Import pre-annotated data" (labelstud.io/guide/predictions).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any
from xml.etree import ElementTree

import polars as pl

from mgm.tasks import Task

DOC_ID, TEXT = "doc_id", "text"
"""The keys of a task's data; `mgm.corpus.annotations.label_studio` reads the id back."""


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """A document to annotate.

    Attributes:
        doc_id, text: the document.
        predicted: the prediction, None where there is none: a class, labels, a number, or spans with start, end, label.
        score: its probability, where it has one.
        about: facts for annotators and their tools, such as the reason for which the document was chosen.
    """

    doc_id: str
    text: str
    predicted: Any
    score: float | None
    about: Mapping[str, Any]


def label_studio_task(suggestion: Suggestion, task: Task, *, model: str) -> dict[str, Any]:
    """Return a document as a task that Label Studio imports, with the prediction as a pre-annotation.

    Args:
        suggestion: the document.
        task: the task, whose name is that of the control.
        model: the name of the model that predicted.
    """
    content: dict[str, Any] = {
        "data": {DOC_ID: suggestion.doc_id, TEXT: suggestion.text},
        "meta": dict(suggestion.about),
    }
    if suggestion.predicted is not None:
        results = [
            {"id": f"{place}", "from_name": task.name, "to_name": TEXT, "type": kind, "value": value}
            for place, (kind, value) in enumerate(_values(suggestion, task))
        ]
        content["predictions"] = [{"model_version": model, "result": results}]
        if suggestion.score is not None:
            content["predictions"][0]["score"] = suggestion.score
    return content


def labelling_interface(task: Task, labels: Sequence[str]) -> str:
    """Return the labelling configuration of a project for these tasks, as XML."""
    view = ElementTree.Element("View")
    named = {"name": task.name, "toName": TEXT}
    text = {"name": TEXT, "value": f"${TEXT}"}
    if _has_spans(task):
        control = ElementTree.SubElement(view, "Labels", named)
        for label in labels:
            ElementTree.SubElement(control, "Label", {"value": label})
        ElementTree.SubElement(view, "Text", text)
    else:
        ElementTree.SubElement(view, "Text", text)
        if task.column_type.is_numeric():
            ElementTree.SubElement(view, "Number", named)
        else:
            choice = "multiple" if isinstance(task.column_type, pl.List) else "single"
            control = ElementTree.SubElement(view, "Choices", named | {"choice": choice})
            for label in labels:
                ElementTree.SubElement(control, "Choice", {"value": label})
    ElementTree.indent(view)
    return ElementTree.tostring(view, encoding="unicode") + "\n"


def _values(suggestion: Suggestion, task: Task) -> list[tuple[str, dict[str, Any]]]:
    """Return the type and the value of each result; an empty list of labels has none."""
    predicted = suggestion.predicted
    if _has_spans(task):
        places = _browser_offsets(suggestion.text)
        return [
            (
                "labels",
                {
                    "start": places[span["start"]],
                    "end": places[span["end"]],
                    "text": suggestion.text[span["start"] : span["end"]],
                    "labels": [span["label"]],
                },
            )
            for span in predicted
        ]
    if task.column_type.is_numeric():
        return [("number", {"number": predicted})]
    chosen = [predicted] if isinstance(predicted, str) else list(predicted)
    return [("choices", {"choices": chosen})] if chosen else []


def _has_spans(task: Task) -> bool:
    return isinstance(task.column_type, pl.List) and isinstance(task.column_type.inner, pl.Struct)


def _browser_offsets(text: str) -> list[int]:
    """Return the offset of each code point, and of the end, as a browser counts: UTF-16 units, a Windows line break as one."""
    widths = [
        0 if character == "\r" and text[i + 1 : i + 2] == "\n" else 1 + (character > "\uffff")
        for i, character in enumerate(text)
    ]
    return [0, *accumulate(widths)]
