"""Word vectors trained on the project's own corpora: word2vec (skip-gram) or fastText, by gensim.

Source: Mikolov et al. 2013, arXiv:1310.4546; Bojanowski et al. 2017, arXiv:1607.04606.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice, repeat

import numpy as np
import polars as pl

from mgm.corpus.progress import progress
from mgm.settings.text import FeatureSettings, VectorSettings
from mgm.text.features import FeaturePart
from mgm.text.list_columns import flatten_ints, lengths, offsets, row_ids, unflatten
from mgm.text.vectors.table import VectorTable
from mgm.text.vocabulary import UNKNOWN, Vocabulary

CHUNK_WORDS = 500_000
"""The number of words that are in memory as Python strings at the same time, about 30 MB."""


def train_vectors(
    parts: Sequence[FeaturePart],
    vocabulary: Vocabulary,
    *,
    settings: VectorSettings,
    features: FeatureSettings,
    width: int,
    seed: int,
) -> VectorTable:
    """Train vectors of the vocabulary's words on the sentences of the rows of split train, labelled or not.

    The same arguments give the same bytes, since one thread does all the work (about 400,000 words a second and epoch). Memory: two
    tables of V+1 rows (for fastText a third one, of n-grams), and `CHUNK_WORDS` words.

    Args:
        parts: the features of all corpora.
        vocabulary: the words that get a vector.
        settings: the algorithm and its parameters.
        features: the n-grams of fastText.
        width: the dimensions of a vector, D.
        seed: the seed of initial values and negative samples.

    Returns:
        (V+1, D).

    Raises:
        ValueError: no sentence has two known words to learn from.
    """
    sentences = _Sentences(parts, vocabulary, f"{settings.algorithm} vectors", settings.epochs)
    if not sentences.count:
        raise ValueError(
            "text.vectors.source is train, but no sentence of split train has two words of the vocabulary; "
            "set it to none"
        )
    # Imported here, since the import takes a second and most projects train no vectors.
    from gensim.models import FastText, Word2Vec

    # On a tiny corpus gensim warns that the learning rate decays in few steps.
    logging.getLogger("gensim").setLevel(logging.ERROR)
    common = {
        "vector_size": width,
        "sg": 1,
        "window": settings.window,
        "negative": settings.negative,
        "min_count": 1,
        "workers": 1,
        "seed": seed,
    }
    if settings.algorithm == "fasttext":
        model = FastText(
            **common, min_n=features.ngram_min, max_n=features.ngram_max, bucket=features.ngram_buckets
        )
    else:
        model = Word2Vec(**common)
    frequency = dict(vocabulary.table.select("word", "count").iter_rows())
    model.build_vocab_from_freq(frequency, corpus_count=sentences.count)
    model.train(sentences, total_examples=sentences.count, epochs=settings.epochs)
    table = np.zeros((len(vocabulary) + 1, width), np.float32)
    table[1:] = model.wv.vectors[[model.wv.key_to_index[word] for word in frequency]]
    return table


@dataclass
class _Sentences:
    """The sentences of the training rows as lists of known words; they are iterated once an epoch."""

    parts: Sequence[FeaturePart]
    vocabulary: Vocabulary
    description: str
    epochs: int
    count: int = field(init=False)
    """The number of sentences of an epoch."""

    def __post_init__(self) -> None:
        self.chunks = [(part, rows) for part in self.parts for rows in _chunks(part)]
        self.names = pl.concat([pl.Series("word", [None], dtype=pl.String), self.vocabulary.table["word"]])
        self.count = sum(_known_words(part, rows)[1].size for part, rows in self.chunks)
        all_epochs = chain.from_iterable(repeat(self.chunks, self.epochs))
        self.remaining = progress(all_epochs, self.description, total=len(self.chunks) * self.epochs)

    def __iter__(self) -> Iterator[list[str]]:
        for part, rows in islice(self.remaining, len(self.chunks)):
            ids, counts = _known_words(part, rows)
            yield from unflatten(self.names.gather(ids), counts, name="words").to_list()


def _chunks(part: FeaturePart) -> list[np.ndarray]:
    """Return the rows of split train in chunks of about CHUNK_WORDS words."""
    rows = part.documents.select((pl.col("split") == "train").arg_true()).to_series().to_numpy()
    before = offsets(lengths(part.documents["word"])[rows])[:-1]
    return np.split(rows, np.flatnonzero(np.diff(before // CHUNK_WORDS)) + 1) if len(rows) else []


def _known_words(part: FeaturePart, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the ids of the known words of these rows, one after another, and the number of those of each sentence.

    Sentences of fewer than two are left out, since a word is learned from its neighbours.
    """
    documents = part.documents.select("word", "sentence")[rows]
    ids = part.types["id"].to_numpy()[flatten_ints(documents["word"])]
    length = flatten_ints(documents["sentence"])
    sentence = row_ids(length)
    counts = np.bincount(sentence[ids != UNKNOWN], minlength=len(length))
    return ids[(ids != UNKNOWN) & (counts[sentence] > 1)], counts[counts > 1]
