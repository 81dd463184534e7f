"""Tables of two models' predictions on the same documents."""

from typing import Any

import numpy as np
import polars as pl

from mgm.evaluation.paired_bootstrap import Estimate, PairedBootstrap
from mgm.tasks import Task

LABELS = ["cat", "猫", "rain"]
TASK = Task(name="t", kind="classification", corpora=["c"], labels=tuple(LABELS))
TRUE = ["cat", "cat", "猫", "猫", "rain", "rain"]
MULTI = ["cat", "cat", "猫", "rain", "rain", "rain"]
SINGLE = ["cat", "猫", "猫", "rain", "rain", "cat"]


def table(
    predicted: list[str], true: list[str] | None = None, corpus: str = "c", task: str = "t"
) -> pl.DataFrame:
    """Return the predictions of a model, two documents a group."""
    n = len(predicted)
    columns: dict[str, Any] = {
        "corpus": [corpus] * n,
        "doc_id": [f"d{i}" for i in range(n)],
        "group": [f"g{i // 2}" for i in range(n)],
        "lang": ["en"] * n,
        f"prediction:{task}": predicted,
        f"label:{task}": true or TRUE,
    }
    return pl.DataFrame(columns)


def paired(rows: pl.DataFrame, resamples: int = 200) -> PairedBootstrap:
    """Return the bootstrap of a reference model."""
    return PairedBootstrap({"t": rows}, resamples=resamples, seed=1)


def noisy(corpus: str, task: str, seed: int, n: int = 300) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the tables of a model that is right on 80% of the documents, and of one that is on 70%."""
    generator = np.random.default_rng(seed)
    true = generator.choice(LABELS, n)
    tables = []
    for share in (0.8, 0.7):
        predicted = np.where(generator.random(n) < share, true, generator.choice(LABELS, n))
        tables.append(table(predicted.tolist(), true.tolist(), corpus, task))
    return tables[0], tables[1]


def width(score: Estimate) -> float:
    """Return the width of the interval."""
    entry = score.entry("gain")
    return float(entry["high"] - entry["low"])
