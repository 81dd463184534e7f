"""A project's folder with the features of the tiny corpora, as the benchmarks read it."""

from pathlib import Path

import yaml

from mgm.corpus.parts import PartsWriter, file_sha256, write_manifest
from mgm.text import labels
from mgm.text.feature_tables import write_feature_part
from mgm.text.vectors.table import describe_vectors, save_vectors
from tests import tiny_corpora


def make(folder: Path) -> None:
    """Writes features, unique documents and params.yaml."""
    frames = tiny_corpora.corpora()
    features, vocabulary, spaces = tiny_corpora.prepared(tiny_corpora.settings(), frames)
    made = folder / "data/features"
    vocabulary.save(made / "vocabulary.parquet")
    labels.save(spaces, made / "labels.json")
    facts = describe_vectors(
        None, source="none", algorithm=None, vocabulary_sha256=file_sha256(made / "vocabulary.parquet")
    )
    save_vectors(folder / "data/vectors", None, metadata=facts)
    for corpus, (part,) in features.items():
        features_folder = made / corpus
        write_manifest(features_folder, [write_feature_part(part, features_folder, index=0, input_sha256="")])
        with PartsWriter(folder / "data/unique" / corpus, frames[corpus].schema) as writer:
            writer.write(frames[corpus])
    (folder / "params.yaml").write_text(yaml.safe_dump(tiny_corpora.SETTINGS), encoding="utf-8")
