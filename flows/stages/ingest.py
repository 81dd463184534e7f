"""Stage: the raw rows of a corpus -> its documents. `python -m flows.stages.ingest CORPUS`."""

import logging
from functools import partial
from typing import Any

from flows.project import DOCUMENTS, rejects_folder
from flows.stages.command_line import open_executor, run_stage, write_counts
from mgm.corpus.ingest import ingest
from mgm.corpus.raw_corpus import RawCorpus
from mgm.settings.text import LanguageSettings
from mgm.settings.views.ingestion import IngestionSettings
from mgm.text.language import detect_languages

_logger = logging.getLogger(__name__)


def main(corpus: str) -> None:
    """Read and check the rows of one corpus."""
    settings = IngestionSettings.load()
    if corpus not in settings.enabled:
        raise ValueError(f"corpus {corpus!r} is not enabled; enabled: {', '.join(settings.enabled)}")
    raw = RawCorpus(
        name=corpus,
        source=settings.enabled[corpus],
        settings=settings.corpora[corpus],
        tasks=settings.tasks_for(corpus),
        part_size=settings.ingest,
        detect_languages=partial(detect_languages, settings=LanguageSettings()),
    )
    with open_executor() as executor:
        result = ingest(
            raw, documents=DOCUMENTS / corpus, rejects=rejects_folder("ingest", corpus), executor=executor
        )
    more: dict[str, Any] = {"split_by": result.splits.decided_by, "split_column_unused": result.splits.unused}
    if result.corrections is not None:
        more["corrections"] = result.corrections
    write_counts("ingest", corpus, counts=result.counts, **result.statistics.result(), **more)
    _logger.info(f"ingest {corpus}: splits by {result.splits.decided_by}")


if __name__ == "__main__":
    run_stage(main)
