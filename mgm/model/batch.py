"""A batch of documents as flat tensors, and how it is gathered from a part of features.

Axes: B documents, P paragraphs, S sentences, N words of the whole batch, T distinct words, G n-grams and C characters
of them, K labels. Nothing is padded here: lengths stand beside the flat values, so a document never sees its neighbours.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
import pyarrow.compute as pc
import torch
from torch import Tensor

from mgm.model.ragged import Ragged, sum_runs
from mgm.tasks import Task
from mgm.text.features import PROPERTIES, FeaturePart

NO_LABEL = -100
"""The target of a document (classification) or word (tagging) that carries no label; torch's own
ignore_index."""
_NONE = (np.zeros(0, np.int64), np.zeros(0, np.int64))


def _nothing() -> Tensor:
    return torch.zeros(0, dtype=torch.int64)


@dataclass(frozen=True)
class Batch:
    """The tensors of B documents.

    `targets` holds only the tasks that these documents' corpus labels: classification (B,) int64, multilabel
    (B,K) float32, regression (B,) float32, tagging (N,) int64 of BIO ids, generation (B,L) int64 of subwords
    with their end. Not labelled, and behind an end: NO_LABEL, or NaN in float targets.

    `teachers` holds the answers of teachers for some of these tasks, in training: probabilities (B,K) of classification
    and multilabel, values (B,) of regression; NaN: none.
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
    type_subword: Tensor = field(default_factory=_nothing)  # (U,) of generation tasks
    type_subword_length: Tensor = field(default_factory=_nothing)  # (T,)

    def to(self, device: torch.device | str) -> "Batch":
        """The same batch on another device."""
        return Batch(**{f.name: _to(getattr(self, f.name), device) for f in fields(self)})

    @property
    def size(self) -> int:
        """B."""
        return self.document_length.numel()

    def split(self, sizes: list[int]) -> Iterator["Batch"]:
        """So many documents after each other, with the distinct words of all. Of a batch without targets."""
        assert not self.targets and not self.teachers, "only what is predicted is split"
        paragraphs = [int(part.sum()) for part in self.document_length.split(sizes)]
        sentences = [int(part.sum()) for part in self.paragraph_length.split(paragraphs)]
        words = [int(part.sum()) for part in self.sentence_length.split(sentences)]
        runs = zip(
            self.word.split(words),
            self.content.split(words),
            self.sentence_length.split(sentences),
            self.paragraph_length.split(paragraphs),
            self.document_length.split(sizes),
            strict=True,
        )
        names = ("word", "content", "sentence_length", "paragraph_length", "document_length")
        for run in runs:
            yield replace(self, **dict(zip(names, run, strict=True)))

    @cached_property
    def words_per_paragraph(self) -> Tensor:
        """(P,)"""
        return sum_runs(self.sentence_length, self.paragraph_length)

    @property
    def labelled(self) -> dict[str, int]:
        """How many documents have a label or a teacher's answer, by document-level task (how many words have a label, by
        tagging task; how many subwords the targets have, by generation task)."""
        known = {
            task: ~target.isnan().reshape(len(target), -1).any(1)
            if target.is_floating_point()
            else target != NO_LABEL
            for task, target in self.targets.items()
        }
        for task, answers in self.teachers.items():
            known[task] = known[task] | ~answers.isnan().reshape(len(answers), -1).any(1)
        return {task: int(found.sum()) for task, found in known.items()}

    @cached_property
    def words_per_document(self) -> Tensor:
        """(B,)"""
        return sum_runs(self.words_per_paragraph, self.document_length)

    @cached_property
    def sentences_per_document(self) -> Tensor:
        """(B,)"""
        return sum_runs(self.paragraph_length, self.document_length)

    @cached_property
    def document(self) -> Tensor:
        """(N,) the document of each word."""
        return Ragged(self.word, self.words_per_document).row


def collate(part: FeaturePart, rows: np.ndarray, tasks: Sequence[Task] = ()) -> Batch:
    """Return the batch of `rows` of a part, in that order, with the targets of those of `tasks` that its corpus labels.

    Shapes: see `Batch`; T counts the distinct words of these rows alone.
    """
    encoded = [t for t in tasks if t.encoded in part.documents.columns]
    taught = [t for t in encoded if t.taught in part.documents.columns]
    names = [
        "word",
        "content",
        "sentence",
        "paragraph",
        *(t.encoded for t in encoded),
        *(t.taught for t in taught),
    ]
    documents = part.documents.select(names)[rows]
    word, word_count = ragged(documents["word"])
    types, index = np.unique(word, return_inverse=True)
    spelt = ["subwords"] if "subwords" in part.types.columns else []
    type_rows = part.types.select("id", "ngrams", "characters", *PROPERTIES, *spelt)[types]
    ngram, ngram_count = ragged(type_rows["ngrams"])
    character, character_count = ragged(type_rows["characters"])
    subword, subword_count = ragged(type_rows["subwords"]) if spelt else _NONE
    paragraph, document_length = ragged(documents["paragraph"])
    return Batch(
        type_id=_long(type_rows["id"].to_numpy()),
        type_ngram=_long(ngram),
        type_ngram_offset=_long(np.concatenate([[0], np.cumsum(ngram_count)])),
        type_character=_long(character),
        type_character_offset=_long(np.concatenate([[0], np.cumsum(character_count)])),
        type_property=_long(type_rows.select(*PROPERTIES).cast(pl.Int64).to_numpy()),
        word=_long(index),
        content=torch.from_numpy(ragged(documents["content"])[0].astype(np.bool_)),
        sentence_length=_long(ragged(documents["sentence"])[0]),
        paragraph_length=_long(paragraph),
        document_length=_long(document_length),
        targets={t.name: target(documents[t.encoded], t, word_count) for t in encoded},
        teachers={t.name: torch.from_numpy(documents[t.taught].to_numpy(writable=True)) for t in taught},
        type_subword=_long(subword),
        type_subword_length=_long(subword_count),
    )


def ragged(lists: pl.Series) -> tuple[np.ndarray, np.ndarray]:
    """The values of a list column one after another, and the length (n,) int64 of each row; a null row counts
    0."""
    array = lists.rechunk().to_arrow()
    length = pc.fill_null(pc.list_value_length(array), 0)
    return array.flatten().to_numpy(zero_copy_only=False), length.to_numpy(zero_copy_only=False).astype(
        np.int64
    )


def cut_by_tokens(order: np.ndarray, length: np.ndarray, tokens_per_batch: int) -> Iterator[np.ndarray]:
    """Runs of `order` whose `length` (in that order) sums to at most `tokens_per_batch`, at least one item
    each."""
    end = np.cumsum(length)
    position = 0
    while position < len(order):
        done = end[position - 1] if position else 0
        stop = max(int(np.searchsorted(end, done + tokens_per_batch, side="right")), position + 1)
        yield order[position:stop]
        position = stop


def flat_positions(start: np.ndarray, length: np.ndarray) -> np.ndarray:
    """The positions start[i] .. start[i]+length[i]-1 of every i, one run after another."""
    before = np.cumsum(length) - length
    return np.repeat(start - before, length) + np.arange(int(length.sum()))


def target(column: pl.Series, task: Task, word_count: np.ndarray) -> Tensor:
    """The targets that a task's encoded column holds, as `Batch.targets` says; `word_count` (B,) serves
    tagging alone."""
    if task.kind == "classification":
        # -1, a label that training never saw, teaches nothing either
        ids = column.fill_null(NO_LABEL).to_numpy().astype(np.int64)
        return torch.from_numpy(np.where(ids < 0, NO_LABEL, ids))
    if task.kind == "regression":
        return torch.from_numpy(column.cast(pl.Float32).fill_null(float("nan")).to_numpy().astype(np.float32))
    labelled = column.is_not_null().to_numpy()
    values, count = ragged(column)
    if task.kind == "multilabel":
        dense = np.where(labelled[:, None], np.float32(0), np.float32("nan")) * np.ones(
            (1, len(task.labels)), np.float32
        )
        dense[np.repeat(np.arange(len(column)), count), values] = 1
        return torch.from_numpy(dense)
    if task.kind == "tagging":
        tags = np.full(int(word_count.sum()), NO_LABEL, np.int64)
        tags[np.repeat(labelled, word_count)] = values
        return torch.from_numpy(tags)
    if task.kind == "generation":
        rows = np.full((len(column), int(count.max(initial=0))), NO_LABEL, np.int64)
        rows[np.repeat(np.arange(len(column)), count), flat_positions(np.zeros_like(count), count)] = values
        return torch.from_numpy(rows)
    raise ValueError(f"task {task.name!r}: no targets for the kind {task.kind!r}")


def _long(array: np.ndarray) -> Tensor:
    # what Polars lends is read-only, which torch warns of
    return torch.from_numpy(np.require(array, np.int64, ["C", "W"]))


def _to(value: Any, device: torch.device | str) -> Any:
    if isinstance(value, dict):
        return {name: tensor.to(device, non_blocking=True) for name, tensor in value.items()}
    return value.to(device, non_blocking=True)
