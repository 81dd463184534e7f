"""Pretraining of the parts of a network: the encoder by masked words, and the layers of a stacked autoencoder."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from mgm.model.encoder import Encoder
from mgm.model.fusion import AutoencoderFusion, Fusion, build_fusion
from mgm.pretrained.columns import vector_width
from mgm.settings.views.training import TrainingSettings
from mgm.text.vectors.table import VectorTable
from mgm.training.checkpoint import Checkpoint
from mgm.training.data import PartRows
from mgm.training.determinism import deterministic
from mgm.training.fit import initialize_word_vectors
from mgm.training.pretraining.autoencoder import DocumentInputs, pretrain_layers
from mgm.training.pretraining.masked_words import PretrainReport, pretrain


@dataclass(frozen=True, kw_only=True)
class PretrainingLog:
    """The callbacks of a pretraining."""

    on_epoch: Callable[[PretrainReport], object]
    """Called after each epoch of masked words."""
    on_layer_epoch: Callable[[int, int, float], object]
    """Called after each epoch of a layer, with layer, epoch and loss."""


@dataclass(kw_only=True)
class Pretrained:
    """The weights that a network starts from (`encoder.*`, `fusion.*`), and how they came to be."""

    weights: dict[str, Tensor] = field(default_factory=dict)
    epochs: list[dict[str, Any]] = field(default_factory=list)
    """The loss and the number of masked words of each epoch."""
    layers: list[list[float]] = field(default_factory=list)
    """The loss of each epoch of each layer."""


@dataclass(frozen=True, kw_only=True)
class PretrainingCheckpoints:
    """The states that a killed pretraining goes on from."""

    encoder: Checkpoint
    layers: Checkpoint

    def remove(self) -> None:
        """Delete both states."""
        self.encoder.remove()
        self.layers.remove()


def pretrain_network(
    settings: TrainingSettings,
    sources: Sequence[PartRows],
    *,
    vocabulary_size: int,
    word_vectors: VectorTable | None,
    checkpoints: PretrainingCheckpoints,
    log: PretrainingLog,
) -> Pretrained:
    """Pretrain the parts that the settings name on the rows of `sources`, labelled or not.

    Args:
        settings: the parts, and the numbers of epochs.
        sources: training rows.
        vocabulary_size: the number of words with an id.
        word_vectors: the word vectors that the encoder starts from, if any.
        checkpoints: states to go on from and to write to.
        log: called with the progress.
    """
    result, rows = Pretrained(), list(sources)
    with deterministic(settings.train.threads):
        encoder, fusion = _initial_modules(
            settings,
            vocabulary_size,
            word_vectors=word_vectors,
            encoder_width=max((vector_width(source.part.documents) for source in rows), default=0),
        )
    if settings.train.init_from == "pretrained":
        history = pretrain(
            encoder,
            rows,
            settings=settings.pretrain,
            vocabulary_size=vocabulary_size,
            seed=settings.seed,
            threads=settings.train.threads,
            checkpoint=checkpoints.encoder,
            on_epoch=log.on_epoch,
        )
        result.epochs = [{"loss": round(report.loss, 6), "masked": report.masked} for report in history]
    result.weights = {f"encoder.{name}": tensor for name, tensor in encoder.state_dict().items()}
    if isinstance(fusion, AutoencoderFusion):
        losses = pretrain_layers(
            DocumentInputs(
                encoder=encoder,
                fusion=fusion,
                sources=rows,
                tokens_per_batch=settings.pretrain.tokens_per_batch,
            ),
            epochs=settings.pretrain.epochs,
            seed=settings.seed,
            threads=settings.train.threads,
            checkpoint=checkpoints.layers,
            on_epoch=log.on_layer_epoch,
        )
        result.layers = [[round(loss, 6) for loss in layer] for layer in losses]
        result.weights |= {f"fusion.{name}": tensor for name, tensor in fusion.state_dict().items()}
    return result


def _initial_modules(
    settings: TrainingSettings,
    vocabulary_size: int,
    *,
    word_vectors: VectorTable | None,
    encoder_width: int,
) -> tuple[Encoder, Fusion]:
    torch.manual_seed(settings.seed)
    encoder = Encoder(
        settings.model,
        vocabulary_size=vocabulary_size,
        ngram_buckets=settings.text.features.ngram_buckets,
        encoder_width=encoder_width,
    )
    if word_vectors is not None:
        initialize_word_vectors(encoder, word_vectors)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return encoder.to(device), build_fusion(settings.model, encoder.widths, tasks=[]).to(device)
