"""Stage: clean, distinct documents -> words, sentences and paragraphs. `python -m flows.stages.tokenize CORPUS`."""

from flows.project import RESOURCES, TOKENS, UNIQUE, rejects_folder
from flows.stages.command_line import num_processes, run_stage, write_counts
from mgm.corpus.parts import map_parts, read_parts
from mgm.settings.views.text_pipeline import TextPipelineSettings
from mgm.text.dictionary import load_dictionary
from mgm.text.segmentation.documents import SegmentDocuments, token_schema


def main(corpus: str) -> None:
    """Segment the texts of one corpus."""
    settings = TextPipelineSettings.load().text_for(corpus).segmentation
    source = UNIQUE / corpus
    counts, statistics = map_parts(
        source,
        TOKENS / corpus,
        rejects=rejects_folder("tokenize", corpus),
        stage="tokenize",
        schema=token_schema(next(read_parts(source)).schema),
        transform=SegmentDocuments(settings=settings, dictionary=load_dictionary(settings, RESOURCES)),
        processes=num_processes(),
    )
    write_counts("tokenize", corpus, counts=counts, **statistics.result())


if __name__ == "__main__":
    run_stage(main)
