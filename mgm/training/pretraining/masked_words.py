"""Pretraining on text alone: the encoder learns to guess masked words, from the words around each and from its document.

The words are guessed by a sampled softmax over the vocabulary, and not by hashed n-grams: a word is what the encoder is to
know, its n-grams are given by its spelling, and the sample makes the cost independent of the vocabulary's size. Guessing from
the document's vectors, too, trains the levels that give no vector a word (lead, paragraph, document).

Axes: N words, M masked ones, B documents, D width.
"""

import math
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mgm.model.batch import Batch
from mgm.model.collate import collate
from mgm.model.encoder import Encoder
from mgm.model.granularity.token_selection import TokenSelection
from mgm.settings.training import PretrainSettings
from mgm.training.batches import Step, one_pass
from mgm.training.checkpoint import Checkpoint
from mgm.training.labelled_rows import Source
from mgm.training.loader import load
from mgm.training.precision import resolve
from mgm.training.pretraining.masking import mask
from mgm.training.pretraining.sampled_softmax import SampledSoftmax
from mgm.training.trainer import deterministic, parameter_groups, warm_cosine

WEIGHT_DECAY, CLIP, WARMUP = 0.01, 1.0, 0.1


@dataclass(frozen=True)
class PretrainReport:
    """What one epoch did: the mean loss of a masked word, how many there were, and the speed of training."""

    epoch: int
    loss: float
    masked: int
    words_per_second: float


class MaskedWords(nn.Module):
    """An encoder and what guesses masked words from it; the latter is thrown away."""

    def __init__(self, encoder: Encoder, vocabulary_size: int, width: int, sample: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.normalise = nn.ModuleDict({name: nn.LayerNorm(w) for name, w in encoder.widths.items()})
        self.context = nn.Linear(encoder.word_width + sum(encoder.widths.values()), width)
        self.scale = nn.LayerNorm(width)
        self.words = SampledSoftmax(vocabulary_size, width, sample)

    def forward(self, batch: Batch, share: float) -> tuple[Tensor, int]:
        """The mean loss, a scalar, of the words that were masked, and their number."""
        masked = mask(batch, share)
        return self.words(self.contexts(masked.batch, masked.place), masked.word), masked.place.numel()

    def contexts(self, batch: Batch, place_M: Tensor) -> Tensor:
        """(M,D) what is known of the words at these places."""
        pooled, words = self.encoder(batch, 0.0, self.encoder.word_width > 0)
        document_M = TokenSelection.of(batch, "all").documents.row[place_M]
        known = [self.normalise[name](vectors)[document_M] for name, vectors in pooled.items()]
        if words is not None:
            known.append(words.values[place_M])
        context_MD: Tensor = self.scale(F.gelu(self.context(torch.cat(known, dim=1))))
        return context_MD


def pretrain(
    encoder: Encoder,
    sources: list[Source],
    vocabulary_size: int,
    settings: PretrainSettings,
    seed: int,
    threads: int,
    checkpoint: Checkpoint | None = None,
    on_epoch: Callable[[PretrainReport], object] = lambda report: None,
) -> list[PretrainReport]:
    """Trains `encoder` in place, on its device, on every row of `sources`.

    An epoch is a function of the state before it, the seed and its number, so that a resumed run ends in the same bytes.

    Raises:
        ValueError: there is no known word to guess, or the loss became infinite or not a number.
    """
    if not sources or not vocabulary_size:
        raise ValueError(
            "pretraining: no document of split train has a known word; see reports/stages/features.json"
        )
    with deterministic(threads):
        torch.manual_seed(int(np.random.default_rng([seed, 1 << 20]).integers(2**62)))
        run = _Run(encoder, sources, vocabulary_size, settings, seed)
        run.resume(checkpoint, on_epoch)
        while run.epoch < settings.epochs:
            on_epoch(run.one_epoch())
            if checkpoint is not None:
                checkpoint.save(run.state_dict())
    encoder.eval()
    return run.history


class _Run:
    """A pretraining in progress."""

    def __init__(
        self,
        encoder: Encoder,
        sources: list[Source],
        vocabulary_size: int,
        settings: PretrainSettings,
        seed: int,
    ) -> None:
        self.device = next(encoder.parameters()).device
        self.model = MaskedWords(
            encoder, vocabulary_size, encoder.settings.width, settings.sampled_softmax_words
        ).to(self.device)
        self.sources, self.settings, self.seed = sources, settings, seed
        self.optimizer = torch.optim.AdamW(
            parameter_groups(list(self.model.parameters()), WEIGHT_DECAY), settings.learning_rate, fused=True
        )
        self.bf16 = resolve("auto", self.device) == "bf16"
        self.epoch = 0
        self.history: list[PretrainReport] = []

    def one_epoch(self) -> PretrainReport:
        torch.manual_seed(int(np.random.default_rng([self.seed, self.epoch, 1]).integers(2**62)))
        numbers = list(range(len(self.sources)))
        steps = one_pass(self.sources, numbers, self.settings.tokens_per_batch, [self.seed, self.epoch])
        start, words, masked, total = time.perf_counter(), 0, 0, torch.zeros((), device=self.device)
        self.model.train()
        with closing(load(steps, self._gather, self.device)) as loader:
            for done, batch in enumerate(loader, start=1):
                if not (batch.type_id > 0).any():
                    continue
                progress = (self.epoch + done / len(steps)) / self.settings.epochs
                loss, count = self._step(batch, progress)
                total += loss * count
                masked += count
                words += batch.word.numel()
        self.epoch += 1
        mean = float(total) / max(masked, 1)
        if not math.isfinite(mean) or not masked:
            raise ValueError(
                f"pretraining: the loss of epoch {self.epoch} is {mean} over {masked} masked words; "
                f"lower pretrain.learning_rate (now {self.settings.learning_rate})"
            )
        speed = words / max(time.perf_counter() - start, 1e-9)
        self.history.append(PretrainReport(self.epoch, mean, masked, speed))
        return self.history[-1]

    def _step(self, batch: Batch, progress: float) -> tuple[Tensor, int]:
        for group in self.optimizer.param_groups:
            group["lr"] = self.settings.learning_rate * warm_cosine(WARMUP, progress)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            loss, count = self.model(batch, self.settings.mask_rate)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), CLIP)
        self.optimizer.step()
        return loss.detach().float(), count

    def _gather(self, step: Step) -> Batch:
        return collate(self.sources[step.source].part, step.rows)

    def state_dict(self) -> dict[str, Any]:
        return {
            "epoch": self.epoch,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "history": [asdict(report) for report in self.history],
        }

    def resume(self, checkpoint: Checkpoint | None, on_epoch: Callable[[PretrainReport], object]) -> None:
        state = checkpoint.load(self.device) if checkpoint is not None else None
        if state is None:
            return
        self.epoch = state["epoch"]
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        for report in state["history"]:
            self.history.append(PretrainReport(**report))
            on_epoch(self.history[-1])
