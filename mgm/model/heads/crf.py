"""Linear-chain conditional random field over ragged sentences, by scaled forward-backward and Viterbi.

Axes: S sentences, N words, C tags. Source: Lafferty et al. 2001, Conditional Random Fields.
"""

from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

import torch
from torch import Tensor

from mgm.model.ragged import Ragged, TimeMajor

FORBIDDEN = -1e4
"""The score of a transition that BIO forbids."""
_MAX_SCORE_GAP = 60.0
"""Tags whose score is this much below the best of their word count as this much below it."""
_MAX_BETA = 1e200
"""Backward values are clipped here, so that they stay finite."""


class TransitionScores(NamedTuple):
    """The scores of first tags (C,) and of transitions (C,C) from the row's tag to the column's."""

    start_C: Tensor
    transition_CC: Tensor


@dataclass(frozen=True)
class Marginals:
    """The expected counts in float64 of each word's tags (N,C), and of first tags (C,) and transitions (C,C) over all sentences."""

    log_partition: Tensor  # scalar: the sum over all sentences
    tag: Tensor
    first: Tensor
    transition: Tensor


@torch.no_grad()
def marginals(emissions: Ragged, scores: TransitionScores) -> Marginals:
    """Return the expected counts under the field, in float64 and probability space: each step is one matrix product."""
    layout = emissions.time_major
    score = emissions.values[layout.item].double()
    highest = score.amax(1, keepdim=True)
    # A larger gap would change no probability; clipping it keeps every product above zero.
    factor = (score - highest).clamp(min=-_MAX_SCORE_GAP).exp()
    begin, step = (part.double().exp() for part in scores)
    alpha, scale, beta = torch.empty_like(factor), torch.empty_like(highest), torch.ones_like(factor)
    walk = _walk(layout)
    for t, (before, here, count) in enumerate(walk):
        reach = alpha[before : before + count] @ step if t else begin
        joint = reach * factor[here : here + count]
        scale[here : here + count] = joint.sum(1, keepdim=True)
        alpha[here : here + count] = joint / scale[here : here + count]
    weighted = torch.zeros_like(factor)
    for t, (before, here, count) in reversed(list(enumerate(walk))):
        weighted[here : here + count] = (
            factor[here : here + count] * beta[here : here + count] / scale[here : here + count]
        )
        if t:
            beta[before : before + count] = (weighted[here : here + count] @ step.T).clamp(max=_MAX_BETA)
    posterior = alpha * beta
    first = layout.steps[0] if layout.steps else 0
    transition = step * (alpha[layout.previous()].T @ weighted[first:])
    return Marginals(
        log_partition=(scale.log() + highest).sum(),
        tag=posterior[layout.slot],
        first=posterior[:first].sum(0),
        transition=transition,
    )


def negative_log_likelihood(emissions: Ragged, tags_N: Tensor, *, scores: TransitionScores) -> Tensor:
    """Return the negative log-likelihood, a scalar, summed over all sentences, none of which is empty."""
    start_C, transition_CC = scores
    begins = emissions.position == 0
    gold = emissions.values.gather(1, tags_N[:, None]).sum() + start_C[tags_N[begins]].sum()
    inner = ~begins[1:]
    gold = gold + transition_CC[tags_N[:-1][inner], tags_N[1:][inner]].sum()
    expected = marginals(emissions, scores)
    # The expected counts are the gradient of the log-partition, and of this linear form; its value is corrected below.
    linear = (
        (expected.tag.to(emissions.values) * emissions.values).sum()
        + (expected.first.to(start_C) * start_C).sum()
        + (expected.transition.to(transition_CC) * transition_CC).sum()
    )
    partition = linear + (expected.log_partition - linear.detach().double()).to(linear)
    return partition - gold


@torch.no_grad()
def viterbi(emissions: Ragged, scores: TransitionScores) -> Tensor:
    """Return the tags (N,) of the best sequence of each sentence."""
    layout = emissions.time_major
    score = emissions.values[layout.item]
    best, pointer = torch.empty_like(score), torch.zeros_like(score, dtype=torch.int64)
    walk = _walk(layout)
    for t, (before, here, count) in enumerate(walk):
        if t:
            reach, source = (best[before : before + count, :, None] + scores.transition_CC).max(1)
            pointer[here : here + count] = source
        else:
            reach = scores.start_C.expand(count, -1)
        best[here : here + count] = reach + score[here : here + count]
    tags = best.argmax(1)  # right for the last word of each sentence; the backward walk replaces the others
    for before, here, count in reversed(walk[1:]):
        tags[before : before + count] = pointer[here : here + count].gather(
            1, tags[here : here + count, None]
        )[:, 0]
    return tags[layout.slot]


def _walk(layout: TimeMajor) -> list[tuple[int, int, int]]:
    """Return for each step the first slot of the step before, its own first slot, and its number of rows."""
    first = list(accumulate(layout.steps, initial=0))
    return list(zip([0, *first], first, layout.steps, strict=False))
