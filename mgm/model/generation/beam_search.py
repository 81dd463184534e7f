"""Beam search for the outputs of all documents at once, with the keys and values of earlier steps cached.

Only beams that have not ended are computed: the others, and those of documents that are finished, take no part in a step.

Axes: B documents, K beams of each, R beams that have not ended, T positions, V pieces, C best pieces of a beam. A document's output does
not depend on the others.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from mgm.model.generation.decoder import PointerGeneratorDecoder
from mgm.model.generation.layers import LiveOutputs
from mgm.model.generation.next_pieces import Restrictions
from mgm.model.generation.source_memory import Memory
from mgm.text.subwords import END

MAX_BEAMS = 1_024
"""The most beams of all documents that are searched together, to bound the memory."""
COMPACTION_SHARE = 0.25
"""The share of finished documents above which they are dropped from the tensors that have a row for each document."""


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
    has_visible, is_finished = torch.zeros_like(ended), torch.zeros_like(ended[:, 0])
    for position in range(settings.max_length):
        is_last = position + 1 == settings.max_length
        live = _live_outputs(ended)
        visible = live.pack(has_visible[..., None])[:, 0]
        next_input = decoder.embed(live.pack(tokens)[:, -1]) if position else start_D.expand(documents, -1)
        pieces, state = decoder.step(state, next_input, live=live)
        restrictions = Restrictions(
            forbidden_ids=decoder.forbidden_ids,
            visible_ids=decoder.visible_ids,
            # An output may end only after a visible piece; at the maximal length its last piece must be visible if none was before.
            may_end_R=visible,
            is_last_R=~visible & is_last,
            blocked_RN=_repeating_pieces(live.pack(tokens), size=settings.no_repeat_ngram),
        )
        log_BKC, piece_BKC = _spread_best(
            *pieces.best(beam_size, restrictions), live=live, ended=ended, count=beam_size
        )
        sums = total[..., None] + log_BKC
        lengths = length + (~ended).float()
        ranking = sums / lengths[..., None] ** settings.length_penalty
        _, chosen = ranking.flatten(1).topk(beam_size)
        parent, token = chosen // beam_size, piece_BKC.flatten(1).gather(1, chosen)
        total, length = sums.flatten(1).gather(1, chosen), lengths.gather(1, parent)
        ended = ended.gather(1, parent) | (token == END)
        has_visible = has_visible.gather(1, parent) | decoder.visible_ids[token]
        tokens = torch.cat(
            [tokens.gather(1, parent[..., None].expand(-1, -1, position)), token[..., None]], 2
        )
        if beam_size > 1:
            state = state.reorder(parent)
        # Where the best beam has ended, no other is searched: its output would else depend on how long the batch goes on.
        finished = (ended[:, 0] | is_last) & ~is_finished
        ids[active[finished], : position + 1] = tokens[finished, 0]
        score[active[finished]] = (total / length)[finished, 0]
        is_finished |= finished
        ended |= is_finished[:, None]
        if is_finished.all():
            break
        if is_finished.float().mean() > COMPACTION_SHARE:
            remaining = (~is_finished).nonzero()[:, 0]
            state = state.select(remaining)
            active, tokens, total, length, ended, has_visible, is_finished = (
                values[remaining]
                for values in (active, tokens, total, length, ended, has_visible, is_finished)
            )
    count = (ids == END).int().argmax(1)
    count = torch.where((ids == END).any(1), count, settings.max_length)
    return ids, count, score


def _live_outputs(ended_BK: Tensor) -> LiveOutputs:
    rows = None if not ended_BK.any() else (~ended_BK.flatten()).nonzero()[:, 0]
    documents, outputs = ended_BK.shape
    return LiveOutputs(documents, outputs, rows=rows)


def _spread_best(
    log_RC: Tensor, piece_RC: Tensor, *, live: LiveOutputs, ended: Tensor, count: int
) -> tuple[Tensor, Tensor]:
    """Return the best pieces of all beams, (B,K,C) each; a beam that has ended continues with END alone, with log-probability 0."""
    if live.rows is None:
        shape = (live.documents, live.outputs, count)
        return log_RC.view(shape), piece_RC.view(shape)
    log_BKC = log_RC.new_full((ended.numel(), count), -math.inf)
    log_BKC[:, 0] = 0.0
    piece_BKC = piece_RC.new_full((ended.numel(), count), END)
    log_BKC.index_copy_(0, live.rows, log_RC)
    piece_BKC.index_copy_(0, live.rows, piece_RC)
    return log_BKC.view(*ended.shape, count), piece_BKC.view(*ended.shape, count)


def _repeating_pieces(tokens_RT: Tensor, *, size: int) -> Tensor | None:
    """Return the pieces (R,N) that would repeat an n-gram of `size` subwords of the beam; END stands for none."""
    length = tokens_RT.shape[1]
    if size == 0 or length < size:
        return None
    runs = tokens_RT.unfold(1, size, 1)  # (R,runs,size)
    last = tokens_RT[:, None, length - size + 1 :]
    repeats = (runs[..., : size - 1] == last).all(2)
    return torch.where(repeats, runs[..., -1], END)
