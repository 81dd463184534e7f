"""Joint training on all tasks: AdamW, warm-up and cosine decay, gradient clipping, averaged weights, early
stopping.

An epoch is a function of the state before it, the seed and the epoch's number; a resumed run therefore ends
in the same bytes.
"""

import copy
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor, nn

from mgm.model.batch import collate, target
from mgm.model.network import Network
from mgm.settings import TrainSettings
from mgm.tasks import Task
from mgm.training.averaging import MovingAverage
from mgm.training.checkpoint import Checkpoint
from mgm.training.sampling import EpochPlan, plan_epoch
from mgm.training.sources import Source
from mgm.training.validation import validate
from mgm.training.weighting import StaticWeights, Weighting


@dataclass(frozen=True)
class EpochReport:
    """What one epoch did. `losses` are means over the epoch's batches; `metrics` are validation first
    metrics."""

    epoch: int
    losses: dict[str, float]
    metrics: dict[str, float]
    score: float
    """The mean of `metrics`; early stopping goes by it."""
    best: bool
    learning_rate: float
    passes: dict[str, float]
    words: int
    seconds: float


@dataclass(frozen=True)
class Step:
    """Where a training stands between two epochs' reports."""

    epoch: int
    done: int
    total: int


@dataclass
class Listener:
    """What a training tells while it runs; an epoch that a checkpoint brings back is told again."""

    on_step: Callable[[Step], object] = lambda step: None
    on_epoch: Callable[[EpochReport], object] = lambda report: None
    on_resume: Callable[[int], object] = lambda epoch: None
    """Told first where a checkpoint is taken up: the last epoch that it holds."""


@dataclass(frozen=True)
class Trained:
    """The outcome: the network that was passed in now holds the weights of epoch `best`."""

    best: int
    score: float
    history: list[EpochReport]


def train(
    network: Network,
    sources: list[Source],
    validation: list[Source],
    tasks: list[Task],
    labels: dict[str, list[str]],
    settings: TrainSettings,
    seed: int,
    checkpoint: Checkpoint | None = None,
    listener: Listener | None = None,
    weighting: Weighting | None = None,
) -> Trained:
    """Trains `network` in place, on its device, and leaves the best epoch's averaged weights in it.

    Raises:
        ValueError: there is no row to train on, or a loss became infinite or not a number.
    """
    if not sources:
        names = ", ".join(t.name for t in tasks)
        raise ValueError(
            f"no row of split train carries a label of {names}; see reports/stages/features.json"
        )
    with deterministic(settings.threads):
        fit_heads(network, sources, tasks, labels)
        run = _Run(network, sources, validation, tasks, labels, settings, seed, weighting or StaticWeights())
        run.listener = listener or Listener()
        run.resume(checkpoint)
        while run.epoch < settings.epochs and run.stale < settings.patience:
            run.one_epoch()
            if checkpoint is not None:
                checkpoint.save(run.state_dict())
        network.load_state_dict(run.best_weights)
        network.eval()
    return Trained(run.best, run.best_score, run.history)


def fit_heads(
    network: Network, sources: list[Source], tasks: list[Task], labels: dict[str, list[str]]
) -> None:
    """Lets each head look at its training targets once (the scale of a regression, for example)."""
    for task in tasks:
        if task.kind not in ("classification", "multilabel", "regression"):
            continue
        columns = [s.part.documents[task.encoded][s.rows] for s in sources if s.tasks_of([task])]
        if columns:
            targets = target(pl.concat(columns), task, labels, np.zeros(0, np.int64))
            network.heads[task.name].fit(targets.to(next(network.parameters()).device))


@contextmanager
def deterministic(threads: int) -> Iterator[None]:
    """Within it torch uses `threads` threads and only operations that give the same bytes each time."""
    before, was = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(threads)
    # on a GPU some operations have no deterministic form: there a warning must do
    torch.use_deterministic_algorithms(True, warn_only=torch.cuda.is_available())
    try:
        yield
    finally:
        torch.set_num_threads(before)
        torch.use_deterministic_algorithms(was)


def learning_rate(settings: TrainSettings, progress: float) -> float:
    """The rate after a share `progress` (0..1] of all steps: a linear warm-up, then half a cosine down to
    0."""
    if progress < settings.warmup:
        return settings.learning_rate * progress / settings.warmup
    decayed = (progress - settings.warmup) / max(1 - settings.warmup, 1e-9)
    return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * min(decayed, 1.0)))


class _Run:
    """A training in progress."""

    def __init__(
        self,
        network: Network,
        sources: list[Source],
        validation: list[Source],
        tasks: list[Task],
        labels: dict[str, list[str]],
        settings: TrainSettings,
        seed: int,
        weighting: Weighting,
    ) -> None:
        self.network, self.tasks, self.labels = network, tasks, labels
        self.sources, self.validation = sources, validation
        self.settings, self.seed, self.weighting = settings, seed, weighting
        self.device = next(network.parameters()).device
        self.optimizer = torch.optim.AdamW(
            _decayed(network, settings.weight_decay), settings.learning_rate, fused=True
        )
        self.average = MovingAverage(network, settings.ema)
        self.listener = Listener()
        self.history: list[EpochReport] = []
        self.epoch, self.stale, self.best, self.best_score = 0, 0, 0, -math.inf
        self.best_weights: dict[str, Tensor] = {}
        network.word_dropout = settings.word_dropout

    def one_epoch(self) -> None:
        start = time.perf_counter()
        settings = self.settings
        # the network's own randomness (dropout) starts anew each epoch: nothing of it has to be kept for a
        # resume
        torch.manual_seed(int(np.random.default_rng([self.seed, self.epoch]).integers(2**62)))
        plan = plan_epoch(
            self.sources, settings.tokens_per_batch, settings.sampling_tau, self.seed, self.epoch
        )
        losses, words = self._steps(plan)
        with self.average.applied():
            metrics = validate(
                self.network, self.validation, self.tasks, self.labels, settings.tokens_per_batch
            )
            score = sum(metrics.values()) / len(metrics) if metrics else math.nan
            # without a validation label nothing can be compared: the last epoch is the best
            improved = not metrics or score > self.best_score
            if improved:
                self.best_weights = copy.deepcopy(self.network.state_dict())
        self.epoch += 1
        self.stale = 0 if improved else self.stale + 1
        if improved:
            self.best, self.best_score = self.epoch, score
        rate = self.optimizer.param_groups[0]["lr"]
        seconds = time.perf_counter() - start
        self._told(
            EpochReport(self.epoch, losses, metrics, score, improved, rate, plan.passes, words, seconds)
        )

    def _steps(self, plan: EpochPlan) -> tuple[dict[str, float], int]:
        """Trains on an epoch's batches: the mean loss of each task, and how many words were read."""
        sums: dict[str, Tensor] = {}
        counts: dict[str, int] = {}
        words, total = 0, len(plan.steps)
        self.network.train()
        for done, step in enumerate(plan.steps, start=1):
            source = self.sources[step.source]
            batch = collate(source.part, step.rows, self.tasks, self.labels, with_targets=True).to(
                self.device
            )
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
                outputs = self.network(batch)
                losses = self.network.losses(outputs, batch, self.settings.label_smoothing)
            words += batch.word.numel()
            self._update(losses, (self.epoch + done / total) / self.settings.epochs)
            for task, loss in losses.items():
                sums[task] = sums.get(task, loss.new_zeros(())) + loss.detach()
                counts[task] = counts.get(task, 0) + 1
            self.listener.on_step(Step(self.epoch + 1, done, total))
        means = {task: float(sums[task]) / counts[task] for task in sorted(sums)}
        for task, mean in means.items():
            if not math.isfinite(mean):
                raise ValueError(
                    f"task {task!r}: the training loss of epoch {self.epoch + 1} is {mean}; "
                    f"lower train.learning_rate (now {self.settings.learning_rate}) or train.clip"
                )
        return means, words

    def _update(self, losses: dict[str, Tensor], progress: float) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.settings, progress)
        self.optimizer.zero_grad(set_to_none=True)
        self.weighting(losses).backward()
        nn.utils.clip_grad_norm_(self.average.parameters, self.settings.clip)
        self.optimizer.step()
        self.average.update()

    def _told(self, report: EpochReport) -> None:
        self.history.append(report)
        self.listener.on_epoch(report)

    def state_dict(self) -> dict[str, Any]:
        return {
            "epoch": self.epoch,
            "stale": self.stale,
            "best": self.best,
            "best_score": self.best_score,
            "best_weights": self.best_weights,
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "history": [asdict(report) for report in self.history],
        }

    def resume(self, checkpoint: Checkpoint | None) -> None:
        state = checkpoint.load(self.device) if checkpoint is not None else None
        if state is None:
            return
        self.epoch, self.stale = state["epoch"], state["stale"]
        self.best, self.best_score, self.best_weights = (
            state["best"],
            state["best_score"],
            state["best_weights"],
        )
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.listener.on_resume(self.epoch)
        for report in state["history"]:
            self._told(EpochReport(**report))


def _decayed(network: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Parameter groups: weights decay, biases and scales do not."""
    parameters = [p for p in network.parameters() if p.requires_grad]
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
