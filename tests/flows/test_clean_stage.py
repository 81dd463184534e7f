"""The stage clean: what it does with a part."""

import pickle

import polars as pl

from mgm.settings.text import TextSettings
from mgm.text.cleaning.documents import CleanDocuments


def test_languages_are_counted_and_filled_in() -> None:
    frame = pl.DataFrame(
        {
            "doc_id": ["a", "b", "c", "d"],
            "text": [
                "The quick brown  fox jumps over the dog.",
                "明月照高楼，流光正徘徊。",
                "夜雨打窗。",
                " ",
            ],
            "lang": [None, "zh", "en", None],
        }
    )
    transform: CleanDocuments = pickle.loads(pickle.dumps(CleanDocuments(text=TextSettings(), min_chars=1)))
    made = transform(frame)
    assert made.kept["lang"].to_list() == ["en", "zh", "en"]
    assert made.rejected["doc_id"].to_list() == ["d"]
    result = made.statistics.result()
    assert result["languages"] == {"en": 1, "zh": 2, "mixed": 0, "other": 0}
    assert (result["language_disagrees"], result["edited"], result["steps"]["whitespace"]) == (1, 1, 1)
    assert result["characters"] == made.kept["text"].str.len_chars().sum()
    assert result["characters_per_document"]["quantiles"]["1.0"] == 39
