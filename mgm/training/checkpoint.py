"""The state of a training after an epoch, on disk, so that a killed run continues with the same results."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from mgm.files import replacing

FILE = "checkpoint.pt"
FORMAT = 2
"""The number of the form of a state, to be raised when it changes."""


@dataclass(frozen=True)
class Checkpoint:
    """The place of a training's state; `fingerprint` identifies the training, and another one is never resumed."""

    folder: Path
    fingerprint: str

    @property
    def path(self) -> Path:
        """The file of the state."""
        return self.folder / FILE

    def make_folder(self) -> Path:
        """Return the folder, which exists from now on."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return self.folder

    def save(self, state: dict[str, Any]) -> None:
        """Replace the state on disk atomically: after a kill the old one or the new one is there, whole."""
        with replacing(self.path) as temporary, temporary.open("wb") as file:
            torch.save({"fingerprint": self.fingerprint, "format": FORMAT, **state}, file)
            file.flush()
            os.fsync(file.fileno())

    def load(self, device: torch.device) -> dict[str, Any] | None:
        """Return the state on disk; None where there is none, or one of another training or of a version with other states."""
        if not self.path.is_file():
            return None
        state = torch.load(self.path, map_location=device, weights_only=True)
        is_own = state["fingerprint"] == self.fingerprint and state.get("format") == FORMAT
        return state if is_own else None

    def remove(self) -> None:
        """Delete the state: the training's result is safe elsewhere."""
        if self.folder.is_dir():
            for path in self.folder.glob(f"{FILE}*"):
                path.unlink()
            self.folder.rmdir()
