"""Stage: features -> the weights that training starts from, if any. `python -m flows.stages.pretrain`."""

import logging
import shutil
from typing import Any

from flows.project import PRETRAINED, STAGES, VOCABULARY
from flows.stages.command_line import run_stage
from flows.training_run import checkpoint_of, feature_hashes, read_features, read_word_vectors
from mgm.files import file_sha256, write_json
from mgm.settings.views.training import TrainingSettings
from mgm.text.vocabulary import Vocabulary
from mgm.training.data import PartRows, select_training_rows
from mgm.training.determinism import resolve_threads
from mgm.training.pretraining.masked_words import PretrainReport
from mgm.training.pretraining.network import (
    Pretrained,
    PretrainingCheckpoints,
    PretrainingLog,
    pretrain_network,
)
from mgm.training.pretraining.weights import save_pretrained

_logger = logging.getLogger(__name__)


def main() -> None:
    """Pretrain the encoder, the layers of a stacked autoencoder, or both, as the settings require, on all training documents.

    The documents are those of every enabled corpus, labelled or not. A killed run goes on after its last whole epoch.
    """
    settings = TrainingSettings.load()
    checkpoints = _checkpoints(settings)
    result, facts = Pretrained(), {}
    if settings.pretrains:
        sources = select_training_rows(
            {c: read_features(c, settings.model.pretrained) for c in sorted(settings.enabled)}
        )
        facts["documents"] = sum(len(source.rows) for source in sources)
        if settings.train.init_from == "pretrained":
            _print_start(settings, sources)
        result = pretrain_network(
            settings,
            sources,
            vocabulary_size=len(Vocabulary.load(VOCABULARY)),
            word_vectors=read_word_vectors(settings),
            checkpoints=checkpoints,
            log=_console(settings.pretrain.epochs),
        )
    else:
        _logger.info("pretrain: off (train.init_from: random)")
    metadata: dict[str, Any] = facts | {
        "initial": settings.train.init_from,
        "fusion": settings.model.fusion,
        "vocabulary_sha256": file_sha256(VOCABULARY),
        "epochs": result.epochs,
        "layers": result.layers,
    }
    shutil.rmtree(PRETRAINED, ignore_errors=True)
    save_pretrained(PRETRAINED, result.weights, facts=metadata)
    write_json(STAGES / "pretrain.json", metadata)
    checkpoints.remove()


def _checkpoints(settings: TrainingSettings) -> PretrainingCheckpoints:
    """Return the places of the states; other settings, features or another torch make it another pretraining."""
    facts = {
        "settings": settings.model_dump(mode="json", include={"seed", "model", "pretrain", "text"}),
        "threads": resolve_threads(settings.train.threads),
        "initial": settings.train.init_from,
        "inputs": feature_hashes(sorted(settings.enabled)),
    }
    return PretrainingCheckpoints(
        encoder=checkpoint_of("pretrain", facts), layers=checkpoint_of("pretrain-layers", facts)
    )


def _print_start(settings: TrainingSettings, sources: list[PartRows]) -> None:
    num_documents = sum(len(source.rows) for source in sources)
    num_words = sum(int(source.length.sum()) for source in sources)
    _logger.info(
        f"pretraining on {num_documents:,} documents, {num_words:,} words an epoch, {settings.pretrain.epochs} epochs"
    )


def _console(epochs: int) -> PretrainingLog:
    def print_epoch(report: PretrainReport) -> None:
        _logger.info(
            f"epoch {report.epoch}/{epochs}: loss {report.loss:.4f} over {report.masked:,} masked words | "
            f"{report.words_per_second:,.0f} words/s"
        )

    def print_layer_epoch(layer: int, epoch: int, loss: float) -> None:  # noqa: PLR0917  (a callback)
        _logger.info(f"layer {layer}, epoch {epoch}/{epochs}: loss {loss:.4f}")

    return PretrainingLog(on_epoch=print_epoch, on_layer_epoch=print_layer_epoch)


if __name__ == "__main__":
    run_stage(main)
