"""Stage: features -> the encoder that training starts from, if any. `python -m flows.stages.pretrain`."""

import hashlib
import json
import shutil
from typing import Any

from flows.stages._common import REPORTS, run_stage, write_json
from flows.stages._training import (
    CHECKPOINTS,
    FEATURES,
    PRETRAINED,
    VECTORS,
    VOCABULARY,
    read_features,
    word_vectors,
)

# isort: split
import torch

from mgm.corpus.parts import MANIFEST, file_sha256
from mgm.model.encoder import Encoder
from mgm.settings import Settings
from mgm.text import vectors
from mgm.text.vocabulary import Vocabulary
from mgm.training import pretrained
from mgm.training.checkpoint import Checkpoint
from mgm.training.fit import start_from
from mgm.training.pretraining import PretrainReport, pretrain
from mgm.training.sources import Source, training_rows


def main() -> None:
    """Pretrains on the training documents of every enabled corpus, labelled or not; a killed run goes on after its last
    whole epoch. Where training starts at random, says so and ends."""
    settings = Settings.load()
    facts: dict[str, Any] = {
        "initial": settings.train.initial,
        "vocabulary_sha256": file_sha256(VOCABULARY),
        "epochs": [],
    }
    weights: dict[str, torch.Tensor] = {}
    state = None
    if settings.train.initial == "pretrained":
        state = _checkpoint(settings)
        sources = training_rows({c: read_features(c) for c in sorted(settings.enabled)})
        encoder, history = _trained(settings, sources, state)
        weights = encoder.state_dict()
        facts["documents"] = sum(len(s.rows) for s in sources)
        facts["epochs"] = [{"loss": round(r.loss, 6), "masked": r.masked} for r in history]
    shutil.rmtree(PRETRAINED, ignore_errors=True)
    pretrained.save(PRETRAINED, weights, facts)
    write_json(REPORTS / "stages" / "pretrain.json", facts)
    if state is None:
        print("pretrain: off (train.initial: random)")
    else:
        state.remove()


def _trained(
    settings: Settings, sources: list[Source], state: Checkpoint
) -> tuple[Encoder, list[PretrainReport]]:
    words = len(Vocabulary.load(VOCABULARY))
    torch.manual_seed(settings.seed)
    encoder = Encoder(settings.model, words, settings.text.features.ngram_buckets)
    if (table := word_vectors(settings)) is not None:
        start_from(encoder, table)
    print(
        f"pretraining on {sum(len(s.rows) for s in sources):,} documents, {sum(int(s.length.sum()) for s in sources):,} "
        f"words an epoch, {settings.pretrain.epochs} epochs",
        flush=True,
    )
    encoder.to("cuda" if torch.cuda.is_available() else "cpu")
    history = pretrain(
        encoder,
        sources,
        words,
        settings.pretrain,
        settings.seed,
        settings.train.threads,
        state,
        _say(settings),
    )
    return encoder, history


def _say(settings: Settings) -> Any:
    def say(report: PretrainReport) -> None:
        print(
            f"epoch {report.epoch}/{settings.pretrain.epochs}: loss {report.loss:.4f} over {report.masked:,} masked words | "
            f"{report.words_per_second:,.0f} words/s",
            flush=True,
        )

    return say


def _checkpoint(settings: Settings) -> Checkpoint:
    """Other settings, features or another torch make it another pretraining."""
    files = [VOCABULARY, *(FEATURES / c / MANIFEST for c in sorted(settings.enabled))]
    files += [path for name in (vectors.FACTS, vectors.TABLE) if (path := VECTORS / name).is_file()]
    facts = {
        "settings": settings.model_dump(mode="json", include={"seed", "model", "pretrain", "text"}),
        "threads": settings.train.threads,
        "inputs": {path.as_posix(): file_sha256(path) for path in files},
        "torch": torch.__version__,
        "device": "cuda" if torch.cuda.is_available() else "cpu",
    }
    fingerprint = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
    return Checkpoint(CHECKPOINTS / "pretrain", fingerprint)


if __name__ == "__main__":
    run_stage(main)
