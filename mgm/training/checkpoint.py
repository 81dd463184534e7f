"""The state of a training after an epoch, on disk, so that a killed run goes on as if it had not been."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

FILE = "checkpoint.pt"


@dataclass(frozen=True)
class Checkpoint:
    """Where a training keeps its state. `fingerprint` says what is trained on what: another one is never
    resumed."""

    folder: Path
    fingerprint: str

    def save(self, state: dict[str, Any]) -> None:
        """Replaces the state on disk atomically: a kill leaves the old one or the new one, never half of
        it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        temporary = self.folder / (FILE + ".tmp")
        with temporary.open("wb") as file:
            torch.save({"fingerprint": self.fingerprint, **state}, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, self.folder / FILE)

    def load(self, device: torch.device) -> dict[str, Any] | None:
        """The state on disk; None where there is none, or one of another training."""
        path = self.folder / FILE
        if not path.is_file():
            return None
        state = torch.load(path, map_location=device, weights_only=True)
        return state if state["fingerprint"] == self.fingerprint else None

    def remove(self) -> None:
        """Deletes the state: the training's result is safe elsewhere."""
        for name in (FILE, FILE + ".tmp"):
            (self.folder / name).unlink(missing_ok=True)
        if self.folder.is_dir():
            self.folder.rmdir()
