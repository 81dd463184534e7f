"""Stage: which words carry content. `python -m flows.stages.stopwords CORPUS`."""

import polars as pl

from flows.stages._common import DATA, run_stage, write_counts
from mgm.corpus.parts import REJECTS, Counts, PartsWriter, read_manifest
from mgm.settings import Settings
from mgm.text.stopwords import CONTENT, Stopwords, mark


def main(corpus: str) -> None:
    """Marks the content words of one corpus."""
    stopwords = Stopwords.load(Settings.load().text_for(corpus).stopwords)
    source = DATA / "tokens" / corpus
    counts, words, content = Counts(), 0, 0
    with PartsWriter(DATA / "content" / corpus, CONTENT) as out:
        for part in read_manifest(source).parts:
            tokens = pl.read_parquet(source / part.name, columns=["doc_id", "words"])
            marked = mark(tokens, stopwords)
            counts.add(tokens, marked, REJECTS.to_frame())
            words += int(tokens["words"].list.len().sum())
            content += int(marked["content"].list.sum().sum())
            out.write(marked, part.sha256)
    write_counts("stopwords", corpus, counts, words=words, content_words=content)


if __name__ == "__main__":
    run_stage(main)
