"""Documents that break the model are found and set aside."""

from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from mgm.scoring.isolation import ModelBroken, score_rows
from mgm.scoring.scorer import Scorer
from tests import tiny


class Fragile(Scorer):
    """Fails for batches that hold one of these documents."""

    broken: frozenset[str] = frozenset()
    error: type[Exception] = RuntimeError
    calls = 0

    def score(self, frame: pl.DataFrame, corpus: str | None = None) -> tuple[pl.DataFrame, pl.DataFrame]:
        self.calls += 1
        if self.broken & set(frame["doc_id"]):
            raise self.error("index out of range")
        return super().score(frame, corpus)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.saved_bundle(tmp_path_factory.mktemp("models"))


@pytest.fixture
def scorer(folder: Path) -> Fragile:
    return Fragile.load(folder)


@pytest.mark.parametrize("names", [["m0"], ["m29"], ["m8", "m9"], ["m7", "m8", "m15", "m16"]])
def test_exactly_the_broken_documents_are_rejected(scorer: Fragile, names: list[str]) -> None:
    documents = tiny.menus()
    whole, _, none = score_rows(scorer, documents, None, 8, 100)
    assert none == []
    scorer.broken = frozenset(names)
    predicted, rejected, broken = score_rows(scorer, documents, None, 8, 100)
    assert rejected["doc_id"].to_list() == names
    assert rejected["reasons"].to_list() == [["model_failed"]] * len(names)
    assert broken == [f"{name}: RuntimeError: index out of range" for name in names]
    assert_frame_equal(predicted, whole.filter(~pl.col("doc_id").is_in(names)), abs_tol=1.01e-4)


def test_a_healthy_shard_is_scored_in_its_batches(scorer: Fragile) -> None:
    score_rows(scorer, tiny.menus(), None, 8, 100)
    assert scorer.calls == 4


def test_the_only_document_of_a_shard_may_be_broken(scorer: Fragile) -> None:
    scorer.broken = frozenset(["m0"])
    assert score_rows(scorer, tiny.menus(1), None, 8, 100)[1].height == 1


def test_too_many_broken_documents_are_a_broken_model(scorer: Fragile) -> None:
    scorer.broken = frozenset(["m3", "m4", "m20"])
    with pytest.raises(
        ModelBroken, match=r"fails for 3 documents of the 30 .*max_failed_documents: 2.*first: m3: Run"
    ):
        score_rows(scorer, tiny.menus(), None, 8, 2)


@pytest.mark.parametrize("error", [MemoryError, OSError])
def test_what_is_no_documents_fault_is_raised(scorer: Fragile, error: type[Exception]) -> None:
    scorer.broken, scorer.error = frozenset(["m3"]), error
    with pytest.raises(error):
        score_rows(scorer, tiny.menus(), None, 8, 100)
    assert scorer.calls == 1
