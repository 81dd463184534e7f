"""Predictions as lines for a reader at a terminal."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mgm.inference.model import REJECTED

_MAX_SHOWN = 8
"""Labels and words of a line; more are counted."""
_INDENT = "  "


def prediction_lines(row: Mapping[str, Any], tasks: Sequence[str]) -> Iterator[str]:
    """Yield the text in one line, then a line a task with its prediction and score, or the reasons for which there is none.

    Args:
        row: a document's text and predictions.
        tasks: the names of the predicted tasks.
    """
    text = row["text"] or ""
    title = shorten(text, shutil.get_terminal_size().columns)
    yield f"{row['doc_id']}: {title}" if row.get("doc_id") is not None else title
    if row[REJECTED] is not None:
        yield f"{_INDENT}rejected: {', '.join(row[REJECTED])}"
        return
    width = max(len(task) for task in tasks)
    for task in tasks:
        answer = _answer(row[task], row.get(f"{task}_score"), text=text)
        yield f"{_INDENT}{task.ljust(width)}  {answer}"
        pad = " " * (len(_INDENT) + width + 2)
        if probabilities := row.get(f"{task}_proba"):
            ranked = sorted(probabilities.items(), key=lambda item: -item[1])
            yield pad + _shown([f"{label} {share:.2f}" for label, share in ranked])
        if explained := row.get(f"{task}_explained"):
            words = [f"{w['word']} {w['contribution']:+.2f}" for w in explained["words"]]
            yield f"{pad}{explained['target']}: {_shown(words)}"


def shorten(text: str, width: int) -> str:
    """Return a text in one line of at most `width` characters."""
    line = " ".join(text[: 4 * width].split())
    return line if len(line) <= width and len(text) <= 4 * width else f"{line[: width - 1]}…"


def _answer(value: Any, score: Any, *, text: str) -> str:
    """Return a prediction in words, by the form that its value has."""
    if isinstance(value, list):
        if not value:
            return "none"
        if isinstance(value[0], dict):
            return _shown([_span(span, text) for span in value])
        return _shown([f"{label} {share:.2f}" for label, share in zip(value, score, strict=True)])
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value} {score:.2f}"


def _span(span: Mapping[str, Any], text: str) -> str:
    words = shorten(text[span["start"] : span["end"]], 60)
    return f"{words!r} {span['label']} {span['score']:.2f}"


def _shown(items: Sequence[str]) -> str:
    more = f" (and {len(items) - _MAX_SHOWN} more)" if len(items) > _MAX_SHOWN else ""
    return ", ".join(items[:_MAX_SHOWN]) + more
