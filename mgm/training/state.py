"""The state of a training between two epochs, which a checkpoint holds."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from torch import Tensor

from mgm.model.network import Network
from mgm.training.callbacks import EpochReport
from mgm.training.cost import EpochCost
from mgm.training.wide_tuning import WideMethod


class Stateful(Protocol):
    """Anything whose state can be saved and restored: a module, an optimizer, an average."""

    def state_dict(self) -> Any:
        """Return the state."""

    def load_state_dict(self, state_dict: Any, /) -> Any:
        """Restore the state."""


@dataclass(kw_only=True)
class TrainingState:
    """The progress of a training, and the objects whose state goes with it, by name."""

    stateful: Mapping[str, Stateful]
    epoch: int = 0
    """The number of epochs that are done."""
    epochs_without_improvement: int = 0
    best_epoch: int = 0
    best_score: float = -math.inf
    best_weights: dict[str, Tensor] = field(default_factory=dict)
    history: list[EpochReport] = field(default_factory=list)
    wide_methods: dict[str, WideMethod] = field(default_factory=dict)
    """How the wide part of each task was solved for."""

    def is_improvement(self, metrics: Mapping[str, float], score: float) -> bool:
        """Return whether the mean `score` of these metrics is higher than all before it.

        Without a metric no two epochs can be compared, and the last one counts as the best.
        """
        return not metrics or score > self.best_score

    def record(self, report: EpochReport, best_weights: dict[str, Tensor] | None) -> None:
        """Add an epoch; `best_weights`: those after it where it is the best so far, else None."""
        self.epoch = report.epoch
        self.history.append(report)
        if best_weights is None:
            self.epochs_without_improvement += 1
        else:
            self.epochs_without_improvement = 0
            self.best_epoch, self.best_score, self.best_weights = report.epoch, report.score, best_weights

    def state_dict(self) -> dict[str, Any]:
        """Return the content of a checkpoint."""
        return {
            "epoch": self.epoch,
            "epochs_without_improvement": self.epochs_without_improvement,
            "best_epoch": self.best_epoch,
            "best_score": self.best_score,
            "best_weights": self.best_weights,
            "history": [asdict(report) for report in self.history],
            "wide_methods": {task: asdict(method) for task, method in self.wide_methods.items()},
            "stateful": {name: part.state_dict() for name, part in self.stateful.items()},
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the content of a checkpoint."""
        self.epoch = state["epoch"]
        self.epochs_without_improvement = state["epochs_without_improvement"]
        self.best_epoch, self.best_score = state["best_epoch"], state["best_score"]
        self.best_weights = state["best_weights"]
        self.history = [
            EpochReport(**report | {"cost": EpochCost(**report["cost"])}) for report in state["history"]
        ]
        self.wide_methods = {task: WideMethod(**method) for task, method in state["wide_methods"].items()}
        for name, part in self.stateful.items():
            part.load_state_dict(state["stateful"][name])


def copy_weights(network: Network) -> dict[str, Tensor]:
    """Return a copy of the network's weights.

    The solved wide parts never change during training and may be large: their tensors are shared, not copied.
    """
    solved = {
        id(tensor)
        for part in (network.wide, network.wide_tagging)
        if part is not None
        for tensor in part.state_dict(keep_vars=True).values()
    }
    return {
        name: tensor.detach() if id(tensor) in solved else tensor.detach().clone()
        for name, tensor in network.state_dict(keep_vars=True).items()
    }
