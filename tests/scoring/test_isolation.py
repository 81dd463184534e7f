"""Documents that break the model are found and set aside."""

from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from mgm.scoring.isolation import FailureBudget, ModelBroken, ScoredRows, join_parts, score_rows
from mgm.scoring.scorer import Scorer
from tests import tiny_corpora


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


def score(scorer: Scorer, documents: pl.DataFrame, max_failed: int = 100) -> ScoredRows:
    return score_rows(scorer, documents, as_corpus=None, rows_per_batch=8, max_failed_documents=max_failed)


@pytest.fixture
def scorer(bundle: Path) -> Fragile:
    return Fragile.load(bundle)


@pytest.mark.parametrize(
    "names",
    [["m0"], ["m29"], ["m8", "m9"], ["m7", "m8", "m15", "m16"]],
    ids=["first", "last", "across batches", "two batches"],
)
def test_only_broken_documents_are_rejected(scorer: Fragile, names: list[str]) -> None:
    documents = tiny_corpora.menus()
    whole, _, none = score(scorer, documents)
    assert none == []
    scorer.broken = frozenset(names)
    predicted, rejected, broken = score(scorer, documents)
    assert rejected["doc_id"].to_list() == names
    assert rejected["reasons"].to_list() == [["model_failed"]] * len(names)
    assert broken == [f"{name}: RuntimeError: index out of range" for name in names]
    assert_frame_equal(predicted, whole.filter(~pl.col("doc_id").is_in(names)), abs_tol=1.01e-4)


def test_healthy_shard_is_scored_in_batches(scorer: Fragile) -> None:
    score(scorer, tiny_corpora.menus())
    assert scorer.calls == 4


def test_only_document_of_a_shard_is_broken(scorer: Fragile) -> None:
    scorer.broken = frozenset(["m0"])
    assert score(scorer, tiny_corpora.menus(1))[1].height == 1


def test_too_many_broken_documents(scorer: Fragile) -> None:
    scorer.broken = frozenset(["m3", "m4", "m20"])
    with pytest.raises(
        ModelBroken, match=r"fails for 3 documents of the 30 .*max_failed_documents: 2.*first: m3: Run"
    ):
        score(scorer, tiny_corpora.menus(), max_failed=2)


def test_parts_share_the_budget_of_their_shard() -> None:
    parts = [
        ScoredRows(pl.DataFrame(), pl.DataFrame(), broken) for broken in (["m3: E", "m4: E"], ["m20: E"])
    ]
    assert join_parts(parts, FailureBudget(3, num_rows=30)).broken == ["m3: E", "m4: E", "m20: E"]
    with pytest.raises(ModelBroken, match="fails for 3 documents of the 30 .*the first: m3: E"):
        join_parts(parts, FailureBudget(2, num_rows=30))


@pytest.mark.parametrize("error", [MemoryError, OSError])
def test_errors_of_the_machine_are_raised(scorer: Fragile, error: type[Exception]) -> None:
    scorer.broken, scorer.error = frozenset(["m3"]), error
    with pytest.raises(error):
        score(scorer, tiny_corpora.menus())
    assert scorer.calls == 1
