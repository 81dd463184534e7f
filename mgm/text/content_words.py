"""The content words of a corpus: a pass that derives its stopwords, and one that marks every word."""

from pathlib import Path

from mgm.corpus.parts import REJECTS, Counts, PartsWriter, read_manifest, read_part, read_parts
from mgm.corpus.progress import progress
from mgm.corpus.statistics import Statistics
from mgm.settings.text import StopwordSettings
from mgm.text.stopwords import (
    CONTENT_SCHEMA,
    STOPWORDS_FILE,
    DocumentFrequencies,
    Stopwords,
    mark_content_words,
)


def write_content_words(
    source: Path, target: Path, *, settings: StopwordSettings
) -> tuple[Counts, Statistics, list[str]]:
    """Write which words of a table of tokens carry content, and the corpus's stopwords beside it.

    Returns:
        Counts; statistics: words, content_words, derived_stopwords; the derived stopwords, the most frequent first.
    """
    general = Stopwords.from_settings(settings)
    derived = general.derive(_document_frequencies(source, settings), settings)
    stopwords = general.union(derived)
    counts, statistics = Counts(), Statistics()
    with PartsWriter(target, CONTENT_SCHEMA) as out:
        stopwords.save(target / STOPWORDS_FILE)
        for part in progress(read_manifest(source).parts, f"stopwords {source.name}"):
            tokens = read_part(source, part, columns=["doc_id", "words"])
            content = mark_content_words(tokens, stopwords)
            counts.add(tokens.height, content, rejected=REJECTS.to_frame())
            statistics.count("words", int(tokens["words"].list.len().sum()))
            statistics.count("content_words", int(content["content"].list.sum().sum()))
            out.write(content, part.sha256)
    statistics.count("derived_stopwords", len(derived))
    return counts, statistics, derived


def _document_frequencies(source: Path, settings: StopwordSettings) -> DocumentFrequencies:
    frequencies = DocumentFrequencies()
    if settings.document_frequency is not None:
        parts = read_parts(source, ["split", "words"])
        for part in progress(
            parts, f"document frequencies {source.name}", total=len(read_manifest(source).parts)
        ):
            frequencies.add(part)
    return frequencies
