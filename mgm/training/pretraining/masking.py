"""Masked words of a batch, which the encoder learns to predict.

Axes: N words of the batch, M masked ones, T distinct words. Source: Devlin et al. 2019, arXiv:1810.04805 (BERT).
"""

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from mgm.model.batch import Batch

MASK_RATE, REPLACEMENT_RATE = 0.8, 0.1
"""Shares of the chosen words that become the mask, and that become another word of the batch; the rest stays. Training for tasks
has no masks: without words that stay, the encoder would learn features that only masked positions use."""


@dataclass(frozen=True, kw_only=True)
class Masked:
    """A batch with masked words, their positions `place` (M,) among the N words, and their vocabulary ids `word` (M,)."""

    batch: Batch
    place: Tensor
    word: Tensor


def mask_words(batch: Batch, share: float) -> Masked:
    """Mask each known word with probability `share`, by torch's random state, and at least one if there is any.

    The mask is one more distinct word: unknown, without n-grams, characters or properties.
    """
    ids = batch.type_id[batch.word]
    is_known = ids > 0
    draw = torch.rand(ids.shape, device=ids.device).masked_fill(~is_known, 2.0)
    chosen = draw < share
    if is_known.any():
        chosen[draw.argmin()] = True
    place = chosen.nonzero()[:, 0]
    fate = torch.rand(place.shape, device=ids.device)
    other = batch.word[torch.randint(max(ids.numel(), 1), place.shape, device=ids.device)]
    types = batch.type_id.numel()
    masked_word = torch.where(
        fate < MASK_RATE, types, torch.where(fate < MASK_RATE + REPLACEMENT_RATE, other, batch.word[place])
    )
    return Masked(
        batch=replace(
            batch,
            type_id=F.pad(batch.type_id, (0, 1)),
            type_ngram_offset=torch.cat([batch.type_ngram_offset, batch.type_ngram_offset[-1:]]),
            type_character_offset=torch.cat([batch.type_character_offset, batch.type_character_offset[-1:]]),
            type_property=F.pad(batch.type_property, (0, 0, 0, 1)),
            word=batch.word.index_put((place,), masked_word),
        ),
        place=place,
        word=ids[place],
    )
