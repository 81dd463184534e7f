"""Held-out documents read again, and scored by another bundle."""

from pathlib import Path

import polars as pl

from mgm.corpus.parts import PartsWriter
from mgm.scoring.held_out import read_held_out_ids, read_raw_documents, sample_evenly, score_documents
from mgm.scoring.scorer import Scorer
from tests import tiny_corpora


def write(folder: Path, frame: pl.DataFrame) -> Path:
    with PartsWriter(folder, frame.schema) as writer:
        writer.write(frame[:10])
        writer.write(frame[10:])
    return folder


def test_only_held_out_documents_are_read(tmp_path: Path) -> None:
    documents = write(tmp_path / "documents", tiny_corpora.menus())
    predictions = write(
        tmp_path / "predictions", tiny_corpora.menus().filter(split="test").select("doc_id", "split")
    )
    ids = read_held_out_ids(predictions, "test")
    assert ids.to_list() == ["m12", "m13", "m14", "m27", "m28", "m29"]
    found = pl.concat(list(read_raw_documents(documents, ids)))
    assert found.columns == ["doc_id", "text"]
    assert found.equals(tiny_corpora.menus().filter(split="test").select("doc_id", "text"))
    assert len(read_held_out_ids(predictions, "valid")) == 0


def test_sample_is_even() -> None:
    ids = pl.Series("doc_id", [f"d{i:02d}" for i in range(20)])
    assert sample_evenly(ids, 4).to_list() == ["d00", "d05", "d10", "d15"]
    assert sample_evenly(ids, 99).equals(ids)


def test_unknown_corpus_is_read_as_general_text() -> None:
    scorer = Scorer(tiny_corpora.bundle())
    frame = tiny_corpora.verses().select("doc_id", "text").head(3)
    assert score_documents(scorer, iter([frame]), corpus="elsewhere").height == 3
    assert score_documents(scorer, iter([]), corpus="verses").schema == scorer.inner_schema
