"""One gradient of the shared parameters from one gradient a task, by any aggregator of the library TorchJD.

Axes: M tasks of a batch. Source: Quinton and Rey 2024, arXiv:2406.16232 (Jacobian descent); each aggregator's own paper is
named in the library's documentation.
"""

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from mgm.errors import MissingExtra
from mgm.model.network import Network
from mgm.training.distributed import DistributedContext
from mgm.training.weighting.weighting import DynamicWeighting, total

if TYPE_CHECKING:
    from torchjd.aggregation import Aggregator

Options = Mapping[str, float | str]


class AggregatedWeighting(DynamicWeighting):
    """Shared parameters get an aggregate of the tasks' gradients, the M rows of the Jacobian; task-specific ones their task's.

    The weights of the settings multiply losses, and so the rows. The gradient of a batch of one task is taken as it is. An
    aggregator with a memory of earlier batches has one for each set of tasks, and loses it at the end of an epoch, so that a
    checkpoint need not hold it. Rows are computed one task after another, which takes M backward passes and M times the memory of
    the gradients. With several processes each aggregates the rows of the global batch.

    Args:
        tasks: all tasks.
        weights: task to the factor of its loss.
        name: an aggregator of TorchJD.
        options: the arguments of the aggregator.

    Raises:
        ValueError: torchjd is not installed, or `options` are not the aggregator's.
    """

    sums_losses = False

    def __init__(
        self,
        tasks: list[str],
        weights: Mapping[str, float] | None = None,
        *,
        name: str,
        options: Options | None = None,
    ) -> None:
        """Check the aggregator and its arguments; the class has the arguments."""
        super().__init__(tasks, weights)
        self.name, self.options = name, dict(options or {})
        self._aggregators: dict[tuple[str, ...], Aggregator] = {}
        make_aggregator(name, self.options, num_tasks=len(tasks))  # so that errors are raised before any work

    def begin_epoch(self) -> None:
        """Forget the factors and the aggregators' memories."""
        super().begin_epoch()
        self._aggregators.clear()

    def backward(self, losses: Mapping[str, Tensor], *, network: Network) -> None:
        """Compute the gradients of `network`; see `Weighting.backward`."""
        weighted = {task: self.weights[task] * loss for task, loss in losses.items()}
        if len(weighted) == 1:
            total(weighted.values()).backward()
            return
        shared = _jacobian(weighted, network)
        try:
            factors = self._aggregate(shared, tuple(weighted))
        except (ValueError, RuntimeError, ArithmeticError) as error:
            raise ValueError(
                f"params.yaml: train.weighting: {self.name} failed on the gradients of {', '.join(weighted)}: {error}"
            ) from error
        if factors is not None:
            self.record_factors(
                {t: self.weights[t] * factor for t, factor in zip(weighted, factors.tolist(), strict=True)}
            )

    def _aggregate(self, shared: list[nn.Parameter], tasks: tuple[str, ...]) -> Tensor | None:
        """Set the gradients of `shared`, whose Jacobians are set; return the factors (M,) of the rows, if it has such."""
        from torchjd.aggregation import GramianWeightedAggregator, WeightedAggregator
        from torchjd.autojac import jac_to_grad

        if tasks not in self._aggregators:
            self._aggregators[tasks] = make_aggregator(self.name, self.options, num_tasks=len(tasks))
        aggregator = self._aggregators[tasks]
        if isinstance(aggregator, GramianWeightedAggregator):  # no second copy of the Jacobian
            return jac_to_grad(shared, aggregator, optimize_gramian_computation=True)
        if isinstance(aggregator, WeightedAggregator):
            return jac_to_grad(shared, aggregator)
        jac_to_grad(shared, aggregator)
        return None


def make_aggregator(name: str, options: Options, *, num_tasks: int) -> "Aggregator":
    """Return an aggregator of TorchJD for `num_tasks` tasks.

    Raises:
        MissingExtra: the library or a package that this aggregator needs is not installed.
        ValueError: these are not its arguments.
    """
    where = f"params.yaml: train.weighting: {name}"
    try:
        from torchjd import aggregation
    except ImportError as error:
        raise MissingExtra(
            f"{where} needs the library torchjd, which is not installed", extra="jd"
        ) from error
    aggregator_class = getattr(aggregation, name)
    known = inspect.signature(aggregator_class).parameters
    arguments: dict[str, Any] = {"n_tasks": num_tasks} if "n_tasks" in known else {}
    required = [n for n, p in known.items() if p.default is p.empty and n not in arguments]
    missing = [n for n in required if n not in options]
    unknown = [n for n in options if n not in known or n in arguments]
    if missing or unknown:
        wrong = [f"{n} is missing" for n in missing] + [f"{n} is not its argument" for n in unknown]
        raise ValueError(
            f"params.yaml: train.aggregator: {name}: {', '.join(wrong)}; "
            f"it takes: {', '.join(n for n in known if n not in arguments) or 'none'}"
        )
    try:
        aggregator: Aggregator = aggregator_class(**arguments, **options)
    except ImportError as error:
        raise MissingExtra(f"{where}: {error}", extra="jd") from error
    except (TypeError, ValueError) as error:
        raise ValueError(f"params.yaml: train.aggregator: {dict(options)}: {error}") from error
    return aggregator


def _jacobian(losses: Mapping[str, Tensor], network: Network) -> list[nn.Parameter]:
    """Set the Jacobian (`.jac`) of shared parameters, a row for each loss, and the gradient of task-specific ones.

    Return the shared parameters that a loss depends on; the others get none, so that the optimizer does not move them. With several
    processes the Jacobian is the mean over them; gradients of task-specific parameters are those of this process.
    """
    shared = network.shared_parameters()
    rows = []
    for left, (task, loss) in zip(range(len(losses) - 1, -1, -1), losses.items(), strict=True):
        specific = network.task_specific_parameters(task)
        gradients = torch.autograd.grad(loss, [*shared, *specific], retain_graph=left > 0, allow_unused=True)
        rows.append(gradients[: len(shared)])
        for parameter, gradient in zip(specific, gradients[len(shared) :], strict=True):
            if gradient is not None:
                parameter.grad = gradient
    jacobians = [_stack(gradients, p) for p, gradients in zip(shared, zip(*rows, strict=True), strict=True)]
    templates = [p.detach().expand(len(losses), *p.shape) for p in shared]
    reached = []
    means = DistributedContext.current().mean_over_processes(jacobians, templates)
    for parameter, jacobian in zip(shared, means, strict=True):
        if jacobian is not None:
            parameter.jac = jacobian  # type: ignore[attr-defined]  # where TorchJD reads it
            reached.append(parameter)
    return reached


def _stack(gradients: tuple[Tensor | None, ...], parameter: Tensor) -> Tensor | None:
    """Return (M, shape of the parameter), with zeros for tasks that do not depend on it; None where none does."""
    if all(gradient is None for gradient in gradients):
        return None
    return torch.stack([torch.zeros_like(parameter) if g is None else g for g in gradients])
