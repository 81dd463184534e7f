"""Stage: clean documents -> documents without copies, or with copies in one split. `python -m flows.stages.deduplicate CORPUS`."""

from flows.project import CLEAN, UNIQUE, rejects_folder
from flows.stages.command_line import open_executor, run_stage, write_counts
from mgm.settings.views.text_pipeline import TextPipelineSettings
from mgm.text.deduplication.deduplicate import deduplicate


def main(corpus: str) -> None:
    """Deduplicate the documents of one corpus."""
    settings = TextPipelineSettings.load()
    with open_executor() as executor:
        result = deduplicate(
            CLEAN / corpus,
            UNIQUE / corpus,
            rejects=rejects_folder("deduplicate", corpus),
            tasks=settings.tasks_for(corpus),
            settings=settings.text_for(corpus).deduplication,
            executor=executor,
        )
    more = {"examples": result.conflicts, "split_overlap_ids": result.overlap_ids}
    write_counts("deduplicate", corpus, counts=result.counts, **result.statistics.result(), **more)


if __name__ == "__main__":
    run_stage(main)
