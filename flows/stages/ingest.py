"""Stage ingest: a corpus's raw rows to its documents."""

from pathlib import Path

from flows.stages._common import DATA, rejects_folder, run_stage, write_counts
from mgm.corpus.ingest import ingest
from mgm.corpus.parts import read_parts
from mgm.settings import Settings


def main(corpus: str) -> None:
    settings = Settings.load()
    if corpus not in settings.enabled:
        raise ValueError(f"corpus {corpus!r} is not enabled; enabled: {', '.join(settings.enabled)}")
    target = DATA / "documents" / corpus
    counts = ingest(
        corpus,
        Path(settings.enabled[corpus]),
        settings.corpora[corpus],
        settings.tasks_for(corpus),
        settings.ingest.rows_per_part,
        target,
        rejects_folder("ingest", corpus),
    )
    characters = sum(part["text"].str.len_chars().sum() for part in read_parts(target, ["text"]))
    write_counts("ingest", corpus, counts, characters=characters)


if __name__ == "__main__":
    run_stage(main)
