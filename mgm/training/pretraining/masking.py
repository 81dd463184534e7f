"""Words taken out of a batch, which the encoder learns to guess.

Axes: N words of the batch, M masked ones, T distinct words. Source: Devlin et al. 2019, arXiv:1810.04805 (BERT).
"""

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from mgm.model.batch import Batch

HIDDEN, OTHER = 0.8, 0.1
"""Shares of the chosen words that become the mask, and that become another word of the batch; the rest stays. In training
no word is a mask: what only masked places could use would be lost."""


@dataclass(frozen=True)
class Masked:
    """A batch without some of its words: `place` (M,) of them among the N, and their ids `word` (M,) of the vocabulary."""

    batch: Batch
    place: Tensor
    word: Tensor


def mask(batch: Batch, share: float) -> Masked:
    """Chooses each known word with probability `share`, by torch's random state, at least one where there is any.

    The mask is one more distinct word: unknown, without n-grams, characters or properties.
    """
    ids = batch.type_id[batch.word]
    known = ids > 0
    draw = torch.rand(ids.shape, device=ids.device).masked_fill(~known, 2.0)
    chosen = draw < share
    if known.any():
        chosen[draw.argmin()] = True
    place = chosen.nonzero()[:, 0]
    fate = torch.rand(place.shape, device=ids.device)
    other = batch.word[torch.randint(max(ids.numel(), 1), place.shape, device=ids.device)]
    types = batch.type_id.numel()
    said = torch.where(fate < HIDDEN, types, torch.where(fate < HIDDEN + OTHER, other, batch.word[place]))
    return Masked(
        replace(
            batch,
            type_id=F.pad(batch.type_id, (0, 1)),
            type_ngram_offset=torch.cat([batch.type_ngram_offset, batch.type_ngram_offset[-1:]]),
            type_character_offset=torch.cat([batch.type_character_offset, batch.type_character_offset[-1:]]),
            type_property=F.pad(batch.type_property, (0, 0, 0, 1)),
            word=batch.word.index_put((place,), said),
        ),
        place,
        ids[place],
    )
