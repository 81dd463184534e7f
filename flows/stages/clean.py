"""Stage: documents to clean documents. `python -m flows.stages.clean CORPUS`."""

import numpy as np
import polars as pl

from flows.stages._common import DATA, rejects_folder, run_stage, write_counts
from mgm.corpus.parts import map_parts, read_parts
from mgm.corpus.profile import quantiles
from mgm.settings import Settings
from mgm.text.cleaning import clean
from mgm.text.offsets import EDIT


def main(corpus: str) -> None:
    """Cleans the texts of one corpus."""
    settings = Settings.load()
    cleaning, min_chars = settings.text_for(corpus).cleaning, settings.corpora[corpus].min_chars
    source = DATA / "documents" / corpus
    schema = next(read_parts(source)).schema
    sizes, edited = [np.empty(0, np.int32)], 0

    def transform(frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        nonlocal edited
        kept, rejected = clean(frame, cleaning, min_chars)
        sizes.append(kept["text"].str.len_chars().to_numpy().astype(np.int32))
        edited += kept.height - kept["edits"].null_count()
        return kept, rejected

    counts = map_parts(
        source,
        DATA / "clean" / corpus,
        rejects_folder("clean", corpus),
        "clean",
        pl.Schema(schema | {"edits": pl.List(EDIT)}),
        transform,
    )
    characters = np.concatenate(sizes)
    write_counts(
        "clean",
        corpus,
        counts,
        edited=edited,
        characters=int(characters.sum()),
        characters_per_document=quantiles(characters),
    )


if __name__ == "__main__":
    run_stage(main)
