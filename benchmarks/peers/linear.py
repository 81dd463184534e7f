"""The linear peer: TF-IDF of words 1-2 and characters 2-5 (Chinese: 1-4), and a support vector machine; ridge
regression for numbers."""

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


class Linear:
    """Reads texts alone; one matrix serves all settings and seeds of the same rows."""

    name = "linear"
    seeded = (
        False  # the seed orders the solver's steps, not where they end: three gave the same role to 4 digits
    )

    def __init__(self) -> None:
        self._key: tuple[str, bytes] | None = None
        self._matrix = sparse.csr_matrix((0, 0))

    def grid(self, task: Task) -> Sequence[Setting]:
        if task.kind == "regression":
            return [{"alpha": alpha} for alpha in (0.3, 1.0, 3.0, 10.0)]
        if task.kind == "multilabel":
            return [{"C": c} for c in (0.1, 0.3, 1.0)]
        return [{"C": c} for c in (0.3, 1.0, 3.0)] if task.kind == "classification" else []

    def outcome(
        self, rows: Rows, fit_on: np.ndarray, read: np.ndarray, setting: Setting, seed: int
    ) -> Outcome:
        matrix = self._features(rows, fit_on)
        if rows.task.kind == "regression":
            model = Ridge(**setting, solver="sparse_cg", random_state=seed).fit(
                matrix[fit_on], rows.values[fit_on]
            )
            return model.predict(matrix[read])
        if rows.task.kind == "multilabel":
            return self._sets(matrix, rows.sets[fit_on], fit_on, read, setting, seed)
        known = fit_on & (rows.ids >= 0)
        return _decisions(matrix[known], rows.ids[known], matrix[read], len(rows.space), setting, seed)

    def _sets(
        self,
        matrix: sparse.csr_matrix,
        truth: np.ndarray,
        fit_on: np.ndarray,
        read: np.ndarray,
        setting: Setting,
        seed: int,
    ) -> np.ndarray:
        fitted, target = matrix[fit_on], matrix[read]
        found = np.zeros((target.shape[0], truth.shape[1]))
        for label in np.flatnonzero(truth.any(axis=0) & ~truth.all(axis=0)):
            model = LinearSVC(**setting, random_state=seed).fit(fitted, truth[:, label])
            found[:, label] = expit(model.decision_function(target))
        return found

    def _features(self, rows: Rows, fit_on: np.ndarray) -> sparse.csr_matrix:
        """(n, features) of all rows, with the vocabulary and the document frequencies of `fit_on`."""
        key = (rows.task.name, fit_on.tobytes())
        if key != self._key:
            self._matrix = sparse.csr_matrix((0, 0))  # before the next one is made: each is large
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


def _decisions(
    fitted: sparse.csr_matrix,
    ids: np.ndarray,
    read: sparse.csr_matrix,
    classes: int,
    setting: Setting,
    seed: int,
) -> np.ndarray:
    """(rows read, K) distances from the planes; a class without a row to fit on is never the nearest."""
    found = np.full((read.shape[0], classes), -np.inf)
    if len(np.unique(ids)) == 1:
        found[:, ids[0]] = 0.0
        return found
    model = LinearSVC(**setting, random_state=seed).fit(fitted, ids)
    decision = model.decision_function(read)
    found[:, model.classes_] = np.stack([-decision, decision], axis=1) if decision.ndim == 1 else decision
    return found
