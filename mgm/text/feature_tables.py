"""The features of a corpus on disk: a folder of parts, with its manifest."""

import hashlib
from pathlib import Path

from mgm.corpus.parts import Part, read_manifest
from mgm.files import file_sha256
from mgm.text.features import FeaturePart


def read_feature_parts(folder: Path) -> list[FeaturePart]:
    """Return the parts of a corpus's features, memory-mapped.

    Raises:
        FileNotFoundError: there are no features, or their writing was not finished.
    """
    return [FeaturePart.load(folder, index) for index in range(len(read_manifest(folder).parts))]


def write_feature_part(part: FeaturePart, folder: Path, *, index: int, input_sha256: str) -> Part:
    """Write a part of a corpus's features, and return its entry in the manifest, whose hash is of both of its files."""
    paths = part.save(folder, index)
    sha256 = hashlib.sha256("".join(map(file_sha256, paths)).encode()).hexdigest()
    return Part(paths[0].name, part.documents.height, sha256, input_sha256)
