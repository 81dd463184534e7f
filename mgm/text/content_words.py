"""The content words of a corpus: a pass that derives its stopwords, and one that marks every word."""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from mgm.compute.executor import Executor
from mgm.compute.processes import THIS_PROCESS
from mgm.corpus.parts import (
    REJECTS,
    Counts,
    Part,
    Transformed,
    map_parts,
    read_manifest,
    read_part,
    reads_part,
)
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
    source: Path, target: Path, *, settings: StopwordSettings, executor: Executor = THIS_PROCESS
) -> tuple[Counts, Statistics, list[str]]:
    """Write which words of a table of tokens carry content, and the corpus's stopwords beside it.

    Returns:
        Counts; statistics: words, content_words, derived_stopwords; the derived stopwords, the most frequent first.
    """
    general = Stopwords.from_settings(settings)
    derived = general.derive(_document_frequencies(source, settings, executor=executor), settings)
    stopwords = general.union(derived)
    counts, statistics = map_parts(
        source,
        target,
        rejects=None,
        stage="stopwords",
        schema=CONTENT_SCHEMA,
        transform=_MarkContentWords(tuple(sorted(stopwords.words))),
        columns=["doc_id", "words"],
        executor=executor,
    )
    stopwords.save(target / STOPWORDS_FILE)
    statistics.count("derived_stopwords", len(derived))
    return counts, statistics, derived


@dataclass(frozen=True)
class _MarkContentWords:
    """A transform of a part of tokens; the stopwords are in order, so that they have one hash."""

    stopwords: tuple[str, ...]

    def __call__(self, tokens: pl.DataFrame) -> Transformed:
        content = mark_content_words(tokens, Stopwords(frozenset(self.stopwords)))
        statistics = Statistics()
        statistics.count("words", int(tokens["words"].list.len().sum()))
        statistics.count("content_words", int(content["content"].list.sum().sum()))
        return Transformed(content, REJECTS.to_frame(), statistics)


def _document_frequencies(
    source: Path, settings: StopwordSettings, *, executor: Executor
) -> DocumentFrequencies:
    frequencies = DocumentFrequencies()
    if settings.document_frequency is not None:
        parts = read_manifest(source).parts
        calls = [(source, part) for part in parts]
        with closing(executor.map(_count_documents, calls, reads=reads_part)) as results:
            for counted in progress(results, f"document frequencies {source.name}", total=len(parts)):
                frequencies.merge(counted)
    return frequencies


def _count_documents(source: Path, part: Part) -> DocumentFrequencies:
    frequencies = DocumentFrequencies()
    frequencies.add(read_part(source, part, columns=["split", "words"]))
    return frequencies
