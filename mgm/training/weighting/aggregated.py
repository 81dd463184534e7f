"""One gradient of what tasks share from one of each task, by any aggregator of the library TorchJD.

Axes: M tasks of a batch. Source: Quinton and Rey 2024, arXiv:2406.16232 (Jacobian descent); each aggregator's own paper is
named in the library's documentation.
"""

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from mgm.model.network import Network
from mgm.training.distributed import DistributedContext
from mgm.training.weighting.weighting import DynamicWeighting, total

if TYPE_CHECKING:
    from torchjd.aggregation import Aggregator

Options = Mapping[str, float | str]


class AggregatedWeighting(DynamicWeighting):
    """Each parameter that tasks share gets what the aggregator `name` makes of the tasks' gradients, the M rows of the
    Jacobian; what is a task's own gets that task's gradient.

    The set weights multiply losses, and so the rows. A batch of one task has nothing to aggregate: its gradient is
    taken as it is. An aggregator that remembers earlier batches does so for each set of tasks apart, and within an epoch:
    what it has then it loses, so that a resumed training needs none of it. Rows are computed one task after another, which takes
    M backward passes and M times the memory of the gradients. Of several processes each aggregates the rows of the
    whole batch.

    Raises:
        ValueError: torchjd is not installed, or `options` are not the aggregator's.
    """

    def __init__(
        self,
        tasks: list[str],
        weights: Mapping[str, float] | None = None,
        *,
        name: str,
        options: Options | None = None,
    ) -> None:
        super().__init__(tasks, weights)
        self.name, self.options = name, dict(options or {})
        self._aggregators: dict[tuple[str, ...], Aggregator] = {}
        aggregator(name, self.options, len(tasks))  # what is wrong with it is said before any work

    def begin_epoch(self) -> None:
        super().begin_epoch()
        self._aggregators.clear()

    def backward(self, deep: Mapping[str, Tensor], wide: Mapping[str, Tensor], network: Network) -> None:
        weighted = {task: self.weights[task] * loss for task, loss in deep.items()}
        if len(weighted) == 1:
            total([*weighted.values(), *wide.values()]).backward()
            return
        if wide:
            total(wide.values()).backward()
        shared = _jacobian(weighted, network)
        try:
            factors = self._aggregate(shared, tuple(weighted))
        except (ValueError, RuntimeError, ArithmeticError) as error:
            raise ValueError(
                f"params.yaml: train.weighting: {self.name} failed on the gradients of {', '.join(weighted)}: {error}"
            ) from error
        if factors is not None:
            self.note(
                {t: self.weights[t] * factor for t, factor in zip(weighted, factors.tolist(), strict=True)}
            )

    def _aggregate(self, shared: list[nn.Parameter], tasks: tuple[str, ...]) -> Tensor | None:
        """Gives `shared`, which have their Jacobians, their gradients. (M,) factors of the rows, where it has such."""
        from torchjd.aggregation import GramianWeightedAggregator, WeightedAggregator
        from torchjd.autojac import jac_to_grad

        if tasks not in self._aggregators:
            self._aggregators[tasks] = aggregator(self.name, self.options, len(tasks))
        chosen = self._aggregators[tasks]
        if isinstance(chosen, GramianWeightedAggregator):  # no second copy of the Jacobian
            return jac_to_grad(shared, chosen, optimize_gramian_computation=True)
        if isinstance(chosen, WeightedAggregator):
            return jac_to_grad(shared, chosen)
        jac_to_grad(shared, chosen)
        return None


def aggregator(name: str, options: Options, tasks: int) -> "Aggregator":
    """An aggregator of TorchJD for so many tasks.

    Raises:
        ValueError: the library or what this aggregator needs is not installed, or these are not its arguments.
    """
    where = f"params.yaml: train.weighting: {name}"
    install = "pip install -c requirements.lock -e '.[jd]'"
    try:
        from torchjd import aggregation
    except ImportError as error:
        raise ValueError(f"{where} needs the library torchjd: {install}") from error
    kind = getattr(aggregation, name)
    known = inspect.signature(kind).parameters
    given: dict[str, Any] = {"n_tasks": tasks} if "n_tasks" in known else {}
    required = [n for n, p in known.items() if p.default is p.empty and n not in given]
    missing = [n for n in required if n not in options]
    unknown = [n for n in options if n not in known or n in given]
    if missing or unknown:
        wrong = [f"{n} is missing" for n in missing] + [f"{n} is not its argument" for n in unknown]
        raise ValueError(
            f"params.yaml: train.aggregator: {name}: {', '.join(wrong)}; "
            f"it takes: {', '.join(n for n in known if n not in given) or 'none'}"
        )
    try:
        made: Aggregator = kind(**given, **options)
    except ImportError as error:
        raise ValueError(f"{where}: {error}; {install}") from error
    except (TypeError, ValueError) as error:
        raise ValueError(f"params.yaml: train.aggregator: {dict(options)}: {error}") from error
    return made


def _jacobian(losses: Mapping[str, Tensor], network: Network) -> list[nn.Parameter]:
    """Gives what tasks share a Jacobian in `.jac`, a row for each loss, and what is a task's own its gradient. Returns the
    shared parameters that a loss reaches; the others get nothing, so that the optimizer leaves them alone. Of several
    processes each gets the mean of their Jacobians; what is a task's own stays as this process has it."""
    shared = network.shared_parameters()
    rows = []
    for left, (task, loss) in zip(range(len(losses) - 1, -1, -1), losses.items(), strict=True):
        own = network.task_specific_parameters(task)
        found = torch.autograd.grad(loss, [*shared, *own], retain_graph=left > 0, allow_unused=True)
        rows.append(found[: len(shared)])
        for parameter, gradient in zip(own, found[len(shared) :], strict=True):
            # the wide part may have given it one: a tagging head's transitions serve both parts
            if gradient is not None:
                parameter.grad = gradient if parameter.grad is None else parameter.grad + gradient
    jacobians = [_stacked(gradients, p) for p, gradients in zip(shared, zip(*rows, strict=True), strict=True)]
    shaped = [p.detach().expand(len(losses), *p.shape) for p in shared]
    reached = []
    for parameter, jacobian in zip(
        shared, DistributedContext.present().means(jacobians, shaped), strict=True
    ):
        if jacobian is not None:
            parameter.jac = jacobian  # type: ignore[attr-defined]  # the library's place for it
            reached.append(parameter)
    return reached


def _stacked(gradients: tuple[Tensor | None, ...], parameter: Tensor) -> Tensor | None:
    """(M, shape of the parameter), zeros of a task that does not reach it; none where no task does."""
    if all(gradient is None for gradient in gradients):
        return None
    return torch.stack([torch.zeros_like(parameter) if g is None else g for g in gradients])
