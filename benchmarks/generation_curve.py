"""The learning curve of generation tasks, each trained alone until it no longer learns. `python benchmarks/generation.py
--until-flat --workspace FOLDER --tasks title,translate_zh,translate_en,synopsis`.

The learning rate rises, stays, and falls to 0 once the curve is flat, so that how long a training takes need not be known before
(warm-up, stable, decay: Hu et al. 2024, arXiv:2404.06395). After each epoch the averaged weights write the validation documents
greedily. The curve is flat where chrF has not risen by `LEAST_RISE` in `PATIENCE` epochs; then the rate falls over a quarter of the
epochs so far. What counts at last is the best epoch, or the mean of the weights of the last few epochs where validation prefers it. The
plain Transformer is trained by the same rule for at most as many epochs as mgm.

With `--models ""` only the baselines are measured. All that is known goes to benchmarks/results/generation_curve.json after each epoch. The state of a training lies in the
workspace (data/checkpoints/until-flat) and is taken up by the same command; other settings are refused.
"""

import argparse
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import generation
import hardware
import polars as pl
import torch
from generation import Fitted, Write
from torch import Tensor, nn

from mgm.files import read_json, replacing, write_json
from mgm.model.batch import Batch
from mgm.model.collate import collate
from mgm.model.generation.source_cut import SourceCut
from mgm.settings.names import overridden
from mgm.settings.settings import Settings
from mgm.settings.yaml_file import load_yaml
from mgm.tasks import Task
from mgm.text.features import FeaturePart
from mgm.training.averaging import MovingAverage
from mgm.training.determinism import deterministic
from mgm.training.fit import Plan
from mgm.training.optimizers import parameter_groups
from mgm.training.precision import resolve_precision
from mgm.training.rng import seed_rng
from mgm.training.sampling import plan_epoch
from mgm.training.schedule import set_learning_rate

RESULTS = Path("benchmarks/results/generation_curve.json")
STATES = Path("data/checkpoints/until-flat")
LEAST_RISE, PATIENCE = 0.002, 4
WARM_EPOCHS = 1.0
DECAY_SHARE = 0.25
"""The epochs in which the rate falls, as a share of those before."""
KEPT_EPOCHS = 5
"""The last epochs whose averaged weights are kept, to be averaged once more."""
VALIDATION = 500
BEAM = 4

Rows = tuple[list[FeaturePart], pl.DataFrame]


@dataclass(frozen=True)
class Learner:
    """A model as the training sees it: its weights, the loss of a batch, and how it writes."""

    module: nn.Module
    parameters: list[nn.Parameter]
    loss: Callable[[Batch], Tensor]
    write: Write


def main(arguments: argparse.Namespace) -> None:
    work = arguments.workspace
    raw = load_yaml((work / "params.yaml").read_text(encoding="utf-8"))
    changes = {name: load_yaml(value) for name, value in (entry.split("=", 1) for entry in arguments.set)}
    settings = Settings.parse(overridden(raw, changes))
    known = {task.name: task for task in settings.active_tasks() if task.kind == "generation"}
    names = arguments.tasks.split(",") if arguments.tasks else list(known)
    if unknown := [name for name in names if name not in known]:
        raise ValueError(f"--tasks: {unknown[0]}: expected some of {', '.join(known)}")
    for name in names:
        curve = Curve(work, settings, known[name], arguments, changes)
        epochs = arguments.most_epochs
        for model in filter(None, arguments.models.split(",")):
            epochs = curve.train(model, epochs)


class Curve:
    """The trainings of one task."""

    def __init__(
        self,
        work: Path,
        settings: Settings,
        task: Task,
        arguments: argparse.Namespace,
        changes: dict[str, Any],
    ) -> None:
        self.work, self.settings, self.task = work, settings, task
        self.made: Plan = generation.prepared(work, settings, [task], arguments.rows, arguments.longest)
        self.valid: Rows = generation.chosen_rows(work, task, "valid", VALIDATION, arguments.longest)
        self.test: Rows = generation.chosen_rows(work, task, "test", arguments.test, arguments.longest)
        self.facts = {
            "pairs": sum(len(source.rows) for source in self.made.data.train),
            "validation_documents": self.valid[1].height,
            "test_documents": self.test[1].height,
            "longest_source_in_words": arguments.longest,
            "changed": changes,
            "settings": settings.model.generation.model_dump(),
            "precision": resolve_precision(settings.train.precision, torch.device("cpu")),
            "seed": settings.seed,
        }
        self.store(
            baselines={
                "valid": generation.baselines(self.valid, task, settings),
                "test": generation.baselines(self.test, task, settings),
            }
        )

    def train(self, name: str, most_epochs: int) -> int:
        """Train a model until its curve is flat, from where it was left; return after how many epochs that was."""
        settings, learner = self.settings.train, self.learner(name)
        bf16 = self.facts["precision"] == "bf16"
        optimizer = torch.optim.AdamW(
            parameter_groups(learner.parameters, settings.weight_decay), settings.learning_rate, fused=True
        )
        average = MovingAverage(learner.parameters, settings.ema)
        state = State(self.work / STATES / f"{self.task.name}-{name}", self.facts)
        epochs = state.load({"model": learner.module, "optimizer": optimizer, "average": average})
        with deterministic(settings.threads):
            while not is_done(epochs, most_epochs):
                cpu, start, number = time.process_time(), time.perf_counter(), len(epochs)
                seed_rng(self.settings.seed, number)
                steps = plan_epoch(
                    self.made.data.train,
                    tokens_per_batch=settings.tokens_per_batch,
                    tau=settings.sampling_tau,
                    seed=self.settings.seed,
                    epoch=number,
                ).batches
                learner.module.train()
                total = 0.0
                for done, step in enumerate(steps):
                    source = self.made.data.train[step.source]
                    batch = collate(source.part, step.rows, tasks=self.made.tasks, cut=source.cut)
                    share = rate(number + done / len(steps), decay_of(epochs, most_epochs))
                    set_learning_rate(optimizer, settings.learning_rate * share)
                    optimizer.zero_grad(set_to_none=True)
                    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
                        loss = learner.loss(batch)
                    loss.backward()
                    nn.utils.clip_grad_norm_(learner.parameters, settings.clip)
                    optimizer.step()
                    average.update()
                    total += float(loss.detach())
                trained = time.process_time() - cpu
                with average.applied():
                    chrf = self.validate(learner)
                    state.keep(number + 1, learner.parameters, is_best=chrf > best_of(epochs))
                epochs.append(
                    {
                        "epoch": number + 1,
                        "loss": round(total / len(steps), 4),
                        "chrf": round(chrf, 4),
                        "rate": round(settings.learning_rate * share, 6),
                        "falls": decay_of(epochs, most_epochs) is not None,
                        "cpu_seconds": round(time.process_time() - cpu, 1),
                        "training_cpu_seconds": round(trained, 1),
                        "seconds": round(time.perf_counter() - start, 1),
                    }
                )
                state.save(epochs, {"model": learner.module, "optimizer": optimizer, "average": average})
                self.store(model=name, found={"epochs": epochs, "is_flat": False})
                print(f"{self.task.name}, {name}: {epochs[-1]}", flush=True)
        before = self.stored().get("models", {}).get(name, {})
        if not before.get("is_flat") or len(before["epochs"]) != len(epochs):
            self.store(model=name, found={"epochs": epochs, "is_flat": True} | self.finish(learner, state))
        return len(epochs)

    def learner(self, name: str) -> Learner:
        smoothing, task = self.settings.train.label_smoothing, self.task.name
        if name == "transformer":
            model, _ = generation.peer(self.made, self.settings)
            return Learner(model, list(model.parameters()), lambda b: model.loss(b, smoothing), model.write)
        network = generation.prepared(self.work, self.settings, [self.task], None, 10**9).network
        network.word_dropout = self.settings.train.word_dropout

        def loss(batch: Batch) -> Tensor:
            outputs = {key: value.float() for key, value in network.deep_outputs(batch).items()}
            return network.losses(outputs, batch, smoothing=smoothing)[task]

        def write(batch: Batch, task: str, beam: int) -> Any:
            return network.generate(batch, [task], beam_size=beam)[task]

        return Learner(network, network.dense_parameters(), loss, write)

    def validate(self, learner: Learner) -> float:
        learner.module.eval()
        found = self.written(learner, self.valid, 1)
        from sacrebleu.metrics import CHRF

        return float(CHRF().corpus_score(found, [self.valid[1]["true"].to_list()]).score) / 100

    def written(self, learner: Learner, rows: Rows, beam: int) -> list[str]:
        labels = next(list(t.labels) for t in self.made.tasks)
        cut = SourceCut.of(self.settings.model, [self.task])
        return generation.texts(Fitted(learner.write, cut, {}, {}), rows, self.task, beam, labels)

    def finish(self, learner: Learner, state: "State") -> dict[str, Any]:
        """Choose the weights by validation, and measure them on the test documents."""
        kept = state.kept()
        candidates = {"the best epoch": [state.best]} | {
            f"the mean of the last {count} epochs": kept[-count:] for count in range(2, len(kept) + 1)
        }
        scores = {}
        for name, files in candidates.items():
            load_mean(learner.parameters, files)
            scores[name] = round(self.validate(learner), 4)
        chosen = max(scores, key=lambda name: scores[name])
        load_mean(learner.parameters, candidates[chosen])
        learner.module.eval()
        said = self.written(learner, self.test, BEAM)
        return {
            "weights": generation.weights(learner.module),
            "averages": scores,
            "chosen": chosen,
            f"beam {BEAM}": generation.scored(said, self.test[1], self.task, self.settings),
        }

    def stored(self) -> dict[str, Any]:
        return stored_tasks().get(self.task.name, {})

    def store(
        self,
        *,
        model: str | None = None,
        found: dict[str, Any] | None = None,
        baselines: dict[str, Any] | None = None,
    ) -> None:
        """Puts what is known into the results file."""
        before = self.stored()
        content = self.facts | {
            "baselines": baselines or before["baselines"],
            "models": before.get("models", {}) | ({} if model is None else {model: found}),
            "machine": hardware.machine(),
            "versions": hardware.versions(generation.PACKAGES),
            "revision": hardware.revision(),
        }
        what = "chrF of validation documents by epoch, greedy, until it no longer rises; see benchmarks/generation_curve.py"
        write_json(RESULTS, {"what": what, "tasks": stored_tasks() | {self.task.name: content}})


class State:
    """A training on disk: its last epoch, whole, and the averaged weights of the last few epochs and of the best."""

    def __init__(self, folder: Path, facts: dict[str, Any]) -> None:
        self.folder, self.facts = folder, facts
        self.path, self.best = folder / "state.pt", folder / "best.pt"

    def load(self, parts: dict[str, Any]) -> list[dict[str, Any]]:
        """Take up the parts as they were left; return the epochs so far."""
        if not self.path.is_file():
            return []
        saved = torch.load(self.path, weights_only=True)
        if saved["facts"] != self.facts:
            raise ValueError(
                f"{self.folder}: it is of another training; expected the same settings and pairs, or no such folder"
            )
        for name, part in parts.items():
            part.load_state_dict(saved[name])
        return list(saved["epochs"])

    def save(self, epochs: list[dict[str, Any]], parts: dict[str, Any]) -> None:
        states = {name: part.state_dict() for name, part in parts.items()}
        self._write(self.path, {"facts": self.facts, "epochs": epochs} | states)

    def keep(self, epoch: int, parameters: list[nn.Parameter], *, is_best: bool) -> None:
        weights = [parameter.detach() for parameter in parameters]
        self._write(self.folder / f"epoch-{epoch:04d}.pt", weights)
        if is_best:
            self._write(self.best, weights)
        for old in self.kept()[:-KEPT_EPOCHS]:
            old.unlink()

    def kept(self) -> list[Path]:
        return sorted(self.folder.glob("epoch-*.pt"))

    def _write(self, path: Path, content: Any) -> None:
        with replacing(path) as temporary, temporary.open("wb") as file:
            torch.save(content, file)
            file.flush()
            os.fsync(file.fileno())


@torch.no_grad()
def load_mean(parameters: list[nn.Parameter], files: list[Path]) -> None:
    every = [torch.load(file, weights_only=True) for file in files]
    for number, parameter in enumerate(parameters):
        parameter.copy_(torch.stack([weights[number] for weights in every]).mean(0))


def best_of(epochs: list[dict[str, Any]]) -> float:
    return max((epoch["chrf"] for epoch in epochs), default=-1.0)


def decay_of(epochs: list[dict[str, Any]], most_epochs: int) -> tuple[int, int] | None:
    """The epoch after which the rate falls, and that at whose end it is 0; None while the curve rises."""
    risen, last = 0, -1.0
    for number, epoch in enumerate(epochs, start=1):
        if epoch["chrf"] >= last + LEAST_RISE:
            risen, last = number, epoch["chrf"]
        if number - risen >= PATIENCE:
            return number, min(number + falling(number), most_epochs)
    start = most_epochs - falling(most_epochs * 4 // 5)
    return (start, most_epochs) if len(epochs) >= start else None


def falling(epochs: int) -> int:
    return max(1, round(DECAY_SHARE * epochs))


def is_done(epochs: list[dict[str, Any]], most_epochs: int) -> bool:
    decay = decay_of(epochs, most_epochs)
    return len(epochs) >= most_epochs or (decay is not None and len(epochs) >= decay[1])


def rate(progress: float, decay: tuple[int, int] | None) -> float:
    """The share of the learning rate after so many epochs."""
    if decay is None or progress < decay[0]:
        return min(1.0, (progress + 0.01) / WARM_EPOCHS)
    return max(0.0, 1 - (progress - decay[0]) / max(decay[1] - decay[0], 1))


def stored_tasks() -> dict[str, Any]:
    tasks: dict[str, Any] = read_json(RESULTS)["tasks"] if RESULTS.is_file() else {}
    return tasks
