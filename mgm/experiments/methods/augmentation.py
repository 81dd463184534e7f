"""Training documents altered at random, anew in each batch: words deleted, swapped and masked, and documents mixed.

The random numbers are torch's, which training seeds for each epoch; an alteration that is off draws none. The deep branch and the
wide branch of tagging both read the altered words; only the deep branch mixes documents.

Axes: B documents, S sentences, N words, T distinct words.
"""

from collections.abc import Set
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from mgm.model.batch import NO_LABEL, Batch
from mgm.model.mixup import Mixup
from mgm.model.ragged import Ragged
from mgm.settings.training import AugmentationSettings
from mgm.text.subwords import UNKNOWN


@dataclass(frozen=True)
class RandomAugmentation:
    """The alterations that the settings switch on; `word_tasks` are the tasks whose labels are labels of words."""

    settings: AugmentationSettings
    word_tasks: Set[str]

    def augment(self, batch: Batch) -> Batch:
        """Return the batch with words deleted, swapped and masked, in this order."""
        settings = self.settings
        if settings.delete:
            batch = delete_words(batch, settings.delete, word_tasks=self.word_tasks)
        if settings.swap:
            batch = swap_words(batch, settings.swap, word_tasks=self.word_tasks)
        if settings.mask:
            batch = mask_runs(batch, settings.mask, run_length=settings.mask_words)
        return batch

    def draw_mixup(self, batch: Batch) -> Mixup | None:
        """Return the mix-up of a batch's documents, in a share `mixup` of the batches; None in the others."""
        settings = self.settings
        if not settings.mixup or float(torch.rand(())) >= settings.mixup:
            return None
        alpha = settings.mixup_alpha
        share = float(torch.distributions.Beta(alpha, alpha).sample())
        return Mixup(share, torch.randperm(batch.size).to(batch.word.device))


def delete_words(batch: Batch, probability: float, *, word_tasks: Set[str]) -> Batch:
    """Delete each word with this probability; one word of each sentence always stays, so that documents keep their sentences.

    Words keep their labels; the first word that is left of a span begins it. Source: Wei and Zou 2019, arXiv:1901.11196 (EDA,
    random deletion).
    """
    draw = Ragged(torch.rand(batch.word.numel(), device=batch.word.device), batch.sentence_length)
    highest_S = Ragged(draw.values[:, None], draw.length).max_pool()[:, 0]
    keep = (draw.values >= probability) | (draw.values == highest_S[draw.row])
    words = Ragged(batch.word, batch.sentence_length).select(keep)
    targets = {
        task: _kept_tags(target, keep, row=draw.row) if task in word_tasks else target
        for task, target in batch.targets.items()
    }
    return replace(
        batch,
        word=words.values,
        content=batch.content[keep],
        sentence_length=words.length,
        targets=targets,
        encoder=batch.encoder.select_words(keep),
    )


def swap_words(batch: Batch, probability: float, *, word_tasks: Set[str]) -> Batch:
    """Choose each word with this probability, and permute the chosen words of a sentence at random.

    Documents whose words are labelled stay as they are, since such labels depend on the order of words. Source: Wei and Zou 2019
    (EDA, random swap).
    """
    sentences = Ragged(batch.word, batch.sentence_length)
    chosen = torch.rand(batch.word.numel(), device=batch.word.device) < probability
    chosen &= ~_in_labelled_document(batch, word_tasks)
    place = chosen.nonzero()[:, 0]
    shuffled = torch.randperm(place.numel(), device=place.device)
    order = shuffled[torch.argsort(sentences.row[place[shuffled]], stable=True)]
    taken = torch.arange(batch.word.numel(), device=place.device).index_copy(0, place, place[order])
    return replace(
        batch,
        word=batch.word[taken],
        content=batch.content[taken],
        encoder=batch.encoder.select_words(taken),
    )


def mask_runs(batch: Batch, probability: float, *, run_length: int) -> Batch:
    """Mask runs of words: they become unknown words without n-grams, characters and properties, and keep their labels.

    Args:
        batch: the documents.
        probability: the probability of each word to be within a run.
        run_length: the number of words of a run, which is cut at the ends of its sentence.

    Source: Joshi et al. 2020, arXiv:1907.10529 (SpanBERT), with runs of one length.
    """
    sentences = Ragged(batch.word, batch.sentence_length)
    # a run may begin before its sentence, so that the first words are as likely to be in one
    start_S = (sentences.length + run_length - 1).cumsum(0) - (sentences.length + run_length - 1)
    begins = torch.rand(
        batch.word.numel() + (run_length - 1) * sentences.length.numel(), device=batch.word.device
    ) < 1 - (1 - probability) ** (1 / run_length)
    before = torch.cat([begins.new_zeros(1, dtype=torch.int64), begins.cumsum(0)])
    first = start_S[sentences.row] + sentences.position
    masked = before[first + run_length] > before[first]
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
        encoder=batch.encoder.hide_words(masked),
    )


def _in_labelled_document(batch: Batch, word_tasks: Set[str]) -> Tensor:
    """Return (N,) whether a word is in a document whose words are labelled for any of these tasks."""
    documents = Ragged(batch.word, batch.words_per_document)
    labelled_N = torch.zeros_like(batch.word, dtype=torch.bool)
    for task in word_tasks & batch.targets.keys():
        labelled_N |= batch.targets[task] != NO_LABEL
    count_B = Ragged(labelled_N.long(), documents.length).sum_pool()
    return count_B[documents.row] > 0


def _kept_tags(tags: Tensor, keep: Tensor, *, row: Tensor) -> Tensor:
    """Return the BIO ids of the kept words, given those (N,) of all words and each word's sentence `row` (N,)."""
    before = torch.where(row == row.roll(1), tags.roll(1), 0)
    inside = tags > 0
    continues = (tags % 2 == 0) & ((before == tags) | (before == tags - 1))
    span = (inside & ~continues).cumsum(0)[keep]  # the number of the span that a word is in, from 1
    kept = tags[keep]
    first = span != torch.cat([span.new_zeros(1), span[:-1]])
    label = (kept - 1) // 2
    return torch.where(kept > 0, torch.where(first, 1 + 2 * label, 2 + 2 * label), kept)
