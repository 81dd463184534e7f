"""The cost of an epoch: time, words, memory."""

import resource
import sys
from dataclasses import dataclass

import torch


@dataclass(frozen=True, kw_only=True)
class EpochCost:
    """The cost of one epoch."""

    words: int
    documents: int
    seconds: float
    """The time of training and validation."""
    training_seconds: float
    """The time of the training batches alone."""
    loading_seconds: float
    """The part of `training_seconds` in which the model waited for its next batch."""
    peak_memory_mib: int
    """The most memory so far: of the GPU if one trains, else of the process."""

    @property
    def words_per_second(self) -> float:
        """Words a second in training alone."""
        return self.words / max(self.training_seconds, 1e-9)

    @property
    def documents_per_second(self) -> float:
        """Documents a second in training alone."""
        return self.documents / max(self.training_seconds, 1e-9)

    @property
    def loading_share(self) -> float:
        """The share of training in which the model waited for data."""
        return self.loading_seconds / max(self.training_seconds, 1e-9)


def peak_memory_mib(device: torch.device) -> int:
    """Return the most memory that was held so far: on a GPU by torch, else by the process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) >> 20
    unit = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes, Linux KiB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit >> 20
