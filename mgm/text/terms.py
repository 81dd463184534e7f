"""The words of the terms of lists, which the features stage finds and training reads: one table for each list."""

from pathlib import Path

import polars as pl

from mgm.settings.views.text_pipeline import TextPipelineSettings

TERMS = pl.Schema({"words": pl.List(pl.String()), "class": pl.String()})
"""The words of a term, once for each corpus that names its list, and its class; empty: it has none."""


def lexicon_names(settings: TextPipelineSettings) -> list[str]:
    """Return the lists that the enabled corpora name, sorted."""
    return sorted({name for corpus in settings.enabled for name in settings.text_for(corpus).lexicons})


def terms_file(folder: Path, name: str) -> Path:
    """Return the file of the terms of a list."""
    return folder / f"{name}.parquet"


def save_terms(folder: Path, terms: dict[str, pl.DataFrame]) -> None:
    """Write the terms (`TERMS`) of lists by name."""
    for name, table in terms.items():
        folder.mkdir(parents=True, exist_ok=True)
        table.write_parquet(terms_file(folder, name))


def read_terms(folder: Path, names: list[str]) -> dict[str, pl.DataFrame]:
    """Return the terms of these lists."""
    return {name: pl.read_parquet(terms_file(folder, name), schema=TERMS) for name in names}
