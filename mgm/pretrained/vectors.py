"""Features with the vectors of an encoder."""

from collections.abc import Callable

from mgm.pretrained.columns import vector_columns
from mgm.pretrained.encoder import PretrainedEncoder
from mgm.pretrained.pieces import join_words
from mgm.text.features import FeaturePart


def add_vectors(
    part: FeaturePart,
    encoder: PretrainedEncoder,
    *,
    with_words: bool,
    on_done: Callable[[int], object] | None = None,
) -> FeaturePart:
    """Return a part of features with the vectors of an encoder.

    Args:
        part: features.
        encoder: the encoder.
        with_words: whether to add vectors of words.
        on_done: called after each group of documents with their number.
    """
    texts, bounds = join_words(part, encoder.settings.prefix)
    pieces = encoder.tokenizer.split(texts, bounds, max_pieces=encoder.max_pieces)
    vectors, words = encoder.encode(pieces, with_words=with_words, on_done=on_done)
    columns = vector_columns(vectors, words, word_count=pieces.word_count)
    return FeaturePart(part.documents.hstack(columns), part.types)
