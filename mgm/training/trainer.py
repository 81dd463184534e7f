"""Joint training on all tasks: AdamW, warm-up and cosine decay, gradient clipping, averaged weights, early
stopping; in bf16, by torch.compile and on a GPU where the settings and the machine say so.

An epoch is a function of the state before it, the seed and the epoch's number; a resumed run therefore ends
in the same bytes.
"""

import math
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import polars as pl
import torch
from threadpoolctl import threadpool_limits
from torch import Tensor, nn

from mgm.model.allocation import keep_freed_memory
from mgm.model.batch import Batch
from mgm.model.collate import collate, gather_targets
from mgm.model.encoder import Encoder
from mgm.model.mixup import Mixup
from mgm.model.network import Network
from mgm.settings.training import DistillationSettings, TrainSettings
from mgm.tasks import Task
from mgm.training import augmentation, batches
from mgm.training.averaging import MovingAverage
from mgm.training.checkpoint import Checkpoint
from mgm.training.cost import Cost, peak_memory_mib
from mgm.training.distributed import DistributedContext, Labelled
from mgm.training.labelled_rows import Source
from mgm.training.loader import load
from mgm.training.precision import Precision, resolve
from mgm.training.proximal_adagrad import ProximalAdagrad
from mgm.training.rng import restored_rng, rng_state, seed, seeded_rng
from mgm.training.sampling import EpochPlan, plan_epoch, task_passes
from mgm.training.validation import validate
from mgm.training.weighting import registry
from mgm.training.wide_solver import Solved, solve_wide


@dataclass(frozen=True)
class EpochReport:
    """What one epoch did. `losses` are means over the epoch's batches, unweighted; `metrics` are validation first
    metrics."""

    epoch: int
    losses: dict[str, float]
    weights: dict[str, float]
    """What each task's loss is multiplied with after this epoch: set, or learned."""
    metrics: dict[str, float]
    score: float
    """The mean of `metrics`; early stopping goes by it."""
    best: bool
    learning_rate: float
    passes: dict[str, float]
    """Over the rows of each corpus, in this epoch."""
    task_passes: dict[str, float]
    """Over the labelled rows of each task, in all epochs so far."""
    cost: Cost


@dataclass(frozen=True)
class Step:
    """Where a training stands between two epochs' reports."""

    epoch: int
    done: int
    total: int


@dataclass
class Callbacks:
    """What a training tells while it runs; an epoch that a checkpoint brings back is told again."""

    on_solved: Callable[[Solved], object] = lambda solved: None
    on_step: Callable[[Step], object] = lambda step: None
    on_epoch: Callable[[EpochReport], object] = lambda report: None
    on_resume: Callable[[int], object] = lambda epoch: None
    """Told first where a checkpoint is taken up: the last epoch that it holds."""


@dataclass(frozen=True)
class TrainResult:
    """The outcome: the network that was passed in now holds the weights of epoch `best`."""

    best: int
    score: float
    history: list[EpochReport]
    precision: Precision


def train(
    network: Network,
    sources: list[Source],
    validation: list[Source],
    tasks: list[Task],
    labels: dict[str, list[str]],
    settings: TrainSettings,
    seed: int,
    checkpoint: Checkpoint | None = None,
    listener: Callbacks | None = None,
    distillation: DistillationSettings | None = None,
    last: int | None = None,
) -> TrainResult:
    """Trains `network` in place, on its device, and leaves the best epoch's averaged weights in it. The process keeps memory
    that it frees from here on (mgm/model/allocation.py). `last`: the epoch after which it ends, on the schedule of all of them.

    Raises:
        ValueError: there is no row to train on, the machine lacks the precision that the settings ask for, or a loss
            became infinite or not a number.
    """
    if not sources:
        names = ", ".join(t.name for t in tasks)
        raise ValueError(
            f"no row of split train carries a label of {names}; see reports/stages/features.json"
        )
    keep_freed_memory()
    with deterministic(settings.threads):
        run = _Run(network, sources, validation, tasks, labels, settings, seed)
        run.distillation = distillation or DistillationSettings()
        run.listener = listener or Callbacks()
        initialize_from_data(network, sources, tasks, labels, settings.tokens_per_batch)
        if not run.resume(checkpoint):
            solve_wide(network, sources, tasks, labels, settings.tokens_per_batch, run.listener.on_solved)
        run.team.meet(run.epoch)  # who leads may remove the checkpoint once it is done
        epochs = settings.epochs if last is None else last
        while run.epoch < epochs and run.stale < settings.patience:
            run.one_epoch()
            if checkpoint is not None and run.team.leads:
                checkpoint.save(run.state_dict())
        network.load_state_dict(run.best_weights)
        network.eval()
    return TrainResult(run.best, run.best_score, run.history, run.precision)


def initialize_from_data(
    network: Network,
    sources: list[Source],
    tasks: list[Task],
    labels: dict[str, list[str]],
    tokens_per_batch: int,
) -> None:
    """Lets each head look at its training targets once (the scale of a regression, for example), and the wide part
    at the training documents (how many hold an n-gram)."""
    device = next(network.parameters()).device
    for task in tasks:
        if task.kind not in ("classification", "multilabel", "regression"):
            continue
        columns = [s.part.documents[task.encoded][s.rows] for s in sources if s.tasks_of([task])]
        if columns:
            targets = gather_targets(pl.concat(columns), task, np.zeros(0, np.int64))
            network.heads[task.name].fit(targets.to(device))

    def documents(of: list[Source]) -> Iterator[Batch]:
        steps = batches.in_order(of, tokens_per_batch)
        return (collate(of[s.source].part, s.rows).to(device) for s in steps)

    if network.wide is not None:
        network.wide.fit(documents(sources))
    if network.wide_tagging is not None:
        network.wide_tagging.fit(
            documents([s for s in sources if s.tasks_of([t for t in tasks if t.kind == "tagging"])])
        )


@contextmanager
def deterministic(threads: int) -> Iterator[None]:
    """Within it torch, and BLAS under NumPy and SciPy, use `threads` threads, and torch only operations that give the same
    bytes each time."""
    before, was = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(threads)
    # on a GPU some operations have no deterministic form: there a warning must do
    torch.use_deterministic_algorithms(True, warn_only=torch.cuda.is_available())
    try:
        with threadpool_limits(threads, user_api="blas"):
            yield
    finally:
        torch.set_num_threads(before)
        torch.use_deterministic_algorithms(was)


def schedule(settings: TrainSettings, progress: float) -> float:
    """The share of the learning rate after a share `progress` (0..1] of all steps: a linear warm-up, then half a
    cosine down to 0."""
    return warm_cosine(settings.warmup, progress)


def warm_cosine(warmup: float, progress: float) -> float:
    """As `schedule`, for a warm-up of this share of all steps."""
    if progress < warmup:
        return progress / warmup
    done = (progress - warmup) / max(1 - warmup, 1e-9)
    return 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))


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
    ) -> None:
        self.network, self.tasks, self.labels = network, tasks, labels
        self.sources, self.validation = sources, validation
        self.settings, self.seed = settings, seed
        self.tagging = {t.name for t in tasks if t.kind == "tagging"}
        self.device = next(network.parameters()).device
        self.team = DistributedContext.present()
        self.precision = resolve(settings.precision, self.device)
        self.weighting = registry.make(settings, [t.name for t in tasks]).to(self.device)
        self.encode = _compiled(network.encoder) if settings.compile else network.encoder.forward
        dense = network.dense_parameters()
        groups = parameter_groups(dense, settings.weight_decay)
        if learned := self.weighting.descended():
            groups.append({"params": learned, "weight_decay": 0.0})
        self.optimizer = torch.optim.AdamW(groups, settings.learning_rate, fused=True)
        self.average = MovingAverage(dense, settings.ema)
        self.dense, self.sparse = [*dense, *learned], network.sparse_parameters()
        self.tagging_descent = _tagging_descent(network)
        self.listener = Callbacks()
        self.distillation, self.label_weight = DistillationSettings(), 1.0
        self.history: list[EpochReport] = []
        self.epoch, self.stale, self.best, self.best_score = 0, 0, 0, -math.inf
        self.best_weights: dict[str, Tensor] = {}
        network.word_dropout = settings.word_dropout

    def one_epoch(self) -> None:
        start = time.perf_counter()
        settings = self.settings
        # what is drawn for documents (dropout, augmentation) starts anew each epoch: nothing of it has to be kept
        # for a resume
        seed(self.seed, self.epoch, *self.team.own_seed)
        self.weighting.begin_epoch()
        plan = plan_epoch(
            self.sources, settings.tokens_per_batch, settings.sampling_tau, self.seed, self.epoch
        )
        losses, steps = self._steps(plan)
        with self.average.applied():
            metrics = validate(
                self.network, self.validation, self.tasks, self.labels, settings.tokens_per_batch
            )
            score = sum(metrics.values()) / len(metrics) if metrics else math.nan
            # without a validation label nothing can be compared: the last epoch is the best
            improved = not metrics or score > self.best_score
            if improved:
                self.best_weights = _copied(self.network.state_dict())
        self.epoch += 1
        self.stale = 0 if improved else self.stale + 1
        if improved:
            self.best, self.best_score = self.epoch, score
        before = self.history[-1].task_passes if self.history else {}
        passes = task_passes(plan, self.sources, self.tasks)
        self._told(
            EpochReport(
                epoch=self.epoch,
                losses=losses,
                weights=self.weighting.factors(),
                metrics=metrics,
                score=score,
                best=improved,
                learning_rate=self.optimizer.param_groups[0]["lr"],
                passes=plan.passes,
                task_passes={task: before.get(task, 0.0) + n for task, n in passes.items()},
                cost=replace(
                    steps,
                    seconds=time.perf_counter() - start,
                    peak_memory_mib=peak_memory_mib(self.device),
                ),
            )
        )

    def _steps(self, plan: EpochPlan) -> tuple[dict[str, float], Cost]:
        """Trains on an epoch's batches: the mean loss of each task, and what the batches cost."""
        start = time.perf_counter()
        sums: dict[str, Tensor] = {}
        counts: dict[str, int] = {}
        words, documents, loading, total = 0, 0, 0.0, len(plan.steps)
        self.network.train()
        with (
            _encoding(self.network, self.encode),
            closing(load(plan.steps, self._gather, self.device)) as loader,
        ):
            asked = time.perf_counter()
            for done, (step, batch) in enumerate(zip(plan.steps, loader, strict=True), start=1):
                loading += time.perf_counter() - asked
                if self.team.counts(len(step.rows)):
                    words += batch.word.numel()
                    documents += batch.size
                losses = self._update(batch, len(step.rows), done, total)
                for task, loss in losses.items():
                    sums[task] = sums.get(task, loss.new_zeros(())) + loss.detach()
                    counts[task] = counts.get(task, 0) + 1
                self.listener.on_step(Step(self.epoch + 1, done, total))
                asked = time.perf_counter()
        means = {task: float(sums[task]) / counts[task] for task in sorted(sums)}
        for task, mean in means.items():
            if not math.isfinite(mean):
                raise ValueError(
                    f"task {task!r}: the training loss of epoch {self.epoch + 1} is {mean}; "
                    f"lower train.learning_rate (now {self.settings.learning_rate}) or train.clip"
                )
        taken = time.perf_counter() - start
        words, documents = self.team.total(words, documents)
        return means, Cost(words, documents, taken, taken, loading, 0)

    def _gather(self, step: batches.Step) -> Batch:
        rows = self.team.share(step.rows)
        return collate(self.sources[step.source].part, rows, self.tasks)

    def _losses(
        self, batch: Batch, labelled: Labelled, mixing: Mixup | None, deep_alone: bool = False
    ) -> list[dict[str, Tensor]]:
        """Of each part, the deep one first, the losses of the tasks: means over what all processes have `labelled`."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bf16"):
            parts = (
                [self.network.deep_outputs(batch, mixing=mixing)]
                if deep_alone
                else self.network.gradient_trained_outputs(batch, mixing)
            )
        # the losses and what heads sum over a sentence are worth their digits
        outputs = [{task: output.float() for task, output in own.items()} for own in parts]
        smoothing = self.settings.label_smoothing
        found: list[dict[str, Tensor]] = []
        for own in outputs:
            mixed = None if found else mixing  # the deep part's documents alone
            losses = self.network.losses(
                own, batch, smoothing=smoothing, label_weight=self.label_weight, mixing=mixed
            )
            found.append(self.team.whole(losses, own, labelled))
        return found

    def _update(self, batch: Batch, rows: int, done: int, total: int) -> dict[str, Tensor]:
        """Step `done` of an epoch's `total`, on this process's part of a batch of `rows` rows. The loss of each task, summed
        over the parts of the network."""
        progress = (self.epoch + done / total) / self.settings.epochs
        self.label_weight = progress if self.distillation.annealing else self.distillation.label_weight
        for group in self.optimizer.param_groups:
            group["lr"] = self.settings.learning_rate * schedule(self.settings, progress)
        self.optimizer.zero_grad(set_to_none=True)
        batch = augmentation.augment(batch, self.settings.augmentation, self.tagging)
        mixing = augmentation.mixing(batch, self.settings.augmentation)
        labelled = self.team.labelled(batch.labelled, rows, self.device)
        state = rng_state(self.device) if self.weighting.looks_back else []
        deep, *others = self._losses(batch, labelled, mixing)
        wide = others[0] if others else {}
        # what is drawn for a batch, and not for a document, is the same in all processes
        with seeded_rng((self.seed, self.epoch, 0, 0, done), self.device):
            self.weighting.backward(deep, wide, self.network)
        self.team.average(self.dense, self.sparse)
        nn.utils.clip_grad_norm_(self.average.parameters, self.settings.clip)
        self.optimizer.step()
        self.average.update()
        if self.tagging_descent is not None:
            self.tagging_descent.step(schedule(self.settings, progress), labelled.count)
        if self.weighting.looks_back:
            with torch.no_grad(), restored_rng(state, self.device):
                self.weighting.look_back(self._losses(batch, labelled, mixing, deep_alone=True)[0])
        return {task: loss + wide[task] if task in wide else loss for task, loss in deep.items()}

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
            "weighting": self.weighting.state_dict(),
            "tagging_descent": self.tagging_descent.state_dict() if self.tagging_descent else {},
            "history": [asdict(report) for report in self.history],
        }

    def resume(self, checkpoint: Checkpoint | None) -> bool:
        """Whether there was something to go on from."""
        state = checkpoint.load(self.device) if checkpoint is not None else None
        if state is None:
            return False
        self.epoch, self.stale = state["epoch"], state["stale"]
        self.best, self.best_score, self.best_weights = (
            state["best"],
            state["best_score"],
            state["best_weights"],
        )
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.weighting.load_state_dict(state["weighting"])
        if self.tagging_descent is not None:
            self.tagging_descent.load_state_dict(state["tagging_descent"])
        self.listener.on_resume(self.epoch)
        for report in state["history"]:
            self._told(EpochReport(**report | {"cost": Cost(**report["cost"])}))
        return True


def _copied(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """A network's weights as they are now. What was solved for stays as it is, large as it may be, and is not copied."""
    return {name: own if name.startswith("wide.") else own.clone() for name, own in state.items()}


def _tagging_descent(network: Network) -> ProximalAdagrad | None:
    wide = network.wide_tagging
    return (
        None if wide is None else ProximalAdagrad(wide.table.weight, wide.batches, wide.widths, wide.settings)
    )


def _compiled(encoder: Encoder) -> Callable[..., Any]:
    """The encoder's forward through torch.compile, once for all lengths of a batch; recurrences stay as they are.

    The heads are not compiled: what is gives a head without a loss in a batch gradients of 0, and not none, by which
    weight decay and momentum would move it.

    Raises:
        ValueError: there is no C++ compiler.
    """
    compiler = os.environ.get("CXX") or ("clang++" if sys.platform == "darwin" else "g++")
    if shutil.which(compiler) is None:
        raise ValueError(
            f"params.yaml: train.compile: true, but there is no C++ compiler {compiler!r}; install one, name it in "
            "CXX, or set train.compile: false"
        )
    compiled: Callable[..., Any] = torch.compile(encoder.forward, dynamic=True)
    return compiled


@contextmanager
def _encoding(network: Network, forward: Callable[..., Any]) -> Iterator[None]:
    """Within it the network's encoder runs by `forward`; validation and whoever has the network later do not."""
    network.encoder.__dict__["forward"] = forward
    try:
        yield
    finally:
        del network.encoder.__dict__["forward"]


def parameter_groups(parameters: list[nn.Parameter], weight_decay: float) -> list[dict[str, Any]]:
    """Parameter groups: weights decay, biases and scales do not."""
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
