"""Beam search for the outputs of all documents at once, with the keys and values of earlier steps cached.

Axes: B documents, K beams of each, T positions, V pieces. A document's output does not depend on the others.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from mgm.model.generation.decoder import PointerGeneratorDecoder
from mgm.model.generation.source_memory import Memory
from mgm.text.subwords import END

MAX_BEAMS = 1_024
"""The most beams of all documents that are searched together, to bound the memory."""
COMPACTION_SHARE = 0.25
"""The share of finished documents above which they are dropped from the tensors."""


@dataclass(frozen=True)
class BeamOutput:
    """The best output of each of B documents.

    Attributes:
        ids: (B,T) subwords, and END after the last.
        count: (B,) the number of subwords before END, at least one.
        score: (B,) the mean log-probability of these subwords and END.
        truncated: (B,) whether the decoder read only a part of the document.
    """

    ids: Tensor
    count: Tensor
    score: Tensor
    truncated: Tensor


def beam_search(
    decoder: PointerGeneratorDecoder, memory: Memory, *, start_D: Tensor, beam_size: int
) -> BeamOutput:
    """Return the best output of each document.

    Args:
        decoder: the decoder.
        memory: the source of each document.
        start_D: the vector that outputs begin with.
        beam_size: the number of beams of a document; 1 is greedy search.
    """
    size = max(1, MAX_BEAMS // beam_size)
    outputs = [
        _search_documents(
            decoder, memory.select(slice(first, first + size)), start_D=start_D, beam_size=beam_size
        )
        for first in range(0, memory.truncated_B.shape[0], size)
    ]
    ids, count, score = (torch.cat(parts) for parts in zip(*outputs, strict=True))
    return BeamOutput(ids=ids, count=count, score=score, truncated=memory.truncated_B)


@torch.no_grad()
def _search_documents(
    decoder: PointerGeneratorDecoder, memory: Memory, *, start_D: Tensor, beam_size: int
) -> tuple[Tensor, Tensor, Tensor]:
    settings, documents = decoder.settings, memory.truncated_B.shape[0]
    device = memory.items_BMD.device
    ids = torch.full((documents, settings.max_length), END, device=device)
    score = torch.zeros(documents, device=device)
    active = torch.arange(documents, device=device)
    state = decoder.initial_state(memory)
    tokens = torch.zeros(documents, 1, 0, dtype=torch.int64, device=device)
    total, length = torch.zeros(documents, 1, device=device), torch.zeros(documents, 1, device=device)
    ended = torch.zeros(documents, 1, dtype=torch.bool, device=device)
    has_visible = torch.zeros_like(ended)
    next_input = start_D.expand(documents, 1, -1)
    for position in range(settings.max_length):
        log_prob, state = decoder.step(state, next_input)
        log_prob = log_prob.masked_fill(decoder.forbidden_ids, -math.inf)
        log_prob = _block_repeated_ngrams(log_prob, tokens, size=settings.no_repeat_ngram)
        # An output may end only after a visible piece; at the maximal length its last piece must be visible if none was before.
        log_prob[..., END] = log_prob[..., END].masked_fill(~has_visible, -math.inf)
        if position + 1 == settings.max_length:
            log_prob = log_prob.masked_fill(~has_visible[..., None] & ~decoder.visible_ids, -math.inf)
        # A beam that has ended continues with END alone, with log-probability 0.
        log_prob = log_prob.masked_fill(ended[..., None], -math.inf)
        log_prob[..., END] = torch.where(ended, 0.0, log_prob[..., END])
        sums = total[..., None] + log_prob
        lengths = length + (~ended).float()
        ranking = sums / lengths[..., None] ** settings.length_penalty
        _, chosen = ranking.flatten(1).topk(beam_size)
        parent, token = chosen // log_prob.shape[2], chosen % log_prob.shape[2]
        total, length = sums.flatten(1).gather(1, chosen), lengths.gather(1, parent)
        ended = ended.gather(1, parent) | (token == END)
        has_visible = has_visible.gather(1, parent) | decoder.visible_ids[token]
        tokens = torch.cat(
            [tokens.gather(1, parent[..., None].expand(-1, -1, position)), token[..., None]], 2
        )
        finished = ended[:, 0]  # the best beam has ended, so no other is searched
        if position + 1 == settings.max_length:
            finished = torch.ones_like(finished)
        if beam_size > 1:
            num_rows = state.output_kv[0].key.shape[0] // len(active)
            first = torch.arange(len(active), device=device)[:, None] * num_rows
            state = state.reorder((first + parent).flatten())
        if finished.all() or finished.float().mean() > COMPACTION_SHARE:
            ids[active[finished], : position + 1] = tokens[finished, 0]
            score[active[finished]] = (total / length)[finished, 0]
            remaining = (~finished).nonzero()[:, 0]
            if not len(remaining):
                break
            rows = (remaining[:, None] * beam_size + torch.arange(beam_size, device=device)).flatten()
            state = state.select(remaining, rows)
            active, tokens, total = active[remaining], tokens[remaining], total[remaining]
            length, ended, has_visible = length[remaining], ended[remaining], has_visible[remaining]
        next_input = decoder.embed(tokens[..., -1])
    count = (ids == END).int().argmax(1)
    count = torch.where((ids == END).any(1), count, settings.max_length)
    return ids, count, score


def _block_repeated_ngrams(log_BKV: Tensor, tokens_BKT: Tensor, *, size: int) -> Tensor:
    """Return the log-probabilities with -inf for pieces that would repeat an n-gram of `size` subwords of the beam."""
    length = tokens_BKT.shape[2]
    if size == 0 or length < size:
        return log_BKV
    runs = tokens_BKT.unfold(2, size, 1)  # (B,K,runs,size)
    last = tokens_BKT[..., None, length - size + 1 :]
    repeats = (runs[..., : size - 1] == last).all(3)
    blocked = torch.where(repeats, runs[..., -1], END)
    ends = log_BKV[..., END].clone()
    log_BKV = log_BKV.scatter(2, blocked, -math.inf)
    log_BKV[..., END] = ends
    return log_BKV
