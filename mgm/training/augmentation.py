"""Training documents altered at random, anew in each batch: words deleted, swapped and masked, and documents mixed.

The numbers are torch's own, which training seeds for each epoch; what is off draws none. The deep part and the wide one of tagging
read the altered words; mixed documents are for the deep part alone.

Axes: B documents, S sentences, N words, T distinct words.
"""

from collections.abc import Set
from dataclasses import replace

import torch
from torch import Tensor

from mgm.model.batch import NO_LABEL, Batch
from mgm.model.mixup import Mixup
from mgm.model.ragged import Ragged
from mgm.settings.training import AugmentationSettings
from mgm.text.subwords import UNKNOWN


def augment(batch: Batch, settings: AugmentationSettings, tagging: Set[str]) -> Batch:
    """The batch with words deleted, swapped and masked, in this order; itself where all is off. `tagging`: the tasks
    whose labels are of words."""
    if settings.delete:
        batch = delete(batch, settings.delete, tagging)
    if settings.swap:
        batch = swap(batch, settings.swap, tagging)
    if settings.mask:
        batch = mask(batch, settings.mask, settings.mask_words)
    return batch


def mixing(batch: Batch, settings: AugmentationSettings) -> Mixup | None:
    """Which documents are mixed, in a share `mixup` of the batches."""
    if not settings.mixup or float(torch.rand(())) >= settings.mixup:
        return None
    alpha = settings.mixup_alpha
    share = float(torch.distributions.Beta(alpha, alpha).sample())
    return Mixup(share, torch.randperm(batch.size).to(batch.word.device))


def delete(batch: Batch, probability: float, tagging: Set[str]) -> Batch:
    """Without each word, with this probability. One word of a sentence always stays, so that the document keeps its sentences.

    Labels of words stay with theirs: the first word that is left of a span begins it. Source: Wei and Zou 2019,
    arXiv:1901.11196 (EDA, random deletion).
    """
    draw = Ragged(torch.rand(batch.word.numel(), device=batch.word.device), batch.sentence_length)
    highest_S = Ragged(draw.values[:, None], draw.length).max_pool()[:, 0]
    keep = (draw.values >= probability) | (draw.values == highest_S[draw.row])
    words = Ragged(batch.word, batch.sentence_length).select(keep)
    targets = {
        task: _left(target, keep, draw.row) if task in tagging else target
        for task, target in batch.targets.items()
    }
    return replace(
        batch,
        word=words.values,
        content=batch.content[keep],
        sentence_length=words.length,
        targets=targets,
    )


def swap(batch: Batch, probability: float, tagging: Set[str]) -> Batch:
    """Words are chosen with this probability, and those of one sentence change places among each other, at random.

    Not in documents whose words are labelled, where the order of words is what a label is about. Source: Wei and Zou 2019
    (EDA, random swap).
    """
    sentences = Ragged(batch.word, batch.sentence_length)
    chosen = torch.rand(batch.word.numel(), device=batch.word.device) < probability
    chosen &= ~_labelled(batch, tagging)
    place = chosen.nonzero()[:, 0]
    shuffled = torch.randperm(place.numel(), device=place.device)
    order = shuffled[torch.argsort(sentences.row[place[shuffled]], stable=True)]
    return replace(
        batch,
        word=batch.word.index_copy(0, place, batch.word[place[order]]),
        content=batch.content.index_copy(0, place, batch.content[place[order]]),
    )


def mask(batch: Batch, probability: float, words: int) -> Batch:
    """Runs of so many words, cut at a sentence's ends, become unknown words without n-grams, characters and properties; each word is in
    one with this probability. Labels of words stay.

    Source: Joshi et al. 2020, arXiv:1907.10529 (SpanBERT), with runs of one length.
    """
    sentences = Ragged(batch.word, batch.sentence_length)
    # a run may begin before its sentence, so that the first words are as likely to be in one
    start_S = (sentences.length + words - 1).cumsum(0) - (sentences.length + words - 1)
    begins = torch.rand(
        batch.word.numel() + (words - 1) * sentences.length.numel(), device=batch.word.device
    ) < 1 - (1 - probability) ** (1 / words)
    before = torch.cat([begins.new_zeros(1, dtype=torch.int64), begins.cumsum(0)])
    at = start_S[sentences.row] + sentences.position
    masked = before[at + words] > before[at]
    nothing = batch.type_property.new_zeros(1, batch.type_property.shape[1])
    return replace(
        batch,
        type_id=torch.cat([batch.type_id, batch.type_id.new_zeros(1)]),
        type_ngram_offset=torch.cat([batch.type_ngram_offset, batch.type_ngram_offset[-1:]]),
        type_character_offset=torch.cat([batch.type_character_offset, batch.type_character_offset[-1:]]),
        type_property=torch.cat([batch.type_property, nothing]),
        word=batch.word.masked_fill(masked, batch.type_id.numel()),
        type_subword=torch.cat([batch.type_subword, batch.type_subword.new_full((1,), UNKNOWN)]),
        type_subword_length=torch.cat([batch.type_subword_length, batch.type_subword_length.new_ones(1)]),
    )


def _labelled(batch: Batch, tagging: Set[str]) -> Tensor:
    """(N,) the words of documents whose words are labelled, for any of these tasks."""
    documents = Ragged(batch.word, batch.words_per_document)
    labelled_N = torch.zeros_like(batch.word, dtype=torch.bool)
    for task in tagging & batch.targets.keys():
        labelled_N |= batch.targets[task] != NO_LABEL
    count_B = Ragged(labelled_N.long(), documents.length).sum_pool()
    return count_B[documents.row] > 0


def _left(tags: Tensor, keep: Tensor, row: Tensor) -> Tensor:
    """The BIO ids of the words that are kept, of (N,) those of all; `row` (N,) is each word's sentence."""
    before = torch.where(row == row.roll(1), tags.roll(1), 0)
    inside = tags > 0
    continues = (tags % 2 == 0) & ((before == tags) | (before == tags - 1))
    span = (inside & ~continues).cumsum(0)[keep]  # inside a span: its number, from 1 on
    kept = tags[keep]
    first = span != torch.cat([span.new_zeros(1), span[:-1]])
    label = (kept - 1) // 2
    return torch.where(kept > 0, torch.where(first, 1 + 2 * label, 2 + 2 * label), kept)
