"""Stage: features -> the weights that training starts from, if any. `python -m flows.stages.pretrain`."""

import hashlib
import json
import shutil
from typing import Any

from flows.project import REPORTS
from flows.stages.command_line import run_stage
from flows.training_run import (
    CHECKPOINTS,
    FEATURES,
    PRETRAINED,
    VECTORS,
    VOCABULARY,
    read_features,
    word_vectors,
)
from mgm.files import write_json

# isort: split
import torch

from mgm.corpus.parts import MANIFEST, file_sha256
from mgm.model.encoder import Encoder
from mgm.model.fusion import AutoencoderFusion, Fusion, build_fusion
from mgm.settings.views.training import TrainingSettings
from mgm.text.vectors.table import METADATA_FILE, TABLE_FILE
from mgm.text.vocabulary import Vocabulary
from mgm.training.checkpoint import Checkpoint
from mgm.training.fit import start_from
from mgm.training.labelled_rows import Source, training_rows
from mgm.training.pretraining import weights as pretrained_weights
from mgm.training.pretraining.autoencoder import pretrain_layers
from mgm.training.pretraining.masked_words import PretrainReport, pretrain
from mgm.training.trainer import deterministic


def main() -> None:
    """Pretrains on the training documents of every enabled corpus, labelled or not: the encoder, the layers of a stacked
    autoencoder, or both. A killed run goes on after its last whole epoch. Where neither is asked for, says so and ends."""
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
        sources = training_rows({c: read_features(c) for c in sorted(settings.enabled)})
        facts["documents"] = sum(len(s.rows) for s in sources)
        with deterministic(settings.train.threads):
            encoder, fusion = _fresh(settings)
        if settings.train.init_from == "pretrained":
            history = _masked_words(settings, encoder, sources, states[0])
            facts["epochs"] = [{"loss": round(r.loss, 6), "masked": r.masked} for r in history]
        if isinstance(fusion, AutoencoderFusion):
            losses = _layers(settings, encoder, fusion, sources, states[1])
            facts["layers"] = [[round(loss, 6) for loss in layer] for layer in losses]
        for part, module in (("encoder", encoder), ("fusion", fusion)):
            if part == "encoder" or isinstance(module, AutoencoderFusion):
                weights |= {f"{part}.{name}": tensor for name, tensor in module.state_dict().items()}
    shutil.rmtree(PRETRAINED, ignore_errors=True)
    pretrained_weights.save(PRETRAINED, weights, facts)
    write_json(REPORTS / "stages" / "pretrain.json", facts)
    if not settings.pretrains:
        print("pretrain: off (train.init_from: random)")
    for state in states:
        state.remove()


def _fresh(settings: TrainingSettings) -> tuple[Encoder, Fusion]:
    torch.manual_seed(settings.seed)
    words = len(Vocabulary.load(VOCABULARY))
    encoder = Encoder(settings.model, words, settings.text.features.ngram_buckets)
    if (table := word_vectors(settings)) is not None:
        start_from(encoder, table)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return encoder.to(device), build_fusion(settings.model, encoder.widths, []).to(device)


def _masked_words(
    settings: TrainingSettings, encoder: Encoder, sources: list[Source], state: Checkpoint
) -> list[PretrainReport]:
    print(
        f"pretraining on {sum(len(s.rows) for s in sources):,} documents, {sum(int(s.length.sum()) for s in sources):,} "
        f"words an epoch, {settings.pretrain.epochs} epochs",
        flush=True,
    )
    words, chosen = len(Vocabulary.load(VOCABULARY)), settings.pretrain
    return pretrain(
        encoder, sources, words, chosen, settings.seed, settings.train.threads, state, _say(settings)
    )


def _layers(
    settings: TrainingSettings,
    encoder: Encoder,
    fusion: AutoencoderFusion,
    sources: list[Source],
    state: Checkpoint,
) -> list[list[float]]:
    def told(layer: int, epoch: int, loss: float) -> None:
        print(f"layer {layer}, epoch {epoch}/{settings.pretrain.epochs}: loss {loss:.4f}", flush=True)

    return pretrain_layers(
        encoder,
        fusion,
        sources,
        settings.pretrain.epochs,
        settings.pretrain.tokens_per_batch,
        settings.seed,
        settings.train.threads,
        state,
        told,
    )


def _say(settings: TrainingSettings) -> Any:
    def say(report: PretrainReport) -> None:
        print(
            f"epoch {report.epoch}/{settings.pretrain.epochs}: loss {report.loss:.4f} over {report.masked:,} masked words | "
            f"{report.words_per_second:,.0f} words/s",
            flush=True,
        )

    return say


def _checkpoint(settings: TrainingSettings, name: str) -> Checkpoint:
    """Other settings, features or another torch make it another pretraining."""
    files = [VOCABULARY, *(FEATURES / c / MANIFEST for c in sorted(settings.enabled))]
    files += [path for name in (METADATA_FILE, TABLE_FILE) if (path := VECTORS / name).is_file()]
    facts = {
        "settings": settings.model_dump(mode="json", include={"seed", "model", "pretrain", "text"}),
        "threads": settings.train.threads,
        "initial": settings.train.init_from,
        "inputs": {path.as_posix(): file_sha256(path) for path in files},
        "torch": torch.__version__,
        "device": "cuda" if torch.cuda.is_available() else "cpu",
    }
    fingerprint = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
    return Checkpoint(CHECKPOINTS / name, fingerprint)


if __name__ == "__main__":
    run_stage(main)
