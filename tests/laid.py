"""The features of the tiny corpora as files in the present folder, where trainings look for them."""

from typing import Any

import yaml

from flows.stages import _training
from flows.stages._common import write_json
from mgm.corpus.parts import Part, file_sha256, write_manifest
from mgm.settings import PARAMS, Settings
from mgm.text import labels, vectors
from tests import tiny


def lay(raw: dict[str, Any], rows: int = 30) -> Settings:
    """Writes params.yaml and data/features with `rows` documents of each corpus; returns the settings."""
    PARAMS.write_text(yaml.safe_dump(raw, sort_keys=False), encoding="utf-8")
    settings = Settings.load()
    frames = {"menus": tiny.menus(rows), "verses": tiny.verses(rows)}
    features, vocabulary, spaces = tiny.prepared(settings, frames)
    for corpus, (part,) in features.items():
        path = part.save(_training.FEATURES / corpus, 0)[0]
        write_manifest(path.parent, [Part(path.name, part.documents.height, file_sha256(path))])
    vocabulary.save(_training.VOCABULARY)
    labels.save(spaces, _training.LABELS)
    words = tiny.stopwords(settings, tiny.tokenized(settings, frames))
    (_training.FEATURES / "stopwords").mkdir(exist_ok=True)
    for corpus, own in words.items():
        own.save(_training.FEATURES / "stopwords" / f"{corpus}.txt")
    write_json(_training.FEATURES / "profile.json", {"corpora": {"menus": {}, "verses": {}}})
    vectors.save(
        _training.VECTORS, None, vectors.facts(None, "none", None, file_sha256(_training.VOCABULARY))
    )
    return settings
