"""The base of every way of sharing: from the encoder's vectors to the input of each task's head.

Axes: B documents, S sentences, N words, D width.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection

from torch import Tensor, nn

from mgm.model.dropout import dropout
from mgm.model.ragged import Ragged, Words
from mgm.settings.model import ModelSettings
from mgm.tasks import Task


class Sharing(nn.Module, ABC):
    """A module between the encoder and the heads.

    Tasks that predict words read words, all others the document's fused vector.

    Attributes:
        reads_words: whether a task reads words, by task.
        widths: the width of the input of each task's head.
    """

    def __init__(
        self, tasks: list[Task], fused_width: int, *, word_width: int, settings: ModelSettings
    ) -> None:
        super().__init__()
        self.reads_words = {task.name: task.spec.predicts_words for task in tasks}
        self.widths = {name: word_width if words else fused_width for name, words in self.reads_words.items()}
        self.dropout = settings.dropout

    @abstractmethod
    def forward(self, fused: dict[str, Tensor], words_ND: Words | None) -> dict[str, Tensor]:
        """Return the input of each task's head: (N, its width) of words, (B, its width) of documents.

        Args:
            fused: the fused vectors (B,D) for each task.
            words_ND: the vectors of words, by sentence; None: tasks that read them have no input.
        """

    def needs_words(self, tasks: Collection[str]) -> bool:
        """Return whether the input of one of these tasks' heads depends on the vectors of words."""
        return any(self.reads_words.get(task, False) for task in tasks)

    def task_specific_parameters(self, task: str) -> list[nn.Parameter]:
        """Return the parameters that the loss of this task alone reaches."""
        return []

    def tasks_of(self, words: bool) -> list[str]:
        """Return the tasks that read words, or those that read documents."""
        return [name for name, reads in self.reads_words.items() if reads == words]

    def drop(self, vectors: Tensor) -> Tensor:
        """Return the vectors of documents after dropout."""
        return dropout(vectors, self.dropout) if self.training else vectors

    def drop_words(self, words_ND: Ragged) -> Tensor:
        """Return the vectors (N,D) of words after dropout, which drops the same features of all words of a sentence.

        This also costs less than a draw for each word. Source: Gal and Ghahramani 2016, arXiv:1512.05287.
        """
        if not self.training or not self.dropout:
            return words_ND.values
        keep_SD = words_ND.values.new_ones(words_ND.length.numel(), words_ND.values.shape[1])
        return words_ND.values * dropout(keep_SD, self.dropout)[words_ND.row]
