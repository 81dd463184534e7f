"""What the readers of exports yield: documents with labels, and what they drop."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple


class Span(NamedTuple):
    """A labelled range of code points of the text, half-open."""

    start: int
    end: int
    label: str


class Choices(tuple[str, ...]):
    """Classes that were chosen: a class where no document of the export has another number than one, else a list of labels."""


Label = str | float | Choices | list[str] | list[Span]
"""A text or class, a number, classes, labels, or spans."""


@dataclass(frozen=True, kw_only=True)
class Document:
    """One row of a corpus.

    Attributes:
        doc_id: the id, which no other document of the corpus has.
        text: the raw text.
        labels: column to label; a column that is missing or None is not labelled.
        columns: other columns, such as `group` and `split`.
        place: where it stands in the export, for messages.
    """

    doc_id: str
    text: str
    labels: Mapping[str, Label | None] = field(default_factory=dict)
    columns: Mapping[str, str | None] = field(default_factory=dict)
    place: str = ""
    trimmed: int = 0
    """The spans whose blanks at an edge were cut off."""


@dataclass(frozen=True, kw_only=True)
class Dropped:
    """A document, or a label of one, that the corpus does not get.

    Attributes:
        place: the file with the line or the number in it.
        reason: why, in the same words for all that are dropped for it.
        found: what stands there.
        doc_id: the document's id.
        column: the column that the label was for.
        row_stays: whether the document stays, without this label; else it is dropped.
    """

    place: str
    reason: str
    found: str
    doc_id: str | None = None
    column: str | None = None
    row_stays: bool = False


Found = Document | Dropped
