"""Solves for the weights of a linear-chain conditional random field over sparse features.

The compiled kernel goes over the sentences, as many blocks of them at once as torch has threads, and its result does not depend on
how many. Without it SciPy and torch do the same, with results that differ in the last digits.

Axes: N words, S sentences, F features, P pairs of a feature and a tag that training words have, C tags.
Source: Lafferty et al. 2001; Okazaki 2007, CRFsuite, which has weights for such pairs alone, too.
"""

import ctypes
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from ctypes import c_double, c_int64, c_void_p
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import torch
from scipy import sparse
from threadpoolctl import threadpool_limits

from mgm.model.heads.crf import FORBIDDEN, TransitionScores, marginals
from mgm.model.ragged import Ragged
from mgm.native import check_status, load_kernels
from mgm.training.owlqn import Vector, minimize

BLOCK_WORDS = 50_000
"""The words of a block of sentences, about: what one thread takes at a time."""


L2 = 0.01
"""The penalty of the square of every variable: it keeps the scores of transitions finite, and the problem strictly convex."""


class Chain(NamedTuple):
    """A conditional random field: weights (F,C) of features, scores of first tags (C,) and of transitions (C,C)."""

    weight: sparse.csr_matrix
    start: npt.NDArray[np.float64]
    transition: npt.NDArray[np.float64]


class _Field(ctypes.Structure):
    """`Field` of crf.c."""

    _fields_ = [
        ("tags", c_int64),
        ("features", c_int64),
        *(
            (name, c_void_p)
            for name in "start feature pair pair_tag weight used first transition transposed gold".split()
        ),
    ]


class LabelledSentences(NamedTuple):
    """Features (N,F) of words, 1 where a word has one, their tags (N,), and the words (S,) of each sentence, none of which is 0."""

    features: sparse.csr_matrix
    tags: np.ndarray
    length: np.ndarray


class SentenceSource(Protocol):
    """Blocks of sentences that can be read several times."""

    def __len__(self) -> int:
        """Return the number of blocks."""

    def __iter__(self) -> Iterator[LabelledSentences]:
        """Yield the blocks."""


def solve_crf(blocks: SentenceSource, forbidden: TransitionScores, *, l1: float, max_passes: int) -> Chain:
    """Return the field with the largest likelihood less `l1` times the sum of the absolute weights of features.

    Scores of first tags and of transitions are few, and have no penalty but `L2`. Several blocks are read anew in each pass, and the
    last digits depend on how sentences are cut into blocks.

    Args:
        blocks: the training data, all with the same features; its tags have no forbidden transition.
        forbidden: whether a first tag (C,), and a transition (C,C), is forbidden.
        l1: the penalty.
        max_passes: the number of times that the solver may go over all sentences.
    """
    is_forbidden = [part.cpu().numpy() for part in forbidden]
    likelihood: _Likelihood | _BlockwiseLikelihood
    if len(blocks) == 1:
        likelihood = _Likelihood(next(iter(blocks)), is_forbidden)
    else:
        likelihood = _BlockwiseLikelihood(blocks, is_forbidden)
    penalty = np.full(likelihood.num_variables, l1)
    penalty[likelihood.num_pairs :] = 0
    start = np.zeros(likelihood.num_variables)
    # sums of several threads have other last digits
    with threadpool_limits(1, user_api="blas"):
        x = minimize(likelihood, start, l1=penalty, curvature=likelihood.curvature(), max_passes=max_passes)
    return likelihood.chain(x)


class _Likelihood:
    """The negative log-likelihood of sentences, as a function of all scores.

    These are the weights of pairs (P,), then the scores of first tags (C,), then those of transitions (C*C,).
    """

    def __init__(
        self,
        sentences: LabelledSentences,
        forbidden: list[np.ndarray],
        *,
        pairs: sparse.csr_matrix | None = None,
    ) -> None:
        """Prepare the passes; `pairs` (F,C) has an entry for each pair, None: those of these sentences."""
        self.features, tags, length = sentences
        self.features.sort_indices()
        self.by_feature = self.features.T.tocsr()
        self.tags, self.length = tags.astype(np.int32), length.astype(np.int64)
        self.num_tags = len(forbidden[0])
        self.is_forbidden = np.concatenate([part.ravel() for part in forbidden])
        shape = (len(tags), self.num_tags)
        one_hot = sparse.csr_matrix(
            (np.ones(len(tags), np.float32), self.tags, np.arange(len(tags) + 1)), shape
        )
        self.pairs = (self.by_feature @ one_hot).tocsr() if pairs is None else pairs
        self.pairs.sort_indices()
        self.num_pairs = self.pairs.nnz
        begins = np.zeros(len(tags), bool)
        begins[np.cumsum(self.length) - self.length] = True
        inner = np.flatnonzero(~begins)
        transitions = self.tags[inner - 1].astype(np.int64) * self.num_tags + self.tags[inner]
        self.counts = np.concatenate(
            [
                np.bincount(self.tags[begins], minlength=self.num_tags),
                np.bincount(transitions, minlength=self.num_tags**2),
            ]
        )
        self.num_variables = self.num_pairs + len(self.counts)
        self.error = np.empty(shape, np.float32)
        if load_kernels() is not None:
            self._prepare_kernel()

    def __call__(self, x: Vector) -> tuple[float, Vector]:
        """Return the value and the gradient (P+C+C*C,) at x."""
        weight, scores = x[: self.num_pairs].astype(np.float32), x[self.num_pairs :]
        loss, expected, slopes = self.errors(weight, np.where(self.is_forbidden, FORBIDDEN, scores))
        counted = np.where(self.is_forbidden, 0, expected - self.counts)
        gradient = np.concatenate([slopes, counted]) + 2 * L2 * x
        gold = float(self.counts @ np.where(self.is_forbidden, 0, scores))
        return loss - gold + L2 * float(x @ x), gradient

    def errors(self, weight: np.ndarray, scores: Vector) -> tuple[float, Vector, Vector]:
        """Return the log-partition less the gold emissions, the expected counts of transitions, and the slopes of pairs."""
        if load_kernels() is None:
            return self._errors_by_torch(weight, scores)
        return self._errors_by_kernel(weight, scores)

    def curvature(self) -> Vector:
        """Return a bound of the second derivative (P+C+C*C,) in each variable, times the features of a word, which move together."""
        return _curvature(self, np.diff(self.by_feature.indptr), num_words=len(self.tags))

    def chain(self, x: Vector) -> Chain:
        """Return the field of these variables."""
        return _chain(self, x)

    def _errors_by_torch(self, weight: np.ndarray, scores: Vector) -> tuple[float, Vector, Vector]:
        """Do the same with SciPy and torch."""
        table = sparse.csr_matrix((weight, self.pairs.indices, self.pairs.indptr), self.pairs.shape)
        emissions = (self.features @ table).toarray()
        start, transition = np.split(scores, [self.num_tags])
        expected = marginals(
            Ragged(torch.from_numpy(emissions), torch.from_numpy(self.length)),
            TransitionScores(
                torch.from_numpy(start), torch.from_numpy(transition).view(self.num_tags, self.num_tags)
            ),
        )
        words = np.arange(len(self.tags))
        gold = float(emissions[words, self.tags].sum(dtype=np.float64))
        error = expected.tag.numpy()
        error[words, self.tags] -= 1
        slopes = np.empty(self.num_pairs)
        feature = np.repeat(np.arange(self.pairs.shape[0]), np.diff(self.pairs.indptr))
        for tag in range(self.num_tags):
            has_tag = self.pairs.indices == tag
            slopes[has_tag] = (self.by_feature @ error[:, tag])[feature[has_tag]]
        counts = np.concatenate([expected.first.numpy(), expected.transition.numpy().ravel()])
        return float(expected.log_partition) - gold, counts, slopes

    def _prepare_kernel(self) -> None:
        """Cut sentences and features into blocks of about as many words each."""
        end = np.cumsum(self.length)
        cuts = np.searchsorted(end, np.arange(0, end[-1], BLOCK_WORDS))
        self.sentence_cuts = np.unique(np.append(cuts, len(self.length)))
        self.first_word = np.append(0, end)
        occurrences = self.by_feature.indptr
        size = BLOCK_WORDS * max(1, occurrences[-1] // max(end[-1], 1))
        cuts = np.searchsorted(occurrences[1:], np.arange(0, occurrences[-1], size))
        self.feature_cuts = np.unique(np.append(cuts, len(occurrences) - 1))
        self.arrays = {
            "start": self.features.indptr.astype(np.int64),
            "feature": self.features.indices.astype(np.int32),
            "pair": self.pairs.indptr.astype(np.int64),
            "pair_tag": self.pairs.indices.astype(np.int32),
            "gold": self.tags,
        }
        self.occurrence_start = occurrences.astype(np.int64)
        self.occurrence = self.by_feature.indices.astype(np.int32)

    def _errors_by_kernel(self, weight: np.ndarray, scores: Vector) -> tuple[float, Vector, Vector]:
        """Do the same in the kernel."""
        kernels = load_kernels()
        assert kernels is not None
        # a step that is too long has scores without bounds, and is refused for its value
        with np.errstate(over="ignore"):
            factor = np.exp(scores).astype(np.float32)
        start, transition = np.split(factor, [self.num_tags])
        transposed = np.ascontiguousarray(transition.reshape(self.num_tags, self.num_tags).T)
        num_used = np.concatenate([[0], np.cumsum(weight != 0)])[self.arrays["pair"]]
        arrays = self.arrays | {
            "weight": weight,
            "used": (np.diff(num_used) > 0).astype(np.uint8),
            "first": start,
            "transition": transition,
            "transposed": transposed,
        }
        field = _Field(
            self.num_tags, self.features.nnz, **{name: array.ctypes.data for name, array in arrays.items()}
        )
        slopes = np.empty(self.num_pairs)

        def errors_of(first: int, last: int) -> tuple[float, Vector]:
            counts, loss = np.empty(len(self.counts)), c_double()
            status = kernels.mgm_crf_errors(
                ctypes.byref(field),
                c_int64(self.first_word[first]),
                c_void_p(self.length[first:last].ctypes.data),
                c_int64(last - first),
                c_void_p(self.error.ctypes.data),
                c_void_p(counts.ctypes.data),
                ctypes.byref(loss),
            )
            check_status(status)
            return loss.value, counts

        def add_slopes(first: int, last: int) -> None:
            kernels.mgm_crf_slopes(
                ctypes.byref(field),
                c_void_p(self.occurrence_start.ctypes.data),
                c_void_p(self.occurrence.ctypes.data),
                c_void_p(self.error.ctypes.data),
                c_int64(first),
                c_int64(last),
                c_void_p(slopes.ctypes.data),
            )

        with ThreadPoolExecutor(torch.get_num_threads()) as pool:
            of_blocks = list(pool.map(errors_of, self.sentence_cuts[:-1], self.sentence_cuts[1:]))
            list(pool.map(add_slopes, self.feature_cuts[:-1], self.feature_cuts[1:]))
        # added in the order of the blocks, whichever thread was done first
        losses, counts = zip(*of_blocks, strict=True)
        return sum(losses), np.sum(counts, axis=0), slopes


class _BlockwiseLikelihood:
    """As `_Likelihood`, of the sentences of several blocks, one of which is in memory at a time."""

    def __init__(self, blocks: SentenceSource, forbidden: list[np.ndarray]) -> None:
        self.blocks, self.forbidden = blocks, forbidden
        self.num_tags = len(forbidden[0])
        self.is_forbidden = np.concatenate([part.ravel() for part in forbidden])
        self.counts = np.zeros(len(self.is_forbidden), np.int64)
        self.occurrences: int | npt.NDArray[np.int64] = 0
        self.num_words, pairs = 0, None
        for block in blocks:
            of_block = _Likelihood(block, forbidden)
            self.counts += of_block.counts
            self.occurrences = self.occurrences + np.diff(of_block.by_feature.indptr)
            self.num_words += len(of_block.tags)
            pairs = of_block.pairs if pairs is None else pairs + of_block.pairs
        assert pairs is not None, "no block"
        self.pairs = pairs
        self.pairs.sort_indices()
        self.num_pairs = self.pairs.nnz
        self.num_variables = self.num_pairs + len(self.counts)

    def __call__(self, x: Vector) -> tuple[float, Vector]:
        """Return the value and the gradient (P+C+C*C,) at x."""
        weight, scores = x[: self.num_pairs].astype(np.float32), x[self.num_pairs :]
        allowed = np.where(self.is_forbidden, FORBIDDEN, scores)
        loss, expected, slopes = 0.0, np.zeros(len(self.counts)), np.zeros(self.num_pairs)
        for block in self.blocks:
            of_block = _Likelihood(block, self.forbidden, pairs=self.pairs)
            block_loss, block_expected, block_slopes = of_block.errors(weight, allowed)
            loss += block_loss
            expected += block_expected
            slopes += block_slopes
        counted = np.where(self.is_forbidden, 0, expected - self.counts)
        gradient = np.concatenate([slopes, counted]) + 2 * L2 * x
        gold = float(self.counts @ np.where(self.is_forbidden, 0, scores))
        return loss - gold + L2 * float(x @ x), gradient

    def curvature(self) -> Vector:
        """Return the same as `_Likelihood.curvature`."""
        return _curvature(self, np.asarray(self.occurrences), num_words=self.num_words)

    def chain(self, x: Vector) -> Chain:
        """Return the field of these variables."""
        return _chain(self, x)


def _curvature(
    likelihood: _Likelihood | _BlockwiseLikelihood, occurrences: np.ndarray, *, num_words: int
) -> Vector:
    of_pair = np.repeat(occurrences, np.diff(likelihood.pairs.indptr))
    features_per_word = max(float(occurrences.sum()) / num_words, 1.0)
    return np.concatenate(
        [of_pair / 4 * features_per_word, np.full(len(likelihood.counts), float(num_words))]
    )


def _chain(likelihood: _Likelihood | _BlockwiseLikelihood, x: Vector) -> Chain:
    pairs, num_tags = likelihood.pairs, likelihood.num_tags
    weight = sparse.csr_matrix((x[: likelihood.num_pairs], pairs.indices, pairs.indptr), pairs.shape)
    start, transition = np.split(x[likelihood.num_pairs :], [num_tags])
    return Chain(weight, start, transition.reshape(num_tags, num_tags))
