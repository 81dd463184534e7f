"""Masking: the vectors of a granularity are replaced by their mean; all others stay.

A granularity's pooled vector becomes its mean over the validation documents of the same corpus, so that it carries no
information about a document and stays a vector that the model knows. Tasks that predict words read words, not pooled vectors:
there, a granularity's vector of a word becomes its mean over the words of those documents. The levels above still read what a
masked level has read. Unlike in an ablation, nothing is trained again: the effect shows how far this model relies on it.

Axes: B documents, N words, V width of a granularity, D width of a word.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from mgm.model.batch import Batch, cut_by_tokens, flat_positions
from mgm.model.collate import collate
from mgm.model.decode import TOKENS_PER_BATCH
from mgm.model.encoder import Encoder
from mgm.model.heads import HEADS, Outcome
from mgm.model.network import Network, mean_of_branches
from mgm.model.ragged import Words
from mgm.tasks import Task
from mgm.text.features import FeaturePart

NOTHING, WIDE, DEEP = "", "wide", "deep"
"""Masks beside the granularities: none, the wide part's outputs left out, and the deep part's left out."""
CHARACTER_AND_WORD = "character and word"
"""Tasks that predict words read the sum of the two, which cannot be separated there."""


@dataclass(frozen=True)
class MeanVectors:
    """Means over one corpus's validation documents.

    Attributes:
        pooled: the mean (V,) of each granularity's pooled vectors; empty without documents.
        words: the mean (D,) of the vectors of words.
    """

    pooled: dict[str, Tensor]
    words: Tensor


def word_slices(encoder: Encoder) -> dict[str, slice]:
    """Return the part of a word's vector that comes from each granularity."""
    ends = np.cumsum(list(encoder.word_widths.values()))
    return {
        CHARACTER_AND_WORD if name == "character+word" else name: slice(int(end - width), int(end))
        for (name, width), end in zip(encoder.word_widths.items(), ends, strict=True)
    }


def available_masks(network: Network, task: Task) -> list[str]:
    """Return which of a task's inputs can be masked, in the order of the granularities."""
    if task.spec.predicts_words:
        levels, has_wide_part = list(word_slices(network.encoder)), network.wide_tagging is not None
    else:
        levels, has_wide_part = list(network.encoder.widths), network.wide is not None
    return [*levels, *([WIDE, DEEP] if has_wide_part else [])]


@torch.no_grad()
def mean_vectors(network: Network, parts: Sequence[FeaturePart], *, tasks: Sequence[Task]) -> MeanVectors:
    """Return the means over these documents, for masks of the inputs of these tasks."""
    names = [task.name for task in tasks]
    sums: dict[str, Tensor] = {}
    words_sum = torch.zeros(network.encoder.word_width, dtype=torch.float64)
    num_documents = num_words = 0
    for part in parts:
        for _, batch in batches(part):
            pooled, words = network.encode(batch, tasks=names)
            for name, vectors in pooled.items():
                total = vectors.double().sum(0)
                sums[name] = sums[name] + total if name in sums else total
            num_documents += batch.size
            if words is not None:
                words_sum += words.values.double().sum(0)
                num_words += words.values.shape[0]
    return MeanVectors(
        {name: (total / num_documents).float() for name, total in sums.items()},
        (words_sum / max(num_words, 1)).float(),
    )


@torch.no_grad()
def masked_outcomes(
    network: Network, part: FeaturePart, *, tasks: Sequence[Task], means: MeanVectors
) -> dict[str, dict[str, Outcome]]:
    """Return the network's decoded outcomes for all documents of a part, by mask (`NOTHING` first), then by task.

    The encoder runs once; only the parts that read its vectors run again for each mask.

    Args:
        network: the network, in evaluation mode.
        part: features of a corpus.
        tasks: the tasks of that corpus.
        means: the masks; a granularity without a mean is masked by zeros.
    """
    by_name = {task.name: task for task in tasks}
    masks_of = {task.name: available_masks(network, task) for task in tasks}
    masks = [NOTHING, *dict.fromkeys(mask for of_task in masks_of.values() for mask in of_task)]
    num_words = part.documents["word"].list.len().to_numpy().astype(np.int64)
    word_start = np.concatenate([[0], np.cumsum(num_words)])
    outcomes: dict[str, dict[str, Outcome]] = {mask: {} for mask in masks}
    for rows, batch in batches(part):
        pooled, words = network.encode(batch, tasks=list(by_name))
        wide = network.wide_outputs(batch, tasks=list(by_name))
        places = flat_positions(word_start[rows], num_words[rows])
        for mask in masks:
            outputs = _masked_outputs(network, (pooled, words), wide=wide, mask=mask, means=means)
            outputs = {
                task.name: outputs[task.name] for task in tasks if mask in (NOTHING, *masks_of[task.name])
            }
            for name, decoded in network.decode(outputs, batch).items():
                task, head = by_name[name], HEADS[by_name[name].kind]
                if name not in outcomes[mask]:
                    outcomes[mask][name] = head.empty_outcome(
                        task, num_rows=part.documents.height, num_words=int(word_start[-1])
                    )
                head.store(outcomes[mask][name], decoded, task=task, rows=rows, words=places)
    return outcomes


def _masked_outputs(
    network: Network,
    encoded: tuple[dict[str, Tensor], Words | None],
    *,
    wide: dict[str, Tensor],
    mask: str,
    means: MeanVectors,
) -> dict[str, Tensor]:
    """Return the network's outputs with one mask; without, those of `Network.forward`."""
    pooled, words = encoded
    if mask in pooled:
        vectors = pooled[mask]
        mean = means.pooled.get(mask, vectors.new_zeros(vectors.shape[1]))
        pooled = pooled | {mask: mean.expand_as(vectors)}
    if words is not None and mask in (slices := word_slices(network.encoder)):
        values = words.values.clone()
        values[:, slices[mask]] = means.words[slices[mask]]
        words = replace(words, values=values)
    deep = network.apply_heads(pooled, words)
    if not wide or mask == WIDE:
        return deep
    return wide if mask == DEEP else mean_of_branches([deep, wide])


def batches(part: FeaturePart) -> Iterator[tuple[np.ndarray, Batch]]:
    """Yield rows of a part, shortest documents first, with their batches."""
    length = part.documents["word"].list.len().to_numpy().astype(np.int64)
    order = np.argsort(length, kind="stable")
    for rows in cut_by_tokens(order, length[order], tokens_per_batch=TOKENS_PER_BATCH):
        yield rows, collate(part, rows)
