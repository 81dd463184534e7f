"""Documents with the labels of several tasks: what a network with one encoder and a head for each task reads.

Axes: N documents, n labelled rows of a task, K outputs of its head.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
import torch
from torch import Tensor
from torch.nn import functional as F

from .rows import Rows

_IDENTITY = ["doc_id", "text"]


@dataclass(frozen=True)
class Targets:
    """The labels of one task: values (N,) or (N,K), and whether a document has one that training knows (N,)."""

    kind: str
    values: Tensor
    is_known: np.ndarray

    def loss(self, logits: Tensor, chosen: np.ndarray) -> Tensor:
        """Return the mean loss of the logits (B,K) of the chosen documents (B,), over those with a label; 0 without one."""
        known = torch.from_numpy(self.is_known[chosen]).to(logits.device)
        if not known.any():
            return logits.sum() * 0.0
        values, logits = self.values[chosen].to(logits.device)[known], logits[known]
        if self.kind == "classification":
            return F.cross_entropy(logits, values)
        if self.kind == "multilabel":
            return F.binary_cross_entropy_with_logits(logits, values, reduction="sum") / len(values)
        return F.mse_loss(logits[:, 0], values)


@dataclass(frozen=True)
class Documents:
    """Documents in the order of the tasks' rows, each once.

    texts (N,); split (N,); rows: task to its labelled rows; place: task to the document (n,) of each row.
    """

    texts: list[str]
    split: np.ndarray
    rows: dict[str, Rows]
    place: dict[str, np.ndarray]

    def of(self, split: str) -> np.ndarray:
        """The indices of a split's documents."""
        return np.flatnonzero(self.split == split)

    def targets(self) -> dict[str, Targets]:
        """The labels of each task. Regression is scaled to mean 0 and deviation 1 of train, by which Pearson does not change."""
        return {name: self._targets(name) for name in self.rows}

    def _targets(self, name: str) -> Targets:
        rows, place, count = self.rows[name], self.place[name], len(self.texts)
        is_known = np.zeros(count, bool)
        is_known[place] = True
        if rows.task.kind == "classification":
            ids = np.full(count, -1, np.int64)
            ids[place] = rows.ids
            return Targets("classification", torch.from_numpy(ids), is_known & (ids >= 0))
        if rows.task.kind == "multilabel":
            sets = np.zeros((count, len(rows.space)), np.float32)
            sets[place] = rows.sets
            return Targets("multilabel", torch.from_numpy(sets), is_known)
        values, train = np.zeros(count, np.float32), rows.values[rows.of("train")]
        values[place] = (rows.values - train.mean()) / (train.std() or 1.0)
        return Targets("regression", torch.from_numpy(values), is_known)


def collect(tables: Sequence[Rows]) -> Documents:
    """The documents of the tasks' rows: those of the same corpora, so that one document has one id."""
    columns = [*_IDENTITY, "split"]
    every = pl.concat([rows.table.select(columns) for rows in tables]).unique(_IDENTITY, maintain_order=True)
    numbered = every.with_row_index("place").select("place", *_IDENTITY)
    place = {
        rows.task.name: rows.table.select(_IDENTITY)
        .join(numbered, on=_IDENTITY, how="left", maintain_order="left")["place"]
        .to_numpy()
        .astype(np.int64)
        for rows in tables
    }
    return Documents(
        every["text"].to_list(), every["split"].to_numpy(), {r.task.name: r for r in tables}, place
    )
