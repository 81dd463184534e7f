"""Stage: clean documents to words, sentences and paragraphs. `python -m flows.stages.tokenize CORPUS`."""

import numpy as np
import polars as pl

from flows.stages._common import DATA, rejects_folder, run_stage, write_counts
from mgm.corpus.parts import map_parts, read_parts
from mgm.corpus.profile import quantiles
from mgm.settings import Settings
from mgm.text.segmentation import COLUMNS, tokenize


def main(corpus: str) -> None:
    """Segments the texts of one corpus."""
    segmentation = Settings.load().text_for(corpus).segmentation
    source = DATA / "clean" / corpus
    documents = next(read_parts(source)).drop("text", "edits").schema
    sizes: dict[str, list[np.ndarray]] = {
        name: [np.empty(0, np.int32)] for name in ("words", "sentence", "paragraph")
    }

    def transform(frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        kept, rejected = tokenize(frame, segmentation)
        for name, values in sizes.items():
            values.append(kept[name].list.len().to_numpy().astype(np.int32))
        return kept, rejected

    counts = map_parts(
        source,
        DATA / "tokens" / corpus,
        rejects_folder("tokenize", corpus),
        "tokenize",
        pl.Schema({**documents, **COLUMNS}),
        transform,
    )
    words, sentences, paragraphs = (np.concatenate(values) for values in sizes.values())
    write_counts(
        "tokenize",
        corpus,
        counts,
        words=int(words.sum()),
        sentences=int(sentences.sum()),
        paragraphs=int(paragraphs.sum()),
        words_per_document=quantiles(words),
        sentences_per_document=quantiles(sentences),
    )


if __name__ == "__main__":
    run_stage(main)
