"""Features: the input of the network for a part of documents. Each distinct word is described once."""

from ctypes import c_int64, c_uint64, c_void_p
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from mgm.native import load_kernels
from mgm.settings.text import FeatureSettings
from mgm.text import vocabulary as vocabularies
from mgm.text.dictionary import UserDictionary
from mgm.text.factorized_tokens import FactorizedTokens
from mgm.text.list_columns import Array, code_points, local_index, num_characters, offsets, unflatten, utf8_of
from mgm.text.part_of_speech import NO_POS, NUM_POS, tag_words
from mgm.text.shapes import NUM_SCRIPTS, NUM_SHAPES, find_shapes
from mgm.text.subwords import Subwords
from mgm.text.vocabulary import Vocabulary

PROPERTIES = {"bucket": vocabularies.NUM_BUCKETS, "shape": NUM_SHAPES, "script": NUM_SCRIPTS, "pos": NUM_POS}
"""The properties of a word in the order of their columns, with the number of ids of each."""

_HAN = r"\p{Han}"
_EDGES = ("<", ">")
_FNV_OFFSET = np.uint64(0xCBF29CE484222325)
_FNV_PRIME = np.uint64(0x100000001B3)


@dataclass(frozen=True)
class FeaturePart:
    """The features of one part of documents."""

    documents: pl.DataFrame
    """doc_id and the other columns of the tokens, with `word`, list[i32] (rows of `types`), in place of `words`."""
    types: pl.DataFrame
    """A row for each distinct word, in order of first appearance: text, id (i32, 0: unknown), ngrams (list[i32]), characters
    (list[i32]), and the properties bucket, shape, script and pos (i8); with generation tasks also subwords (list[i32])."""

    def save(self, folder: Path, index: int) -> list[Path]:
        """Write both tables as uncompressed Arrow files, which can be memory-mapped, and return their paths."""
        folder.mkdir(parents=True, exist_ok=True)
        paths = part_paths(folder, index)
        for table, path in zip((self.documents, self.types), paths, strict=True):
            table.rechunk().write_ipc(path, compression="uncompressed")
        return paths

    @classmethod
    def load(cls, folder: Path, index: int, *, memory_map: bool = True) -> Self:
        """Open the tables that `save` wrote, memory-mapped or read into memory.

        Raises:
            FileNotFoundError: there is no such part.
        """
        return cls(*((_map if memory_map else pl.read_ipc)(path) for path in part_paths(folder, index)))


def _map(path: Path) -> pl.DataFrame:
    with pa.memory_map(str(path)) as file:
        table = pl.from_arrow(pa.ipc.open_file(file).read_all())
    assert isinstance(table, pl.DataFrame)
    return table


def part_paths(folder: Path, index: int) -> list[Path]:
    """Return the files of a part: of its documents, and of its types."""
    return [folder / f"part-{index:05d}.arrow", folder / f"part-{index:05d}.types.arrow"]


def featurize(
    tokens: pl.DataFrame,
    vocabulary: Vocabulary,
    *,
    settings: FeatureSettings,
    dictionary: UserDictionary | None = None,
    subwords: Subwords | None = None,
) -> FeaturePart:
    """Return the features of tokens, row by row.

    Args:
        tokens: a table with `words` and `content`; its other columns stay.
        vocabulary: the words with an id.
        settings: the character n-grams, and whether words are stemmed and tagged.
        dictionary: the user dictionary that the texts were segmented with; its tags are parts of speech.
        subwords: the pieces of generation tasks.
    """
    words = FactorizedTokens.from_lists(tokens["words"])
    return featurize_words(
        tokens.drop("words"),
        words,
        vocabulary=vocabulary,
        settings=settings,
        dictionary=dictionary,
        subwords=subwords,
    )


def featurize_words(
    tokens: pl.DataFrame,
    words: FactorizedTokens,
    *,
    vocabulary: Vocabulary,
    settings: FeatureSettings,
    dictionary: UserDictionary | None = None,
    subwords: Subwords | None = None,
) -> FeaturePart:
    """Return features as `featurize` does, of tokens without `words`, which are passed separately."""
    word = unflatten(pl.Series(words.codes), words.counts, name="word")
    features = describe_types(words.types, vocabulary, settings=settings, dictionary=dictionary)
    if subwords is not None:
        features = features.with_columns(subwords.encode_words(features["text"]))
    return FeaturePart(tokens.with_columns(word), features)


def describe_types(
    words: pl.Series,
    vocabulary: Vocabulary,
    *,
    settings: FeatureSettings,
    dictionary: UserDictionary | None = None,
) -> pl.DataFrame:
    """Return the table of distinct words, `FeaturePart.types`, without subwords; for the arguments see `featurize`."""
    types = words.alias("text")
    features = types.to_frame().with_columns(
        *vocabulary.look_up(types, settings.stem),
        hash_ngrams(types, settings),
        chinese_characters(types),
        *find_shapes(types),
        tag_words(types, None if dictionary is None else dictionary.tags)
        if settings.part_of_speech
        else pl.lit(NO_POS, pl.Int8).alias("pos"),
    )
    return features.select("text", "id", "ngrams", "characters", *PROPERTIES)


def hash_ngrams(words: pl.Series, settings: FeatureSettings) -> pl.Series:
    """Return the hashed character n-grams of each word in lower case between edges, "<word>": `ngrams`, list[i32].

    The hash is FNV-1a over the code points of the n-gram, its high half folded into the low one, modulo `ngram_buckets`: the same in
    every process and version. A word shorter than n has no n-gram of this length. Words are not stemmed here.

    Source: Bojanowski et al. 2017, arXiv:1607.04606.
    """
    lower = vocabularies.normalize_words(words)
    kernels = load_kernels()
    if kernels is None or settings.ngram_min < 1:
        return _hash_by_numpy(lower, settings)
    data, bounds = utf8_of(lower)
    sizes = np.diff(bounds) + len(_EDGES)
    orders = max(settings.ngram_max - settings.ngram_min + 1, 0)
    ngrams, count = np.empty(int(sizes.sum()) * orders, np.int32), np.empty(len(words), np.int64)
    points = np.empty(int(sizes.max(initial=0)), np.uint32)
    kernels.mgm_hash_ngrams(
        c_void_p(None if data is None else data.address),
        c_void_p(bounds.ctypes.data),
        *(c_int64(n) for n in (len(words), settings.ngram_min, settings.ngram_max)),
        c_uint64(settings.ngram_buckets),
        *(c_void_p(array.ctypes.data) for array in (points, count, ngrams)),
    )
    return unflatten(pl.Series(ngrams[: count.sum()]), count, name="ngrams")


def _hash_by_numpy(lower: pl.Series, settings: FeatureSettings) -> pl.Series:
    """Return what `hash_ngrams` does for words in lower case, without a kernel."""
    edged = pl.select(pl.lit(_EDGES[0]) + lower + pl.lit(_EDGES[1])).to_series()
    points = code_points(edged).astype(np.uint64)
    size = num_characters(edged)
    begin = offsets(size)[:-1]
    orders = range(settings.ngram_min, settings.ngram_max + 1)
    per_order = [np.maximum(size - n + 1, 0) for n in orders]
    total = np.sum(per_order, axis=0, dtype=np.int64) if per_order else np.zeros(len(lower), np.int64)
    target = offsets(total)[:-1]
    result = np.zeros(int(total.sum()), dtype=np.int32)
    for n, counts in zip(orders, per_order, strict=True):
        place = local_index(counts)
        hashed = _fnv1a(points, np.repeat(begin, counts) + place, n=n) % np.uint64(settings.ngram_buckets)
        result[np.repeat(target, counts) + place] = hashed.astype(np.int32)
        target = target + counts
    return unflatten(pl.Series(result), total, name="ngrams")


def chinese_characters(words: pl.Series) -> pl.Series:
    """Return the code points, in lower case, of each word with a Chinese character, and none for other words: `characters`, list[i32].

    N-grams across words are made of them, since the borders of Chinese words are a segmenter's guess.
    """
    chinese = pl.when(pl.col(words.name).str.contains(_HAN)).then(pl.col("lower")).otherwise(pl.lit(""))
    spelled = (
        words.to_frame()
        .with_columns(vocabularies.normalize_words(words).alias("lower"))
        .select(chinese)
        .to_series()
    )
    points = code_points(spelled).astype(np.int32)
    return unflatten(pl.Series(points), num_characters(spelled), name="characters")


def _fnv1a(points: npt.NDArray[np.uint64], start: Array, *, n: int) -> npt.NDArray[np.uint64]:
    value = np.full(len(start), _FNV_OFFSET)
    for place in range(n):
        value = (value ^ points[start + place]) * _FNV_PRIME
    return value ^ (value >> np.uint64(32))
