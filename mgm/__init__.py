"""mgm: one multi-task, multi-granularity model for a team's text corpora.

>>> import mgm
>>> model = mgm.load("models/candidate")
>>> model.predict(["The file is encrypted with a password."])
"""

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from mgm.bundle.sealing import SealingKey
    from mgm.inference.model import Model

__all__ = ["load"]


def load(
    folder: Path | str,
    *,
    public_key: Path | str | None = None,
    encryption_key: "Path | str | SealingKey | None" = None,
    calibrate: bool = False,
    abstain: Mapping[str, float] | None = None,
) -> "Model":
    """Return the model of a bundle's folder, to predict and explain texts with.

    Its memory is that of the bundle's files, and up to half a gigabyte for the words that it has read. From here on the process
    keeps memory that it frees (mgm/model/allocation.py).

    Args:
        folder: the folder of a bundle, such as models/candidate.
        public_key: the file of the public key that must verify the bundle's signature; None: it is not required.
        encryption_key: the file of the key that opens a sealed bundle, or the key itself; None: it is not sealed.
        calibrate: whether scores are calibrated, as by `score.calibrate` in params.yaml; labels stay the same.
        abstain: the precision on validation that labels must have, by task, as by `score.abstain`; below the score that reaches it there
            is none.

    Raises:
        FileNotFoundError: there is no bundle, or a file of it is missing.
        MissingKey: the bundle is sealed, and there is no key.
        ValueError: a file was altered, the format is another one, or the signature is not of this key; or the bundle has no
            temperatures, or does not reach a precision.
    """
    # imported by name, so that `import mgm` takes no time, and nothing that imports a module of mgm depends on the model
    model = importlib.import_module("mgm.inference.model").Model
    options = importlib.import_module("mgm.scoring.answers").AnswerOptions(
        calibrate=calibrate, abstain=dict(abstain or {})
    )
    return cast(
        "Model", model.load(folder, public_key=public_key, encryption_key=encryption_key, options=options)
    )
