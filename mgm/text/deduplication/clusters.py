"""Clusters of duplicates, and the outcome for each row: whether it is kept, and in which split."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from mgm.corpus.contract import SPLITS
from mgm.settings.text import DeduplicationSettings
from mgm.text.deduplication.pairs import Pairs
from mgm.text.deduplication.repeated import is_among, is_repeated
from mgm.text.list_columns import Array, Flags


@dataclass(frozen=True, kw_only=True)
class EquivalenceClasses:
    """Classes of rows with the same normalized text, numbered by the rank of their representatives."""

    class_of_row: Array
    """(rows,)"""
    representative: Array
    """The row with the first rank of each class, (classes,)."""

    @classmethod
    def group(cls, keys: npt.NDArray[np.uint64] | None, rank: Array) -> "EquivalenceClasses":
        """Group rows of equal keys. Memory: 25 bytes a row; 50 bytes a row that shares half of its key with another.

        Args:
            keys: the hash of each row's text, (2, rows), or None: each row is a separate class.
            rank: the order in which rows are kept, (rows,).
        """
        rows = np.arange(len(rank), dtype=rank.dtype)
        by_rank = np.empty_like(rank)
        by_rank[rank] = rows
        if keys is None:
            return cls(class_of_row=rank, representative=by_rank)
        copies = np.flatnonzero(is_repeated(keys[0]))
        order = copies[np.lexsort((rank[copies], keys[0][copies], keys[1][copies]))]
        first = np.ones(len(order), np.bool_)
        first[1:] = (np.diff(keys[:, order], axis=1) != 0).any(axis=0)
        representative_of_row = rows
        representative_of_row[order] = order[first][np.cumsum(first) - 1]
        representative = by_rank[representative_of_row[by_rank] == by_rank]
        number = np.empty_like(rank)
        number[representative] = np.arange(len(representative))
        return cls(class_of_row=number[representative_of_row], representative=representative)


def rank_rows(num_labelled: npt.NDArray[np.uint16]) -> Array:
    """Return the rank of each row, the order in which rows are kept: most labelled tasks first, then the earliest row."""
    n = len(num_labelled)
    rank: npt.NDArray[Any] = np.empty(n, np.int32 if n <= np.iinfo(np.int32).max else np.int64)
    rank[np.argsort(np.iinfo(np.uint16).max - num_labelled, kind="stable")] = np.arange(n, dtype=rank.dtype)
    return rank


def greedy_independent_set(n: int, pairs: Pairs) -> Array:
    """Return, for each of n nodes, the node that is kept for it: itself, or one paired with it.

    In their order, a node is kept if no node before it that it is paired with is kept: the lexicographically first maximal
    independent set. It is computed in rounds, each of which decides the nodes whose earlier partners are decided. So no two kept nodes
    are a pair, and in a chain of texts, each similar to the next, no text is dropped that is not similar to a kept one.

    Args:
        n: the number of nodes.
        pairs: (earlier nodes, later nodes), by any one order. Of several earlier nodes that are kept for a later one, it gets the one
            with the lowest number.
    """
    paired, index = np.unique(np.concatenate(pairs), return_inverse=True)
    left, right = np.split(index, 2)
    kept, dropped = np.zeros(len(paired), np.bool_), np.zeros(len(paired), np.bool_)
    a, b = left, right
    # made once: where one chain is long there are many rounds of few pairs
    waiting = np.zeros(len(paired), np.bool_)
    while len(a):
        waiting[b] = True
        kept[a[~waiting[a]]] = True
        waiting[b] = False
        dropped[b[kept[a]]] = True
        is_open = ~(kept[a] | dropped[a] | dropped[b])
        a, b = a[is_open], b[is_open]
    anchor = np.arange(n)
    anchor[paired[dropped]] = n
    by_kept = ~dropped[left]
    np.minimum.at(anchor, paired[right[by_kept]], paired[left[by_kept]])
    return anchor


def first_of_paired(n: int, pairs: Pairs) -> Array:
    """Return, for each of n nodes, the first node of those that pairs connect it with, directly or through others."""
    paired, index = np.unique(np.concatenate(pairs), return_inverse=True)
    left, right = np.split(index, 2)
    first = np.arange(n)
    first[paired] = paired[first_of_component(len(paired), (left, right))]
    return first


def first_of_component(n: int, pairs: Pairs) -> Array:
    """Return, for each of n nodes, the first node of its connected component."""
    _, component = connected_components(
        coo_array((np.ones(len(pairs[0]), np.int8), pairs), shape=(n, n)), directed=False
    )
    first = np.full(n, n, np.int64)
    np.minimum.at(first, component, np.arange(n))
    return first[component]


@dataclass(frozen=True, kw_only=True)
class NearPairs:
    """Pairs of classes whose texts are near-duplicates."""

    pairs: Pairs
    """The class that is kept first on the left."""
    contained: Pairs
    """Those of them of which one contains the other, the one that contains on the left; only if contained copies are dropped."""

    @classmethod
    def of(cls, pairs: Pairs, contained: Pairs | None = None) -> "NearPairs":
        """Return pairs of which these are contained; None: no one is."""
        none = np.empty(0, np.int64)
        return cls(pairs=pairs, contained=(none, none) if contained is None else contained)


@dataclass(frozen=True, kw_only=True)
class Copies:
    """The outcome for each row, five arrays (rows,)."""

    cluster: Array
    """The row that represents the cluster of copies: the row itself if it has no copy or is the first of those that are kept."""
    exact: Flags
    """Whether the row is a copy of another one with the same normalized text."""
    near: Flags
    """Whether the row is a copy of another one with a similar text, and not an exact copy."""
    kept: Array
    """The row that is kept for it: the row itself, unless it is dropped."""
    split: npt.NDArray[np.uint8]
    """The split, as an index into `SPLITS`."""

    @property
    def dropped(self) -> Flags:
        """Whether the row is dropped, (rows,)."""
        return self.dropped_in(slice(0, len(self.kept)))

    def dropped_in(self, rows: slice) -> Flags:
        """Return whether each of these consecutive rows is dropped."""
        kept = self.kept[rows]
        return kept != np.arange(rows.start, rows.start + len(kept))


def resolve(
    classes: EquivalenceClasses,
    near: NearPairs,
    *,
    groups: npt.NDArray[np.uint64],
    splits: npt.NDArray[np.uint8],
    settings: DeduplicationSettings,
) -> Copies:
    """Decide the outcome for each row.

    Args:
        classes: rows with the same normalized text.
        near: pairs of classes that are near-duplicates.
        groups: the group of each row, (rows,).
        splits: the split of each row, (rows,).
        settings: whether copies are dropped, joined in one split, or only reported.
    """
    dtype = classes.class_of_row.dtype
    rows = np.arange(len(splits), dtype=dtype)
    representative = classes.representative[classes.class_of_row]
    kept_for, anchors = (
        classes_.astype(dtype) for classes_ in _link(len(classes.representative), near, settings=settings)
    )
    cluster = classes.representative[anchors[classes.class_of_row]]
    is_near = (anchors != np.arange(len(anchors), dtype=dtype))[classes.class_of_row]
    near_dropped = (kept_for != np.arange(len(anchors), dtype=dtype))[classes.class_of_row]
    exact_dropped = ~near_dropped & (representative != rows) & (settings.exact == "drop")
    kept = np.where(exact_dropped, representative, rows)
    kept[near_dropped] = classes.representative[kept_for[classes.class_of_row[near_dropped]]]
    exact = (representative != rows) & ~near_dropped
    # Copies that are only reported may be in different splits. The settings exclude that exact copies are reported and near ones
    # joined.
    if settings.exact == "report":
        together = rows
    else:
        together = representative if settings.near == "report" else cluster
    return Copies(
        cluster=cluster,
        exact=exact,
        near=is_near & ~exact,
        kept=kept,
        split=_unify_splits(together, is_kept=kept == rows, groups=groups, splits=splits),
    )


def _link(n: int, near: NearPairs, *, settings: DeduplicationSettings) -> tuple[Array, Array]:
    """Return, for each of n classes, the one that is kept for it, and the one that represents its cluster."""
    if settings.near == "drop":
        kept_for = greedy_independent_set(n, near.pairs)
        return kept_for, kept_for
    kept_for = greedy_independent_set(n, near.contained)
    left, right = near.pairs
    # A dropped class joins no others: a text may contain it that is not similar to the one it is dropped for.
    are_kept = (kept_for[left] == left) & (kept_for[right] == right)
    return kept_for, first_of_paired(n, (left[are_kept], right[are_kept]))[kept_for]


def split_overlap(classes: EquivalenceClasses, near_pairs: Pairs, *, copies: Copies) -> tuple[Flags, Flags]:
    """Return the kept rows of valid and test with an exact copy in train, and those with only a near one, both (rows,).

    They are determined from the kept rows and their final splits, under any settings.

    Args:
        classes: rows with the same normalized text.
        near_pairs: pairs of classes that are near-duplicates.
        copies: the outcome for each row.
    """
    in_train = copies.split == SPLITS.index("train")
    held_out = ~copies.dropped & ~in_train
    class_in_train = np.zeros(len(classes.representative), np.bool_)
    class_in_train[classes.class_of_row[~copies.dropped & in_train]] = True
    left, right = near_pairs
    near_train = np.zeros(len(classes.representative), np.bool_)
    near_train[left[class_in_train[right]]] = near_train[right[class_in_train[left]]] = True
    exact = held_out & class_in_train[classes.class_of_row]
    return exact, held_out & near_train[classes.class_of_row] & ~exact


def _unify_splits(
    cluster: Array, *, is_kept: Flags, groups: npt.NDArray[np.uint64], splits: npt.NDArray[np.uint8]
) -> npt.NDArray[np.uint8]:
    """Return splits that keep each cluster, and the groups that a cluster joins, in one split.

    Rows are connected by cluster and by group; connected rows get the split of the earliest of them. A row that no cluster connects
    with another one keeps its split.
    """
    joined_rows = np.flatnonzero(is_kept & (cluster != np.arange(len(cluster), dtype=cluster.dtype)))
    if not len(joined_rows):
        return splits
    # Only rows of the groups that a cluster joins can move: any other row is connected with no cluster of several rows.
    joined_rows = np.concatenate([joined_rows, cluster[joined_rows]])
    rows = np.flatnonzero(is_kept & is_among(groups, np.unique(groups[joined_rows])))
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
