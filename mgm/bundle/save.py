"""Bundles written as folders of plain files.

Equal training gives equal bytes: no times and nothing about the machine stand inside.
"""

import os
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

from safetensors.torch import save as save_tensors

from mgm.bundle.bundle import Bundle
from mgm.bundle.format import (
    CONFIG,
    ENCODER_CONFIG,
    ENCODER_TOKENIZER,
    ENCODER_WEIGHTS,
    PROFILE,
    VOCABULARY,
    WEIGHTS,
    bundle_id,
    dictionary_file,
    encoder_licence_file,
    stopword_file,
    write_manifest,
)
from mgm.files import write_json
from mgm.pretrained.folder import EncoderFiles
from mgm.text.subwords import SUBWORDS_FILE

_SHAPING_SECTIONS = {
    "enabled",
    "seed",
    "corpora",
    "tasks",
    "text",
    "model",
    "pretrain",
    "train",
    "distillation",
}


def save_bundle(folder: Path, bundle: Bundle) -> str:
    """Write the bundle, replacing `folder` at once when everything is on disk; return the bundle's id."""
    new = folder.with_name(folder.name + ".new")
    old = folder.with_name(folder.name + ".old")
    for stale in (new, old):
        shutil.rmtree(stale, ignore_errors=True)
    new.mkdir(parents=True)
    _write_files(new, bundle)
    write_manifest(new)
    if folder.exists():
        os.replace(folder, old)
    os.replace(new, folder)
    shutil.rmtree(old, ignore_errors=True)
    return bundle_id(folder)


def _write_files(folder: Path, bundle: Bundle) -> None:
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in bundle.network.state_dict().items()}
    (folder / WEIGHTS).write_bytes(save_tensors(state))
    bundle.vocabulary.save(folder / VOCABULARY)
    write_json(folder / CONFIG, _config(bundle))
    write_json(folder / PROFILE, bundle.profile)
    for corpus, stopwords in bundle.stopwords.items():
        stopwords.save(folder / stopword_file(corpus))
    for name, dictionary in bundle.dictionaries.items():
        dictionary.save(folder / dictionary_file(name))
    if bundle.subwords is not None:
        bundle.subwords.save(folder / SUBWORDS_FILE)
    if bundle.encoder is not None:
        _write_encoder(folder, bundle.encoder)


def _write_encoder(folder: Path, encoder: EncoderFiles) -> None:
    if encoder.tensors:  # of one that was trained they are those of the network
        tensors = {name: tensor.contiguous() for name, tensor in encoder.tensors.items()}
        (folder / ENCODER_WEIGHTS).write_bytes(save_tensors(tensors))
    write_json(folder / ENCODER_CONFIG, dict(encoder.config))
    (folder / ENCODER_TOKENIZER).write_text(encoder.tokenizer, encoding="utf-8")
    for name, content in encoder.licences.items():
        (folder / encoder_licence_file(name)).write_bytes(content)


def _config(bundle: Bundle) -> dict[str, Any]:
    return {
        "settings": bundle.settings.model_dump(mode="json", include=_SHAPING_SECTIONS),
        "tasks": [t.model_dump(mode="json") for t in bundle.tasks],
        "thresholds": {task: t.to_json() for task, t in bundle.thresholds.items()},
        "linear_baselines": {task: b.to_json() for task, b in bundle.linear_baselines.items()},
        "calibrations": None
        if bundle.calibrations is None
        else {task: c.to_json() for task, c in bundle.calibrations.items()},
        "vocabulary_size": len(bundle.vocabulary),
        "ngram_buckets": bundle.settings.text.features.ngram_buckets,
        "stopwords": sorted(c for c in bundle.stopwords if c is not None),
        "dictionaries": sorted(bundle.dictionaries),
        "encoder": None
        if bundle.encoder is None
        else {
            "sha256": bundle.encoder.sha256,
            "width": bundle.encoder.width,
            "licences": sorted(bundle.encoder.licences),
        },
        "refit": None if bundle.refit is None else asdict(bundle.refit),
        "segmenter": None if bundle.segmenter is None else asdict(bundle.segmenter),
    }
