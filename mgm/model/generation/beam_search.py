"""Beam search over the outputs of all documents at once, which keeps what was computed before.

Axes: B documents, K outputs that are kept of each, T places, V pieces. A document's output does not depend on the others.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from mgm.model.generation.decoder import PointerGeneratorDecoder
from mgm.model.generation.source_memory import Memory
from mgm.text.subwords import END

ROWS_AT_ONCE = 1_024
"""Outputs, of all documents together, that are searched at once, which bounds the memory."""
_COMPACT = 0.25
"""The share of finished documents above which the others go on without them."""


@dataclass(frozen=True)
class BeamOutput:
    """The best output of each of B documents.

    Attributes:
        ids: (B,T) subwords, with their end.
        count: (B,) the subwords before the end, at least one.
        score: (B,) the mean log-probability of these and the end.
        truncated: (B,) whether some of the document was not read.
    """

    ids: Tensor
    count: Tensor
    score: Tensor
    truncated: Tensor


def search(decoder: PointerGeneratorDecoder, memory: Memory, start_D: Tensor, beam: int) -> BeamOutput:
    """Return the best output of each document; `beam` 1 is greedy."""
    at_once = max(1, ROWS_AT_ONCE // beam)
    documents = memory.truncated_B.shape[0]
    outputs = [
        _search(decoder, memory.rows(slice(first, first + at_once)), start_D, beam)
        for first in range(0, documents, at_once)
    ]
    ids, count, score = (torch.cat(parts) for parts in zip(*outputs, strict=True))
    return BeamOutput(ids, count, score, memory.truncated_B)


@torch.no_grad()
def _search(
    decoder: PointerGeneratorDecoder, memory: Memory, start_D: Tensor, beam: int
) -> tuple[Tensor, Tensor, Tensor]:
    settings, documents = decoder.settings, memory.truncated_B.shape[0]
    device = memory.items_BMD.device
    ids = torch.full((documents, settings.max_length), END, device=device)
    count = torch.zeros(documents, dtype=torch.int64, device=device)
    score = torch.zeros(documents, device=device)
    alive = torch.arange(documents, device=device)
    past = decoder.begin(memory)
    tokens = torch.zeros(documents, 1, 0, dtype=torch.int64, device=device)
    total, length = torch.zeros(documents, 1, device=device), torch.zeros(documents, 1, device=device)
    done = torch.zeros(documents, 1, dtype=torch.bool, device=device)
    shown = torch.zeros_like(done)
    item = start_D.expand(documents, 1, -1)
    for place in range(settings.max_length):
        log, past = decoder.step(past, item)
        log = log.masked_fill(decoder.forbidden_ids, -math.inf)
        log = _blocked(log, tokens, settings.no_repeat_ngram)
        # No output is blank: it ends behind a visible piece, or its last piece is visible.
        log[..., END] = log[..., END].masked_fill(~shown, -math.inf)
        if place + 1 == settings.max_length:
            log = log.masked_fill(~shown[..., None] & ~decoder.shows, -math.inf)
        # An output that has ended goes on with its end alone, at no cost.
        log = log.masked_fill(done[..., None], -math.inf)
        log[..., END] = torch.where(done, 0.0, log[..., END])
        sums = total[..., None] + log
        lengths = length + (~done).float()
        rank = sums / lengths[..., None] ** settings.length_penalty
        _, chosen = rank.flatten(1).topk(beam)
        source, token = chosen // log.shape[2], chosen % log.shape[2]
        total, length = sums.flatten(1).gather(1, chosen), lengths.gather(1, source)
        done = done.gather(1, source) | (token == END)
        shown = shown.gather(1, source) | decoder.shows[token]
        tokens = torch.cat([tokens.gather(1, source[..., None].expand(-1, -1, place)), token[..., None]], 2)
        over = done[:, 0]
        if place + 1 == settings.max_length:
            over = torch.ones_like(over)
        if beam > 1:
            kept = past.written[0].key.shape[0] // len(alive)
            first = torch.arange(len(alive), device=device)[:, None] * kept
            past = past.reordered((first + source).flatten())
        if over.all() or over.float().mean() > _COMPACT:
            ids[alive[over], : place + 1] = tokens[over, 0]
            score[alive[over]] = (total / length)[over, 0]
            stay = (~over).nonzero()[:, 0]
            if not len(stay):
                break
            rows = (stay[:, None] * beam + torch.arange(beam, device=device)).flatten()
            past = past.select(stay, rows)
            alive, tokens, total = alive[stay], tokens[stay], total[stay]
            length, done, shown = length[stay], done[stay], shown[stay]
        item = decoder.items(tokens[..., -1])
    count = (ids == END).int().argmax(1)
    count = torch.where((ids == END).any(1), count, settings.max_length)
    return ids, count, score


def _blocked(log_BKV: Tensor, tokens_BKT: Tensor, size: int) -> Tensor:
    """Return log-probabilities without the pieces that would complete a run of `size` subwords that the output has already."""
    places = tokens_BKT.shape[2]
    if size == 0 or places < size:
        return log_BKV
    runs = tokens_BKT.unfold(2, size, 1)  # (B,K,runs,size)
    last = tokens_BKT[..., None, places - size + 1 :]
    repeats = (runs[..., : size - 1] == last).all(3)
    banned = torch.where(repeats, runs[..., -1], END)
    ends = log_BKV[..., END].clone()
    log_BKV = log_BKV.scatter(2, banned, -math.inf)
    log_BKV[..., END] = ends
    return log_BKV
