"""The features of the tiny corpora as files in the present folder, where trainings look for them."""

from typing import Any

import yaml

from flows import training_run
from mgm.corpus.parts import write_manifest
from mgm.files import file_sha256, write_json
from mgm.settings.settings import PARAMS, Settings
from mgm.text import labels
from mgm.text.feature_tables import write_feature_part
from mgm.text.vectors.table import describe_vectors, save_vectors
from tests import tiny_corpora


def lay(raw: dict[str, Any], rows: int = 30) -> Settings:
    """Writes params.yaml and data/features with `rows` documents of each corpus; returns the settings."""
    PARAMS.write_text(yaml.safe_dump(raw, sort_keys=False), encoding="utf-8")
    settings = Settings.load()
    frames = {"menus": tiny_corpora.menus(rows), "verses": tiny_corpora.verses(rows)}
    features, vocabulary, spaces = tiny_corpora.prepared(settings, frames)
    for corpus, (part,) in features.items():
        features_folder = training_run.FEATURES / corpus
        write_manifest(features_folder, [write_feature_part(part, features_folder, index=0, input_sha256="")])
    vocabulary.save(training_run.VOCABULARY)
    labels.save(spaces, training_run.LABELS)
    words = tiny_corpora.stopwords(settings, tiny_corpora.tokenized(settings, frames))
    (training_run.FEATURES / "stopwords").mkdir(exist_ok=True)
    for corpus, own in words.items():
        own.save(training_run.FEATURES / "stopwords" / f"{corpus}.txt")
    write_json(training_run.FEATURES / "profile.json", {"corpora": {"menus": {}, "verses": {}}})
    save_vectors(
        training_run.VECTORS,
        None,
        metadata=describe_vectors(
            None, source="none", algorithm=None, vocabulary_sha256=file_sha256(training_run.VOCABULARY)
        ),
    )
    return settings
