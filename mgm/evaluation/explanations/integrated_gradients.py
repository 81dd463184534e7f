"""Integrated gradients over the words' vectors: the contribution of each word to an output of the deep part.

The path leads from the corpus's average word at every position to the document's own words. A word's vector is that of its
characters and its own; windows, the lead, sentences and all above read these, so a word's share holds its effect at every
granularity. The baseline is not zero: normalisation makes an all-zero document one that the model could never see, right
beside which its outputs jump.

The shares of a document sum to the output less that of the baseline (completeness); the integral is taken by the midpoint
rule, with twice as many points until that holds within a tolerance.

Axes: A points of the path, N words, D width of a word.

Source: Sundararajan et al. 2017, arXiv:1703.01365.
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
from mgm.settings.evaluation import ExplainSettings

Vectors = dict[str, Tensor]
"""(N, D) of each kind of word vector, by its name."""
_MIN_CHANGE = 1e-3
"""An output that changes less from the baseline than this has no share to be judged by."""


@dataclass(frozen=True, kw_only=True)
class IntegratedGradients:
    """The attribution of an output to the words of a document.

    Attributes:
        words: (N,) the contribution of each word.
        change: the output less that of the baseline.
        steps: the points of the path.
    """

    words: Tensor
    change: float
    steps: int

    @property
    def error(self) -> float:
        """The completeness error: the deviation of the words' sum, as a share of the sum of their absolute values."""
        off = abs(float(self.words.sum()) - self.change)
        return off / max(float(self.words.abs().sum()), abs(self.change), _MIN_CHANGE)


def average_word(encoder: Encoder, batches: Iterator[Batch]) -> dict[str, Tensor]:
    """Return the mean (D,) of each kind of word vector over all words of these batches: the baseline."""
    sums: dict[str, Tensor] = {}
    num_words = 0
    with torch.no_grad():
        for batch in batches:
            for name, vectors_ND in occurrence_vectors(encoder, batch).items():
                total = vectors_ND.double().sum(0)
                sums[name] = sums[name] + total if name in sums else total
            num_words += batch.word.numel()
    return {name: (total / max(num_words, 1)).float() for name, total in sums.items()}


def occurrence_vectors(encoder: Encoder, batch: Batch) -> Vectors:
    """Return the vectors of every occurrence of a word."""
    return {name: vectors[batch.word] for name, vectors in encoder.word_vectors(batch, 0.0).items()}


def integrated_gradients(
    network: Network,
    batch: Batch,
    *,
    task: str,
    coefficients: Tensor,
    baseline: Mapping[str, Tensor],
    settings: ExplainSettings,
) -> IntegratedGradients:
    """Return the contributions of a document's words, in a batch of one, to a weighted sum of a task's deep outputs.

    The path has `settings.steps` points, doubled while the completeness error is above `settings.tolerance`, up to
    `settings.max_steps`.

    Args:
        network: the network, in evaluation mode.
        batch: the document.
        task: the task whose outputs are summed.
        coefficients: shaped as the task's output, (1, K), (1,) or (N, tags).
        baseline: the result of `average_word`; zeros where it has no vector of a kind.
        settings: the section `explain`.
    """
    with torch.no_grad():
        end = occurrence_vectors(network.encoder, batch)
    start = {
        name: baseline.get(name, vectors.new_zeros(vectors.shape[1])).expand_as(vectors)
        for name, vectors in end.items()
    }
    path = _Path(network, batch, task, coefficients, start, end)
    with torch.no_grad():
        at_ends, _ = path.outputs(torch.tensor([0.0, 1.0]))
        change = float(at_ends[1] - at_ends[0])
    steps = settings.steps
    while True:
        words = path.integrate(steps, settings.tokens_per_batch)
        attribution = IntegratedGradients(words=words, change=change, steps=steps)
        if attribution.error <= settings.tolerance or steps * 2 > settings.max_steps:
            return attribution
        steps *= 2


@dataclass(frozen=True)
class _Path:
    """The straight path from the baseline's word vectors to the document's."""

    network: Network
    batch: Batch
    task: str
    coefficients: Tensor
    start: Vectors
    end: Vectors

    def integrate(self, steps: int, tokens_per_batch: int) -> Tensor:
        """Return the integral of each word's gradient along the path (N,), by the midpoint rule with `steps` points."""
        points = (torch.arange(steps) + 0.5) / steps
        gradients = {name: torch.zeros_like(vectors) for name, vectors in self.end.items()}
        points_at_once = max(1, tokens_per_batch // max(self.batch.word.numel(), 1))
        for points_A in points.split(points_at_once):
            outputs, inputs = self.outputs(points_A)
            of_inputs = torch.autograd.grad(outputs.sum(), list(inputs.values()))
            for name, gradient in zip(inputs, of_inputs, strict=True):
                gradients[name] += gradient.view(len(points_A), -1, gradient.shape[1]).sum(0)
        by_kind = [
            ((self.end[name] - self.start[name]) * gradients[name]).sum(1) / steps for name in self.end
        ]
        return torch.stack(by_kind).sum(0)

    def outputs(self, points_A: Tensor) -> tuple[Tensor, Vectors]:
        """Return the weighted outputs (A,) at points of the path, and the vectors there (A*N, D), which require gradients."""
        inputs = {
            name: (self.start[name] + points_A[:, None, None] * (self.end[name] - self.start[name]))
            .flatten(0, 1)
            .requires_grad_()
            for name in self.end
        }
        with _replaced_word_vectors(self.network.encoder, inputs):
            copies = _copies(self.batch, len(points_A))
            output = self.network.deep_outputs(copies, tasks=[self.task])[self.task]
        by_copy = output.view(len(points_A), *self.coefficients.shape)
        return (by_copy * self.coefficients).flatten(1).sum(1), inputs


def _copies(batch: Batch, count: int) -> Batch:
    """Return the documents `count` times, every occurrence of a word as a separate type, whose features are not read."""
    num_words = batch.word.numel() * count
    zeros = torch.zeros(num_words, dtype=torch.int64)
    return replace(
        batch,
        type_id=zeros,
        type_ngram=zeros[:0],
        type_ngram_offset=torch.zeros(num_words + 1, dtype=torch.int64),
        type_character=zeros[:0],
        type_character_offset=torch.zeros(num_words + 1, dtype=torch.int64),
        type_property=torch.zeros(num_words, batch.type_property.shape[1], dtype=torch.int64),
        word=torch.arange(num_words),
        content=batch.content.repeat(count),
        sentence_length=batch.sentence_length.repeat(count),
        paragraph_length=batch.paragraph_length.repeat(count),
        document_length=batch.document_length.repeat(count),
        targets={},
        encoder=batch.encoder.repeat(count),
    )


@contextmanager
def _replaced_word_vectors(encoder: Encoder, vectors: Vectors) -> Iterator[None]:
    """Replace the vectors of the encoder's word types by these, within the context, for any batch."""

    def replace_output(name: str) -> Any:
        return lambda module, inputs, output: vectors[name]

    handles = [encoder.granularities[name].register_forward_hook(replace_output(name)) for name in vectors]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
