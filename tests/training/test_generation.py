"""Texts from training to raw documents: what is learned, saved and scored."""

from pathlib import Path

import polars as pl
import pytest
import torch

from mgm.bundle.bundle import Bundle
from mgm.bundle.contents import MANIFEST
from mgm.bundle.load import load_bundle
from mgm.bundle.save import save_bundle
from mgm.model.network import Network
from mgm.model.predict import predict, prediction_schema
from mgm.scoring.scorer import Scorer
from mgm.tasks import with_label_spaces
from mgm.training.fit import fit, plan_training
from mgm.training.validation import validate
from tests import generation_corpora

CONFIG = generation_corpora.settings(epochs=28)
FEATURES, VOCABULARY, SPACES, SUBWORDS = generation_corpora.prepared(CONFIG, generation_corpora.corpora())
TASKS = with_label_spaces(CONFIG.active_tasks(), SPACES)


@pytest.fixture(scope="module")
def trained() -> Network:
    made = plan_training(
        CONFIG, with_label_spaces(TASKS, SPACES), parts=FEATURES, vocabulary_size=len(VOCABULARY)
    )
    return fit(made, CONFIG).network


@pytest.fixture(scope="module")
def bundle(trained: Network) -> Bundle:
    return generation_corpora.bundle(CONFIG, trained)


def test_what_is_learned_from_few_pairs_holds_for_others(trained: Network) -> None:
    found = predict(
        trained, FEATURES["orders"][0], tasks=[t for t in TASKS if t.name == "into_zh"], thresholds={}
    )
    truth = FEATURES["orders"][0].documents.select("doc_id", "split", true="label:into_zh")
    test = found.join(truth, on="doc_id").filter(split="test").drop_nulls("true")
    assert (test["prediction:into_zh"] == test["true"]).mean() > 0.8, test
    assert (test["score:into_zh"] < 0).all() and test["score:into_zh"].is_finite().all()


def test_the_validation_metric_of_texts_is_chrf(trained: Network) -> None:
    made = plan_training(
        CONFIG, with_label_spaces(TASKS, SPACES), parts=FEATURES, vocabulary_size=len(VOCABULARY)
    )
    metrics = validate(trained, made.data.validation, tasks=TASKS)
    assert set(metrics) == {"into_zh", "heading", "dish"}
    assert 0.8 < metrics["into_zh"] <= 1 and 0.8 < metrics["heading"] <= 1


def test_a_saved_bundle_writes_the_same_for_raw_documents(bundle: Bundle, tmp_path: Path) -> None:
    save_bundle(tmp_path / "bundle", bundle)
    scorer = Scorer.load(tmp_path / "bundle", tasks=["into_zh", "heading", "dish"])
    found, rejected = scorer.predict(generation_corpora.orders().select("doc_id", "text"), "orders")
    assert rejected.is_empty() and dict(found.schema) == prediction_schema(scorer.tasks)
    expected = predict(bundle.network, FEATURES["orders"][0], tasks=scorer.tasks, thresholds={})
    assert found.select("prediction:into_zh", "prediction:dish").equals(
        expected.select("prediction:into_zh", "prediction:dish")
    )
    assert (found["score:into_zh"] - expected["score:into_zh"]).abs().max() <= 2e-4
    assert "subwords.model" in (tmp_path / "bundle" / MANIFEST).read_text()


def test_a_night_leaves_texts_out_unless_it_names_them(bundle: Bundle) -> None:
    assert [t.name for t in Scorer(bundle).tasks] == ["dish"]
    assert Scorer(bundle, tasks=["heading"]).schema == pl.Schema(
        {
            "doc_id": pl.String(),
            "heading": pl.String(),
            "heading_score": pl.Float32(),
            "heading_truncated": pl.Boolean(),
        }
    )


def test_a_bundle_of_nothing_but_texts_writes_them() -> None:
    tasks = {n: t for n, t in generation_corpora.SETTINGS["tasks"].items() if t["kind"] == "generation"}
    alone = generation_corpora.bundle(CONFIG.model_validate(generation_corpora.SETTINGS | {"tasks": tasks}))
    assert [t.name for t in Scorer(alone).tasks] == ["heading", "into_zh"]


def test_a_long_document_is_marked_as_truncated(bundle: Bundle) -> None:
    """A document that is too long says that its end was not read."""
    first = generation_corpora.orders(1)["text"][0]
    frame = pl.DataFrame({"doc_id": ["short", "long"], "text": [first, first + " It is hot today." * 20]})
    found, _ = Scorer(bundle, tasks=["into_zh"]).score(frame, "orders")
    assert found["into_zh_truncated"].to_list() == [False, True]
    assert found["into_zh"].str.len_chars().min() > 0


def test_a_bundle_without_its_subwords_says_so(bundle: Bundle, tmp_path: Path) -> None:
    save_bundle(tmp_path / "bundle", bundle)
    (tmp_path / "bundle" / "subwords.model").unlink()
    with pytest.raises(FileNotFoundError, match="subwords.model: missing"):
        load_bundle(tmp_path / "bundle")


def test_tasks_share_the_decoder_but_not_its_start() -> None:
    """The decoder is what the texts share and their beginnings are their own."""
    network = generation_corpora.network(CONFIG, VOCABULARY, SPACES)
    assert [p.shape for p in network.task_specific_parameters("heading")] == [torch.Size([32])]
    shared = {id(p) for p in network.shared_parameters()}
    assert network.text_decoder is not None and id(network.text_decoder.pieces.weight) in shared


def test_generation_may_be_trained_alone() -> None:
    alone = [t for t in TASKS if t.kind == "generation"]
    config = generation_corpora.settings(epochs=1)
    fitted = fit(
        plan_training(
            config, with_label_spaces(alone, SPACES), parts=FEATURES, vocabulary_size=len(VOCABULARY)
        ),
        config,
    )
    assert set(fitted.training.history[0].losses) == {"into_zh", "heading"}
    assert fitted.network.wide is None


@pytest.mark.parametrize(
    "train",
    [
        {"weighting": "uncertainty"},
        {"augmentation": {"delete": 0.1, "swap": 0.1, "mask": 0.1, "mixup": 0.9}},
        {"weighting": "UPGrad"},
    ],
)
def test_texts_are_trained_beside_a_class_under_every_recipe(train: dict[str, object]) -> None:
    config = generation_corpora.settings(**(train | {"epochs": 1}))
    fitted = fit(
        plan_training(
            config, with_label_spaces(TASKS, SPACES), parts=FEATURES, vocabulary_size=len(VOCABULARY)
        ),
        config,
    )
    assert all(loss > 0 for loss in fitted.training.history[0].losses.values())


def test_a_part_of_the_model_that_reads_no_words_cannot_write() -> None:
    off = {"enabled": False}
    parts = dict.fromkeys(("character", "word", "window", "sentence"), off)
    model = CONFIG.model.model_validate(
        CONFIG.model.model_dump() | parts | {"paragraph": {"width": 8}, "document": off}
    )
    with pytest.raises(ValueError, match="'heading': generation needs a vector a word"):
        Network(
            model,
            [t for t in TASKS if t.name == "heading"],
            vocabulary_size=len(VOCABULARY),
            ngram_buckets=500,
        )
