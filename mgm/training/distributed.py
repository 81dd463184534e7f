"""Several processes that train one network on the same global batches: each computes a share of a batch's rows, and all of
them take the same step.

What is minimised is the loss of the global batch, a mean over its labels, so that the curve is that of one process but for
rounding and for what each draws for its own documents (dropout, augmentation). The losses that a weighting sees are the global
ones in every process; the gradients of the processes are averaged after each step's backward. Validation is done by each process
alike.

A group of processes is torch's default one (torchrun starts them); without one a team has one member and nothing here does
anything.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn

PATIENCE = timedelta(minutes=30)
"""How long a process waits for the others before it gives up: longer than an epoch's uneven start."""


@dataclass(frozen=True)
class Labelled:
    """The labels of a global batch by task: how many, and for the tasks that have any, which part of them this process has."""

    count: dict[str, int]
    share: dict[str, float]


@dataclass(frozen=True)
class DistributedContext:
    """This process is number `rank` of `size`."""

    rank: int = 0
    size: int = 1

    @classmethod
    def present(cls) -> "DistributedContext":
        """The processes of torch's default group; one without it."""
        if not dist.is_available() or not dist.is_initialized():
            return cls()
        return cls(dist.get_rank(), dist.get_world_size())

    @property
    def leads(self) -> bool:
        """Whether this process is the one that writes and tells."""
        return self.rank == 0

    @property
    def own_seed(self) -> tuple[int, ...]:
        """What a seed has besides, so that processes draw different numbers; the leading one draws those of one process."""
        return () if self.leads else (self.rank,)

    def share(self, rows: np.ndarray) -> np.ndarray:
        """This process's rows of a batch. All of them where they are fewer than the processes: each then does the same."""
        return rows[self.rank :: self.size] if self._is_cut(len(rows)) else rows

    def labelled(self, own: Mapping[str, int], rows: int, device: torch.device) -> Labelled:
        """The labels of the global batch of `rows` rows, of which `own` are this process's, by every task of its corpus."""
        if self.size == 1:
            return Labelled(dict(own), {task: 1.0 for task, n in own.items() if n})
        every = self._sum(torch.tensor(list(own.values()), dtype=torch.int64, device=device)).tolist()
        sums = dict(zip(own, every, strict=True))
        copies = 1 if self._is_cut(rows) else self.size
        return Labelled(
            {task: round(n / copies) for task, n in sums.items()},
            {task: own[task] / n for task, n in sums.items() if n},
        )

    def whole(
        self, losses: dict[str, Tensor], outputs: Mapping[str, Tensor], labelled: Labelled
    ) -> dict[str, Tensor]:
        """The mean loss, a scalar, of each task over the global batch. Its gradient is this process's part of it times the
        processes, so that their mean is the gradient of the whole.

        Args:
            losses: means over this process's labels.
            outputs: what they were made of, of some tasks. A task that only other processes have a label of has a loss of 0
                here, with zeros as gradients: the features of all documents are then met, as they are by one process.
        """
        if self.size == 1:
            return losses
        own = {
            task: losses[task] * share if task in losses else outputs[task].sum() * 0.0
            for task, share in labelled.share.items()
            if task in outputs
        }
        if not own:
            return {}
        every = self._sum(torch.stack([loss.detach() for loss in own.values()]))
        return {
            task: mean + self.size * (loss - loss.detach())
            for (task, loss), mean in zip(own.items(), every, strict=True)
        }

    def average(self, dense: Sequence[nn.Parameter], sparse: Sequence[nn.Parameter]) -> None:
        """Lets every process have the mean of their gradients; what has one in none of them has none. `sparse`: those whose
        gradients are sparse."""
        if self.size == 1:
            return
        for parameter, mean in zip(dense, self.means([p.grad for p in dense], dense), strict=True):
            parameter.grad = mean
        for parameter, has in zip(sparse, self._anywhere([p.grad for p in sparse]), strict=True):
            if has:
                parameter.grad = _summed(parameter) / self.size

    @torch.no_grad()
    def means(self, own: Sequence[Tensor | None], shaped: Sequence[Tensor]) -> list[Tensor | None]:
        """The mean over the processes of each tensor, all shaped as `shaped` says. What a process lacks counts as zeros;
        what all lack stays so."""
        if self.size == 1:
            return list(own)
        there = self._anywhere(own)
        moved = [
            torch.zeros_like(shape) if tensor is None else tensor
            for tensor, shape, has in zip(own, shaped, there, strict=True)
            if has
        ]
        if not moved:
            return list(own)
        flat = self._sum(torch.cat([tensor.flatten() for tensor in moved])).div_(self.size)
        parts = iter(flat.split([tensor.numel() for tensor in moved]))
        return [
            next(parts).view(shape.shape) if has else None for shape, has in zip(shaped, there, strict=True)
        ]

    def meet(self, epoch: int) -> None:
        """Waits until every process is here.

        Raises:
            ValueError: they do not all stand behind the same epoch.
        """
        if self.size == 1:
            return
        if self.total(epoch)[0] != epoch * self.size:
            raise ValueError(
                f"process {self.rank} of {self.size} goes on after epoch {epoch}, another one after another epoch; "
                "all processes must read the same checkpoint (data/checkpoints)"
            )

    def counts(self, rows: int) -> bool:
        """Whether what this process sees of a batch adds to what the others see of it."""
        return self.leads or self._is_cut(rows)

    def total(self, *numbers: int) -> list[int]:
        """The sum of each over the processes."""
        if self.size == 1:
            return list(numbers)
        device = torch.device("cuda" if dist.get_backend() == "nccl" else "cpu")
        return [int(n) for n in self._sum(torch.tensor(numbers, dtype=torch.int64, device=device)).tolist()]

    def _is_cut(self, rows: int) -> bool:
        return rows >= self.size

    def _anywhere(self, own: Sequence[Tensor | None]) -> list[bool]:
        """Whether any process has each of them."""
        return [n > 0 for n in self.total(*(tensor is not None for tensor in own))] if own else []

    def _sum(self, tensor: Tensor) -> Tensor:
        """In place."""
        dist.all_reduce(tensor)
        return tensor


def _summed(parameter: nn.Parameter) -> Tensor:
    """The sum of the processes' sparse gradients; none counts as zeros. A row that one of them has stays, of zeros too: it was
    met."""
    if parameter.grad is None:
        row = torch.zeros(0, dtype=torch.int64, device=parameter.device)
        values = parameter.new_zeros(0, *parameter.shape[1:])
    else:
        gradient = parameter.grad.coalesce()
        row, values = gradient.indices()[0], gradient.values()
    length = torch.tensor([row.numel()], device=row.device)
    lengths = [int(n) for n in _gathered(length)]
    missing = max(lengths) - row.numel()
    rows = _gathered(torch.cat([row, row.new_zeros(missing)]))
    every = _gathered(torch.cat([values, values.new_zeros(missing, *values.shape[1:])]))
    # in the order of the processes, so that all sum alike
    index = torch.cat([r[:n] for r, n in zip(rows, lengths, strict=True)])
    found = torch.cat([v[:n] for v, n in zip(every, lengths, strict=True)])
    return torch.sparse_coo_tensor(index[None], found, parameter.shape, check_invariants=False).coalesce()


def _gathered(own: Tensor) -> list[Tensor]:
    """What each process has, all of one shape."""
    every = [torch.empty_like(own) for _ in range(dist.get_world_size())]
    dist.all_gather(every, own)
    return every


def check(processes: int, environment: Mapping[str, str]) -> None:
    """Whether train.processes of the settings can train here; `environment`: torchrun's where it has started this process.

    Raises:
        ValueError: torchrun has started another number of processes, or there are fewer GPUs here than processes.
    """
    where = f"params.yaml: train.processes: {processes}"
    if int(environment.get("WORLD_SIZE", processes)) != processes:
        raise ValueError(
            f"{where}, but torchrun has started {environment['WORLD_SIZE']}; expected the same number"
        )
    here, gpus = int(environment.get("LOCAL_WORLD_SIZE", processes)), torch.cuda.device_count()
    if here > max(gpus, 1) and torch.cuda.is_available():
        raise ValueError(
            f"{where}, of which {here} on this machine with {gpus} GPU{'s' * (gpus > 1)}; expected a GPU for each: lower it, "
            "or hide the GPUs (CUDA_VISIBLE_DEVICES=) and train on CPUs"
        )


@contextmanager
def process_group(environment: Mapping[str, str]) -> Iterator[DistributedContext]:
    """Within it the processes that torchrun has started, as `environment` says, are a team; without torchrun a team of one.

    Over gloo on CPUs and NCCL on GPUs, one GPU a process.
    """
    if "WORLD_SIZE" not in environment:
        yield DistributedContext()
        return
    with_gpu = torch.cuda.is_available()
    if with_gpu:
        torch.cuda.set_device(int(environment["LOCAL_RANK"]))
    dist.init_process_group("nccl" if with_gpu else "gloo", timeout=PATIENCE)
    try:
        yield DistributedContext.present()
    finally:
        dist.destroy_process_group()
