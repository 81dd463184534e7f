"""The choice of documents for people to label: the best by each measure, without near copies, from all clusters."""

from collections.abc import Callable, Mapping, Sequence
from itertools import islice

import numpy as np
import polars as pl

from mgm.active_learning.diversity import is_copy, spread
from mgm.active_learning.ranking import CANDIDATES, DOUBT, take_turns
from mgm.settings.text import DeduplicationSettings

CHOSEN_SCHEMA = {"row": pl.UInt32, "reason": pl.String}


def candidates(ranked: Mapping[str, pl.DataFrame], number: int) -> list[int]:
    """Return the rows whose texts and vectors `select` reads, the best first."""
    return [row for row, _ in take_turns(_best(ranked, number))]


def _best(ranked: Mapping[str, pl.DataFrame], number: int) -> dict[str, list[int]]:
    return {name: rows["row"].head(CANDIDATES * number).to_list() for name, rows in ranked.items()}


def select(
    ranked: Mapping[str, pl.DataFrame],
    number: int,
    *,
    texts: Callable[[Sequence[int]], Sequence[str]],
    vectors: Callable[[Sequence[int]], np.ndarray],
    deduplication: DeduplicationSettings,
    seed: int,
) -> pl.DataFrame:
    """Return the chosen documents in the order in which they are worth labelling: row, and the measure that is the reason.

    Each measure proposes `CANDIDATES` documents for each one that is chosen. Near copies of better candidates are left out.
    Documents without a label are taken from all clusters in turn, so that no topic takes all places; wrong labels are not:
    each of them is to be found.

    Args:
        ranked: the result of `ranking.rank`.
        number: the number of documents to choose; there may be fewer.
        texts: returns the raw texts of some rows.
        vectors: returns their document vectors.
        deduplication: what counts as a near copy.
        seed: the seed of the clusters' centres.
    """
    queues = _best(ranked, number)
    proposed = candidates(ranked, number)
    copies = is_copy(texts(proposed), deduplication)
    kept = {row for row, copied in zip(proposed, copies.tolist(), strict=True) if not copied}
    for name, rows in queues.items():
        original = [row for row in rows if row in kept]
        queues[name] = (
            original
            if name == DOUBT or not original
            else spread(original, vectors(original), number=-(-number // len(queues)), seed=seed)
        )
    return pl.DataFrame(list(islice(take_turns(queues), number)), schema=CHOSEN_SCHEMA, orient="row")
