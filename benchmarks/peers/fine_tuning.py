"""Fine-tunes an encoder with a linear head for each task, on a CPU or a GPU: the best epoch on validation is kept.

AdamW, warm-up and linear decay, mean pooling, batches of documents of like length, a frozen table of word embeddings (half of a
small encoder's weights, of which a task changes little and AdamW updates all). In bf16 where the hardware multiplies it.

The state is written every so many steps and after each epoch. A training that was killed goes on from there and ends in the same
weights: a step's random numbers depend on the seed and the step alone.

Axes: N documents, B documents of a batch, W pieces of the longest of them, D width, K outputs of a head.
"""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mgm.training.precision import has_bf16

from .labelled_documents import Documents, Targets
from .scores import Scored, score

WARMUP, WEIGHT_DECAY, DROPOUT, CLIP = 0.1, 0.01, 0.1, 1.0
POOL = 50
"""Batches whose documents are sorted by length together."""
READ_BATCH = 128
STATE, BEST = "state.pt", "best.pt"


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How long and how fast."""

    lr: float
    epochs: int
    batch: int
    max_tokens: int
    checkpoint_steps: int = 200


class MultiHead(nn.Module):
    """An encoder, and a linear layer on its mean vector for each task."""

    def __init__(self, encoder: nn.Module, outputs: Mapping[str, int]) -> None:
        super().__init__()
        self.encoder = encoder
        for name, table in encoder.named_parameters():
            table.requires_grad_("word_embeddings" not in name)
        self.dropout = nn.Dropout(DROPOUT)
        width = encoder.config.hidden_size
        self.heads = nn.ModuleList(nn.Linear(width, count) for count in outputs.values())
        self.tasks = list(outputs)

    def forward(self, ids_BW: Tensor, mask_BW: Tensor) -> dict[str, Tensor]:
        words_BWD = self.encoder(input_ids=ids_BW, attention_mask=mask_BW).last_hidden_state
        mask_BW1 = mask_BW[:, :, None].to(words_BWD.dtype)
        mean_BD = self.dropout((words_BWD * mask_BW1).sum(1) / mask_BW1.sum(1))
        return {name: head(mean_BD).float() for name, head in zip(self.tasks, self.heads, strict=True)}


@dataclass(frozen=True)
class FineTuned:
    """A network at its best epoch, and its course."""

    network: MultiHead
    epochs: list[dict[str, Any]]
    """A line an epoch: its loss, validation metrics by task, selection and seconds."""
    best_epoch: int
    scored: dict[str, Scored]
    """Task to the validation metrics, and thresholds, of the best epoch."""


class FineTuning:
    """A training and the folder of its state."""

    def __init__(
        self,
        encoder: nn.Module,
        documents: Documents,
        ids: list[list[int]],
        *,
        recipe: Recipe,
        seed: int,
        folder: Path,
    ) -> None:
        self.documents, self.ids, self.recipe, self.seed, self.folder = documents, ids, recipe, seed, folder
        self.targets: dict[str, Targets] = documents.targets()
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        torch.manual_seed(seed)
        spaces = {name: len(rows.space) or 1 for name, rows in documents.rows.items()}
        self.network = MultiHead(encoder, spaces).to(self.device)
        trained = [p for p in self.network.parameters() if p.requires_grad]
        self.trained = trained
        self.optimizer = torch.optim.AdamW(trained, recipe.lr, weight_decay=WEIGHT_DECAY)
        self.steps, self.epochs, self.loss = 0, [], 0.0

    def run(self, on_epoch: Callable[[dict[str, Any]], object] = lambda line: None) -> FineTuned:
        """Train, from the folder's state if there is one, and return the network of the best epoch."""
        self._resume()
        rows = self._training_documents()
        for epoch in range(len(self.epochs), self.recipe.epochs):
            batches = self._batches(rows, epoch)
            start, first = time.perf_counter(), self.steps
            self.network.train()
            for number in range(self.steps - epoch * len(batches), len(batches)):
                self._step(batches[number], total=self.recipe.epochs * len(batches))
                if self.steps % self.recipe.checkpoint_steps == 0:
                    self._save()
            line = self._validate(epoch + 1) | {"loss": round(self.loss / len(batches), 4)}
            # what an epoch takes is known where one process trained all of it
            whole = first == epoch * len(batches)
            line["seconds"] = round(time.perf_counter() - start, 1) if whole else None
            self.epochs.append(line)
            self.loss = 0.0
            if line["selection"] > max((past["selection"] for past in self.epochs[:-1]), default=-1.0):
                _write(self.folder / BEST, self.network.state_dict())
            self._save()
            on_epoch(line)
        self.network.load_state_dict(torch.load(self.folder / BEST, weights_only=True))
        best = max(self.epochs, key=lambda line: line["selection"])["epoch"]
        return FineTuned(self.network, self.epochs, best, self._scored())

    def read(self, chosen: np.ndarray) -> dict[str, np.ndarray]:
        """The outputs (len(chosen),K) of each task for the chosen documents: logits, and probabilities of label sets."""
        self.network.eval()
        order = np.argsort([len(self.ids[i]) for i in chosen], kind="stable")
        found = {
            name: np.zeros((len(chosen), len(rows.space) or 1)) for name, rows in self.documents.rows.items()
        }
        with torch.inference_mode():
            for first in range(0, len(order), READ_BATCH):
                own = order[first : first + READ_BATCH]
                for name, logits in self._logits(chosen[own]).items():
                    is_sets = self.documents.rows[name].task.kind == "multilabel"
                    found[name][own] = (logits.sigmoid() if is_sets else logits).cpu().numpy()
        return found

    def outcome(self, name: str, split: str) -> np.ndarray:
        """The outcome for a task's labelled rows of a split, in their order."""
        rows = self.documents.rows[name]
        found = self.read(self.documents.place[name][rows.of(split)])[name]
        return found[:, 0] if rows.task.kind == "regression" else found

    def _logits(self, chosen: np.ndarray) -> dict[str, Tensor]:
        texts = [torch.tensor(self.ids[i]) for i in chosen]
        ids = nn.utils.rnn.pad_sequence(texts, batch_first=True)
        mask = torch.arange(ids.shape[1])[None] < torch.tensor([len(text) for text in texts])[:, None]
        with torch.autocast(self.device.type, torch.bfloat16, enabled=has_bf16(self.device)):
            return self.network(ids.to(self.device), mask.to(self.device))

    def _training_documents(self) -> np.ndarray:
        known = np.any([targets.is_known for targets in self.targets.values()], axis=0)
        return np.flatnonzero(known & (self.documents.split == "train"))

    def _batches(self, rows: np.ndarray, epoch: int) -> list[np.ndarray]:
        """The epoch's batches: random documents, those of a pool by length, in random order."""
        rng, size = np.random.default_rng([self.seed, epoch]), self.recipe.batch
        order, batches = rng.permutation(rows), []
        lengths = np.array([len(own) for own in self.ids])
        for first in range(0, len(order), POOL * size):
            pool = order[first : first + POOL * size]
            pool = pool[np.argsort(lengths[pool], kind="stable")]
            batches += [pool[at : at + size] for at in range(0, len(pool), size)]
        return [batches[i] for i in rng.permutation(len(batches))]

    def _step(self, chosen: np.ndarray, *, total: int) -> None:
        torch.manual_seed(self.seed * 1_000_003 + self.steps)
        warm = max(WARMUP * total, 1)
        factor = min((self.steps + 1) / warm, (total - self.steps) / max(total - warm, 1))
        for group in self.optimizer.param_groups:
            group["lr"] = self.recipe.lr * factor
        logits = self._logits(chosen)
        loss = torch.stack([self.targets[name].loss(logits[name], chosen) for name in logits]).sum()
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.trained, CLIP)
        self.optimizer.step()
        self.steps += 1
        self.loss += loss.item()

    def _validate(self, epoch: int) -> dict[str, Any]:
        scored = self._scored()
        kinds = {name: rows.task.kind for name, rows in self.documents.rows.items()}
        selection = float(np.mean([found.selection(kinds[name]) for name, found in scored.items()]))
        valid = {name: found.metrics for name, found in scored.items()}
        return {"epoch": epoch, "selection": selection, "valid": valid}

    def _scored(self) -> dict[str, Scored]:
        return {
            name: score(rows.filter(rows.of("valid")), self.outcome(name, "valid"))
            for name, rows in self.documents.rows.items()
        }

    def _save(self) -> None:
        state = {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "steps": self.steps,
            "epochs": self.epochs,
            "loss": self.loss,
            "recipe": asdict(self.recipe),
            "seed": self.seed,
        }
        _write(self.folder / STATE, state)

    def _resume(self) -> None:
        path = self.folder / STATE
        if not path.is_file():
            return
        state = torch.load(path, map_location=self.device, weights_only=True)
        if (state["recipe"], state["seed"]) != (asdict(self.recipe), self.seed):
            return
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.steps, self.epochs, self.loss = state["steps"], state["epochs"], state["loss"]


def _write(path: Path, content: Any) -> None:
    """Write through a file beside it: a kill leaves the one before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".tmp")
    torch.save(content, beside)
    os.replace(beside, path)
