"""A fixed sample of the held-out documents, from which explanations are computed."""

import zlib
from collections.abc import Sequence

import numpy as np
import polars as pl

from mgm.text.features import FeaturePart


def sample_held_out(
    parts: Sequence[FeaturePart], split: str, *, at_most: int, seed: int, stream: str
) -> list[FeaturePart]:
    """Return a sample of the documents of a split, in their order; parts without any are left out.

    Args:
        parts: the features of a corpus.
        split: valid or test.
        at_most: the number of documents; all of them where there are fewer.
        seed: the seed of the draw.
        stream: keeps the draws under one seed apart, such as the corpus.
    """
    keys = [
        part.documents.select(part=pl.lit(number), row=pl.int_range(pl.len()), split="split").filter(
            pl.col("split") == split
        )
        for number, part in enumerate(parts)
    ]
    every = pl.concat(keys) if keys else pl.DataFrame(schema={"part": pl.Int32, "row": pl.Int64})
    kept = every[choose(every.height, at_most=at_most, seed=seed, stream=f"{stream} {split}")]
    chosen = []
    for (number,), rows in kept.group_by("part", maintain_order=True):
        part = parts[int(str(number))]
        chosen.append(FeaturePart(part.documents[rows["row"].to_numpy()], part.types))
    return chosen


def choose(count: int, *, at_most: int, seed: int, stream: str) -> np.ndarray:
    """Return at most `at_most` of the numbers below `count`, ascending: the same ones for the same seed and stream."""
    if count <= at_most:
        return np.arange(count)
    generator = np.random.default_rng([seed, zlib.crc32(stream.encode())])
    return np.sort(generator.choice(count, at_most, replace=False))
