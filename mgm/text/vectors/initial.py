"""The word vectors that a network starts from, by `text.vectors.source`."""

from collections.abc import Callable, Sequence
from pathlib import Path

from mgm.settings.views.network import NetworkSettings
from mgm.text.features import FeaturePart
from mgm.text.vectors.files import read_vectors
from mgm.text.vectors.table import VectorTable
from mgm.text.vectors.training import train_vectors
from mgm.text.vocabulary import Vocabulary


def initial_vectors(
    settings: NetworkSettings,
    vocabulary: Vocabulary,
    *,
    read_parts: Callable[[], Sequence[FeaturePart]],
    folder: Path,
    encode: Callable[[Sequence[str]], VectorTable],
) -> VectorTable | None:
    """Return vectors that are trained, read from a file or made by an encoder, or None where the settings want none.

    Args:
        settings: the source of the vectors and their width.
        vocabulary: the words that get a vector.
        read_parts: returns the features to train on.
        folder: the folder of the file.
        encode: returns the vectors of words by a pretrained encoder.

    Raises:
        FileNotFoundError, ValueError: see `train_vectors` and `read_vectors`.
    """
    vectors, features, width = settings.text.vectors, settings.text.features, settings.model.width
    if vectors.source == "train":
        return train_vectors(
            read_parts(), vocabulary, settings=vectors, features=features, width=width, seed=settings.seed
        )
    if vectors.source == "file":
        return read_vectors(folder, vectors.file, vocabulary=vocabulary, width=width, stem=features.stem)
    if vectors.source == "encoder":
        return encode(vocabulary.table["word"].to_list())
    return None
