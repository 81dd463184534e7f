"""Heads side by side, beside the heads themselves."""

import pytest
import torch
from torch import Tensor

from mgm.model.compiled.heads import StackedHeads
from mgm.model.heads.classification import ClassificationHead
from mgm.model.heads.task_heads import TaskHeads
from mgm.tasks import Task

CORPORA = ["menus"]
TASKS = [
    Task(name="topic", kind="classification", corpora=CORPORA, labels=("a", "b", "c")),
    Task(name="tags", kind="multilabel", corpora=CORPORA, labels=("x", "y")),
    Task(name="stars", kind="regression", corpora=CORPORA),
]


class SquaredHead(ClassificationHead):
    """A head that does more than its layer."""

    def forward(self, vectors: Tensor) -> Tensor:
        """Return the squares of the logits."""
        return self.logits(vectors).square()


@pytest.mark.parametrize("reads", ["same_vectors", "other_vectors", "head_of_its_own"])
@torch.no_grad()
def test_outputs_are_those_of_each_head(reads: str) -> None:
    torch.manual_seed(1)
    heads = TaskHeads(TASKS, {task.name: 4 for task in TASKS})
    if reads == "head_of_its_own":
        heads.modules_in_order[0] = SquaredHead(4, TASKS[0].labels)
    vectors = dict.fromkeys(heads, torch.randn(5, 4))
    if reads == "other_vectors":
        vectors["stars"] = torch.randn(5, 4)
    outputs = StackedHeads(heads)(vectors)
    assert list(outputs) == list(vectors)
    for name, head in heads.items():
        torch.testing.assert_close(outputs[name], head(vectors[name]))
