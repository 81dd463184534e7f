"""What tasks share below their heads.

Axes: B documents, S sentences, N words, D width.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from mgm.model.ragged import Ragged
from mgm.tasks import Task


class HardSharing(nn.Module):
    """Every task reads one encoder: tagging its words, others its fused vector. Source: Caruana 1997."""

    def __init__(self, tasks: list[Task], fused_width: int, word_width: int, dropout: float) -> None:
        super().__init__()
        self.reads_words = {task.name: task.kind == "tagging" for task in tasks}
        self.widths = {name: word_width if words else fused_width for name, words in self.reads_words.items()}
        self.dropout = dropout

    def forward(self, fused: dict[str, Tensor], words_ND: Ragged | None) -> dict[str, Tensor]:
        """What each task's head reads: (N, word width) for tagging, (B, fused width) for others.

        `words_ND`: the words' vectors by sentence. Dropout takes the same features from all words of one
        (Gal and Ghahramani 2016, arXiv:1512.05287), which also costs a fraction of a draw for each word.
        """
        inputs = {}
        words = self._drop(words_ND) if words_ND is not None else None
        for name, reads_words in self.reads_words.items():
            vectors = words if reads_words else F.dropout(fused[name], self.dropout, self.training)
            assert vectors is not None, f"{name} reads words, and none were encoded"
            inputs[name] = vectors
        return inputs

    def _drop(self, words_ND: Ragged) -> Tensor:
        if not self.training or not self.dropout:
            return words_ND.values
        keep_SD = words_ND.values.new_ones(words_ND.length.numel(), words_ND.values.shape[1])
        return words_ND.values * F.dropout(keep_SD, self.dropout)[words_ND.row]
