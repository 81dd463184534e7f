"""Diversity of the documents that people label: no near copies, and documents from all clusters of document vectors.

Axes: D documents.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl

from mgm.compute.executor import Emitted
from mgm.compute.processes import THIS_PROCESS
from mgm.settings.text import DeduplicationSettings
from mgm.text.deduplication import pairs
from mgm.text.deduplication.clusters import EquivalenceClasses, greedy_independent_set
from mgm.text.deduplication.shingles import MIN_SHINGLES, Shingles, hash_texts, normalize_texts
from mgm.text.deduplication.signatures import signature_columns

CLUSTERS_PER_DOCUMENT = 0.5
"""The number of clusters for each document that is chosen."""


def is_copy(texts: Sequence[str], settings: DeduplicationSettings) -> np.ndarray:
    """Return whether a text (D,) has nearly the same words as an earlier one that is none itself.

    Args:
        texts: raw texts, the ones to keep first.
        settings: what counts as nearly the same, as in deduplication.
    """
    normalized = normalize_texts(pl.Series(texts, dtype=pl.String))
    classes = EquivalenceClasses.group(hash_texts(normalized).T, np.arange(len(texts)))
    first = classes.representative
    shingles = Shingles.from_texts(normalized[first], settings.shingle)
    signatures = THIS_PROCESS.shuffle()
    columns = signature_columns(shingles, settings)
    list(signatures.emit(lambda: Emitted(None, columns), [()], columns=list(columns)))
    comparable = np.flatnonzero(shingles.counts >= MIN_SHINGLES)
    left, right = pairs.find_candidates(signatures, comparable, settings=settings)
    left, right = comparable[left], comparable[right]
    is_near = (
        pairs.jaccard_similarity(pairs.shingle_sets([shingles]), left=left, right=right) >= settings.threshold
    )
    kept_for = greedy_independent_set(len(first), (left[is_near], right[is_near]))
    return first[kept_for[classes.class_of_row]] != np.arange(len(texts))


def spread(order: Sequence[int], vectors: np.ndarray, *, number: int, seed: int) -> list[int]:
    """Return documents so that their clusters take turns, each with its best remaining document.

    Args:
        order: the documents, the best first.
        vectors: the vector of each, in this order.
        number: the number of documents that will be chosen.
        seed: the seed of the clusters' centres.

    Source: Citovsky et al. 2021, Batch Active Learning at Scale, arXiv:2107.14263 (which clusters hierarchically).
    """
    clusters = min(max(round(CLUSTERS_PER_DOCUMENT * number), 1), len(order))
    if clusters < 2:
        return list(order)
    # imported here, since it brings much that other commands do not need
    from sklearn.cluster import MiniBatchKMeans

    cluster = MiniBatchKMeans(clusters, random_state=seed, n_init=1).fit_predict(vectors)
    rounds = pl.DataFrame({"cluster": cluster}).select(pl.int_range(pl.len()).over("cluster"))
    return [order[place] for place in np.argsort(rounds.to_series().to_numpy(), kind="stable")]
