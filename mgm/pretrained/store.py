"""The vectors of an encoder beside the features: data/encoded.

corpora/<corpus>/part-00000-000.arrow: a block of the rows of the corpus's part of features with the columns of mgm.pretrained.columns,
`key`, by which a document is found again, and `pieces`, the number of its pieces; uncompressed, so that it can be memory-mapped.
corpora/<corpus>/_parts.json: the blocks in order. encoder/: the encoder's files. encoded.json: what the vectors are of; written last.

A document whose key some block has is not computed again: blocks of an earlier run, finished or not, are the cache of the next.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from mgm.corpus.parts import MANIFEST, Manifest, Part, read_manifest, write_manifest
from mgm.errors import AlteredInput, MissingInput, StaleInput
from mgm.files import file_sha256, read_json
from mgm.pretrained.encoder import PretrainedEncoder
from mgm.pretrained.folder import CONFIG, TOKENIZER, WEIGHTS, licence_files
from mgm.pretrained.pieces import Pieces, join_words
from mgm.pretrained.vectors import encoder_columns
from mgm.settings.model import PretrainedSettings
from mgm.text.feature_tables import FeatureParts, read_feature_part, read_feature_parts
from mgm.text.features import FeaturePart

FACTS = "encoded.json"
ENCODER = "encoder"
_CORPORA = "corpora"
ROWS_PER_BLOCK = 2_048
"""Documents of a block: what a killed run loses at most, and what is in memory at once."""
_DIGEST = 16


class VectorCache:
    """The documents whose vectors some block has, by key: memory of about 100 bytes a document."""

    def __init__(self, folder: Path) -> None:
        """Look up what lies in a folder; a file that is no block, or that its list says was altered, counts as none."""
        self._places: dict[bytes, tuple[Path, int]] = {}
        for corpus in sorted((folder / _CORPORA).glob("*")):
            listed = {part.name: part.sha256 for part in _listed(corpus)}
            for path in sorted(corpus.glob("*.arrow")):
                if file_sha256(path) == listed.get(path.name, file_sha256(path)):
                    self.add(path)

    def add(self, path: Path) -> None:
        """Add the documents of a block."""
        with suppress(pa.ArrowInvalid, pl.exceptions.ColumnNotFoundError):
            for row, key in enumerate(_map(path)["key"]):
                self._places[key] = path, row

    def rows(self, keys: Sequence[bytes]) -> dict[int, tuple[Path, int]]:
        """Return the place of those of some documents that are known, by their position in `keys`."""
        return {i: self._places[key] for i, key in enumerate(keys) if key in self._places}


def encode_corpus(
    features: Path, folder: Path, *, encoder: PretrainedEncoder, with_words: bool, cache: VectorCache
) -> Iterator[int]:
    """Write the vectors of a corpus's documents, block by block, and yield how many of each block were computed.

    Args:
        features: the corpus's features.
        folder: the folder of all vectors.
        encoder: the encoder.
        with_words: whether to write vectors of words.
        cache: vectors that are known, also of this run.
    """
    corpus, context = folder / _CORPORA / features.name, key_context(encoder, with_words=with_words)
    corpus.mkdir(parents=True, exist_ok=True)
    (corpus / MANIFEST).unlink(missing_ok=True)
    blocks = []
    sources = zip(read_manifest(features).parts, read_feature_parts(features), strict=True)
    for index, (source, part) in enumerate(sources):
        for number, start in enumerate(range(0, max(part.documents.height, 1), ROWS_PER_BLOCK)):
            rows = FeaturePart(part.documents[start : start + ROWS_PER_BLOCK], part.types)
            path = corpus / f"part-{index:05d}-{number:03d}.arrow"
            block, computed = _encode_block(
                rows, encoder, with_words=with_words, cache=cache, context=context
            )
            _write(block, path)
            cache.add(path)
            blocks.append(Part(path.name, block.height, file_sha256(path), source.sha256))
            yield computed
    for stale in {path.name for path in corpus.glob("*.arrow*")} - {block.name for block in blocks}:
        (corpus / stale).unlink()
    write_manifest(corpus, blocks)


def num_blocks(features: Path) -> int:
    """Return the number of blocks of a corpus."""
    return sum(max(1, -(-part.rows // ROWS_PER_BLOCK)) for part in read_manifest(features).parts)


def key_context(encoder: PretrainedEncoder, *, with_words: bool) -> bytes:
    """Return what the vectors of a document depend on beside its words."""
    facts = {
        "encoder": encoder.files.sha256,
        "settings": encoding_settings(encoder.settings),
        "words": with_words,
    }
    return json.dumps(facts, sort_keys=True).encode()


def encoding_settings(settings: PretrainedSettings) -> dict[str, Any]:
    """Return the settings that vectors depend on; of a folder it is the content that counts."""
    if settings.is_trained:  # pieces, which the encoder reads in training
        return settings.model_dump(mode="json", include={"max_pieces", "prefix"}) | {"trained": True}
    return settings.model_dump(mode="json", include={"max_pieces", "window_pieces", "pooling", "prefix"})


def remove_other_corpora(folder: Path, corpora: Iterable[str]) -> None:
    """Remove the vectors of corpora that are not named."""
    for path in (folder / _CORPORA).glob("*"):
        if path.name not in set(corpora):
            shutil.rmtree(path)


def copy_encoder(source: Path, folder: Path) -> None:
    """Copy the files of an encoder beside its vectors, from where training takes them into the bundle."""
    target = folder / ENCODER
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for path in [source / CONFIG, source / TOKENIZER, source / WEIGHTS, *licence_files(source)]:
        shutil.copyfile(path, target / path.name)


def read_facts(folder: Path, settings: PretrainedSettings) -> dict[str, Any]:
    """Return what vectors are of: `encoder`, `width` and `settings`.

    Raises:
        MissingInput: there are none.
        StaleInput: they were made under other settings.
    """
    path = folder / FACTS
    if not path.is_file():
        raise MissingInput(path, "no such file", made_by="encode")
    facts: dict[str, Any] = read_json(path)
    wanted = encoding_settings(settings)
    if facts.get("settings") != wanted:
        raise StaleInput(
            path, f"made with {facts.get('settings')}; the settings have {wanted}", made_by="encode"
        )
    return facts


def read_encoded_parts(features: Path, folder: Path, *, settings: PretrainedSettings) -> list[FeaturePart]:
    """Return the parts of a corpus's features with its vectors, all opened; for the rest see `open_encoded_parts`."""
    return list(open_encoded_parts(features, folder, settings=settings))


def open_encoded_parts(features: Path, folder: Path, *, settings: PretrainedSettings) -> FeatureParts:
    """Return the parts of a corpus's features with its vectors, memory-mapped; without them where the settings have no encoder.

    Raises:
        MissingInput, StaleInput: there are no vectors, or they are of other features or settings.
        AlteredInput: a file is not the one that was written, when its part is opened.
    """
    sources = read_manifest(features).parts

    def open_part(index: int) -> FeaturePart:
        return read_feature_part(features, index, part=sources[index])

    if not settings.enabled:
        return FeatureParts(len(sources), open_part)
    read_facts(folder, settings)
    corpus = folder / _CORPORA / features.name
    if not (corpus / MANIFEST).is_file():
        raise MissingInput(corpus / MANIFEST, "no vectors of this corpus", made_by="encode")
    blocks = read_manifest(corpus).parts
    of_parts = [
        [block for block in blocks if block.name.startswith(f"part-{index:05d}-")]
        for index in range(len(sources))
    ]
    for source, of_part in zip(sources, of_parts, strict=True):
        if {block.input_sha256 for block in of_part} != {source.sha256}:
            raise StaleInput(
                corpus / MANIFEST, f"not made from the present {features / source.name}", made_by="encode"
            )

    def open_with_vectors(index: int) -> FeaturePart:
        part = open_part(index)
        columns = pl.concat(_read_block(corpus, block).drop("key", "pieces") for block in of_parts[index])
        return FeaturePart(part.documents.hstack(columns.get_columns()), part.types)

    return FeatureParts(len(sources), open_with_vectors)


def corpus_facts(folder: Path, corpus: str, *, max_pieces: int) -> dict[str, int]:
    """Return the extent of a corpus: documents, pieces, and the documents that are cut."""
    place = folder / _CORPORA / corpus
    pieces = pl.concat(_map(place / block.name)["pieces"] for block in read_manifest(place).parts)
    return {
        "documents": len(pieces),
        "pieces": int(pieces.sum()),
        "cut_documents": int((pieces > max_pieces).sum()),
    }


def _encode_block(
    rows: FeaturePart, encoder: PretrainedEncoder, *, with_words: bool, cache: VectorCache, context: bytes
) -> tuple[pl.DataFrame, int]:
    """Return the block of some rows, and how many documents were computed."""
    texts, bounds = join_words(rows, encoder.settings.prefix)
    keys = [_key(text, words, context=context) for text, words in zip(texts, bounds, strict=True)]
    known = cache.rows(keys)
    first = {key: i for i, key in reversed(list(enumerate(keys))) if i not in known}
    new = sorted(first.values())
    pieces = encoder.tokenizer.split(
        [texts[i] for i in new], [bounds[i] for i in new], max_pieces=encoder.max_pieces
    )
    computed = _block([keys[i] for i in new], pieces, encoder=encoder, with_words=with_words)
    # those that were computed, then those of each file; `order` has the row of each document in all of these
    frames, place = [computed], {i: position for position, i in enumerate(new)}
    order = [-1 if i in known else place[first[key]] for i, key in enumerate(keys)]
    by_file: dict[Path, list[int]] = {}
    for i, (path, _) in known.items():
        by_file.setdefault(path, []).append(i)
    height = computed.height
    for path, positions in by_file.items():
        frames.append(_map(path)[[known[i][1] for i in positions]])
        for offset, i in enumerate(positions):
            order[i] = height + offset
        height += len(positions)
    return pl.concat(frames)[order], computed.height


def _block(
    keys: list[bytes], pieces: Pieces, *, encoder: PretrainedEncoder, with_words: bool
) -> pl.DataFrame:
    columns = [
        pl.Series("key", keys, dtype=pl.Binary),
        pl.Series("pieces", pieces.whole_count, dtype=pl.Int32),
        *encoder_columns(encoder, pieces, with_words=with_words),
    ]
    return pl.DataFrame(columns)


def _key(text: str, bounds: np.ndarray, *, context: bytes) -> bytes:
    digest = hashlib.blake2b(context, digest_size=_DIGEST)
    digest.update(bounds.astype("<i8").tobytes())
    digest.update(text.encode())
    return digest.digest()


def _write(block: pl.DataFrame, path: Path) -> None:
    """Write a block at once, so that a killed run leaves whole ones alone."""
    new = path.with_name(f"{path.name}.new")
    block.rechunk().write_ipc(new, compression="uncompressed")
    os.replace(new, path)


def _read_block(folder: Path, block: Part) -> pl.DataFrame:
    path = folder / block.name
    if not path.is_file():
        raise AlteredInput(path, f"gone; expected SHA-256 {block.sha256[:12]}")
    if (found := file_sha256(path)) != block.sha256:
        raise AlteredInput(
            path, f"altered since it was written: SHA-256 {found[:12]}; expected {block.sha256[:12]}"
        )
    return _map(path)


def _listed(corpus: Path) -> list[Part]:
    with suppress(FileNotFoundError, AlteredInput):
        manifest: Manifest = read_manifest(corpus)
        return manifest.parts
    return []


def _map(path: Path) -> pl.DataFrame:
    with pa.memory_map(str(path)) as file:
        table = pl.from_arrow(pa.ipc.open_file(file).read_all())
    assert isinstance(table, pl.DataFrame)
    return table
