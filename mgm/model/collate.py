"""Batches gathered from parts of features."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl
import torch
from torch import Tensor

from mgm.model.batch import Batch, flatten_lists
from mgm.model.encoder_input import EncoderInput
from mgm.model.generation.source_cut import SourceCut
from mgm.model.heads import HEADS
from mgm.pretrained.columns import COLUMNS, PIECE, START, STOP, document_vectors, word_vectors
from mgm.tasks import Task
from mgm.text.features import PROPERTIES, FeaturePart

_NONE = (np.zeros(0, np.int64), np.zeros(0, np.int64))


def collate(
    part: FeaturePart, rows: np.ndarray, *, tasks: Sequence[Task] = (), cut: SourceCut | None = None
) -> Batch:
    """Return the batch of `rows` of a part, in that order, with the targets of those of `tasks` that its corpus labels.

    Shapes: see `Batch`; T counts the distinct words of these rows alone.

    Args:
        part: features.
        rows: (B,) rows of the part.
        tasks: the tasks whose targets are wanted; where documents are cut, all of them generate text.
        cut: leaves out what the tasks do not read of a document; None: nothing.
    """
    encoded = [t for t in tasks if t.columns.label_ids in part.documents.columns]
    taught = [t for t in encoded if t.columns.teacher in part.documents.columns]
    names = [
        "word",
        "content",
        "sentence",
        "paragraph",
        *(t.columns.label_ids for t in encoded),
        *(t.columns.teacher for t in taught),
        *(name for name in COLUMNS if name in part.documents.columns),
    ]
    documents = part.documents.select(names)[rows]
    if cut is not None:
        documents = cut.apply(documents, part.types)
    word, word_count = flatten_lists(documents["word"])
    types, index = np.unique(word, return_inverse=True)
    paragraph, document_length = flatten_lists(documents["paragraph"])
    return replace(
        collate_types(part.types[types]),
        word=_long(index),
        content=torch.from_numpy(flatten_lists(documents["content"])[0].astype(np.bool_)),
        sentence_length=_long(flatten_lists(documents["sentence"])[0]),
        paragraph_length=_long(paragraph),
        document_length=_long(document_length),
        targets={
            t.name: gather_targets(documents[t.columns.label_ids], t, word_count=word_count) for t in encoded
        },
        teachers={
            t.name: torch.from_numpy(documents[t.columns.teacher].to_numpy(writable=True)) for t in taught
        },
        encoder=_encoder_input(documents),
    )


def collate_types(types: pl.DataFrame) -> Batch:
    """Return a batch with these distinct words, rows of `FeaturePart.types`, and without documents."""
    spelt = ["subwords"] if "subwords" in types.columns else []
    ngram, ngram_count = flatten_lists(types["ngrams"])
    character, character_count = flatten_lists(types["characters"])
    subword, subword_count = flatten_lists(types["subwords"]) if spelt else _NONE
    none = _long(_NONE[0])
    return Batch(
        type_id=_long(types["id"].to_numpy()),
        type_ngram=_long(ngram),
        type_ngram_offset=_long(np.concatenate([[0], np.cumsum(ngram_count)])),
        type_character=_long(character),
        type_character_offset=_long(np.concatenate([[0], np.cumsum(character_count)])),
        type_property=_long(types.select(*PROPERTIES).cast(pl.Int64).to_numpy()),
        word=none,
        content=none.bool(),
        sentence_length=none,
        paragraph_length=none,
        document_length=none,
        targets={},
        type_subword=_long(subword),
        type_subword_length=_long(subword_count),
    )


def gather_targets(column: pl.Series, task: Task, *, word_count: np.ndarray) -> Tensor:
    """Return the targets that a task's encoded column holds, shaped as its head expects them.

    Args:
        column: labels as numbers, a row a document.
        task: the task, with its label space.
        word_count: (B,) the words of each document.
    """
    return HEADS[task.kind].gather_targets(column, task, word_count=word_count)


def _encoder_input(documents: pl.DataFrame) -> EncoderInput:
    """Return the vectors of a pretrained encoder that documents have, or the pieces of one that is trained."""
    vectors = EncoderInput(
        document=_vectors(document_vectors(documents)), word=_vectors(word_vectors(documents))
    )
    if PIECE not in documents.columns:
        return vectors
    piece, count = flatten_lists(documents[PIECE])
    start, stop = (_long(flatten_lists(documents[name])[0]) for name in (START, STOP))
    return replace(vectors, piece=_long(piece), count=_long(count), start=start, stop=stop)


def _vectors(array: np.ndarray | None) -> Tensor:
    return torch.zeros(0, 0) if array is None else torch.from_numpy(array)


def _long(array: np.ndarray) -> Tensor:
    # arrays from Polars are read-only, about which torch warns
    return torch.from_numpy(np.require(array, np.int64, ["C", "W"]))
