"""What each granularity is worth to the trained model: what it says of a document is masked, the rest stays as it is.

A granularity's pooled vector becomes its mean over the validation documents of the same corpus, so that it tells of no
document any more and stays a vector that the model knows. Tagging reads words, not pooled vectors: there, what a
granularity gives a word becomes its mean over the words of those documents. The levels above still read what a masked level
has read. Unlike in an ablation, nothing is trained again: what is shown is what this model leans on.

Axes: B documents, N words, R documents of a part.
"""

from collections.abc import Callable, Iterator, Sequence
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
"""Names beside those of granularities: nothing masked, the n-grams' logits left out, all but those left out."""
CHARACTER_AND_WORD = "character and word"
"""Tagging reads the sum of the two, which cannot be told apart there."""


@dataclass(frozen=True)
class Means:
    """Of one corpus's validation documents: the mean of each granularity's pooled vectors (V,), and of the vectors that
    tagging reads of words (word width,); empty where there is none."""

    pooled: dict[str, Tensor]
    words: Tensor


def word_slices(encoder: Encoder) -> dict[str, slice]:
    """Which part of a word's vector comes from which granularity."""
    names = {"character", "word"} & set(encoder.widths)
    widths = (
        {CHARACTER_AND_WORD if len(names) == 2 else next(iter(names)): encoder.settings.width}
        if names
        else {}
    )
    widths |= {n: w for n, w in encoder.widths.items() if n.startswith("window_") or n == "sentence"}
    ends = np.cumsum(list(widths.values()))
    assert sum(widths.values()) == encoder.word_width, (
        "the encoder gives words other vectors than are masked here"
    )
    return {n: slice(int(end - w), int(end)) for (n, w), end in zip(widths.items(), ends, strict=True)}


def maskable(network: Network, task: Task) -> list[str]:
    """What of this task's inputs can be masked, in the order of the granularities."""
    levels = word_slices(network.encoder) if task.kind == "tagging" else network.encoder.widths
    wide = network.wide_tagging if task.kind == "tagging" else network.wide
    return [*levels, *([] if wide is None else [WIDE, DEEP])]


@torch.no_grad()
def means(network: Network, parts: Sequence[FeaturePart]) -> Means:
    """The means over these documents."""
    sums: dict[str, Tensor] = {}
    words_sum = torch.zeros(network.encoder.word_width, dtype=torch.float64)
    documents = words = 0
    for part in parts:
        for _, batch in batches(part):
            pooled, states = network.encoder(batch, 0.0, network.predicts_words)
            for name, vectors in pooled.items():
                total = vectors.double().sum(0)
                sums[name] = sums[name] + total if name in sums else total
            documents += batch.size
            if states is not None:
                words_sum += states.values.double().sum(0)
                words += states.values.shape[0]
    return Means({n: (s / documents).float() for n, s in sums.items()}, (words_sum / max(words, 1)).float())


@torch.no_grad()
def masked_outcomes(
    network: Network,
    part: FeaturePart,
    tasks: Sequence[Task],
    mean: Means,
    progress: Callable[[int], object] | None = None,
) -> dict[str, dict[str, Outcome]]:
    """What the network decodes for all documents of a part, by what is masked (NOTHING first), then by task.

    The encoder runs once; only what reads it runs again for each mask. `mean` without a vector: zeros.
    """
    by_name = {task.name: task for task in tasks}
    names = {task.name: maskable(network, task) for task in tasks}
    masks = [NOTHING, *dict.fromkeys(name for own in names.values() for name in own)]
    height = part.documents.height
    word_count = part.documents["word"].list.len().to_numpy().astype(np.int64)
    word_start = np.concatenate([[0], np.cumsum(word_count)])
    found: dict[str, dict[str, Outcome]] = {mask: {} for mask in masks}
    for rows, batch in batches(part):
        pooled, words = network.encoder(batch, 0.0, network.predicts_words)
        wide = network.wide_outputs(batch)
        at = flat_positions(word_start[rows], word_count[rows])
        for mask in masks:
            own = [task for task in tasks if mask in (NOTHING, *names[task.name])]
            outputs = _outputs(network, pooled, words, wide, mask, mean)
            for name, decoded in network.decode({t.name: outputs[t.name] for t in own}, batch).items():
                kind = HEADS[by_name[name].kind]
                if name not in found[mask]:
                    found[mask][name] = kind.empty_outcome(
                        by_name[name], num_rows=height, num_words=int(word_start[-1])
                    )
                kind.store(found[mask][name], decoded, task=by_name[name], rows=rows, words=at)
        if progress is not None:
            progress(len(rows))
    return found


def _outputs(
    network: Network,
    pooled: dict[str, Tensor],
    words: Words | None,
    wide: dict[str, Tensor],
    mask: str,
    mean: Means,
) -> dict[str, Tensor]:
    """The network's outputs with one thing masked; as `Network.forward`'s where nothing is."""
    if mask in pooled:
        vectors = pooled[mask]
        known = mean.pooled.get(mask, vectors.new_zeros(vectors.shape[1]))
        pooled = pooled | {mask: known.expand_as(vectors)}
    if words is not None and mask in (slices := word_slices(network.encoder)):
        values = words.values.clone()
        values[:, slices[mask]] = mean.words[slices[mask]]
        words = replace(words, values=values)
    deep = network.apply_heads(pooled, words)
    if not wide or mask == WIDE:
        return deep
    return wide if mask == DEEP else mean_of_branches([deep, wide])


def batches(part: FeaturePart) -> Iterator[tuple[np.ndarray, Batch]]:
    """Rows of a part, by length, with their batches."""
    length = part.documents["word"].list.len().to_numpy().astype(np.int64)
    order = np.argsort(length, kind="stable")
    for rows in cut_by_tokens(order, length[order], TOKENS_PER_BATCH):
        yield rows, collate(part, rows)
