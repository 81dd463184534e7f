"""Stage: which words carry content. `python -m flows.stages.stopwords CORPUS`."""

import polars as pl

from flows.project import DATA
from flows.stages.command_line import run_stage, write_counts
from mgm.corpus.parts import REJECTS, Counts, PartsWriter, read_manifest, read_parts
from mgm.corpus.progress import progress
from mgm.corpus.statistics import Statistics
from mgm.settings.text import StopwordSettings
from mgm.settings.views.text_pipeline import TextPipelineSettings
from mgm.text.stopwords import (
    CONTENT_SCHEMA,
    STOPWORDS_FILE,
    DocumentFrequencies,
    Stopwords,
    mark_content_words,
)

SHOWN = 50
"""How many of the derived stopwords the statistics name."""


def main(corpus: str) -> None:
    """Marks the content words of one corpus, and writes its stopwords beside them."""
    settings = TextPipelineSettings.load().text_for(corpus).stopwords
    source, target = DATA / "tokens" / corpus, DATA / "content" / corpus
    general = Stopwords.load(settings)
    derived = _derived(corpus, general, settings)
    stopwords = general.plus(derived)
    counts, statistics = Counts(), Statistics()
    with PartsWriter(target, CONTENT_SCHEMA) as out:
        stopwords.save(target / STOPWORDS_FILE)
        for part in progress(read_manifest(source).parts, f"stopwords {corpus}"):
            tokens = pl.read_parquet(source / part.name, columns=["doc_id", "words"])
            marked = mark_content_words(tokens, stopwords)
            counts.add(tokens.height, marked, REJECTS.to_frame())
            statistics.count("words", int(tokens["words"].list.len().sum()))
            statistics.count("content_words", int(marked["content"].list.sum().sum()))
            out.write(marked, part.sha256)
    statistics.count("derived_stopwords", len(derived))
    write_counts("stopwords", corpus, counts, **statistics.result(), derived=derived[:SHOWN])


def _derived(corpus: str, general: Stopwords, settings: StopwordSettings) -> list[str]:
    frequencies = DocumentFrequencies()
    if settings.document_frequency is not None:
        source = DATA / "tokens" / corpus
        parts = read_parts(source, ["split", "words"])
        for part in progress(parts, f"document frequencies {corpus}", len(read_manifest(source).parts)):
            frequencies.add(part)
    return general.derived(frequencies, settings)


if __name__ == "__main__":
    run_stage(main)
