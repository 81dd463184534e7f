"""Stage: documents -> clean documents. `python -m flows.stages.clean CORPUS`."""

import polars as pl

from flows.project import CLEAN, DOCUMENTS, rejects_folder
from flows.stages.command_line import open_executor, run_stage, write_counts
from mgm.corpus.parts import map_parts, read_parts
from mgm.settings.views.text_pipeline import TextPipelineSettings
from mgm.text.cleaning.documents import CleanDocuments
from mgm.text.offsets import EDIT


def main(corpus: str) -> None:
    """Clean the texts of one corpus."""
    settings = TextPipelineSettings.load()
    source = DOCUMENTS / corpus
    with open_executor() as executor:
        counts, statistics = map_parts(
            source,
            CLEAN / corpus,
            rejects=rejects_folder("clean", corpus),
            stage="clean",
            schema=pl.Schema(next(read_parts(source)).schema | {"edits": pl.List(EDIT)}),
            transform=CleanDocuments(
                text=settings.text_for(corpus), min_chars=settings.corpora[corpus].min_chars
            ),
            executor=executor,
        )
    write_counts("clean", corpus, counts=counts, **statistics.result())


if __name__ == "__main__":
    run_stage(main)
