"""The files of a pretrained encoder: config.json, tokenizer.json and safetensors, and the licence beside them.

No pickle is opened, and no code that a folder brings is imported: the architectures are those that `transformers` itself has.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from safetensors import SafetensorError
from safetensors.torch import load as parse_tensors
from torch import Tensor

from mgm.files import file_sha256
from mgm.settings.names import nearest

CONFIG, TOKENIZER, WEIGHTS = "config.json", "tokenizer.json", "model.safetensors"
ARCHITECTURES = ("bert", "roberta", "xlm-roberta", "camembert", "electra", "mpnet", "distilbert")
"""The values of `model_type` that are read: encoders of absolute positions, whose layers have one layout."""
_WIDTHS = {"distilbert": "dim"}
"""The fields of config.json that have the width, where it is not `hidden_size`."""
_LICENCE_STEMS = ("license", "licence", "notice", "copying")


@dataclass(frozen=True, kw_only=True)
class EncoderFiles:
    """The files of an encoder in memory.

    Attributes:
        config: the content of config.json.
        tokenizer: the text of tokenizer.json.
        tensors: the weights by name.
        licences: the files of its licence, by name.
        sha256: the hash of config, tokenizer and weights together: equal files give equal vectors.
    """

    config: Mapping[str, Any]
    tokenizer: str
    tensors: Mapping[str, Tensor]
    licences: Mapping[str, bytes]
    sha256: str

    @property
    def width(self) -> int:
        """The width of its vectors."""
        return int(self.config[_WIDTHS.get(self.config["model_type"], "hidden_size")])

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Return the files of a folder. Memory: their size.

        Raises:
            FileNotFoundError: there is no such folder, or it lacks a file; the message says what it has instead.
            ValueError: a file cannot be read, or the architecture is another one.
        """
        check_folder(folder)
        path = folder / WEIGHTS
        try:
            tensors = parse_tensors(path.read_bytes())
        except SafetensorError as error:
            raise ValueError(f"{path}: no file of safetensors: {error}") from error
        return cls(
            config=read_config(folder / CONFIG),
            tokenizer=(folder / TOKENIZER).read_text(encoding="utf-8"),
            tensors=tensors,
            licences={path.name: path.read_bytes() for path in licence_files(folder)},
            sha256=encoder_sha256(folder),
        )


def find_encoder(parent: Path, name: str, *, setting: str = "model.pretrained.path") -> Path:
    """Return the folder of an encoder.

    Raises:
        FileNotFoundError: there is none of this name; the message has the nearest one.
    """
    folder = parent / name
    if not folder.is_dir():
        names = [path.name for path in parent.iterdir() if path.is_dir()] if parent.is_dir() else []
        raise FileNotFoundError(f"{setting}: {folder}: no such folder{nearest(name, names)}")
    return folder


def check_folder(folder: Path) -> None:
    """Check that a folder has the files of an encoder whose architecture is known; no weights are read.

    Raises:
        FileNotFoundError, ValueError: see `EncoderFiles.read`.
    """
    if not folder.is_dir():
        raise FileNotFoundError(
            f"{folder}: no such folder; expected that of an encoder ({CONFIG}, {TOKENIZER}, {WEIGHTS})"
        )
    names = sorted(path.name for path in folder.iterdir())
    read_config(folder / CONFIG)
    if TOKENIZER not in names:
        raise FileNotFoundError(
            f"{folder / TOKENIZER}: missing; other forms of a tokenizer are not read: save it by "
            "AutoTokenizer.from_pretrained(...).save_pretrained(...) of transformers"
        )
    if WEIGHTS not in names:
        others = [n for n in names if n.endswith((".bin", ".pt", ".ckpt", ".h5", ".msgpack", ".index.json"))]
        has = f"; the folder has {', '.join(others)}, which is not read" if others else ""
        raise FileNotFoundError(
            f"{folder / WEIGHTS}: missing{has}: expected the weights in one file of safetensors"
        )


def read_config(path: Path) -> dict[str, Any]:
    """Return the content of a config.json whose architecture is known.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no JSON object, or its `model_type` is not one of ARCHITECTURES.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: missing; expected the folder of an encoder")
    try:
        config = json.loads(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path}: no JSON: {error}") from error
    check_config(config, path)
    return dict(config)


def check_config(config: Any, path: Path) -> None:
    """Check that a config is that of a known architecture.

    Raises:
        ValueError: it is not; the message names `path`.
    """
    if not isinstance(config, dict):
        raise ValueError(f"{path}: {type(config).__name__}; expected an object")
    name = config.get("model_type")
    if name not in ARCHITECTURES:
        raise ValueError(
            f"{path}: model_type: {name!r}: no encoder that is read; expected one of {', '.join(ARCHITECTURES)}"
            f"{nearest(str(name), ARCHITECTURES)}"
        )


def licence_files(folder: Path) -> list[Path]:
    """Return the files of a folder that hold its licence, by name."""
    return sorted(
        path for path in folder.iterdir() if path.is_file() and path.name.lower().startswith(_LICENCE_STEMS)
    )


def encoder_sha256(folder: Path) -> str:
    """Return the hash of the files that decide an encoder's vectors.

    Raises:
        FileNotFoundError: the folder lacks one of them.
    """
    hashes = {name: file_sha256(folder / name) for name in (CONFIG, TOKENIZER, WEIGHTS)}
    return hashlib.sha256(json.dumps(hashes, sort_keys=True).encode()).hexdigest()
