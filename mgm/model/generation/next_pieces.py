"""The probabilities of the pieces that may come next in an output, and the best of them.

Axes: R outputs, V pieces, D width, L subwords of the source, C best pieces, N pieces that are blocked.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from mgm.text.subwords import END

_EPSILON = 1e-9
"""Added to a probability before its logarithm."""
_CHUNK_ROWS = 256
"""The number of outputs whose logits of all pieces are in memory at once, so that they stay in a processor's cache."""


@dataclass(frozen=True)
class Copying:
    """The copying from the source: the probability of a piece is g * p(generated) + (1 - g) * p(copied).

    Attributes:
        gate_R: (R,) the logit of g.
        attention_RL: (R,L) the probability that a subword of the source is copied.
        subword_RL: (R,L) the piece of each.
        first_RL: (R,L) the first position of the source that has the same piece.
    """

    gate_R: Tensor
    attention_RL: Tensor
    subword_RL: Tensor
    first_RL: Tensor


@dataclass(frozen=True)
class Restrictions:
    """What the next piece of an output may not be.

    Attributes:
        forbidden_ids: (V,) the pieces that no output has.
        visible_ids: (V,) the pieces that are visible text.
        may_end_R: (R,) whether the output may end here.
        is_last_R: (R,) whether the piece must be visible, being the last that there is room for.
        blocked_RN: (R,N) pieces that would repeat an n-gram; END stands for none.
    """

    forbidden_ids: Tensor
    visible_ids: Tensor
    may_end_R: Tensor
    is_last_R: Tensor
    blocked_RN: Tensor | None = None

    def apply_(self, logits_RV: Tensor, rows: slice) -> None:
        """Set the logits of these rows to -inf where the next piece may not be."""
        if self.blocked_RN is not None:
            logits_RV.scatter_(1, self.blocked_RN[rows], -math.inf)
        if bool(self.is_last_R.any()):
            logits_RV.masked_fill_(self.is_last_R[rows, None] & ~self.visible_ids, -math.inf)
        logits_RV[:, self.forbidden_ids.nonzero()[:, 0]] = -math.inf


@dataclass(frozen=True)
class NextPieces:
    """The distribution of the next piece of each output.

    Attributes:
        hidden_RD: (R,D) the decoder's states.
        weight_VD, bias_V: the output layer.
        copying: what is copied from the source; None: nothing.
    """

    hidden_RD: Tensor
    weight_VD: Tensor
    bias_V: Tensor
    copying: Copying | None = None

    def log_prob(self) -> Tensor:
        """Return the log-probability of all pieces, (R,V)."""
        logits = F.linear(self.hidden_RD, self.weight_VD, self.bias_V)
        if self.copying is None:
            return logits.log_softmax(1)
        copying, gate = self.copying, self.copying.gate_R[:, None]
        probability = logits.softmax(1) * gate.sigmoid()
        copied = copying.attention_RL * (-gate).sigmoid()
        return (probability.scatter_add(1, copying.subword_RL, copied) + _EPSILON).log()

    def best(self, count: int, restrictions: Restrictions) -> tuple[Tensor, Tensor]:
        """Return the log-probabilities of the best `count` pieces, and these pieces, (R,C) each; -inf where there are fewer.

        They are those that `log_prob` gives, found without a logarithm and a mixture of all pieces: pieces that are not in the source
        have the order of their logits.
        """
        found = [
            self._best_of(slice(first, first + _CHUNK_ROWS), count, restrictions=restrictions)
            for first in range(0, len(self.hidden_RD), _CHUNK_ROWS)
        ]
        log_prob, piece = (torch.cat(parts) for parts in zip(*found, strict=True))
        return log_prob, piece

    def _best_of(self, rows: slice, count: int, *, restrictions: Restrictions) -> tuple[Tensor, Tensor]:
        logits = F.linear(self.hidden_RD[rows], self.weight_VD, self.bias_V)
        largest = logits.amax(1, keepdim=True)
        normaliser = (logits - largest).exp_().sum(1, keepdim=True).log_() + largest
        copying = self.copying
        subword = None if copying is None else copying.subword_RL[rows]
        in_source = None if subword is None else logits.gather(1, subword)
        end = logits[:, END].masked_fill(~restrictions.may_end_R[rows], -math.inf)
        restrictions.apply_(logits, rows)
        logits[:, END] = end
        if copying is None or subword is None or in_source is None:
            best, piece = logits.topk(count, 1)
            return best - normaliser, piece
        first = copying.first_RL[rows]
        is_left_out = logits.gather(1, subword) == -math.inf
        is_left_out |= first != torch.arange(first.shape[1], device=first.device)
        logits.scatter_(1, subword, -math.inf)
        best, piece = logits.topk(count, 1)
        gate = copying.gate_R[rows, None]
        attention = copying.attention_RL[rows]
        copied = torch.zeros_like(attention).scatter_add_(1, first, attention)
        mixed = (in_source - normaliser).exp() * gate.sigmoid() + copied * (-gate).sigmoid()
        generated = (best - normaliser).exp() * gate.sigmoid()
        log_prob = torch.cat(
            [
                (generated + _EPSILON).log().masked_fill(best == -math.inf, -math.inf),
                (mixed + _EPSILON).log().masked_fill(is_left_out, -math.inf),
            ],
            1,
        )
        log_prob, chosen = log_prob.topk(count, 1)
        return log_prob, torch.cat([piece, subword], 1).gather(1, chosen)
