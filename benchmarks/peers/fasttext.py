"""The fastText peer: supervised, with word bigrams; one against all for sets of labels."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import fasttext
import numpy as np

from mgm.tasks import Task

from .peer import Setting
from .rows import Rows
from .scores import Outcome
from .tokens import words

BUCKETS = 500_000
RATES, EPOCHS = (0.25, 0.5, 1.0), (25, 50)
_PREFIX, _NONE = "__label__", "__label__none"
_TRIES = 5


def unavailable() -> str | None:
    """Why it cannot run here, or None."""
    if hasattr(fasttext, "train_supervised"):
        return None
    return "the installed module fasttext only predicts (the extra bench brings the one that trains)"


class FastText:
    name = "fasttext"
    seeded = True

    def grid(self, task: Task) -> Sequence[Setting]:
        if task.kind not in ("classification", "multilabel"):
            return []
        return [{"lr": lr, "epoch": epoch, "dim": 100} for lr in RATES for epoch in EPOCHS]

    def outcome(
        self, rows: Rows, fit_on: np.ndarray, read: np.ndarray, setting: Setting, seed: int
    ) -> Outcome:
        lines = [" ".join(words(text)) for text in rows.texts(np.ones(len(fit_on), bool))]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "train.txt"
            labelled = [
                f"{label} {lines[i]}\n"
                for i, label in zip(np.flatnonzero(fit_on), _labels(rows, fit_on), strict=True)
                if label
            ]
            # it reads the file as it lies: of a corpus that is sorted by label it learns the last one
            np.random.default_rng(seed).shuffle(labelled)
            path.write_text("".join(labelled), encoding="utf-8")
            loss = "ova" if rows.task.kind == "multilabel" else "softmax"
            model = _train(path, loss, setting, seed)
        found = np.zeros((int(read.sum()), len(rows.space)))
        labels, scores = model.predict([lines[i] for i in np.flatnonzero(read)], k=-1)
        for row, (names, values) in enumerate(zip(labels, scores, strict=True)):
            for name, value in zip(names, values, strict=True):
                if name != _NONE:
                    found[row, int(name.removeprefix(_PREFIX))] = min(value, 1.0)
        return found


def _labels(rows: Rows, fit_on: np.ndarray) -> list[str]:
    """What stands before each line; empty where training never saw the class. A row without labels has one that
    says so, or fastText would leave it out."""
    if rows.task.kind == "classification":
        return [f"{_PREFIX}{i}" if i >= 0 else "" for i in rows.ids[fit_on]]
    return [" ".join(f"{_PREFIX}{i}" for i in np.flatnonzero(row)) or _NONE for row in rows.sets[fit_on]]


def _train(path: Path, loss: str, setting: Setting, seed: int) -> Any:
    """A model; fastText now and then ends in NaN and, started again, does not."""
    for attempt in range(_TRIES):
        try:
            return fasttext.train_supervised(
                str(path),
                loss=loss,
                wordNgrams=2,
                bucket=BUCKETS,
                thread=1,
                seed=seed + 1000 * attempt,
                verbose=0,
                **setting,
            )
        except RuntimeError as error:
            if "NaN" not in str(error) or attempt == _TRIES - 1:
                raise
    raise AssertionError("unreachable")
