"""Documents that several people have labelled: what most of them say, or a row for each."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

from mgm.corpus.annotations.documents import Choices, Document, Dropped, Found, Label, Span
from mgm.corpus.annotations.options import ROWS

DISAGREEMENT = "no label has more than half of the annotators"


@dataclass(frozen=True, kw_only=True)
class Annotation:
    """What one person says about a document."""

    annotator: str
    labels: Mapping[str, Label]


def merge(document: Document, annotations: Sequence[Annotation], *, annotators: str) -> Iterator[Found]:
    """Yield a document with the labels of its annotators.

    By majority a class, label or span stays that more than half of those have given who labelled the column; of numbers the median.
    As rows each annotator's document has the id `<id>-<annotator>`, and the group `<id>`, which keeps them in one split.

    Args:
        document: without labels.
        annotations: one for each annotator; none: the document is not labelled.
        annotators: `ImportOptions.annotators`.
    """
    if annotators == ROWS and len(annotations) > 1:
        for annotation in annotations:
            yield replace(
                document,
                doc_id=f"{document.doc_id}-{annotation.annotator}",
                labels=annotation.labels,
                columns={**document.columns, "group": document.doc_id},
            )
        return
    labels: dict[str, Label | None] = {}
    for column in sorted({column for annotation in annotations for column in annotation.labels}):
        given = [annotation.labels[column] for annotation in annotations if column in annotation.labels]
        labels[column] = _agreed(given)
        if labels[column] is None:
            found = "; ".join(_shown(label) for label in given)
            yield Dropped(
                place=document.place,
                doc_id=document.doc_id,
                column=column,
                row_stays=True,
                reason=DISAGREEMENT,
                found=found,
            )
    yield replace(document, labels=labels)


def _agreed(given: Sequence[Label]) -> Label | None:
    """Return what more than half of the labels of one column say, or None."""
    if len(given) == 1:
        return given[0]
    if all(isinstance(label, float) for label in given):
        return float(median(label for label in given if isinstance(label, float)))
    if all(isinstance(label, str) for label in given):
        value, votes = Counter(given).most_common(1)[0]
        return value if votes * 2 > len(given) else None
    votes_of: Counter[str | Span] = Counter()
    for label in given:
        if not isinstance(label, str | float):
            votes_of.update(dict.fromkeys(label, 1))
    agreed = [item for item, votes in votes_of.items() if votes * 2 > len(given)]
    if any(isinstance(label, Choices) for label in given):
        chosen = [item for item in agreed if isinstance(item, str)]
        return Choices(chosen) if chosen or sum(not label for label in given) * 2 > len(given) else None
    spans = sorted(item for item in agreed if isinstance(item, Span))
    return spans or [item for item in agreed if isinstance(item, str)]


def _shown(label: Label) -> str:
    return ", ".join(map(str, label)) if isinstance(label, Choices) else str(label)
