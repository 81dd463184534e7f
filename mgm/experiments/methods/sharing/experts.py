"""Experts, small networks over the same vectors, and gates that weigh them.

Axes: I items (documents or words), K experts, D width read, W width of an expert.
"""

from abc import ABC, abstractmethod

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mgm.model.ragged import Ragged, Words
from mgm.model.sharing.sharing import Sharing
from mgm.settings.model import ModelSettings
from mgm.tasks import Task


class Experts(nn.Module):
    """K networks of one layer, computed as one product."""

    def __init__(self, input_width: int, count: int, *, width: int) -> None:
        """Make `count` experts from vectors of `input_width` to vectors of `width`."""
        super().__init__()
        self.count, self.width = count, width
        self.dense = nn.Linear(input_width, count * width)

    def forward(self, vectors_ID: Tensor) -> Tensor:
        """Return the outputs (I,K,W) of all experts."""
        return F.relu(self.dense(vectors_ID)).unflatten(1, (self.count, self.width))


class Gate(nn.Module):
    """A softmax over K experts, computed from their input vectors."""

    def __init__(self, input_width: int, experts: int) -> None:
        """Make a gate over `experts` experts."""
        super().__init__()
        self.score = nn.Linear(input_width, experts)

    def forward(self, vectors_ID: Tensor) -> Tensor:
        """Return weights (I,K), each row of which sums to 1."""
        return self.score(vectors_ID).softmax(1)


def mix_experts(weight_IK: Tensor, experts_IKW: Tensor) -> Tensor:
    """Return the weighted mean (I,W) of the experts."""
    return torch.einsum("ik,ikw->iw", weight_IK, experts_IKW)


class Level(nn.Module, ABC):
    """Experts and gates of the tasks that read one kind of item."""

    width: int
    """The width of each task's output."""

    @abstractmethod
    def forward(self, vectors: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the output (I,W) of each task for its vectors (I,D).

        Tasks with the same input tensor share one computation of the experts.
        """

    @abstractmethod
    def task_specific_parameters(self, task: str) -> list[nn.Parameter]:
        """Return the parameters that only the loss of this task reaches."""


class ExpertSharing(Sharing):
    """Tasks read experts: one level of them for tasks of documents, and one for tasks of words."""

    def __init__(
        self, tasks: list[Task], fused_width: int, *, word_width: int, settings: ModelSettings
    ) -> None:
        """Make the levels; see `Sharing`."""
        super().__init__(tasks, fused_width, word_width=word_width, settings=settings)
        of_documents, of_words = self.tasks_of(words=False), self.tasks_of(words=True)
        self.documents = self.level(of_documents, fused_width, settings=settings) if of_documents else None
        self.words = self.level(of_words, word_width, settings=settings) if of_words else None
        for level, names in ((self.documents, of_documents), (self.words, of_words)):
            if level is not None:
                self.widths |= dict.fromkeys(names, level.width)

    @abstractmethod
    def level(self, tasks: list[str], width: int, *, settings: ModelSettings) -> Level:
        """Return the experts and gates of tasks that read vectors of this width."""

    def forward(self, fused: dict[str, Tensor], words_ND: Words | None) -> dict[str, Tensor]:
        """Return the input of each task's head."""
        inputs: dict[str, Tensor] = {}
        if self.documents is not None:
            outputs = self.documents({name: fused[name] for name in self.tasks_of(words=False)})
            inputs |= {name: self.drop(vectors) for name, vectors in outputs.items()}
        if self.words is not None and words_ND is not None:
            outputs = self.words(dict.fromkeys(self.tasks_of(words=True), words_ND.values))
            inputs |= {name: self.drop_words(Ragged(v, words_ND.length)) for name, v in outputs.items()}
        return {name: inputs[name] for name in self.reads_words if name in inputs}

    def task_specific_parameters(self, task: str) -> list[nn.Parameter]:
        """Return the parameters of the task's level that only its loss reaches."""
        level = self.words if self.reads_words[task] else self.documents
        assert level is not None
        return level.task_specific_parameters(task)
