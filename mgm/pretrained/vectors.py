"""Features with the vectors of an encoder."""

from collections.abc import Callable

import polars as pl

from mgm.pretrained.columns import piece_columns, vector_columns
from mgm.pretrained.encoder import PretrainedEncoder
from mgm.pretrained.pieces import Pieces, join_words
from mgm.text.features import FeaturePart


def add_vectors(
    part: FeaturePart,
    encoder: PretrainedEncoder,
    *,
    with_words: bool,
    on_done: Callable[[int], object] | None = None,
) -> FeaturePart:
    """Return a part of features with the vectors of an encoder, or the pieces of one that is trained.

    Args:
        part: features.
        encoder: the encoder.
        with_words: whether to add vectors of words.
        on_done: called after each group of documents with their number.
    """
    texts, bounds = join_words(part, encoder.settings.prefix)
    pieces = encoder.tokenizer.split(texts, bounds, max_pieces=encoder.max_pieces)
    columns = encoder_columns(encoder, pieces, with_words=with_words, on_done=on_done)
    return FeaturePart(part.documents.hstack(columns), part.types)


def encoder_columns(
    encoder: PretrainedEncoder,
    pieces: Pieces,
    *,
    with_words: bool,
    on_done: Callable[[int], object] | None = None,
) -> list[pl.Series]:
    """Return the columns of an encoder for documents: their vectors or, of one that is trained, their pieces."""
    if encoder.settings.is_trained:
        return piece_columns(pieces)
    vectors, words = encoder.encode(pieces, with_words=with_words, on_done=on_done)
    return vector_columns(vectors, words, word_count=pieces.word_count)
