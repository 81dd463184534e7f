"""Joint training on all tasks: AdamW, warm-up and cosine decay, gradient clipping, averaged weights, early stopping.

An epoch is a function of the state before it, the seed and the epoch's number; a resumed run therefore ends in the same bytes.
"""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import polars as pl
import torch
from torch import Tensor, nn

from mgm.model.allocation import keep_freed_memory
from mgm.model.batch import Batch
from mgm.model.collate import collate, gather_targets
from mgm.model.embedding_table import EmbeddingTable
from mgm.model.mixup import Mixup
from mgm.model.network import Network
from mgm.settings.training import DistillationSettings, TrainSettings
from mgm.training.augmentation import make_augmentation
from mgm.training.averaging import MovingAverage
from mgm.training.batches import PlannedBatch, ordered_batches
from mgm.training.callbacks import Callbacks, EpochReport, StepReport
from mgm.training.checkpoint import Checkpoint
from mgm.training.compilation import compile_encoder, encoder_forward
from mgm.training.cost import EpochCost, peak_memory_mib
from mgm.training.data import PartRows, TrainingData
from mgm.training.determinism import deterministic
from mgm.training.distributed import DistributedContext
from mgm.training.loader import load_batches
from mgm.training.optimizers import make_adamw
from mgm.training.precision import Precision, resolve_precision
from mgm.training.rng import restored_rng, rng_state, seed_rng, seeded_rng
from mgm.training.row_optimizer import RowOptimizer
from mgm.training.sampling import EpochPlan, plan_epoch, task_passes
from mgm.training.schedule import set_learning_rate, warm_cosine
from mgm.training.sparse_rows import Storage
from mgm.training.state import Stateful, TrainingState, copy_weights
from mgm.training.weighting.registry import make_weighting
from mgm.training.wide_solver import SolvedTask, solve_wide
from mgm.training.wide_tuning import WideMethod
from mgm.training.wide_weight import validate_best_mix
from mgm.training.word_solver import WideTransitions, solve_word_tasks


@dataclass(frozen=True, kw_only=True)
class TrainResult:
    """The outcome of a training; the network that was passed in now holds the weights of `best_epoch`."""

    best_epoch: int
    best_score: float
    history: list[EpochReport]
    precision: Precision
    wide_methods: dict[str, WideMethod]


def train(  # noqa: PLR0913  (options by name, with defaults)
    network: Network,
    data: TrainingData,
    *,
    settings: TrainSettings,
    seed: int,
    distillation: DistillationSettings | None = None,
    checkpoint: Checkpoint | None = None,
    callbacks: Callbacks | None = None,
    stop_after_epoch: int | None = None,
    wide_methods: Mapping[str, WideMethod] | None = None,
) -> TrainResult:
    """Train a network in place, on its device, and leave the best epoch's averaged weights in it.

    The process keeps memory that it frees from here on (mgm/model/allocation.py).

    Args:
        network: with fresh or pretrained weights.
        data: the rows of both splits, and the tasks.
        settings: the section `train`.
        seed: decides all that is drawn.
        distillation: how teachers' predictions and labels are mixed.
        checkpoint: where the state is saved after each epoch, and resumed from.
        callbacks: receive the progress.
        stop_after_epoch: the last epoch to train, on the learning-rate schedule of all epochs; None: all.
        wide_methods: how the wide part of tasks is solved for, where an earlier fit has tuned it.

    Raises:
        ValueError: there is no row to train on, the machine lacks the precision of the settings, or a loss became infinite or
            not a number.
    """
    if not data.train:
        names = ", ".join(t.name for t in data.tasks)
        raise ValueError(
            f"no row of split train carries a label of {names}; see reports/stages/features.json"
        )
    keep_freed_memory()
    with deterministic(settings.threads):
        loop = TrainingLoop(
            network,
            data,
            settings=settings,
            seed=seed,
            distillation=distillation or DistillationSettings(),
            callbacks=callbacks or Callbacks(),
        )
        epochs = settings.epochs if stop_after_epoch is None else stop_after_epoch
        return loop.run(checkpoint, epochs, wide_methods=wide_methods or {})


class TrainingLoop:
    """The epochs and steps of one training."""

    def __init__(
        self,
        network: Network,
        data: TrainingData,
        *,
        settings: TrainSettings,
        seed: int,
        distillation: DistillationSettings,
        callbacks: Callbacks,
    ) -> None:
        """Make the optimizers and the initial state; the arguments are those of `train`."""
        self.network, self.data, self.settings, self.seed = network, data, settings, seed
        self.distillation, self.callbacks = distillation, callbacks
        self.max_bytes = math.ceil(settings.memory * 1e9)
        self.device = next(network.parameters()).device
        self.processes = DistributedContext.current()
        self.precision = resolve_precision(settings.precision, self.device)
        self.weighting = make_weighting(settings, [t.name for t in data.tasks]).to(self.device)
        self.augmentation = make_augmentation(settings.augmentation, data.tasks)
        self.compiled_forward = compile_encoder(network.encoder) if settings.compile else None
        tables = [module for module in network.modules() if isinstance(module, EmbeddingTable)]
        self.rows = RowOptimizer(tables, weight_decay=settings.weight_decay, average_decay=settings.ema)
        learned, of_tables = self.weighting.learnable_parameters(), {id(p) for p in self.rows.parameters}
        dense = [p for p in network.dense_parameters() if id(p) not in of_tables]
        self.dense, self.clipped = [*dense, *self.rows.parameters, *learned], dense
        self.collects_rows = (
            self.processes.world_size == 1
            and self.device.type == "cpu"
            and self.weighting.sums_losses
            and not settings.compile
        )
        self.optimizer = make_adamw(dense, learned, settings=settings, pretrained=network.pretrained)
        if network.pretrained is not None and self.device.type == "cuda":
            network.pretrained.save_memory()
        self.average = MovingAverage(dense, settings.ema)
        network.word_dropout = settings.word_dropout
        stateful: dict[str, Stateful] = {
            "network": network,
            "average": self.average,
            "optimizer": self.optimizer,
            "rows": self.rows,
            "weighting": self.weighting,
            "wide_transitions": WideTransitions(network),
        }
        self.state = TrainingState(stateful=stateful)

    def run(
        self, checkpoint: Checkpoint | None, epochs: int, *, wide_methods: Mapping[str, WideMethod]
    ) -> TrainResult:
        """Train up to this epoch, or to where validation no longer improves, from a checkpoint if there is one."""
        # the other processes get from the main one what it takes all training rows to know
        if self.processes.is_main_process:
            initialize_from_data(self.network, self.data, tokens_per_batch=self.settings.tokens_per_batch)
        is_resumed = self._resume(checkpoint)
        if self.processes.is_main_process and not is_resumed:
            self._solve(checkpoint, wide_methods)
        # the main process may remove the checkpoint once it is done: all must have read it before
        self.processes.check_same_epoch(self.state.epoch)
        self.processes.broadcast_network(self.network)
        transitions = self.state.stateful["wide_transitions"]
        transitions.load_state_dict(self.processes.broadcast_object(transitions.state_dict()))
        while self.state.epoch < epochs and self.state.epochs_without_improvement < self.settings.patience:
            self._run_epoch()
            if checkpoint is not None and self.processes.is_main_process:
                checkpoint.save(self.state.state_dict())
        self.network.load_state_dict(self.state.best_weights)
        self.network.eval()
        return TrainResult(
            best_epoch=self.state.best_epoch,
            best_score=self.state.best_score,
            history=self.state.history,
            precision=self.precision,
            wide_methods=self.state.wide_methods,
        )

    def _solve(self, checkpoint: Checkpoint | None, wide_methods: Mapping[str, WideMethod]) -> None:
        """Set the weights of the wide part, from all training rows."""
        storage = Storage(
            max_bytes=self.max_bytes, folder=None if checkpoint is None else checkpoint.make_folder()
        )
        solve_documents = partial(solve_wide, methods=wide_methods, is_taught=self.distillation.wide)
        for solve in (solve_documents, solve_word_tasks):
            solve(
                self.network,
                self.data,
                tokens_per_batch=self.settings.tokens_per_batch,
                storage=storage,
                on_solved=self._record_solved,
            )

    def _record_solved(self, solved: SolvedTask) -> None:
        if solved.method is not None:
            self.state.wide_methods[solved.task] = solved.method
        self.callbacks.on_solved(solved)

    def _resume(self, checkpoint: Checkpoint | None) -> bool:
        """Restore the checkpoint's state and report its epochs again; whether there was one."""
        saved = checkpoint.load(self.device) if checkpoint is not None else None
        if saved is None:
            return False
        self.state.load_state_dict(saved)
        self.callbacks.on_resume(self.state.epoch)
        for report in self.state.history:
            self.callbacks.on_epoch(report)
        return True

    def _run_epoch(self) -> None:
        start, settings, state = time.perf_counter(), self.settings, self.state
        # random draws for documents (dropout, augmentation) start anew each epoch, so that a checkpoint needs no random state
        seed_rng(self.seed, state.epoch, *self.processes.seed_suffix)
        self.weighting.begin_epoch()
        plan = plan_epoch(
            self.data.local.train,
            tokens_per_batch=settings.tokens_per_batch,
            tau=settings.sampling_tau,
            seed=self.seed,
            epoch=state.epoch,
            max_bytes=self.max_bytes,
            processes=self.processes,
        )
        losses, cost = self._run_steps(plan)
        with self.average.applied(), self.rows.averages_applied():
            metrics = validate_best_mix(
                self.network,
                self.data.local.validation,
                tasks=self.data.tasks,
                tokens_per_batch=settings.tokens_per_batch,
                processes=self.processes,
            )
            score = sum(metrics.values()) / len(metrics) if metrics else math.nan
            is_best = state.is_improvement(metrics, score)
            best_weights = copy_weights(self.network) if is_best else None
        before = state.history[-1].task_passes if state.history else {}
        passes = task_passes(plan, self.data.local.train, tasks=self.data.tasks, processes=self.processes)
        report = EpochReport(
            epoch=state.epoch + 1,
            losses=losses,
            weights=self.weighting.factors(),
            metrics=metrics,
            score=score,
            is_best=is_best,
            learning_rate=self.optimizer.param_groups[0]["lr"],
            passes=plan.passes,
            task_passes={task: before.get(task, 0.0) + n for task, n in passes.items()},
            cost=replace(
                cost,
                seconds=time.perf_counter() - start,
                peak_memory_mib=peak_memory_mib(self.device),
            ),
        )
        state.record(report, best_weights)
        self.callbacks.on_epoch(report)

    def _run_steps(self, plan: EpochPlan) -> tuple[dict[str, float], EpochCost]:
        """Train on an epoch's batches; return each task's mean loss and the cost of the batches."""
        start = time.perf_counter()
        sums: dict[str, Tensor] = {}
        counts: dict[str, int] = {}
        words, documents, loading_seconds, total = 0, 0, 0.0, len(plan.batches)
        self.network.train()
        with (
            encoder_forward(self.network, self.compiled_forward),
            self.rows.collect() if self.collects_rows else nullcontext(),
            closing(load_batches(plan.batches, self._gather, device=self.device)) as loader,
        ):
            wait_started = time.perf_counter()
            for done, (planned, batch) in enumerate(zip(plan.batches, loader, strict=True), start=1):
                loading_seconds += time.perf_counter() - wait_started
                if not planned.is_repeated:
                    words += batch.word.numel()
                    documents += batch.size
                losses = self._run_step(batch, done=done, total=total, is_repeated=planned.is_repeated)
                for task, loss in losses.items():
                    sums[task] = sums.get(task, loss.new_zeros(())) + loss.detach()
                    counts[task] = counts.get(task, 0) + 1
                self.callbacks.on_step(StepReport(epoch=self.state.epoch + 1, done=done, total=total))
                wait_started = time.perf_counter()
        means = {task: float(sums[task]) / counts[task] for task in sorted(sums)}
        for task, mean in means.items():
            if not math.isfinite(mean):
                raise ValueError(
                    f"task {task!r}: the training loss of epoch {self.state.epoch + 1} is {mean}; "
                    f"lower train.learning_rate (now {self.settings.learning_rate}) or train.clip"
                )
        seconds = time.perf_counter() - start
        words, documents = self.processes.sum_over_processes(words, documents)
        return means, EpochCost(
            words=words,
            documents=documents,
            seconds=seconds,
            training_seconds=seconds,
            loading_seconds=loading_seconds,
            peak_memory_mib=0,
        )

    def _gather(self, planned: PlannedBatch) -> Batch:
        source = self.data.local.train[planned.source]
        return collate(source.part, planned.rows, tasks=self.data.tasks, cut=source.cut)

    def _run_step(
        self, batch: Batch, *, done: int, total: int, is_repeated: bool = False
    ) -> dict[str, Tensor]:
        """Take one step on the batches of all processes.

        Args:
            batch: this process's batch.
            done: the number of the step in the epoch, from 1.
            total: steps of the epoch.
            is_repeated: whether the batch counts for nothing.

        Returns:
            The loss of each task.
        """
        progress = (self.state.epoch + done / total) / self.settings.epochs
        label_weight = progress if self.distillation.annealing else self.distillation.label_weight
        rate = self.settings.learning_rate * warm_cosine(self.settings.warmup, progress)
        set_learning_rate(self.optimizer, rate)
        for parameter in self.dense:
            parameter.grad = None
        mixup = None
        if self.augmentation is not None:
            batch = self.augmentation.augment(batch)
            mixup = self.augmentation.draw_mixup(batch)
        labelled = dict.fromkeys(batch.labelled, 0) if is_repeated else batch.labelled
        shares = self.processes.label_shares(labelled, device=self.device)
        random_state = rng_state(self.device) if self.weighting.needs_losses_after_step else []
        losses = self._losses(batch, shares, mixup=mixup, label_weight=label_weight)
        # random draws for a batch, and not for a document, are the same in all processes
        with seeded_rng((self.seed, self.state.epoch, 0, 0, done), self.device):
            self.weighting.backward(losses, network=self.network)
        self.processes.average_gradients(self.dense)
        clip = self._clip()
        self.optimizer.step()
        self.rows.step(rate, clip=clip)
        self.average.update()
        if self.weighting.needs_losses_after_step:
            with torch.no_grad(), restored_rng(random_state, self.device):
                after = self._losses(batch, shares, mixup=mixup, label_weight=label_weight)
                self.weighting.after_step(after)
        return losses

    def _clip(self) -> float:
        """Scale the gradients so that their norm is at most `train.clip`; return the factor, which those of rows still need."""
        gradients = [p.grad for p in self.clipped if p.grad is not None]
        norm = math.hypot(float(nn.utils.get_total_norm(gradients)), math.sqrt(self.rows.square()))
        factor = min(1.0, self.settings.clip / (norm + 1e-6))
        if factor < 1 and gradients:
            torch._foreach_mul_(gradients, factor)
        return factor

    def _losses(
        self, batch: Batch, shares: Mapping[str, float], *, mixup: Mixup | None, label_weight: float
    ) -> dict[str, Tensor]:
        """Return the losses of the tasks for the deep branch: means over the labels of all processes."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bf16"):
            outputs = self.network.deep_outputs(batch, mixing=mixup, tasks=list(batch.targets))
        # losses, and sums of heads over a sentence, are computed in full precision
        outputs = {task: output.float() for task, output in outputs.items()}
        losses = self.network.losses(
            outputs,
            batch,
            smoothing=self.settings.label_smoothing,
            label_weight=label_weight,
            mixing=mixup,
        )
        return self.processes.reduce_losses(losses, outputs, shares=shares)


def initialize_from_data(network: Network, data: TrainingData, *, tokens_per_batch: int) -> None:
    """Initialise heads from their training targets, and the wide part from the training documents.

    A head learns the scale of a regression or the frequencies of labels, for example; the wide part counts documents by n-gram.
    """
    device = next(network.parameters()).device
    for task in data.tasks:
        if task.spec.predicts_words or task.spec.generates_text:
            continue
        columns = [s.labels_of(task) for s in data.train if s.labelled_tasks([task])]
        if columns:
            targets = gather_targets(pl.concat(columns), task, word_count=np.zeros(0, np.int64))
            network.heads[task.name].fit(targets.to(device))

    def documents(rows: Sequence[PartRows]) -> Iterator[Batch]:
        for planned in ordered_batches(rows, tokens_per_batch):
            part = rows[planned.source].part
            yield collate(part, planned.rows).to(device)

    if network.wide is not None:
        network.wide.fit(documents(data.train))
