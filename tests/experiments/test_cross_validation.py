"""Folds: who is where, and which words a fold knows."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgm.experiments.cross_validation import HELD_OUT, LEFT_OUT, POOL, Fold, apply_fold
from mgm.text.features import FeaturePart
from mgm.text.vocabulary import frequency_bucket
from tests import tiny_corpora

FEATURES, VOCABULARY, _ = tiny_corpora.prepared(
    tiny_corpora.settings(), {"menus": tiny_corpora.menus(120), "verses": tiny_corpora.verses(120)}
)
ROWS = st.lists(
    st.tuples(st.integers(0, 30), st.sampled_from(["train", "train", "valid", "test"])), min_size=1
)


def documents(rows: list[tuple[int, str]]) -> pl.DataFrame:
    return pl.DataFrame(
        {"group": [f"组{group}" for group, _ in rows], "split": [split for _, split in rows]},
        schema={"group": pl.String, "split": pl.String},
    )


@given(ROWS, st.integers(2, 6), st.integers(0, 3), st.floats(0.05, 0.5))
def test_a_group_is_held_out_in_one_fold_and_never_straddles(
    rows: list[tuple[int, str]], count: int, seed: int, share: float
) -> None:
    frame = documents(rows)
    inside = frame["split"].is_in(list(POOL))
    held = np.zeros(frame.height, int)
    for number in range(count):
        splits = Fold(number=number, count=count, validation=share, seed=seed).splits(frame)
        assert splits.name == "split"
        assert ((splits == LEFT_OUT) == ~inside).all()
        of_group = frame.with_columns(splits).filter(inside).group_by("group").agg(pl.col("split").n_unique())
        assert (of_group["split"] == 1).all()
        held += (splits == HELD_OUT).to_numpy()
    assert (held == inside.to_numpy()).all()


@given(ROWS, st.integers(2, 6))
def test_other_rows_move_no_group(rows: list[tuple[int, str]], count: int) -> None:
    fold, frame = Fold(number=0, count=count, validation=0.2, seed=1), documents(rows)
    more = pl.concat([documents([(77, "train"), (3, "valid")]), frame])
    assert fold.splits(more)[2:].to_list() == fold.splits(frame).to_list()


def test_folds_are_about_equal_and_follow_the_seed() -> None:
    frame = documents([(n, "train") for n in range(2_000)])
    sizes = [
        (Fold(number=n, count=5, validation=0.125, seed=1).splits(frame) == HELD_OUT).sum() for n in range(5)
    ]
    assert sum(sizes) == 2_000
    assert all(350 < size < 450 for size in sizes)
    for number in range(5):
        splits = Fold(number=number, count=5, validation=0.125, seed=1).splits(frame)
        assert 140 < (splits == "valid").sum() < 260
    first, second = (Fold(number=0, count=5, validation=0.125, seed=seed).splits(frame) for seed in (1, 2))
    assert (first != second).any()
    validated = [
        set(frame["group"].filter(Fold(number=n, count=5, validation=0.5, seed=1).splits(frame) == "valid"))
        for n in (0, 1)
    ]
    kept = set(
        frame["group"].filter(Fold(number=0, count=5, validation=0.5, seed=1).splits(frame) != HELD_OUT)
    )
    assert validated[0] != validated[1] & kept


@pytest.mark.parametrize("min_count", [1, 40], ids=["all words", "frequent words"])
def test_a_folds_vocabulary_is_of_its_own_training_rows(min_count: int) -> None:
    fold = Fold(number=0, count=3, validation=0.2, seed=1)
    found = apply_fold(FEATURES, fold, vocabulary_size=len(VOCABULARY), min_count=min_count)
    # an independent count over lower-case words
    counted: dict[str, int] = {}
    for part in (part for own in found.values() for part in own):
        text = part.types["text"].str.to_lowercase().to_list()
        for words in part.documents.filter(pl.col("split") == "train")["word"]:
            for word in words:
                counted[text[word]] = counted.get(text[word], 0) + 1
    lost = 0
    for corpus, (part,) in found.items():
        before = FEATURES[corpus][0].types
        for text, was, now, bucket in zip(
            part.types["text"], before["id"], part.types["id"], part.types["bucket"], strict=True
        ):
            count = counted.get(text.lower(), 0)
            assert now == (was if count >= min_count else 0), text
            assert bucket == (frequency_bucket(pl.Series([count]))[0] if now else 0), text
            lost += was != now
        assert part.types.drop("id", "bucket").equals(before.drop("id", "bucket"))
        assert part.documents.drop("split").equals(FEATURES[corpus][0].documents.drop("split"))
    assert lost or min_count == 1


def test_a_word_of_held_out_rows_alone_is_unknown_there() -> None:
    documents = pl.DataFrame(
        {"group": ["a", "b"], "split": ["train", "train"], "word": [[0, 1], [0, 2]]},
        schema_overrides={"word": pl.List(pl.Int32)},
    )
    types = pl.DataFrame({"text": ["雨", "moon", "sun"], "id": [1, 2, 3], "bucket": [2, 1, 1]}).cast(
        {"id": pl.Int32, "bucket": pl.Int8}
    )
    seed = next(
        s
        for s in range(50)
        if {
            Fold(number=0, count=2, validation=1e-9, seed=s).split_of("a"),
            Fold(number=0, count=2, validation=1e-9, seed=s).split_of("b"),
        }
        == {"train", HELD_OUT}
    )
    fold = Fold(number=0, count=2, validation=1e-9, seed=seed)
    ((part,),) = apply_fold(
        {"c": [FeaturePart(documents, types)]}, fold, vocabulary_size=3, min_count=1
    ).values()
    own, other = (1, 2) if fold.split_of("a") == "train" else (2, 1)
    assert part.types["id"][0] == 1
    assert part.types["id"][own] == own + 1
    assert (part.types["id"][other], part.types["bucket"][other]) == (0, 0)
