"""The ranking of documents by several measures, which take turns.

A document with a label is ranked by the doubt about it, one without by uncertainty and disagreement. There, the predicted classes share
the places by the root of their frequency: what is uncertain is often of few large classes, whose next labels are worth little.
"""

from collections.abc import Iterator, Mapping, Sequence

import polars as pl

from mgm.active_learning.measures import DISAGREEMENT, PREDICTED_CLASS, UNCERTAINTY

DOUBT = "doubt"
MEASURES = (UNCERTAINTY, DISAGREEMENT, DOUBT)
CANDIDATES = 3
"""The number of candidates for each document that is chosen: those with the largest measures."""


def rank(
    measured: pl.DataFrame,
    has_label: pl.Series,
    *,
    doubts: pl.DataFrame | None = None,
    by: Sequence[str] = MEASURES,
) -> dict[str, pl.DataFrame]:
    """Return the rows that each measure ranks, the best first: row, and the measure `value`; no measure without rows.

    Args:
        measured: the tables of `Measured`.
        has_label: whether a row has a label.
        doubts: the result of `LabelledDocuments.doubts` for the rows that have one, in their order; None: there are none.
        by: the measures to rank by.
    """
    rows = measured.with_row_index("row")
    ranked = {}
    for name in (UNCERTAINTY, DISAGREEMENT):
        unlabelled = rows.filter(~has_label, pl.col(name).is_not_null())
        ranked[name] = _share_places(unlabelled.sort(name, descending=True, maintain_order=True)).select(
            "row", value=name
        )
    if doubts is not None:
        order = rows["row"].filter(has_label).gather(doubts["row"])
        ranked[DOUBT] = doubts.select(pl.lit(order).alias("row"), "is_suspected", value="doubt")
    return {name: ranked[name] for name in by if name in ranked and ranked[name].height}


def _share_places(best_first: pl.DataFrame) -> pl.DataFrame:
    """Return the rows so that of any number of first ones each predicted class has a part by the root of its frequency, and its best."""
    place = pl.int_range(pl.len()).over(PREDICTED_CLASS) + 0.5
    turn = place / pl.len().over(PREDICTED_CLASS).sqrt()
    return best_first.with_columns(turn=turn).sort("turn", maintain_order=True)


def take_turns(queues: Mapping[str, Sequence[int]]) -> Iterator[tuple[int, str]]:
    """Yield every row of the queues once, each with the name of its queue: the best of each, then the second of each, and so on."""
    taken: set[int] = set()
    waiting = {name: iter(rows) for name, rows in queues.items()}
    while waiting:
        for name in list(waiting):
            row = next((row for row in waiting[name] if row not in taken), None)
            if row is None:
                del waiting[name]
            else:
                taken.add(row)
                yield row, name
