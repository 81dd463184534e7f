"""From pairs of copies to what becomes of each row: which is kept, and which split it stands in."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from mgm.corpus.contract import SPLITS
from mgm.settings.text import DeduplicationSettings
from mgm.text.deduplication.pairs import Pairs
from mgm.text.list_columns import Array

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class EquivalenceClasses:
    """Rows of one normal form. of: the class of each row; best: the row of each class that is kept first.

    Classes are numbered in the order of their best rows: the one that is kept first comes first.
    """

    of: Array
    best: Array

    @classmethod
    def group(cls, keys: npt.NDArray[np.uint64] | None, rank: Array) -> "EquivalenceClasses":
        """Groups rows of equal keys, (rows, 2); without keys each row is alone. `rank` orders rows from the
        one that is kept first."""
        by_rank = np.argsort(rank)
        if keys is None:
            return cls(rank, by_rank)
        order = np.lexsort((rank, keys[:, 0], keys[:, 1]))
        first = np.ones(len(order), np.bool_)
        first[1:] = (np.diff(keys[order], axis=0) != 0).any(axis=1)
        best_of = np.empty(len(order), np.int64)
        best_of[order] = order[first][np.cumsum(first) - 1]
        best = by_rank[best_of[by_rank] == by_rank]
        number = np.empty(len(order), np.int64)
        number[best] = np.arange(len(best))
        return cls(number[best_of], best)


def rank_rows(labelled: Array) -> Array:
    """The place of each row in the order of keeping: most labelled tasks first, then the earliest."""
    result = np.empty(len(labelled), np.int64)
    result[np.lexsort((np.arange(len(labelled)), -labelled))] = np.arange(len(labelled))
    return result


def greedy_independent_set(n: int, pairs: Pairs) -> Array:
    """For each of n nodes, in the order of keeping, the node that is kept for it: itself or one paired with
    it.

    Node by node: one without a kept partner before it is kept (the lexicographically first maximal
    independent set; here in rounds, each of which decides all whose earlier partners are decided). So a chain
    of texts, each like the next, does not drop what is unlike the kept text, and no two kept ones are a pair.

    Args:
        pairs: (earlier node, later node).
    """
    paired, flat = np.unique(np.concatenate(pairs), return_inverse=True)
    left, right = np.split(flat, 2)
    kept, dropped = np.zeros(len(paired), np.bool_), np.zeros(len(paired), np.bool_)
    a, b = left, right
    while len(a):
        waiting = np.zeros(len(paired), np.bool_)
        waiting[b] = True
        kept[a[~waiting[a]]] = True
        dropped[b[kept[a]]] = True
        open_ = ~(kept[a] | dropped[a] | dropped[b])
        a, b = a[open_], b[open_]
    anchor = np.arange(n)
    by_kept = ~dropped[left]
    np.minimum.at(anchor, paired[right[by_kept]], paired[left[by_kept]])
    return anchor


def first_of_component(n: int, pairs: Pairs) -> Array:
    """For each of n nodes the first node of its connected component."""
    _, component = connected_components(
        coo_array((np.ones(len(pairs[0]), np.int8), pairs), shape=(n, n)), directed=False
    )
    first = np.full(n, n, np.int64)
    np.minimum.at(first, component, np.arange(n))
    return first[component]


@dataclass(frozen=True)
class Copies:
    """What becomes of each row.

    cluster: the row that stands for its cluster of copies: itself where it has none or comes first.
    exact, near: it is a copy of another row: of the same normal form, or a near one. Never both.
    kept: the row that is kept for it: itself, unless it is dropped.
    split: its split, as a number.
    """

    cluster: Array
    exact: Flags
    near: Flags
    kept: Array
    split: npt.NDArray[np.uint8]

    @property
    def dropped(self) -> Flags:
        return self.kept != np.arange(len(self.kept))


def resolve(
    classes: EquivalenceClasses,
    near_pairs: Pairs,
    groups: npt.NDArray[np.uint64],
    splits: npt.NDArray[np.uint8],
    settings: DeduplicationSettings,
) -> Copies:
    """Decides what becomes of each row.

    Args:
        near_pairs: pairs of classes that are near-duplicates, the one that is kept first on the left.
        groups, splits: of each row.
    """
    rows = np.arange(len(splits))
    own = classes.best[classes.of]
    link = greedy_independent_set if settings.near == "drop" else first_of_component
    anchor = link(len(classes.best), near_pairs)
    cluster = classes.best[anchor[classes.of]]
    is_near = anchor[classes.of] != classes.of
    near_dropped = is_near & (settings.near == "drop")
    exact_dropped = ~near_dropped & (own != rows) & (settings.exact == "drop")
    kept = np.where(near_dropped, cluster, np.where(exact_dropped, own, rows))
    exact = (own != rows) & ~near_dropped
    # Copies that are only reported join no splits. The settings have no exact: report with near copies joined.
    together = rows if settings.exact == "report" else own if settings.near == "report" else cluster
    return Copies(
        cluster=cluster,
        exact=exact,
        near=is_near & ~exact,
        kept=kept,
        split=_unify_splits(together, kept == rows, groups, splits),
    )


def split_overlap(classes: EquivalenceClasses, near_pairs: Pairs, copies: Copies) -> tuple[Flags, Flags]:
    """The held-out rows that stay and have an exact copy in training, and those that have only a near one.

    Judged by what stays and the splits in the end, not by what was asked for.

    Args:
        near_pairs: as of `resolve`.
    """
    trained = copies.split == SPLITS.index("train")
    held_out = ~copies.dropped & ~trained
    known = np.zeros(len(classes.best), np.bool_)
    known[classes.of[~copies.dropped & trained]] = True
    left, right = near_pairs
    nearly = np.zeros(len(classes.best), np.bool_)
    nearly[left[known[right]]] = nearly[right[known[left]]] = True
    exact = held_out & known[classes.of]
    return exact, held_out & nearly[classes.of] & ~exact


def _unify_splits(
    cluster: Array, stays: Flags, groups: npt.NDArray[np.uint64], splits: npt.NDArray[np.uint8]
) -> npt.NDArray[np.uint8]:
    """Splits of which none cuts through a cluster or, where clusters join groups, through these groups.

    Rows are joined by cluster and by group; all that are joined so get the split of the earliest of them.
    What no cluster joins keeps the split that it has.
    """
    rows = np.flatnonzero(stays)
    _, cluster_of, members = np.unique(cluster[rows], return_inverse=True, return_counts=True)
    _, group_of = np.unique(groups[rows], return_inverse=True)
    # A graph of rows, then clusters, then groups.
    n = len(rows)
    ends = np.concatenate([n + cluster_of, n + len(members) + group_of])
    size = int(ends.max(initial=-1)) + 1
    first = first_of_component(size, (np.concatenate([np.arange(n), np.arange(n)]), ends))[:n]
    joined = np.zeros(size, np.bool_)
    joined[first[members[cluster_of] > 1]] = True
    result = splits.copy()
    result[rows] = np.where(joined[first], splits[rows[first]], splits[rows])
    return result
