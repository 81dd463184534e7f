"""The raw documents behind a table of predictions, read again for another bundle to score."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from mgm.corpus.parts import read_parts
from mgm.scoring.scorer import INPUT, Scorer


def held_out_ids(predictions: Path, split: str) -> pl.Series:
    """The ids of a split's documents in a corpus's predictions table, sorted."""
    parts = [
        part.filter(pl.col("split") == split)["doc_id"]
        for part in read_parts(predictions, ["doc_id", "split"])
    ]
    return pl.concat([pl.Series("doc_id", [], dtype=pl.String()), *parts]).sort()


def raw_documents(documents: Path, ids: pl.Series) -> Iterator[pl.DataFrame]:
    """doc_id and text of these documents, part by part, in the order of the table of raw documents."""
    wanted = ids.implode()
    for part in read_parts(documents, INPUT.names()):
        found = part.filter(pl.col("doc_id").is_in(wanted)).select(
            pl.col(name).cast(kind) for name, kind in INPUT.items()
        )
        if found.height:
            yield found


def sample(ids: pl.Series, count: int) -> pl.Series:
    """At most `count` of the ids, evenly over them, the same at each call."""
    return ids.gather_every(max(1, len(ids) // max(1, count))).head(count)


def score_documents(scorer: Scorer, frames: Iterator[pl.DataFrame], corpus: str) -> pl.DataFrame:
    """The predictions of these documents, read as those of `corpus` where the bundle knows it."""
    known = corpus if corpus in scorer.bundle.settings.corpora else None
    empty = pl.DataFrame(schema=scorer.schema)
    return pl.concat([empty, *(scorer.score(frame, known)[0] for frame in frames)])
