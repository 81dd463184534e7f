"""The raw documents behind a table of predictions, read again for another bundle to score."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from mgm.corpus.parts import read_parts
from mgm.scoring.scorer import INPUT, Scorer


def read_held_out_ids(predictions: Path, split: str) -> pl.Series:
    """Return the ids of a split's documents in a corpus's predictions table, sorted."""
    parts = [
        part.filter(pl.col("split") == split)["doc_id"]
        for part in read_parts(predictions, ["doc_id", "split"])
    ]
    return pl.concat([pl.Series("doc_id", [], dtype=pl.String()), *parts]).sort()


def read_raw_documents(documents: Path, ids: pl.Series) -> Iterator[pl.DataFrame]:
    """Yield doc_id and text of these documents, part by part, in the order of the table of raw documents."""
    id_list = ids.implode()
    for part in read_parts(documents, INPUT.names()):
        rows = part.filter(pl.col("doc_id").is_in(id_list)).select(
            pl.col(name).cast(dtype) for name, dtype in INPUT.items()
        )
        if rows.height:
            yield rows


def sample_evenly(values: pl.Series, count: int) -> pl.Series:
    """Return at most `count` of the values, evenly over them, the same at each call."""
    return values.gather_every(max(1, len(values) // max(1, count))).head(count)


def score_documents(scorer: Scorer, frames: Iterator[pl.DataFrame], *, corpus: str) -> pl.DataFrame:
    """Return the predictions (`Scorer.predict`) of these documents, read with the settings of `corpus` where the bundle knows it."""
    as_corpus = corpus if corpus in scorer.bundle.settings.corpora else None
    empty = pl.DataFrame(schema=scorer.inner_schema)
    return pl.concat([empty, *(scorer.predict(frame, as_corpus)[0] for frame in frames)])
