"""Pretraining on text alone: what it learns from, that it resumes, and that training starts from it."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch
import yaml
from safetensors.torch import load_file, save

from flows import training_run
from flows.stages import pretrain
from mgm.corpus.parts import write_manifest
from mgm.model.encoder import Encoder
from mgm.settings.model import ModelSettings
from mgm.settings.settings import Settings
from mgm.settings.training import PretrainSettings
from mgm.text import labels
from mgm.text.feature_tables import write_feature_part
from mgm.text.features import FeaturePart
from mgm.training.checkpoint import Checkpoint
from mgm.training.data import select_training_rows
from mgm.training.pretraining.masked_words import PretrainReport
from mgm.training.pretraining.masked_words import pretrain as pretrained_on
from mgm.training.pretraining.weights import load_matching
from tests import tiny_corpora

FRAMES = tiny_corpora.corpora()
FEATURES, VOCABULARY, SPACES = tiny_corpora.prepared(tiny_corpora.settings(), FRAMES)
CHOSEN = PretrainSettings(
    epochs=3, tokens_per_batch=60, learning_rate=0.01, mask_rate=0.3, sampled_softmax_words=8
)


class Killed(Exception):
    pass


def fresh(model: ModelSettings | None = None) -> Encoder:
    torch.manual_seed(1)
    return Encoder(model or tiny_corpora.settings().model, vocabulary_size=len(VOCABULARY), ngram_buckets=500)


def run(
    settings: PretrainSettings = CHOSEN,
    features: dict[str, list[FeaturePart]] = FEATURES,
    checkpoint: Checkpoint | None = None,
    kill_after: int | None = None,
    encoder: Encoder | None = None,
) -> tuple[str, list[PretrainReport]]:
    """The hash of the encoder's weights, and the epochs."""
    encoder, told = encoder or fresh(), []

    def on_epoch(report: PretrainReport) -> None:
        told.append(report)
        if report.epoch == kill_after:
            raise Killed

    pretrained_on(
        encoder,
        select_training_rows(features),
        settings=settings,
        vocabulary_size=len(VOCABULARY),
        seed=1,
        threads=1,
        checkpoint=checkpoint,
        on_epoch=on_epoch,
    )
    state = {name: tensor.contiguous() for name, tensor in encoder.state_dict().items()}
    return hashlib.sha256(save(state)).hexdigest(), told


@pytest.mark.parametrize("sample", [8, 4_096])
def test_it_learns_and_a_seed_gives_the_same_bytes(sample: int) -> None:
    """It learns to guess and the same seed gives the same bytes."""
    settings = CHOSEN.model_copy(update={"sampled_softmax_words": sample, "epochs": 6})
    weights, told = run(settings)
    assert told[-1].loss < 0.9 * told[0].loss
    assert run(settings)[0] == weights


def test_every_part_of_the_encoder_learns() -> None:
    before, encoder = fresh().state_dict(), fresh()
    run(CHOSEN.model_copy(update={"epochs": 1}), encoder=encoder)
    for name, after in encoder.state_dict().items():
        assert not torch.equal(before[name], after), name


@pytest.mark.parametrize(
    "model",
    [{"preset": "fast"}, {n: {"enabled": False} for n in ("character", "window", "sentence", "word")}],
)
def test_without_some_granularities(model: dict[str, Any]) -> None:
    """The last one has no vector for a word: the document's have to do."""
    chosen = Settings.parse(tiny_corpora.SETTINGS | {"model": tiny_corpora.SETTINGS["model"] | model}).model
    told = run(CHOSEN.model_copy(update={"epochs": 8}), encoder=fresh(chosen))[1]
    assert told[-1].loss < told[0].loss


def test_only_training_text_is_learned_from() -> None:
    """Held out text teaches nothing and a document without a label does."""
    (part,) = FEATURES["menus"]
    weights = run(CHOSEN.model_copy(update={"epochs": 1}))[0]
    for split, same in (("train", False), ("valid", True), ("test", True)):
        changed = part.documents.with_columns(
            pl.when(pl.col("split") == split)
            .then(pl.col("word").list.reverse())
            .otherwise("word")
            .alias("word")
        )
        other = FEATURES | {"menus": [FeaturePart(changed, part.types)]}
        assert (run(CHOSEN.model_copy(update={"epochs": 1}), other)[0] == weights) == same, split
    without = part.documents.with_columns(
        pl.lit(None, part.documents.schema[column]).alias(column)
        for column in part.documents.columns
        if column.endswith("__y")
    )
    unlabelled = FEATURES | {"menus": [FeaturePart(without, part.types)]}
    assert run(CHOSEN.model_copy(update={"epochs": 1}), unlabelled)[0] == weights


@pytest.mark.parametrize("kill_after", [1, 2])
def test_a_killed_run_goes_on_to_the_same_bytes(tmp_path: Path, kill_after: int) -> None:
    weights, told = run()
    checkpoint = Checkpoint(tmp_path / "state", "these facts")
    with pytest.raises(Killed):  # before the epoch's state is written: it is done again
        run(checkpoint=checkpoint, kill_after=kill_after)
    resumed, again = run(checkpoint=checkpoint)
    assert resumed == weights
    assert [(r.epoch, r.loss, r.masked) for r in again] == [(r.epoch, r.loss, r.masked) for r in told]


def test_nothing_to_guess_is_an_error() -> None:
    with pytest.raises(ValueError, match="pretraining: no document of split train has a known word"):
        pretrained_on(fresh(), [], settings=CHOSEN, vocabulary_size=len(VOCABULARY), seed=1, threads=1)
    with pytest.raises(ValueError, match=r"the loss of epoch 1 is nan .* lower pretrain\.learning_rate"):
        run(CHOSEN.model_copy(update={"learning_rate": 1e30}))


def test_a_model_without_a_part_begins_with_the_rest() -> None:
    weights = {name: tensor + 1 for name, tensor in fresh().state_dict().items()}
    off = Settings.parse(
        tiny_corpora.SETTINGS | {"model": tiny_corpora.SETTINGS["model"] | {"sentence": {"enabled": False}}}
    )
    bias = "granularities.window.windows.0.bias"
    smaller, before = fresh(off.model), fresh(off.model).state_dict()
    load_matching(smaller, weights)
    for name, tensor in smaller.state_dict().items():
        fits = weights[name].shape == tensor.shape
        assert torch.equal(tensor, weights[name] if fits else before[name])
    assert torch.equal(smaller.state_dict()[bias], weights[bias])
    with pytest.raises(ValueError, match="pretrained weights: none of them is of this model"):
        load_matching(smaller, {"other": torch.zeros(1)})


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for corpus, (part,) in FEATURES.items():
        features_folder = training_run.FEATURES / corpus
        write_manifest(features_folder, [write_feature_part(part, features_folder, index=0, input_sha256="")])
    VOCABULARY.save(training_run.VOCABULARY)
    labels.save(SPACES, training_run.LABELS)


def stage(initial: str, **chosen: Any) -> Settings:
    """Runs the stage with these settings."""
    own = {"epochs": 2, "tokens_per_batch": 60, "learning_rate": 0.01} | chosen
    raw = tiny_corpora.SETTINGS | {
        "pretrain": own,
        "train": tiny_corpora.SETTINGS["train"] | {"init_from": initial},
    }
    Path("params.yaml").write_text(yaml.safe_dump(raw), encoding="utf-8")
    pretrain.main()
    return Settings.load()


def encoder_of(settings: Settings) -> dict[str, torch.Tensor]:
    return training_run.prepare(settings, settings.active_tasks()).network.encoder.state_dict()


@pytest.mark.usefixtures("project")
def test_training_starts_from_the_pretrained_weights(caplog: pytest.LogCaptureFixture) -> None:
    """Training starts where pretraining ended and at random where it is off."""
    caplog.set_level("INFO", "flows")
    settings = stage("random")
    assert "pretrain: off (train.init_from: random)" in caplog.text
    caplog.clear()
    assert [path.name for path in Path("data/pretrained").iterdir()] == ["pretrained.json"]
    random = encoder_of(settings)
    before = training_run.checkpoint("train", settings, tasks=settings.active_tasks()).fingerprint

    settings = stage("pretrained")
    out = caplog.text
    train = sum(frame.filter(split="train").height for frame in FRAMES.values())
    assert f"pretraining on {train} documents" in out
    assert "epoch 2/2: loss " in out
    assert not Path("data/checkpoints/pretrain").exists()
    facts = json.loads(Path("data/pretrained/pretrained.json").read_text(encoding="utf-8"))
    assert (facts["documents"], len(facts["epochs"])) == (train, 2)
    weights = load_file("data/pretrained/weights.safetensors")
    begun = encoder_of(settings)
    assert all(torch.equal(begun[name], weights[f"encoder.{name}"]) for name in begun)
    assert not torch.equal(
        begun["granularities.word.words.weight"], random["granularities.word.words.weight"]
    )
    told = {training_run.checkpoint("train", settings, tasks=settings.active_tasks()).fingerprint, before}
    (single,) = [t for t in settings.active_tasks() if t.name == "themes"]
    alone = training_run.prepare(settings, [single]).network.encoder.state_dict()
    assert all(torch.equal(alone[name], weights[f"encoder.{name}"]) for name in alone)
    stage("pretrained", epochs=1)
    told.add(training_run.checkpoint("train", settings, tasks=settings.active_tasks()).fingerprint)
    assert len(told) == 3


@pytest.mark.usefixtures("project")
def test_another_vocabulary_and_an_absent_encoder_are_refused() -> None:
    settings = stage("pretrained", epochs=1)
    VOCABULARY.__class__(VOCABULARY.table.head(3)).save(training_run.VOCABULARY)
    with pytest.raises(ValueError, match="not made from the present vocabulary"):
        encoder_of(settings)
    stage("random")
    with pytest.raises(FileNotFoundError, match="model.fusion: stacked_autoencoder need it"):
        encoder_of(settings)
    shutil.rmtree("data/pretrained")
    with pytest.raises(FileNotFoundError, match="pretrained.json: no such file"):
        encoder_of(settings)
