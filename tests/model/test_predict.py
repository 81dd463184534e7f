import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mgm.model.predict import predict, prediction_schema
from mgm.model.spans import word_spans
from mgm.model.thresholds import Thresholds, best_threshold, micro_f1, tune, untuned
from mgm.tasks import with_label_spaces
from mgm.text.features import FeaturePart
from tests import tiny_corpora

CONFIG = tiny_corpora.settings()
FRAMES = tiny_corpora.corpora()
FEATURES, VOCABULARY, SPACES = tiny_corpora.prepared(CONFIG, FRAMES)
TASKS = with_label_spaces(CONFIG.active_tasks(), SPACES)
NETWORK = tiny_corpora.network(CONFIG, VOCABULARY, SPACES)
THRESHOLDS = {"themes": untuned(3)}
PART = FEATURES["menus"][0]


def predictions(part: FeaturePart, tokens_per_batch: int = 10_000, probs: bool = True) -> pl.DataFrame:
    return predict(
        NETWORK, part, tasks=TASKS, thresholds=THRESHOLDS, tokens_per_batch=tokens_per_batch, probs=probs
    )


def test_the_columns_are_those_of_the_schema() -> None:
    found = predictions(PART)
    assert dict(found.schema) == prediction_schema(TASKS, probs=True)
    assert found["doc_id"].to_list() == PART.documents["doc_id"].to_list()
    assert dict(predictions(PART, probs=False).schema) == prediction_schema(TASKS)
    assert found["probs:dish"].list.sum().to_list() == pytest.approx([1.0] * found.height, abs=1e-3)
    assert found["score:dish"].to_list() == found["probs:dish"].list.max().to_list()
    assert found["prediction:themes"].list.len().to_list() == found["score:themes"].list.len().to_list()


@settings(max_examples=15)
@given(st.permutations(range(30)), st.integers(1, 300))
def test_order_and_size_of_batches_change_no_prediction(order: list[int], tokens_per_batch: int) -> None:
    shuffled = FeaturePart(PART.documents[order], PART.types)
    found = predictions(shuffled, tokens_per_batch).sort(by=pl.Series(order))
    values = ["probs:dish", "score:themes", "prediction:price"]
    for column in values:
        left = found[column].explode() if column != "prediction:price" else found[column]
        right = (
            predictions(PART)[column].explode() if column != "prediction:price" else predictions(PART)[column]
        )
        assert (left - right).abs().max() <= 2e-4  # 1e-5, then rounding
    assert found["prediction:dish"].equals(predictions(PART)["prediction:dish"])
    spans, expected = found["prediction:keys"].explode(), predictions(PART)["prediction:keys"].explode()
    for field in ("start", "end", "label"):
        assert spans.struct.field(field).equals(expected.struct.field(field), null_equal=True)


def test_spans_lie_on_words_of_the_raw_text() -> None:
    spans = (
        predictions(PART)
        .select("doc_id", "prediction:keys")
        .explode("prediction:keys")
        .drop_nulls()
        .unnest("prediction:keys")
    )
    words = PART.documents.select("doc_id", "start", "end").explode("start", "end")
    assert spans.height > 0
    assert spans.join(words, on=["doc_id", "start"], how="anti").is_empty()
    assert spans.join(words, on=["doc_id", "end"], how="anti").is_empty()
    assert spans["score"].is_between(0, 1).all()


def test_progress_counts_documents() -> None:
    done: list[int] = []
    predict(NETWORK, PART, tasks=TASKS, thresholds=THRESHOLDS, tokens_per_batch=40, progress=done.append)
    assert sum(done) == PART.documents.height
    assert len(done) > 1


@given(st.lists(st.lists(st.integers(0, 4), min_size=1, max_size=6), max_size=6))
def test_word_spans_against_a_reading_word_by_word(sentences: list[list[int]]) -> None:
    expected: list[list[int]] = []
    position = 0
    for sentence in sentences:
        previous = 0
        for tag in sentence:
            if tag and tag % 2 == 0 and previous in (tag, tag - 1):
                expected[-1][1] = position
            elif tag:
                expected.append([position, position, (tag - 1) // 2])
            previous, position = tag, position + 1
    tags = np.array([t for s in sentences for t in s], np.int64)
    found = word_spans(
        tags,
        np.arange(len(tags), dtype=np.float32),
        sentence_length=np.array([len(s) for s in sentences], int),
    )
    assert np.stack([found.first, found.last, found.label], axis=1).tolist() == expected
    assert found.mean.tolist() == [(first + last) / 2 for first, last, _ in expected]


@given(st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=1, max_size=30))
def test_no_cut_beats_the_best_threshold(pairs: list[tuple[int, bool]]) -> None:
    probs = np.array([p / 20 for p, _ in pairs], np.float32)[:, None]
    truth = np.array([t for _, t in pairs])[:, None]
    if truth.any():
        best = micro_f1(probs >= np.float32(best_threshold(probs.ravel(), truth.ravel())), truth)
        cuts = [micro_f1(probs >= np.float32(cut), truth) for cut in np.linspace(0.001, 1, 200)]
        assert best >= max(cuts) - 1e-9


def test_a_rare_label_takes_the_common_threshold() -> None:
    rng = np.random.default_rng(0)
    truth = np.stack([rng.random(200) < 0.4, np.arange(200) < 3], axis=1)
    probs = (0.3 * truth + 0.5 * rng.random((200, 2))).astype(np.float32)
    tuned = tune(probs, truth)
    assert tuned.labels[1] == tuned.common != tuned.labels[0]
    assert Thresholds(**tuned.to_json()) == tuned
    assert tune(probs[:0], truth[:0]) == untuned(2)
