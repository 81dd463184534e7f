"""Stage: documents to clean documents. `python -m flows.stages.clean CORPUS`."""

from dataclasses import dataclass

import polars as pl

from flows.project import DATA, rejects_folder
from flows.stages.command_line import num_processes, run_stage, write_counts
from mgm.corpus.contract import LANGUAGES
from mgm.corpus.parts import Transformed, map_parts, read_parts
from mgm.settings.text import TextSettings
from mgm.settings.views.text_pipeline import TextPipelineSettings
from mgm.text.cleaning import clean_with_statistics
from mgm.text.language import detect_languages
from mgm.text.offsets import EDIT


@dataclass(frozen=True)
class Clean:
    """Cleans a part, and fills `lang` with the detected language where none was declared."""

    text: TextSettings
    min_chars: int

    def __call__(self, frame: pl.DataFrame) -> Transformed:
        cleaned = clean_with_statistics(frame, self.text.cleaning, self.min_chars)
        kept, statistics = cleaned.kept, cleaned.statistics
        detected = detect_languages(kept["text"], self.text.language)
        for language in LANGUAGES:
            statistics.count(f"languages/{language}", int((detected == language).sum()))
        # A null disagrees with nothing.
        statistics.count("language_disagrees", int((kept["lang"] != detected).sum()))
        size = kept["text"].str.len_chars()
        statistics.count("characters", int(size.sum()))
        statistics.measure("characters_per_document", size)
        filled = kept["lang"].zip_with(kept["lang"].is_not_null(), detected)
        return Transformed(kept.with_columns(lang=filled), cleaned.rejected, statistics)


def main(corpus: str) -> None:
    """Cleans the texts of one corpus."""
    settings = TextPipelineSettings.load()
    source = DATA / "documents" / corpus
    schema = next(read_parts(source)).schema
    counts, statistics = map_parts(
        source,
        DATA / "clean" / corpus,
        rejects_folder("clean", corpus),
        "clean",
        pl.Schema(schema | {"edits": pl.List(EDIT)}),
        Clean(settings.text_for(corpus), settings.corpora[corpus].min_chars),
        num_processes(),
    )
    write_counts("clean", corpus, counts, **statistics.result())


if __name__ == "__main__":
    run_stage(main)
