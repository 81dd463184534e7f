"""What each word adds to an output of the deep part: integrated gradients over the words' vectors.

The path leads from the corpus's average word at every place to the document's own words. A word's vector is that of its
characters and its own; windows, the lead, sentences and all above read these, so a word's share holds what it does at every
granularity. The baseline is not zero: normalisation makes an all-zero document one that the model could never see, right
beside which its outputs jump.

Source: Sundararajan et al. 2017, arXiv:1703.01365. The shares of a document sum to the output less that of the baseline
(completeness); the integral is taken by the midpoint rule, with twice as many points until that holds within a tolerance.

Axes: A points of the path, B documents, N words, D width of a word.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from mgm.model.batch import Batch
from mgm.model.encoder import Encoder
from mgm.model.network import Network

Vectors = dict[str, Tensor]
"""(N,D) of each kind of word vector, by its name."""
_TINY = 1e-3
"""An output that moves less from the baseline than this has no share to be judged by."""


@dataclass(frozen=True)
class Attribution:
    """Of one document: `words` (N,), what each adds; `change`, the output less the baseline's; `steps` of the path."""

    words: Tensor
    change: float
    steps: int

    @property
    def error(self) -> float:
        """How far the words' sum is off, as a share of the sum of what they add, signs aside."""
        off = abs(float(self.words.sum()) - self.change)
        return off / max(float(self.words.abs().sum()), abs(self.change), _TINY)


def average_word(encoder: Encoder, batches: Iterator[Batch]) -> dict[str, Tensor]:
    """(D,) the mean of each kind of word vector over all words of these batches: the baseline."""
    sums: dict[str, Tensor] = {}
    words = 0
    with torch.no_grad():
        for batch in batches:
            for name, vectors_ND in occurrence_vectors(encoder, batch).items():
                total = vectors_ND.double().sum(0)
                sums[name] = sums[name] + total if name in sums else total
            words += batch.word.numel()
    return {name: (total / max(words, 1)).float() for name, total in sums.items()}


def occurrence_vectors(encoder: Encoder, batch: Batch) -> Vectors:
    """The vectors of each word where it stands."""
    return {name: vectors[batch.word] for name, vectors in encoder.word_vectors(batch, 0.0).items()}


def integrated_gradients(
    network: Network,
    batch: Batch,
    task: str,
    coefficients: Tensor,
    baseline: Mapping[str, Tensor],
    steps: int,
    most_steps: int,
    tolerance: float,
    tokens_per_batch: int,
) -> Attribution:
    """What the words of a batch of one document add to the sum of coefficient times deep output of a task.

    coefficients: shaped as the task's output, (1,K), (1,) or (N, tags). From `steps` points on, doubled while the
    completeness error is above `tolerance`, up to `most_steps`.
    """
    with torch.no_grad():
        vectors = occurrence_vectors(network.encoder, batch)
    start = {n: baseline.get(n, own.new_zeros(own.shape[1])).expand_as(own) for n, own in vectors.items()}
    with torch.no_grad():
        ends = _along(network, batch, task, coefficients, start, vectors, torch.tensor([0.0, 1.0]))[0]
        change = float(ends[1] - ends[0])
    while True:
        points = (torch.arange(steps) + 0.5) / steps
        gradients = {name: torch.zeros_like(own) for name, own in vectors.items()}
        at_once = max(1, tokens_per_batch // max(batch.word.numel(), 1))
        for some in points.split(at_once):
            outputs, inputs = _along(network, batch, task, coefficients, start, vectors, some)
            found = torch.autograd.grad(outputs.sum(), list(inputs.values()))
            for name, gradient in zip(inputs, found, strict=True):
                gradients[name] += gradient.view(len(some), -1, gradient.shape[1]).sum(0)
        words = torch.stack([((vectors[n] - start[n]) * gradients[n]).sum(1) / steps for n in vectors]).sum(0)
        attribution = Attribution(words, change, steps)
        if attribution.error <= tolerance or steps * 2 > most_steps:
            return attribution
        steps *= 2


def _along(
    network: Network,
    batch: Batch,
    task: str,
    coefficients: Tensor,
    start: Vectors,
    end: Vectors,
    points_A: Tensor,
) -> tuple[Tensor, Vectors]:
    """(A,) the weighted outputs at points of the path, and the vectors there (A*N,D), whose gradients can be asked for."""
    inputs = {
        name: (start[name] + points_A[:, None, None] * (end[name] - start[name]))
        .flatten(0, 1)
        .requires_grad_()
        for name in end
    }
    copies = _copies(batch, len(points_A))
    with _word_vectors(network.encoder, inputs):
        output = network.deep_outputs(copies)[task]
    per_copy = output.view(len(points_A), *coefficients.shape)
    return (per_copy * coefficients).flatten(1).sum(1), inputs


def _copies(batch: Batch, count: int) -> Batch:
    """The documents `count` times, every occurrence of a word a word of its own, whose features are not read."""
    words = batch.word.numel() * count
    zeros = torch.zeros(words, dtype=torch.int64)
    return replace(
        batch,
        type_id=zeros,
        type_ngram=zeros[:0],
        type_ngram_offset=torch.zeros(words + 1, dtype=torch.int64),
        type_character=zeros[:0],
        type_character_offset=torch.zeros(words + 1, dtype=torch.int64),
        type_property=torch.zeros(words, batch.type_property.shape[1], dtype=torch.int64),
        word=torch.arange(words),
        content=batch.content.repeat(count),
        sentence_length=batch.sentence_length.repeat(count),
        paragraph_length=batch.paragraph_length.repeat(count),
        document_length=batch.document_length.repeat(count),
        targets={},
    )


@contextmanager
def _word_vectors(encoder: Encoder, vectors: Vectors) -> Iterator[None]:
    """Within, the encoder's words have these vectors, whatever the batch says."""

    def put(name: str) -> Any:
        return lambda module, inputs, output: vectors[name]

    handles = [getattr(encoder, name).register_forward_hook(put(name)) for name in vectors]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
