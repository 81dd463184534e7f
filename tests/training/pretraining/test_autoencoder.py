"""The stack's layers before training, and its way back after: what they learn from, and what they tell apart."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save

from mgm.evaluation.out_of_distribution import auroc
from mgm.model.decode import decode
from mgm.model.encoder import Encoder
from mgm.model.fusion import AutoencoderFusion, build_fusion
from mgm.settings.settings import Settings
from mgm.tasks import RECONSTRUCTION, with_label_spaces
from mgm.training.checkpoint import Checkpoint
from mgm.training.data import select_labelled_rows, select_training_rows
from mgm.training.fit import fit, plan_training
from mgm.training.pretraining.autoencoder import DocumentInputs, pretrain_layers, refit_decoder
from tests import tiny_corpora

CONFIG = Settings.parse(
    tiny_corpora.SETTINGS
    | {
        "model": tiny_corpora.SETTINGS["model"]
        | {"fusion": "stacked_autoencoder", "autoencoder": {"layers": [24]}},
        "train": tiny_corpora.SETTINGS["train"] | {"epochs": 2},
    }
)
FEATURES, VOCABULARY, SPACES = tiny_corpora.prepared(CONFIG, tiny_corpora.corpora())


class Killed(Exception):
    pass


def digest(*modules: torch.nn.Module) -> str:
    state = {f"{i}.{k}": v.contiguous() for i, m in enumerate(modules) for k, v in m.state_dict().items()}
    return hashlib.sha256(save(state)).hexdigest()


def fresh() -> tuple[Encoder, AutoencoderFusion]:
    torch.manual_seed(1)
    encoder = Encoder(CONFIG.model, vocabulary_size=len(VOCABULARY), ngram_buckets=500)
    fusion = build_fusion(CONFIG.model, encoder.widths, tasks=[])
    assert isinstance(fusion, AutoencoderFusion)
    return encoder, fusion


def layers(
    checkpoint: Checkpoint | None = None, kill: tuple[int, int] | None = None
) -> tuple[str, list[list[float]]]:
    encoder, fusion = fresh()
    before = digest(encoder)

    def told(layer: int, epoch: int, loss: float) -> None:
        if (layer, epoch) == kill:
            raise Killed

    losses = pretrain_layers(
        DocumentInputs(
            encoder=encoder, fusion=fusion, sources=select_training_rows(FEATURES), tokens_per_batch=60
        ),
        epochs=3,
        seed=1,
        threads=1,
        checkpoint=checkpoint,
        on_epoch=told,
    )
    assert digest(encoder) == before  # it is only read
    return digest(fusion), losses


def test_layers_learn_and_a_killed_run_resumes(tmp_path: Path) -> None:
    """Each layer learns and a killed run ends in the same bytes."""
    weights, losses = layers()
    assert [len(layer) for layer in losses] == [3, 3]
    for layer in losses:
        assert layer[-1] < layer[0]
    for kill in ((1, 2), (2, 1), (2, 3)):
        checkpoint = Checkpoint(tmp_path / str(kill), "these facts")
        with pytest.raises(Killed):
            layers(checkpoint, kill)
        assert layers(checkpoint) == (weights, losses)


def test_after_training_only_the_decoder_is_refitted() -> None:
    tasks = [t for t in CONFIG.active_tasks() if t.corpora == ["menus"]]
    own = {"menus": FEATURES["menus"]}
    made = plan_training(CONFIG, with_label_spaces(tasks, SPACES), parts=own, vocabulary_size=len(VOCABULARY))
    fitted = fit(made, CONFIG).network
    (part,) = FEATURES["menus"]
    (held_out,) = select_labelled_rows(own, tasks, splits=["valid"])
    errors = decode(fitted, part, rows=held_out.rows, tasks=made.tasks)[RECONSTRUCTION]
    assert isinstance(errors, np.ndarray)
    assert errors.mean() == pytest.approx(1, abs=1e-3)

    kept = {
        k: v.clone()
        for k, v in fitted.state_dict().items()
        if ".decoder." not in k and "reference_error" not in k
    }
    fusion = fitted.fusion
    assert isinstance(fusion, AutoencoderFusion)
    for _ in range(15):
        refit_decoder(fitted, made.data, tokens_per_batch=60, seed=1, threads=1)
    assert all(torch.equal(fitted.state_dict()[name], tensor) for name, tensor in kept.items())

    (other,) = FEATURES["verses"]  # never seen in training
    foreign = decode(fitted, other, rows=np.arange(other.documents.height), tasks=[])[RECONSTRUCTION]
    test = (part.documents["split"] == "test").arg_true().to_numpy().astype(np.int64)
    familiar = decode(fitted, part, rows=test, tasks=[])[RECONSTRUCTION]
    assert isinstance(foreign, np.ndarray)
    assert isinstance(familiar, np.ndarray)
    assert auroc(familiar, foreign) > 0.95


def test_a_training_with_the_stack_gives_the_same_bytes_again() -> None:
    """After training the way back alone is fitted and the held out documents have an error of one."""
    tasks = [t for t in CONFIG.active_tasks() if t.name == "themes"]
    first, again = (
        digest(
            fit(
                plan_training(
                    CONFIG, with_label_spaces(tasks, SPACES), parts=FEATURES, vocabulary_size=len(VOCABULARY)
                ),
                CONFIG,
            ).network
        )
        for _ in range(2)
    )
    assert first == again
