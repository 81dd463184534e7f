"""Cascade: low-level tasks feed high-level ones.

Axes: B documents, S sentences, N words, D width read, W width of a state.
"""

from collections.abc import Collection

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mgm.model.ragged import Ragged, Words
from mgm.model.sharing.sharing import Sharing
from mgm.settings.model import ModelSettings
from mgm.tasks import Task


class CascadeSharing(Sharing):
    """Tasks from low to high, each of which reads the encoder and the states of the tasks below it.

    Tasks of words come first, then tasks of documents, which read the states of words through their sentences; within either, the
    settings name the order. A task that feeds others has a state, which its own head reads too, so that its loss trains the state. A
    task that the settings do not name feeds no task of its kind. Losses of high tasks train the states of low ones.

    Sources: Søgaard and Goldberg 2016; Hashimoto et al. 2017, arXiv:1611.01587, without its label embeddings and its successive
    regularisation.
    """

    def __init__(
        self, tasks: list[Task], fused_width: int, *, word_width: int, settings: ModelSettings
    ) -> None:
        """Make the states of the tasks that feed others; see `Sharing`."""
        super().__init__(tasks, fused_width, word_width=word_width, settings=settings)
        order, width = settings.cascade.order, settings.cascade.width
        of_words = _ordered(self.tasks_of(words=True), order)
        of_documents = _ordered(self.tasks_of(words=False), order)
        self.sequence = {True: of_words, False: of_documents}
        self.feeding = [*of_words] if of_documents else _feeding(of_words, order)
        self.feeding += _feeding(of_documents, order)
        self.below: dict[str, list[str]] = {}
        self.states = nn.ModuleList()
        self.sentence = None
        if of_words and of_documents:
            self.sentence = nn.Linear(len(of_words) * width, width)
        for words, names in self.sequence.items():
            base = word_width if words else fused_width + width * (self.sentence is not None)
            for place, name in enumerate(names):
                self.below[name] = [n for n in names[:place] if n in _feeding(names, order)]
                reads = base + width * len(self.below[name])
                self.widths[name] = width if name in self.feeding else reads
                if name in self.feeding:
                    self.states.append(nn.Linear(reads, width))

    def forward(self, fused: dict[str, Tensor], words_ND: Words | None) -> dict[str, Tensor]:
        """Return the input of each task's head."""
        inputs: dict[str, Tensor] = {}
        if self.sequence[True] and words_ND is not None:
            read_ND = self.drop_words(words_ND)
            for name in self.sequence[True]:
                inputs[name] = self._input(name, read_ND, inputs=inputs)
        for name in self.sequence[False]:
            read = fused[name]
            if self.sentence is not None:
                assert words_ND is not None, f"{name} reads words, and none were encoded"
                read = torch.cat([read, self._of_words(inputs, words_ND)], dim=1)
            inputs[name] = self._input(name, self.drop(read), inputs=inputs)
        return {name: inputs[name] for name in self.reads_words if name in inputs}

    def needs_words(self, tasks: Collection[str]) -> bool:
        """Return whether the input of one of these tasks' heads depends on the vectors of words."""
        return self.sentence is not None or super().needs_words(tasks)

    def _input(self, name: str, read: Tensor, *, inputs: dict[str, Tensor]) -> Tensor:
        """Return the input of a task's head: the task's state if it feeds others, else all that it reads."""
        read = torch.cat([read, *(inputs[n] for n in self.below[name])], dim=1)
        if name not in self.feeding:
            return read
        return F.relu(self.states[self.feeding.index(name)](read))

    def _of_words(self, inputs: dict[str, Tensor], words_ND: Words) -> Tensor:
        """Return the states (B,W) of documents that pool the states of their words through their sentences."""
        assert self.sentence is not None
        states = torch.cat([inputs[name] for name in self.sequence[True]], dim=1)
        sentences_SW = F.relu(self.sentence(Ragged(states, words_ND.length).max_pool()))
        return Ragged(sentences_SW, words_ND.sentences).max_pool()


def _ordered(names: list[str], order: list[str]) -> list[str]:
    """Return the names in the order of `order`, followed by those that it lacks."""
    named = [name for name in dict.fromkeys(order) if name in names]
    return named + [name for name in names if name not in named]


def _feeding(names: list[str], order: list[str]) -> list[str]:
    """Return those of the ordered `names` whose state another task reads."""
    return [name for name in names[:-1] if name in order]
