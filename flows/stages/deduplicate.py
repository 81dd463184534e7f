"""Stage: clean documents -> documents without copies, or with copies in one split. `python -m flows.stages.deduplicate CORPUS`."""

from flows.project import CLEAN, UNIQUE, rejects_folder
from flows.stages.command_line import run_stage, write_counts
from mgm.settings.views.text_pipeline import TextPipelineSettings
from mgm.text.deduplication.deduplicate import deduplicate


def main(corpus: str) -> None:
    """Deduplicate the documents of one corpus."""
    settings = TextPipelineSettings.load()
    counts, statistics, examples, straddling = deduplicate(
        CLEAN / corpus,
        UNIQUE / corpus,
        rejects_folder("deduplicate", corpus),
        settings.tasks_for(corpus),
        settings.text_for(corpus).deduplication,
    )
    more = statistics.result() | {"examples": examples, "straddling_rows": straddling}
    write_counts("deduplicate", corpus, counts, **more)


if __name__ == "__main__":
    run_stage(main)
