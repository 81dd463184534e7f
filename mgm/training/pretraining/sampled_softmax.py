"""Cross-entropy over a large vocabulary from a sample of it.

Axes: M words to guess, S sampled ids, V words of the vocabulary, D width. Source: Jean et al. 2015, arXiv:1412.2007; the
distribution is the one of Zipf that TensorFlow's log_uniform_candidate_sampler draws from.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class SampledSoftmax(nn.Module):
    """Scores of words that stand in the vocabulary by frequency: id 1 is the most frequent, 0 is never to be guessed.

    In training the sum over the other words is estimated from `sample` ids, the same for the whole batch, each divided by
    how often it was to be expected (importance sampling); a vocabulary that is no larger, and any other use, takes them all.
    """

    def __init__(self, vocabulary_size: int, width: int, sample: int) -> None:
        super().__init__()
        self.size, self.sample = vocabulary_size, sample
        self.words = nn.Embedding(vocabulary_size + 1, width)
        self.bias = nn.Embedding(vocabulary_size + 1, 1)
        nn.init.normal_(self.words.weight, std=width**-0.5)
        nn.init.zeros_(self.bias.weight)

    def forward(self, context_MD: Tensor, word_M: Tensor) -> Tensor:
        """The mean loss, a scalar."""
        if not self.training or self.size <= self.sample:
            logits = self.logits(context_MD)
            return F.cross_entropy(logits, word_M - 1)
        drawn_S = self.draw(context_MD.device)
        right_M = (context_MD * self.words(word_M)).sum(1) + self.bias(word_M)[:, 0]
        drawn_MS = context_MD @ self.words(drawn_S).T + self.bias(drawn_S)[:, 0] - self.log_expected(drawn_S)
        drawn_MS = drawn_MS.masked_fill(drawn_S == word_M[:, None], -torch.inf)  # no word is its own rival
        return (torch.cat([right_M[:, None], drawn_MS], dim=1).logsumexp(1) - right_M).mean()

    def logits(self, context_MD: Tensor) -> Tensor:
        """(M,V) of all words; column i is the id i + 1."""
        return context_MD @ self.words.weight[1:].T + self.bias.weight[1:, 0]

    def draw(self, device: torch.device) -> Tensor:
        """(S,) ids, with replacement: p(id) = log((id + 1) / id) / log(V + 1)."""
        uniform = torch.rand(self.sample, device=device, dtype=torch.float64)
        return (uniform * math.log(self.size + 1)).exp().long().clamp(1, self.size)

    def log_expected(self, ids: Tensor) -> Tensor:
        """The logarithm of how often each id is to be expected in a sample."""
        probability = ((ids + 1).double() / ids).log() / math.log(self.size + 1)
        return (self.sample * probability).log().float()
