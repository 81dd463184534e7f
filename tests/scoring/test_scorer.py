"""Raw text has the predictions that the stages' features have."""

from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from mgm.model.predict import predict
from mgm.scoring.scorer import Scorer
from mgm.text.part_of_speech import tag_id
from tests import tiny_corpora

CONFIG = tiny_corpora.settings()


@pytest.fixture(scope="module")
def scorer(bundle: Path) -> Scorer:
    return Scorer.load(bundle)


@pytest.mark.parametrize("corpus", ["menus", "verses"])
def test_raw_text_scores_as_features_do(scorer: Scorer, corpus: str) -> None:
    frames = tiny_corpora.corpora()
    features, vocabulary, spaces = tiny_corpora.prepared(CONFIG, frames)
    bundle = scorer.bundle
    staged = predict(
        tiny_corpora.network(CONFIG, vocabulary, spaces),
        features[corpus][0],
        tasks=bundle.tasks,
        thresholds=bundle.thresholds,
    )
    found, rejects = scorer.predict(frames[corpus], corpus)
    assert rejects.is_empty()
    assert_frame_equal(found, staged, check_exact=True)
    for_users, _ = scorer.score(frames[corpus], corpus)
    assert for_users.columns == ["doc_id", "dish", "dish_score", "keys", "price", "themes", "themes_score"]
    assert_frame_equal(for_users, found.rename(dict(zip(found.columns, for_users.columns, strict=True))))


@pytest.mark.parametrize("corpus", ["menus", "verses"])
def test_features_are_those_of_training(tmp_path: Path, corpus: str) -> None:
    config, frames = tiny_corpora.with_dictionary(), tiny_corpora.corpora()
    part = tiny_corpora.prepared(config, frames)[0][corpus][0]
    scorer = Scorer.load(tiny_corpora.saved_bundle(tmp_path, config))
    found, _ = scorer.featurize(frames[corpus], corpus)
    assert_frame_equal(found.types, part.types)
    words_alone = scorer.find_words(frames[corpus], corpus)
    assert_frame_equal(words_alone.types, part.types.select("text", "id", "bucket"))
    assert_frame_equal(words_alone.documents, found.documents.select(words_alone.documents.columns))
    lists = ["word", "content", "start", "end", "sentence", "paragraph"]
    assert_frame_equal(found.documents.select(lists), part.documents.select(lists))
    words = part.documents.select(
        word=pl.col("word").explode(empty_as_null=False),
        content=pl.col("content").explode(empty_as_null=False),
    )
    marked = dict(
        words.select(part.types["text"].gather(words["word"]).alias("text"), "content").unique().iter_rows()
    )
    if corpus == "menus":
        assert not marked["Salt"]  # derived from the training documents
    else:
        pos = dict(part.types.select("text", "pos").iter_rows())
        assert pos["月照高"] == tag_id("b")


def test_rows_are_predicted_or_rejected_with_a_reason(scorer: Scorer) -> None:
    frame = pl.DataFrame(
        {
            "doc_id": ["good", "none", "blank", "short", "也好"],
            "text": ["Bake a cake.", None, " \n ", "ab", "明月照高楼。"],
        }
    )
    found, rejects = scorer.score(frame, "verses")
    assert found["doc_id"].to_list() == ["good", "也好"]
    assert rejects.select("doc_id", "stage", "reasons").rows() == [
        ("none", "input", ["text_missing"]),
        ("blank", "clean", ["text_too_short"]),
        ("short", "clean", ["text_too_short"]),
    ]
    assert "ab" in rejects["values"][2]
    assert scorer.score(frame)[0]["doc_id"].to_list() == ["good", "short", "也好"]


def test_nothing_to_predict_has_the_columns(scorer: Scorer) -> None:
    nothing = pl.DataFrame({"doc_id": ["a"], "text": [None]}, schema={"doc_id": pl.String, "text": pl.String})
    for frame, rejected in ((nothing, 1), (nothing.clear(), 0)):
        found, rejects = scorer.score(frame)
        assert found.schema == scorer.schema
        assert (found.height, rejects.height) == (0, rejected)


def test_offsets_point_into_the_raw_text(scorer: Scorer) -> None:
    text = "Press\u200b  Enter   or \u00a0Escape now."
    found, _ = scorer.score(pl.DataFrame({"doc_id": ["a"], "text": [text]}))
    for span in found["keys"][0]:
        piece = text[span["start"] : span["end"]]
        assert piece == piece.strip()
        assert piece != ""


def test_only_chosen_tasks_are_predicted(bundle: Path) -> None:
    few = Scorer.load(bundle, tasks=["price"])
    assert few.score(tiny_corpora.menus())[0].columns == ["doc_id", "price"]
    with pytest.raises(
        ValueError, match=r"score.tasks: 'prize': the bundle has no such task \(did you mean 'price'\?\)"
    ):
        Scorer.load(bundle, tasks=["prize"])


def test_a_chosen_task_that_is_off_is_left_out_where_that_is_allowed(
    bundle: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A misspelt one is an error still, and so is a choice of which nothing remains."""
    few = Scorer.load(bundle, tasks=["valence", "price"], allows_missing=True)
    assert [task.name for task in few.tasks] == ["price"]
    assert caplog.messages == ["score.tasks: not scored, as the bundle has no task of this name: valence"]
    for tasks in (["dish", "prize"], ["valence"]):
        with pytest.raises(ValueError, match="the bundle has no such task"):
            Scorer.load(bundle, tasks=tasks, allows_missing=True)
