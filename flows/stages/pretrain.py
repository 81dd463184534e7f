"""Stage: features -> the weights that training starts from, if any. `python -m flows.stages.pretrain`."""

import shutil
from typing import Any

import torch

from flows.project import REPORTS
from flows.stages.command_line import run_stage
from flows.training_run import (
    PRETRAINED,
    VOCABULARY,
    checkpoint_of,
    feature_hashes,
    read_features,
    read_word_vectors,
)
from mgm.files import file_sha256, write_json
from mgm.model.encoder import Encoder
from mgm.model.fusion import AutoencoderFusion, Fusion, build_fusion
from mgm.settings.views.training import TrainingSettings
from mgm.text.vocabulary import Vocabulary
from mgm.training.checkpoint import Checkpoint
from mgm.training.data import PartRows, select_training_rows
from mgm.training.determinism import deterministic
from mgm.training.fit import initialize_word_vectors
from mgm.training.pretraining import weights as pretrained_weights
from mgm.training.pretraining.autoencoder import DocumentInputs, pretrain_layers
from mgm.training.pretraining.masked_words import PretrainReport, pretrain


def main() -> None:
    """Pretrain the encoder, the layers of a stacked autoencoder, or both, as the settings require, on all training documents.

    The documents are those of every enabled corpus, labelled or not. A killed run goes on after its last whole epoch.
    """
    settings = TrainingSettings.load()
    facts: dict[str, Any] = {
        "initial": settings.train.init_from,
        "fusion": settings.model.fusion,
        "vocabulary_sha256": file_sha256(VOCABULARY),
        "epochs": [],
        "layers": [],
    }
    weights: dict[str, torch.Tensor] = {}
    states = [_checkpoint(settings, name) for name in ("pretrain", "pretrain-layers")]
    if settings.pretrains:
        sources = select_training_rows({c: read_features(c) for c in sorted(settings.enabled)})
        facts["documents"] = sum(len(s.rows) for s in sources)
        with deterministic(settings.train.threads):
            encoder, fusion = _initial_modules(settings)
        if settings.train.init_from == "pretrained":
            history = _masked_words(settings, encoder, sources, states[0])
            facts["epochs"] = [{"loss": round(r.loss, 6), "masked": r.masked} for r in history]
        if isinstance(fusion, AutoencoderFusion):
            losses = _layers(settings, encoder, fusion, sources=sources, state=states[1])
            facts["layers"] = [[round(loss, 6) for loss in layer] for layer in losses]
        for part, module in (("encoder", encoder), ("fusion", fusion)):
            if part == "encoder" or isinstance(module, AutoencoderFusion):
                weights |= {f"{part}.{name}": tensor for name, tensor in module.state_dict().items()}
    shutil.rmtree(PRETRAINED, ignore_errors=True)
    pretrained_weights.save_pretrained(PRETRAINED, weights, facts)
    write_json(REPORTS / "stages" / "pretrain.json", facts)
    if not settings.pretrains:
        print("pretrain: off (train.init_from: random)")
    for state in states:
        state.remove()


def _initial_modules(settings: TrainingSettings) -> tuple[Encoder, Fusion]:
    torch.manual_seed(settings.seed)
    words = len(Vocabulary.load(VOCABULARY))
    encoder = Encoder(settings.model, words, settings.text.features.ngram_buckets)
    if (table := read_word_vectors(settings)) is not None:
        initialize_word_vectors(encoder, table)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return encoder.to(device), build_fusion(settings.model, encoder.widths, []).to(device)


def _masked_words(
    settings: TrainingSettings, encoder: Encoder, sources: list[PartRows], state: Checkpoint
) -> list[PretrainReport]:
    epochs = settings.pretrain.epochs
    print(
        f"pretraining on {sum(len(s.rows) for s in sources):,} documents, {sum(int(s.length.sum()) for s in sources):,} "
        f"words an epoch, {epochs} epochs",
        flush=True,
    )

    def print_epoch(report: PretrainReport) -> None:
        print(
            f"epoch {report.epoch}/{epochs}: loss {report.loss:.4f} over {report.masked:,} masked words | "
            f"{report.words_per_second:,.0f} words/s",
            flush=True,
        )

    return pretrain(
        encoder,
        sources,
        settings.pretrain,
        vocabulary_size=len(Vocabulary.load(VOCABULARY)),
        seed=settings.seed,
        threads=settings.train.threads,
        checkpoint=state,
        on_epoch=print_epoch,
    )


def _layers(
    settings: TrainingSettings,
    encoder: Encoder,
    fusion: AutoencoderFusion,
    *,
    sources: list[PartRows],
    state: Checkpoint,
) -> list[list[float]]:
    epochs = settings.pretrain.epochs

    def print_epoch(layer: int, epoch: int, loss: float) -> None:
        print(f"layer {layer}, epoch {epoch}/{epochs}: loss {loss:.4f}", flush=True)

    documents = DocumentInputs(
        encoder=encoder,
        fusion=fusion,
        sources=sources,
        tokens_per_batch=settings.pretrain.tokens_per_batch,
    )
    return pretrain_layers(
        documents,
        epochs=epochs,
        seed=settings.seed,
        threads=settings.train.threads,
        checkpoint=state,
        on_epoch=print_epoch,
    )


def _checkpoint(settings: TrainingSettings, name: str) -> Checkpoint:
    """Return the place of a pretraining's state; other settings, features or another torch make it another pretraining."""
    facts = {
        "settings": settings.model_dump(mode="json", include={"seed", "model", "pretrain", "text"}),
        "threads": settings.train.threads,
        "initial": settings.train.init_from,
        "inputs": feature_hashes(sorted(settings.enabled)),
    }
    return checkpoint_of(name, facts)


if __name__ == "__main__":
    run_stage(main)
