"""What an epoch took: time, words, memory."""

import resource
import sys
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Cost:
    """Of one epoch. `training_seconds` are those of its batches, `loading_seconds` those of them in which the model
    waited for its next batch; `seconds` add validation. The memory is the most so far: of the GPU where one trains,
    else of the process."""

    words: int
    documents: int
    seconds: float
    training_seconds: float
    loading_seconds: float
    peak_memory_mib: int

    @property
    def words_per_second(self) -> float:
        """Of training alone."""
        return self.words / max(self.training_seconds, 1e-9)

    @property
    def documents_per_second(self) -> float:
        """Of training alone."""
        return self.documents / max(self.training_seconds, 1e-9)

    @property
    def loading_share(self) -> float:
        """The share of training in which the model waited for data."""
        return self.loading_seconds / max(self.training_seconds, 1e-9)


def peak_memory_mib(device: torch.device) -> int:
    """The most memory that was held so far: on a GPU by torch, else by the process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) >> 20
    unit = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes, Linux KiB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit >> 20
