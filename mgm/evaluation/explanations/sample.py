"""Which documents explanations are made of: a fixed choice of the documents that were held out."""

import zlib
from collections.abc import Sequence

import numpy as np
import polars as pl

from mgm.text.features import FeaturePart


def held_out(
    parts: Sequence[FeaturePart], split: str, most: int, seed: int, stream: str
) -> list[FeaturePart]:
    """The documents of a split, `most` of them where there are more, in their order; parts without any are left out.

    `stream` (a corpus) keeps the draws of one seed apart.
    """
    keys = [
        part.documents.select(part=pl.lit(number), row=pl.int_range(pl.len()), split="split").filter(
            pl.col("split") == split
        )
        for number, part in enumerate(parts)
    ]
    every = pl.concat(keys) if keys else pl.DataFrame(schema={"part": pl.Int32, "row": pl.Int64})
    kept = every[choose(every.height, most, seed, f"{stream} {split}")]
    chosen = []
    for (number,), rows in kept.group_by("part", maintain_order=True):
        part = parts[int(str(number))]
        chosen.append(FeaturePart(part.documents[rows["row"].to_numpy()], part.types))
    return chosen


def choose(count: int, most: int, seed: int, stream: str) -> np.ndarray:
    """At most `most` of the numbers below `count`, ascending: the same ones for the same seed and stream."""
    if count <= most:
        return np.arange(count)
    generator = np.random.default_rng([seed, zlib.crc32(stream.encode())])
    return np.sort(generator.choice(count, most, replace=False))
