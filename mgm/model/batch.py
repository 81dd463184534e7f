"""A batch of documents as flat tensors.

Axes: B documents, P paragraphs, S sentences, N words of the whole batch, T distinct words, G n-grams and C characters
of them, K labels. Nothing is padded: lengths accompany the flat values, so a document never sees its neighbours.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor

from mgm.model.encoder_input import EncoderInput
from mgm.model.ragged import Ragged, sum_runs
from mgm.text.list_columns import lengths

NO_LABEL = -100
"""The target of a document or word that carries no label, where targets are ids; torch's own ignore_index."""


def _empty() -> Tensor:
    return torch.zeros(0, dtype=torch.int64)


@dataclass(frozen=True)
class Batch:
    """The tensors of B documents.

    `targets` holds only the tasks that these documents' corpus labels, shaped as the task's head expects them
    (mgm.model.heads). Without a label a target is NO_LABEL, or NaN in float targets.

    `teachers` holds, in training, the predictions of teachers for some of these tasks: probabilities (B,K) or values (B,);
    NaN where there are none.
    """

    type_id: Tensor  # (T,) vocabulary id, 0 unknown
    type_ngram: Tensor  # (G,)
    type_ngram_offset: Tensor  # (T+1,)
    type_character: Tensor  # (C,) code points of words with a Chinese character
    type_character_offset: Tensor  # (T+1,)
    type_property: Tensor  # (T,properties), in the order of mgm.text.features.PROPERTIES
    word: Tensor  # (N,) index into the T types
    content: Tensor  # (N,) bool
    sentence_length: Tensor  # (S,) words of each sentence
    paragraph_length: Tensor  # (P,) sentences of each paragraph
    document_length: Tensor  # (B,) paragraphs of each document
    targets: dict[str, Tensor]
    teachers: dict[str, Tensor] = field(default_factory=dict)
    type_subword: Tensor = field(default_factory=_empty)  # (U,) of generation tasks
    type_subword_length: Tensor = field(default_factory=_empty)  # (T,)
    encoder: EncoderInput = field(default_factory=EncoderInput)

    def to(self, device: torch.device | str) -> "Batch":
        """Return the batch on another device."""
        return Batch(**{f.name: _to(getattr(self, f.name), device) for f in fields(self)})

    @property
    def size(self) -> int:
        """The number of documents, B."""
        return self.document_length.numel()

    def split(self, sizes: list[int]) -> Iterator["Batch"]:
        """Yield consecutive batches of the given `sizes` in documents, each with the distinct words of all.

        The batch must have no targets.
        """
        assert not self.targets and not self.teachers, "a batch with targets cannot be split"
        paragraphs = [int(part.sum()) for part in self.document_length.split(sizes)]
        sentences = [int(part.sum()) for part in self.paragraph_length.split(paragraphs)]
        words = [int(part.sum()) for part in self.sentence_length.split(sentences)]
        runs: dict[str, Iterable[Any]] = {
            "word": self.word.split(words),
            "content": self.content.split(words),
            "sentence_length": self.sentence_length.split(sentences),
            "paragraph_length": self.paragraph_length.split(paragraphs),
            "document_length": self.document_length.split(sizes),
        }
        runs["encoder"] = self.encoder.split(sizes, words)
        for run in zip(*runs.values(), strict=True):
            yield replace(self, **dict(zip(runs, run, strict=True)))

    def select(self, keep: Tensor) -> "Batch":
        """Return the documents where `keep` (B,) is true, without targets, with the distinct words of all."""
        paragraphs = torch.repeat_interleave(keep, self.document_length)
        sentences = torch.repeat_interleave(paragraphs, self.paragraph_length)
        words = torch.repeat_interleave(sentences, self.sentence_length)
        return replace(
            self,
            word=self.word[words],
            content=self.content[words],
            sentence_length=self.sentence_length[sentences],
            paragraph_length=self.paragraph_length[paragraphs],
            document_length=self.document_length[keep],
            targets={},
            teachers={},
            encoder=self.encoder.select(keep, words),
        )

    @cached_property
    def words_per_paragraph(self) -> Tensor:
        """(P,) words of each paragraph."""
        return sum_runs(self.sentence_length, self.paragraph_length)

    @property
    def labelled(self) -> dict[str, int]:
        """The number of documents with a label or a teacher's prediction, by task.

        Of tasks whose targets are ids of words or subwords it is the number of these.
        """
        known = {
            task: ~target.isnan().reshape(len(target), -1).any(1)
            if target.is_floating_point()
            else target != NO_LABEL
            for task, target in self.targets.items()
        }
        for task, answers in self.teachers.items():
            known[task] = known[task] | ~answers.isnan().reshape(len(answers), -1).any(1)
        return {task: int(labelled.sum()) for task, labelled in known.items()}

    @cached_property
    def words_per_document(self) -> Tensor:
        """(B,) words of each document."""
        return sum_runs(self.words_per_paragraph, self.document_length)

    @cached_property
    def sentences_per_document(self) -> Tensor:
        """(B,) sentences of each document."""
        return sum_runs(self.paragraph_length, self.document_length)

    @cached_property
    def document(self) -> Tensor:
        """(N,) the document of each word."""
        return Ragged(self.word, self.words_per_document).row


def flatten_lists(lists: pl.Series) -> tuple[np.ndarray, np.ndarray]:
    """Return the values of a list column one after another, and the length (R,) int64 of each row; 0 of a null row."""
    array = lists.rechunk().to_arrow()
    values = pl.from_arrow(array.flatten())  # by Polars, as pyarrow's to_numpy imports pandas
    assert isinstance(values, pl.Series)
    return values.to_numpy(), lengths(lists)


def cut_by_tokens(order: np.ndarray, length: np.ndarray, *, tokens_per_batch: int) -> Iterator[np.ndarray]:
    """Yield runs of `order` whose `length` (in that order) sums to at most `tokens_per_batch`, at least one item each."""
    end = np.cumsum(length)
    position = 0
    while position < len(order):
        done = end[position - 1] if position else 0
        stop = max(int(np.searchsorted(end, done + tokens_per_batch, side="right")), position + 1)
        yield order[position:stop]
        position = stop


def flat_positions(start: np.ndarray, length: np.ndarray) -> np.ndarray:
    """Return the positions start[i] .. start[i]+length[i]-1 of every i, one run after another."""
    before = np.cumsum(length) - length
    return np.repeat(start - before, length) + np.arange(int(length.sum()))


def _to(value: Any, device: torch.device | str) -> Any:
    if isinstance(value, dict):
        return {name: tensor.to(device, non_blocking=True) for name, tensor in value.items()}
    return value.to(device, non_blocking=True)
