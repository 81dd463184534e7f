"""Spans of words, as BIO tags.

Axes: N words, S sentences, L span labels, C = 2L+1 tags: 0 = O, 1+2i = B-label_i, 2+2i = I-label_i.
"""

import torch
from torch import Tensor, nn

from mgm.model.batch import NO_LABEL, Batch
from mgm.model.heads.crf import FORBIDDEN, marginals, negative_log_likelihood, viterbi
from mgm.model.heads.head import Head, Tagged
from mgm.model.ragged import Ragged


class Tagging(Head):
    """Linear emissions and a conditional random field over each sentence that knows only valid BIO.

    A span that crosses a sentence's end is two to the field: it begins anew in the next sentence.
    """

    forbidden_start: Tensor
    forbidden: Tensor

    def __init__(self, width: int, labels: list[str]) -> None:
        super().__init__()
        tags = 2 * len(labels) + 1
        self.emissions = nn.Linear(width, tags)
        self.start = nn.Parameter(torch.zeros(tags))
        self.transition = nn.Parameter(torch.zeros(tags, tags))
        tag = torch.arange(tags)
        inside = (tag > 0) & (tag % 2 == 0)
        continues = (tag[:, None] == tag) | (tag[:, None] == tag - 1)  # I-x from I-x or B-x
        self.register_buffer("forbidden_start", inside, persistent=False)
        self.register_buffer("forbidden", inside & ~continues, persistent=False)

    def forward(self, vectors: Tensor) -> Tensor:
        """(N,C) emissions."""
        return self.emissions(vectors)

    def loss(self, output: Tensor, target: Tensor, batch: Batch, smoothing: float) -> Tensor | None:
        """Negative log-likelihood a word."""
        labelled = target != NO_LABEL
        if not labelled.any():
            return None
        sentences = Ragged(labelled, batch.sentence_length)
        keep = labelled[sentences.start.clamp(max=labelled.numel() - 1)] & (batch.sentence_length > 0)
        emissions = Ragged(output, batch.sentence_length).rows(keep)
        tags = self.repair(Ragged(target, batch.sentence_length).rows(keep))
        return negative_log_likelihood(emissions, tags, *self.scores()) / tags.numel()

    def decode(self, output: Tensor, batch: Batch) -> Tagged:
        emissions = Ragged(output, batch.sentence_length)
        tags = viterbi(emissions, *self.scores())
        score = marginals(emissions, *self.scores()).tag.gather(1, tags[:, None])[:, 0]
        return Tagged(tags, score.float())

    def scores(self) -> tuple[Tensor, Tensor]:
        """Start (C,) and transition (C,C) scores, FORBIDDEN where BIO does not allow one."""
        start = self.start.masked_fill(self.forbidden_start, FORBIDDEN)
        return start, self.transition.masked_fill(self.forbidden, FORBIDDEN)

    def repair(self, tags: Ragged) -> Tensor:
        """(N,) tags where an I that continues nothing in its sentence is a B."""
        before = tags.values.roll(1).masked_fill(tags.position == 0, 0)
        inside = (tags.values > 0) & (tags.values % 2 == 0)
        stray = inside & (before != tags.values) & (before != tags.values - 1)
        return torch.where(stray, tags.values - 1, tags.values)
