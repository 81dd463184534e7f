"""Stage: clean, distinct documents to words, sentences and paragraphs. `python -m flows.stages.tokenize CORPUS`."""

from dataclasses import dataclass

import polars as pl

from flows.project import DATA, rejects_folder
from flows.stages.command_line import num_processes, run_stage, write_counts
from mgm.corpus.parts import Transformed, map_parts, read_manifest
from mgm.corpus.statistics import Statistics
from mgm.settings.text import SegmentationSettings
from mgm.settings.views.text_pipeline import TextPipelineSettings
from mgm.text.dictionary import UserDictionary, load_dictionary
from mgm.text.segmentation import TOKEN_COLUMNS, tokenize

RESOURCES = DATA / "resources"


@dataclass(frozen=True)
class Tokenize:
    """Segments a part."""

    settings: SegmentationSettings
    dictionary: UserDictionary | None

    def __call__(self, frame: pl.DataFrame) -> Transformed:
        kept, rejected = tokenize(frame, self.settings, self.dictionary)
        statistics = Statistics()
        for column, name in (("words", "words"), ("sentence", "sentences"), ("paragraph", "paragraphs")):
            sizes = kept[column].list.len()
            statistics.count(name, int(sizes.sum()))
            if column != "paragraph":
                statistics.measure(f"{name}_per_document", sizes)
        return Transformed(kept, rejected, statistics)


def main(corpus: str) -> None:
    """Segments the texts of one corpus."""
    segmentation = TextPipelineSettings.load().text_for(corpus).segmentation
    source = DATA / "unique" / corpus
    documents = pl.read_parquet_schema(source / read_manifest(source).parts[0].name)
    counts, statistics = map_parts(
        source,
        DATA / "tokens" / corpus,
        rejects_folder("tokenize", corpus),
        "tokenize",
        {name: kind for name, kind in documents.items() if name not in ("text", "edits")} | TOKEN_COLUMNS,
        Tokenize(segmentation, load_dictionary(segmentation, RESOURCES)),
        num_processes(),
    )
    write_counts("tokenize", corpus, counts, **statistics.result())


if __name__ == "__main__":
    run_stage(main)
