"""Stage: clean, distinct documents -> words, sentences and paragraphs. `python -m flows.stages.tokenize CORPUS`."""

import logging

from flows.project import RESOURCES, TOKENS, UNIQUE, rejects_folder
from flows.stages.command_line import open_executor, run_stage, write_counts
from mgm.corpus.parts import map_parts, read_parts
from mgm.settings.views.text_pipeline import TextPipelineSettings
from mgm.text.dictionary import load_dictionary
from mgm.text.segmentation.documents import SOUTHEAST_ASIAN_DOCUMENTS, SegmentDocuments, token_schema
from mgm.text.segmentation.segmenter import SEGMENTER_FILE, Segmenter
from mgm.text.segmentation.southeast_asian import choose_tokens, describe_choice

_logger = logging.getLogger(__name__)


def main(corpus: str) -> None:
    """Segment the texts of one corpus."""
    settings = TextPipelineSettings.load().text_for(corpus).segmentation
    # before any work, since it may be words without what cuts them
    tokens = choose_tokens(settings.southeast_asian_tokens)
    source = UNIQUE / corpus
    with open_executor() as executor:
        counts, statistics = map_parts(
            source,
            TOKENS / corpus,
            rejects=rejects_folder("tokenize", corpus),
            stage="tokenize",
            schema=token_schema(next(read_parts(source)).schema),
            transform=SegmentDocuments(settings=settings, dictionary=load_dictionary(settings, RESOURCES)),
            executor=executor,
        )
    (TOKENS / corpus / SEGMENTER_FILE).unlink(missing_ok=True)
    if num_documents := statistics.counts.get(SOUTHEAST_ASIAN_DOCUMENTS):
        Segmenter.installed(tokens).save(TOKENS / corpus)
        if settings.southeast_asian_tokens == "auto":
            _logger.warning(describe_choice(tokens, num_documents))
    write_counts("tokenize", corpus, counts=counts, **statistics.result())


if __name__ == "__main__":
    run_stage(main)
