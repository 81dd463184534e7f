"""Stage: the raw rows of a corpus -> its documents. `python -m flows.stages.ingest CORPUS`."""

from flows.project import DOCUMENTS, rejects_folder
from flows.stages.command_line import run_stage, write_counts
from mgm.corpus.ingest import ingest
from mgm.settings.views.ingestion import IngestionSettings


def main(corpus: str) -> None:
    """Read and check the rows of one corpus."""
    settings = IngestionSettings.load()
    if corpus not in settings.enabled:
        raise ValueError(f"corpus {corpus!r} is not enabled; enabled: {', '.join(settings.enabled)}")
    counts, statistics = ingest(
        corpus,
        settings.enabled[corpus],
        settings.corpora[corpus],
        settings.tasks_for(corpus),
        settings.ingest,
        DOCUMENTS / corpus,
        rejects_folder("ingest", corpus),
    )
    write_counts("ingest", corpus, counts, **statistics.result())


if __name__ == "__main__":
    run_stage(main)
