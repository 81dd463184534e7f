"""The decoder reads the same of a document whose end is left out."""

from dataclasses import fields

import numpy as np
import polars as pl
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mgm.model.collate import collate
from mgm.model.generation.source_cut import SourceCut, read_words
from mgm.settings.settings import Settings
from mgm.tasks import with_label_spaces
from mgm.training.data import select_labelled_rows
from tests import generation_corpora

TEXT = (
    "{}今天有鱼。 Tom wants soup, and Ada wants cake. 明天有汤。请在五点以前来，谢谢。\n"
    "Bring rice!\n\n谢谢。 Come at nine, please, or later. 再见。"
)
NOTICES = generation_corpora.notices(8).with_columns(
    pl.Series("text", [TEXT.format("啊，" * (5 * i)) for i in range(8)])
)
CONFIG = generation_corpora.settings()
FEATURES, VOCABULARY, SPACES, _ = generation_corpora.prepared(
    CONFIG, {"orders": generation_corpora.orders(), "notices": NOTICES}
)
(PART,) = FEATURES["notices"]
TASKS = with_label_spaces(CONFIG.active_tasks(), SPACES)
HEADING = [task for task in TASKS if task.name == "heading"]


def config(max_subwords: int, **model: object) -> Settings:
    changed = CONFIG.model.model_dump() | model
    changed["generation"] |= {"max_source_subwords": max_subwords}
    return Settings.parse(CONFIG.model_dump() | {"model": changed})


WINDOWS = [
    {"enabled": False},
    {"enabled": True, "sizes": [2, 8], "width": 8},
    {"enabled": True, "sizes": [3, 5], "width": 8, "words": "content"},
]


@settings(max_examples=15, deadline=None)
@given(
    st.integers(8, 120),
    st.sampled_from(WINDOWS),
    st.sampled_from(["fast", "full"]),
    st.lists(st.integers(0, 7), min_size=1, max_size=4),
)
def test_the_source_and_the_texts_are_those_of_whole_documents(
    max_subwords: int, window: dict[str, object], preset: str, rows: list[int]
) -> None:
    changed = config(max_subwords, window=window, preset=preset)
    network = generation_corpora.network(changed, VOCABULARY, SPACES)
    cut = SourceCut.of(changed.model, HEADING)
    whole, part = (collate(PART, np.array(rows), cut=chosen) for chosen in (None, cut))
    assert part.words_per_document.tolist() == read_words(PART, np.array(rows), cut=cut).tolist()
    assert bool((part.words_per_document <= whole.words_per_document).all())
    with torch.inference_mode():
        (of_whole, _), (of_part, _) = (
            network.memory("heading", batch, encoded=network.encode(batch)) for batch in (whole, part)
        )
        for field in fields(of_whole):
            torch.testing.assert_close(getattr(of_part, field.name), getattr(of_whole, field.name))
        texts = [network.generate(batch, ["heading"])["heading"] for batch in (whole, part)]
    assert texts[0].ids.tolist() == texts[1].ids.tolist()


def test_long_documents_are_read_in_part() -> None:
    cut = SourceCut.of(config(12).model, HEADING)
    assert (read_words(PART, np.arange(8), cut=cut) < read_words(PART, np.arange(8), cut=None)).all()


@pytest.mark.parametrize("row", range(8))
def test_what_is_left_out_ends_with_a_sentence(row: int) -> None:
    batch = collate(PART, np.array([row]), cut=SourceCut.of(config(12).model, HEADING))
    whole = collate(PART, np.array([row]))
    sentences = batch.sentence_length.tolist()
    assert sentences == whole.sentence_length[: len(sentences)].tolist()
    assert int(batch.paragraph_length.sum()) == len(sentences)
    assert int(batch.document_length) == len(batch.paragraph_length)


def test_documents_with_a_class_are_read_as_a_whole() -> None:
    found = select_labelled_rows(FEATURES, TASKS, splits=["train"], model=config(12).model)
    assert {rows.corpus: rows.cut is None for rows in found} == {"orders": True, "notices": False}
    alone = select_labelled_rows(FEATURES, HEADING, splits=["train"], model=config(12).model)
    assert [int(rows.length.sum()) for rows in alone] == [
        int(collate(PART, rows.rows, cut=rows.cut).word.numel()) for rows in alone
    ]


def test_what_reads_whole_documents_has_no_cut() -> None:
    whole = config(12, fusion="stacked_autoencoder").model
    assert SourceCut.of(whole, HEADING) is None
    assert SourceCut.of(CONFIG.model, TASKS) is None and SourceCut.of(CONFIG.model, []) is None
