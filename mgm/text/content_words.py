"""The content words of a corpus: a pass that derives its stopwords, and one that marks every word."""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from mgm.compute.executor import Emitted, Executor
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
from mgm.text.shuffled_words import ShuffledWordCounts, divide_counts
from mgm.text.stopwords import (
    CONTENT_SCHEMA,
    STOPWORDS_FILE,
    DocumentFrequencies,
    Stopwords,
    count_documents,
    mark_content_words,
)
from mgm.text.vocabulary import WordCounts


def write_content_words(
    source: Path, target: Path, *, settings: StopwordSettings, executor: Executor = THIS_PROCESS
) -> tuple[Counts, Statistics, list[str]]:
    """Write which words of a table of tokens carry content, and the corpus's stopwords beside it.

    Returns:
        Counts; statistics: words, content_words, derived_stopwords; the derived stopwords, the most frequent first.
    """
    general = Stopwords.from_settings(settings)
    if settings.document_frequency is None:
        derived = general.derive(DocumentFrequencies(0, WordCounts()), settings)
    else:
        derived = _derive(general, source, settings=settings, executor=executor)
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


def _derive(general: Stopwords, source: Path, *, settings: StopwordSettings, executor: Executor) -> list[str]:
    """Return the stopwords derived from the frequencies of a corpus, which the executor adds up."""
    calls = [(source, part) for part in read_manifest(source).parts]
    with ShuffledWordCounts.of_parts(len(calls), executor) as counts:
        count = _CountDocuments(counts.num_divisions)
        emitted = counts.shuffle.emit(count, calls, columns=counts.columns, reads=reads_part)
        with closing(emitted) as results:
            num_documents = sum(progress(results, f"document frequencies {source.name}", total=len(calls)))
        return general.derive(DocumentFrequencies(num_documents, counts), settings)


@dataclass(frozen=True)
class _CountDocuments:
    """Counts the documents of a part that have each word."""

    num_divisions: int

    def __call__(self, source: Path, part: Part) -> Emitted:
        counts = WordCounts()
        num_documents = count_documents(read_part(source, part, columns=["split", "words"]), counts)
        return Emitted(num_documents, divide_counts(counts, self.num_divisions))
