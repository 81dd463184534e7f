"""Stage: tokens -> flags of the words that carry content. `python -m flows.stages.stopwords CORPUS`."""

from flows.project import CONTENT, TOKENS
from flows.stages.command_line import open_executor, run_stage, write_counts
from mgm.settings.views.text_pipeline import TextPipelineSettings
from mgm.text.content_words import write_content_words

MAX_DERIVED = 50
"""The most derived stopwords that the statistics list."""


def main(corpus: str) -> None:
    """Mark the content words of one corpus, and write its stopwords beside them."""
    settings = TextPipelineSettings.load().text_for(corpus).stopwords
    with open_executor() as executor:
        counts, statistics, derived = write_content_words(
            TOKENS / corpus, CONTENT / corpus, settings=settings, executor=executor
        )
    write_counts("stopwords", corpus, counts=counts, **statistics.result(), derived=derived[:MAX_DERIVED])


if __name__ == "__main__":
    run_stage(main)
