"""The linear peer: TF-IDF of words 1-2 and characters 2-5 (Chinese: 1-4), and a support vector machine; ridge
regression for numbers.

Features are as they are (plain), or scaled by how much each tells of the class (nb), or the outputs of both are averaged (mean); which
of them and its C are chosen on validation.

Source: Wang and Manning 2012, "Baselines and Bigrams". What differs: the scale is the ratio's absolute value, which changes no
margin but its sign within a weight, normalised over the features' values, so that one grid of C serves with it and without.

Axes: n rows, F features, K classes or labels.
"""

from collections.abc import Sequence

import numpy as np
from scipy import sparse
from scipy.special import expit
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import Ridge
from sklearn.svm import LinearSVC

from mgm.tasks import Task

from .peer import Setting
from .rows import Rows
from .scores import Outcome
from .tokens import characters, words_and_bigrams

MIN_WORDS, MIN_CHARACTERS = 2, 3
"""Documents that a feature stands in at least."""
MAX_CHARACTERS = 400_000
"""Character n-grams that stay, the commonest."""
CS = (0.1, 0.3, 1.0, 3.0)
SCALINGS = {"plain": (False,), "nb": (True,), "mean": (False, True)}
"""Whether features are scaled, in each of the models that are averaged."""
SMOOTHING = 1.0
"""Documents that each feature is counted in beside those it is in."""


class Linear:
    """Reads texts alone; one matrix serves all settings and seeds of the same rows, one fit of each problem those that average it."""

    name = "linear"
    seeded = (
        False  # the seed orders the solver's steps, not where they end: three gave the same role to 4 digits
    )

    def __init__(self) -> None:
        self._key: tuple[str, bytes] | None = None
        self._matrix = sparse.csr_matrix((0, 0))
        self._margins: dict[tuple[bytes, float, bool], np.ndarray] = {}

    def grid(self, task: Task) -> Sequence[Setting]:
        if task.kind not in ("classification", "multilabel", "regression"):
            return []
        return [{"scaling": scaling, "C": c} for scaling in SCALINGS for c in CS]

    def outcome(
        self, rows: Rows, fit_on: np.ndarray, read: np.ndarray, setting: Setting, seed: int
    ) -> Outcome:
        matrix = self._features(rows, fit_on)
        known = fit_on & (rows.ids >= 0) if rows.task.kind == "classification" else fit_on
        models = []
        for is_scaled in SCALINGS[setting["scaling"]]:
            key = (read.tobytes(), setting["C"], is_scaled)
            if key not in self._margins:
                self._margins[key] = _margins(
                    rows.filter(known), matrix[known], matrix[read], c=setting["C"], is_scaled=is_scaled
                )
            models.append(self._margins[key])
        found: np.ndarray = np.mean(models, axis=0)
        return expit(found) if rows.task.kind == "multilabel" else found

    def _features(self, rows: Rows, fit_on: np.ndarray) -> sparse.csr_matrix:
        """(n, features) of all rows, with the vocabulary and the document frequencies of `fit_on`."""
        key = (rows.task.name, fit_on.tobytes())
        if key != self._key:
            self._matrix = sparse.csr_matrix((0, 0))  # before the next one is made: each is large
            self._margins = {}
            texts = rows.texts(np.ones(len(fit_on), bool))
            own = rows.texts(fit_on)
            vectorizers = [
                TfidfVectorizer(
                    analyzer=words_and_bigrams, min_df=min(MIN_WORDS, len(own)), sublinear_tf=True
                ),
                TfidfVectorizer(
                    analyzer=characters,
                    min_df=min(MIN_CHARACTERS, len(own)),
                    max_features=MAX_CHARACTERS,
                    sublinear_tf=True,
                ),
            ]
            self._matrix = sparse.hstack([v.fit(own).transform(texts) for v in vectorizers]).tocsr()
            self._key = key
        return self._matrix


def _margins(
    fitted: Rows, matrix: sparse.csr_matrix, read: sparse.csr_matrix, *, c: float, is_scaled: bool
) -> np.ndarray:
    """The outputs of one model for the features that are read: (n,K) margins, (n,) values of regression.

    Args:
        fitted: the rows that it is fitted on.
        matrix: (n,F) their features.
        read: (n,F) the features that it reads.
        c: the weight of the errors.
        is_scaled: whether features are scaled.
    """
    if fitted.task.kind == "regression":
        scale = value_scale(matrix, fitted.values) if is_scaled else None
        ridge = Ridge(alpha=1 / c, solver="sparse_cg").fit(_scaled(matrix, scale), fitted.values)
        return ridge.predict(_scaled(read, scale))
    is_sets = fitted.task.kind == "multilabel"
    truth = fitted.sets if is_sets else fitted.ids[:, None] == np.arange(len(fitted.space))
    found = np.full((read.shape[0], truth.shape[1]), -np.inf)
    varied = np.flatnonzero(truth.any(axis=0) & ~truth.all(axis=0))
    found[:, truth.all(axis=0)] = 0.0
    if not is_sets and len(varied) == 2:
        # one plane parts two classes
        margin = _plane(matrix, truth[:, varied[1]], read, c=c, is_scaled=is_scaled)
        found[:, varied] = np.stack([-margin, margin], axis=1)
        return found
    for label in varied:
        found[:, label] = _plane(matrix, truth[:, label], read, c=c, is_scaled=is_scaled)
    return found


def _plane(
    matrix: sparse.csr_matrix, truth: np.ndarray, read: sparse.csr_matrix, *, c: float, is_scaled: bool
) -> np.ndarray:
    """The margins (n,) of a class or label against the rest; one that training has no row of is never the nearest."""
    scale = label_scale(matrix, truth) if is_scaled else None
    model = LinearSVC(C=c, random_state=0).fit(_scaled(matrix, scale), truth)
    margin: np.ndarray = model.decision_function(_scaled(read, scale))
    return margin


def label_scale(matrix: sparse.csr_matrix, truth: np.ndarray) -> np.ndarray:
    """The absolute log-count ratio (F,) of each feature: in what share of the counts with the label it is, to that without."""
    present = (matrix > 0).astype(np.float64)
    counts = [np.asarray(present[side].sum(axis=0)).ravel() + SMOOTHING for side in (truth, ~truth)]
    ratio = np.log(counts[0] / counts[0].sum()) - np.log(counts[1] / counts[1].sum())
    return _normalised(np.abs(ratio), matrix)


def value_scale(matrix: sparse.csr_matrix, values: np.ndarray) -> np.ndarray:
    """The absolute mean (F,) of the values, less their mean, of the documents that have a feature; shrunk to 0 where they are few."""
    present = (matrix > 0).astype(np.float64)
    count = np.asarray(present.sum(axis=0)).ravel()
    return _normalised(np.abs(present.T @ (values - values.mean())) / (count + SMOOTHING), matrix)


def _normalised(scale: np.ndarray, matrix: sparse.csr_matrix) -> np.ndarray:
    """The scale by which the squares of all values keep their sum."""
    squares = np.asarray(matrix.multiply(matrix).sum(axis=0)).ravel()
    mean = (squares * scale**2).sum() / max(squares.sum(), 1e-30)
    return scale / np.sqrt(mean) if mean > 0 else np.ones_like(scale)


def _scaled(matrix: sparse.csr_matrix, scale: np.ndarray | None) -> sparse.csr_matrix:
    return matrix if scale is None else matrix @ sparse.diags(scale)
