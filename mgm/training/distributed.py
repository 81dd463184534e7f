"""Several processes that train one network: each reads a batch of its own rows, and all take one step on these batches together.

They minimise the loss of this global batch, a mean over its labels. The loss curve is that of one process with the same global
batches, except for rounding and for the random draws of each process for its own documents (dropout, augmentation). A weighting sees
the global losses in every process; gradients are averaged over the processes after each backward pass. Each process predicts its own
validation rows, and the main one computes the metrics. What all rows are needed for, the main process does alone: it counts labels,
solves for linear models, and tunes decisions.

The processes are torch's default group, which torchrun starts; without one there is a single process, and nothing here does
anything.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from mgm.model.wide.ngram_table import NgramTable

TIMEOUT = timedelta(days=2)
"""The time that a process waits for the others before it fails: longer than the main process works alone.

It is not how a lost process is noticed: torchrun then ends the others at once.
"""

Value = TypeVar("Value")


@dataclass(frozen=True)
class DistributedContext:
    """This process's place among those that train together: number `rank` of `world_size`."""

    rank: int = 0
    world_size: int = 1

    @classmethod
    def current(cls) -> "DistributedContext":
        """Return the context of torch's default group; a single process without one."""
        if not dist.is_available() or not dist.is_initialized():
            return cls()
        return cls(dist.get_rank(), dist.get_world_size())

    @property
    def is_main_process(self) -> bool:
        """Whether this process is the one that writes files and logs."""
        return self.rank == 0

    @property
    def seed_suffix(self) -> tuple[int, ...]:
        """Numbers to add to a seed, so that processes draw differently; the main process draws as a single one would."""
        return () if self.is_main_process else (self.rank,)

    def label_shares(self, local: Mapping[str, int], *, device: torch.device) -> dict[str, float]:
        """Return this process's share of the labels of a global batch, for each task that has any.

        Args:
            local: the number of labels in this process's share, by task of the batch's corpus.
            device: where the processes exchange the counts.
        """
        if self.world_size == 1:
            return {task: 1.0 for task, n in local.items() if n}
        sums = self._sum(torch.tensor(list(local.values()), dtype=torch.int64, device=device)).tolist()
        return {task: local[task] / n for task, n in zip(local, sums, strict=True) if n}

    def reduce_losses(
        self, losses: dict[str, Tensor], outputs: Mapping[str, Tensor], *, shares: Mapping[str, float]
    ) -> dict[str, Tensor]:
        """Return the mean loss, a scalar, of each task over the global batch.

        Its gradient is this process's contribution times the number of processes, so that the mean over the processes is the
        gradient of the global loss.

        Args:
            losses: means over this process's labels.
            outputs: the outputs that the losses were computed from. A task whose labels are all in other processes gets a loss
                of 0 with zero gradients, so that the features of all documents have a gradient, as in a single process.
            shares: see `label_shares`.
        """
        if self.world_size == 1:
            return losses
        local = {
            task: losses[task] * share if task in losses else outputs[task].sum() * 0.0
            for task, share in shares.items()
            if task in outputs
        }
        if not local:
            return {}
        means = self._sum(torch.stack([loss.detach() for loss in local.values()]))
        return {
            task: mean + self.world_size * (loss - loss.detach())
            for (task, loss), mean in zip(local.items(), means, strict=True)
        }

    def average_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Replace each gradient by its mean over the processes; a parameter without one in any process keeps none."""
        if self.world_size == 1:
            return
        means = self.mean_over_processes([p.grad for p in parameters], parameters)
        for parameter, mean in zip(parameters, means, strict=True):
            parameter.grad = mean

    @torch.no_grad()
    def mean_over_processes(
        self, tensors: Sequence[Tensor | None], templates: Sequence[Tensor]
    ) -> list[Tensor | None]:
        """Return the mean of each tensor over the processes.

        A tensor that is missing in some processes counts as zeros there; one that is missing in all is None.

        Args:
            tensors: the tensors of this process.
            templates: tensors of the same shapes.
        """
        if self.world_size == 1:
            return list(tensors)
        is_present = self._in_any_process(tensors)
        summands = [
            torch.zeros_like(template) if tensor is None else tensor
            for tensor, template, present in zip(tensors, templates, is_present, strict=True)
            if present
        ]
        if not summands:
            return list(tensors)
        flat = self._sum(torch.cat([tensor.flatten() for tensor in summands])).div_(self.world_size)
        means = iter(flat.split([tensor.numel() for tensor in summands]))
        return [
            next(means).view(template.shape) if present else None
            for template, present in zip(templates, is_present, strict=True)
        ]

    def check_same_epoch(self, epoch: int) -> None:
        """Wait for all processes, and check that they resume after the same epoch.

        Raises:
            ValueError: they do not.
        """
        if self.world_size == 1:
            return
        if self.sum_over_processes(epoch)[0] != epoch * self.world_size:
            raise ValueError(
                f"process {self.rank} of {self.world_size} goes on after epoch {epoch}, another one after another epoch; "
                "all processes must read the same checkpoint (data/checkpoints)"
            )

    def sum_over_processes(self, *numbers: int) -> list[int]:
        """Return the sum of each number over the processes."""
        if self.world_size == 1:
            return list(numbers)
        return [int(n) for n in self._sum(self._tensor(*numbers)).tolist()]

    def max_over_processes(self, number: int) -> int:
        """Return the largest of the processes' numbers."""
        if self.world_size == 1:
            return number
        largest = self._tensor(number)
        dist.all_reduce(largest, dist.ReduceOp.MAX)
        return int(largest)

    def broadcast_object(self, value: Value) -> Value:
        """Return the main process's value; those of the others count for nothing."""
        if self.world_size == 1:
            return value
        content = [value]
        dist.broadcast_object_list(content, src=0, device=self._device())
        return content[0]

    def gather_objects(self, value: Value) -> list[Value]:
        """Return the values of all processes to the main one, in the order of the ranks; no value to another."""
        if self.world_size == 1:
            return [value]
        values: list[Any] | None = [None] * self.world_size if self.is_main_process else None
        dist.gather_object(value, values)
        return values or []

    @torch.no_grad()
    def broadcast_network(self, network: nn.Module) -> None:
        """Set the weights of a network to the main process's, tensor by tensor: no second copy of them is in memory.

        Tables that learn their size from the training documents first take the main process's.
        """
        if self.world_size == 1:
            return
        shapes = self.broadcast_object({name: t.shape for name, t in network.state_dict().items()})
        sizes = {name: torch.empty(shape, device="meta") for name, shape in shapes.items()}
        for name, module in network.named_modules():
            if not self.is_main_process and hasattr(module, "match_size"):
                module.match_size(sizes, f"{name}.")
        for tensor in network.state_dict().values():
            dist.broadcast(tensor, src=0)
        for module in network.modules():
            if not self.is_main_process and isinstance(module, NgramTable):
                module.index()  # of the main process's n-grams

    def _tensor(self, *numbers: int) -> Tensor:
        return torch.tensor(numbers, dtype=torch.int64, device=self._device())

    def _device(self) -> torch.device:
        """Return where the processes exchange what is on no device."""
        return torch.device("cuda" if dist.get_backend() == "nccl" else "cpu")

    def _in_any_process(self, tensors: Sequence[Tensor | None]) -> list[bool]:
        """Return which tensors are present in at least one process."""
        if not tensors:
            return []
        return [n > 0 for n in self.sum_over_processes(*(tensor is not None for tensor in tensors))]

    def _sum(self, tensor: Tensor) -> Tensor:
        """Sum the tensor over the processes, in place, and return it."""
        dist.all_reduce(tensor)
        return tensor


ALONE = DistributedContext()
"""The place of a single process."""


def check_process_count(processes: int, environment: Mapping[str, str]) -> None:
    """Check that train.processes of the settings can train here.

    Args:
        processes: the setting.
        environment: that of this process, with torchrun's variables if torchrun started it.

    Raises:
        ValueError: torchrun has started another number of processes, or there are fewer GPUs here than processes.
    """
    where = f"params.yaml: train.processes: {processes}"
    if int(environment.get("WORLD_SIZE", processes)) != processes:
        raise ValueError(
            f"{where}, but torchrun has started {environment['WORLD_SIZE']}; expected the same number"
        )
    local, gpus = int(environment.get("LOCAL_WORLD_SIZE", processes)), torch.cuda.device_count()
    if local > max(gpus, 1) and torch.cuda.is_available():
        raise ValueError(
            f"{where}, of which {local} on this machine with {gpus} GPU{'s' * (gpus > 1)}; expected a GPU for each: lower it, "
            "or hide the GPUs (CUDA_VISIBLE_DEVICES=) and train on CPUs"
        )


@contextmanager
def process_group(environment: Mapping[str, str]) -> Iterator[DistributedContext]:
    """Join the processes that torchrun has started (see `environment`) within the context; without torchrun there is one.

    They communicate over gloo on CPUs and NCCL on GPUs, with one GPU a process.
    """
    if "WORLD_SIZE" not in environment:
        yield DistributedContext()
        return
    with_gpu = torch.cuda.is_available()
    if with_gpu:
        torch.cuda.set_device(int(environment["LOCAL_RANK"]))
    dist.init_process_group("nccl" if with_gpu else "gloo", timeout=TIMEOUT)
    try:
        yield DistributedContext.current()
    finally:
        dist.destroy_process_group()
