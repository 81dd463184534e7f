"""Pretraining on text alone: the encoder learns to predict masked words, from the words around each and from its document.

Words are predicted by a sampled softmax over the vocabulary, not by hashed n-grams: the encoder is to learn words, whose n-grams
follow from their spelling, and the sample makes the cost independent of the vocabulary's size. Predicting from the document's
vectors, too, trains the levels that have no vector a word (lead, paragraph, document).

Axes: N words, M masked ones, B documents, D width.
"""

import math
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mgm.model.batch import Batch
from mgm.model.collate import collate
from mgm.model.encoder import Encoder
from mgm.model.granularity.token_selection import TokenSelection
from mgm.settings.training import PretrainSettings
from mgm.training.batches import PlannedBatch, shuffled_batches
from mgm.training.checkpoint import Checkpoint
from mgm.training.data import PartRows
from mgm.training.determinism import Threads, deterministic
from mgm.training.loader import load_batches
from mgm.training.optimizers import parameter_groups
from mgm.training.precision import resolve_precision
from mgm.training.pretraining.masking import mask_words
from mgm.training.pretraining.sampled_softmax import SampledSoftmax
from mgm.training.rng import seed_rng
from mgm.training.schedule import set_learning_rate, warm_cosine

WEIGHT_DECAY, CLIP, WARMUP = 0.01, 1.0, 0.1


@dataclass(frozen=True, kw_only=True)
class PretrainReport:
    """The results of one epoch: the mean loss of a masked word, the number of masked words, and the speed of training."""

    epoch: int
    loss: float
    masked: int
    words_per_second: float


class MaskedWords(nn.Module):
    """An encoder, and the layers that predict masked words from it, which are discarded after pretraining."""

    def __init__(self, encoder: Encoder, *, vocabulary_size: int, width: int, sample: int) -> None:
        """Make the layers; `width`: of the predicting context, `sample`: words of the sampled softmax."""
        super().__init__()
        self.encoder = encoder
        self.normalise = nn.ModuleDict({name: nn.LayerNorm(w) for name, w in encoder.widths.items()})
        self.context = nn.Linear(encoder.word_width + sum(encoder.widths.values()), width)
        self.scale = nn.LayerNorm(width)
        self.words = SampledSoftmax(vocabulary_size, width, sample=sample)

    def forward(self, batch: Batch, share: float) -> tuple[Tensor, int]:
        """Return the mean loss, a scalar, of the words that were masked, and their number."""
        masked = mask_words(batch, share)
        return self.words(self.contexts(masked.batch, masked.place), masked.word), masked.place.numel()

    def contexts(self, batch: Batch, place_M: Tensor) -> Tensor:
        """Return the contexts (M,D) of the words at these positions."""
        pooled, words = self.encoder(batch, with_words=self.encoder.word_width > 0)
        document_M = TokenSelection.of(batch, "all").documents.row[place_M]
        parts = [self.normalise[name](vectors)[document_M] for name, vectors in pooled.items()]
        if words is not None:
            parts.append(words.values[place_M])
        context_MD: Tensor = self.scale(F.gelu(self.context(torch.cat(parts, dim=1))))
        return context_MD


def pretrain(  # noqa: PLR0913  (options by name, with defaults)
    encoder: Encoder,
    sources: Sequence[PartRows],
    *,
    settings: PretrainSettings,
    vocabulary_size: int,
    seed: int,
    threads: Threads,
    checkpoint: Checkpoint | None = None,
    on_epoch: Callable[[PretrainReport], object] = lambda report: None,
) -> list[PretrainReport]:
    """Train an encoder in place, on its device, on every row of `sources`; return the report of each epoch.

    An epoch is a function of the state before it, the seed and its number, so that a resumed run ends in the same bytes.

    Raises:
        ValueError: there is no known word to predict, or the loss became infinite or not a number.
    """
    if not sources or not vocabulary_size:
        raise ValueError(
            "pretraining: no document of split train has a known word; see reports/stages/features.json"
        )
    with deterministic(threads):
        seed_rng(seed, 1 << 20)
        loop = _PretrainingLoop(
            encoder, sources, settings=settings, vocabulary_size=vocabulary_size, seed=seed
        )
        loop.resume(checkpoint, on_epoch)
        while loop.epoch < settings.epochs:
            on_epoch(loop.run_epoch())
            if checkpoint is not None:
                checkpoint.save(loop.state_dict())
    encoder.eval()
    return loop.history


class _PretrainingLoop:
    """The epochs and steps of one pretraining."""

    def __init__(
        self,
        encoder: Encoder,
        sources: Sequence[PartRows],
        *,
        settings: PretrainSettings,
        vocabulary_size: int,
        seed: int,
    ) -> None:
        self.sources, self.settings, self.seed = sources, settings, seed
        self.device = next(encoder.parameters()).device
        model = MaskedWords(
            encoder,
            vocabulary_size=vocabulary_size,
            width=encoder.settings.width,
            sample=settings.sampled_softmax_words,
        )
        self.model = model.to(self.device)
        self.optimizer = torch.optim.AdamW(
            parameter_groups(list(self.model.parameters()), WEIGHT_DECAY), settings.learning_rate, fused=True
        )
        self.has_bf16 = resolve_precision("auto", self.device) == "bf16"
        self.epoch = 0
        self.history: list[PretrainReport] = []

    def run_epoch(self) -> PretrainReport:
        """Train on every document once."""
        seed_rng(self.seed, self.epoch, 1)
        batches = shuffled_batches(
            self.sources,
            range(len(self.sources)),
            tokens_per_batch=self.settings.tokens_per_batch,
            seed=[self.seed, self.epoch],
        )
        start, num_words, num_masked = time.perf_counter(), 0, 0
        total = torch.zeros((), device=self.device)
        self.model.train()
        with closing(load_batches(batches, self._gather, device=self.device)) as loader:
            for done, batch in enumerate(loader, start=1):
                if not (batch.type_id > 0).any():
                    continue
                progress = (self.epoch + done / len(batches)) / self.settings.epochs
                loss, count = self._run_step(batch, progress)
                total += loss * count
                num_masked += count
                num_words += batch.word.numel()
        self.epoch += 1
        mean = float(total) / max(num_masked, 1)
        if not math.isfinite(mean) or not num_masked:
            raise ValueError(
                f"pretraining: the loss of epoch {self.epoch} is {mean} over {num_masked} masked words; "
                f"lower pretrain.learning_rate (now {self.settings.learning_rate})"
            )
        speed = num_words / max(time.perf_counter() - start, 1e-9)
        self.history.append(
            PretrainReport(epoch=self.epoch, loss=mean, masked=num_masked, words_per_second=speed)
        )
        return self.history[-1]

    def _run_step(self, batch: Batch, progress: float) -> tuple[Tensor, int]:
        """Take one step; return the mean loss of a masked word, and the number of masked words."""
        set_learning_rate(self.optimizer, self.settings.learning_rate * warm_cosine(WARMUP, progress))
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.has_bf16):
            loss, count = self.model(batch, self.settings.mask_rate)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), CLIP)
        self.optimizer.step()
        return loss.detach().float(), count

    def _gather(self, planned: PlannedBatch) -> Batch:
        return collate(self.sources[planned.source].part, planned.rows)

    def state_dict(self) -> dict[str, Any]:
        """Return the content of a checkpoint."""
        return {
            "epoch": self.epoch,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "history": [asdict(report) for report in self.history],
        }

    def resume(self, checkpoint: Checkpoint | None, on_epoch: Callable[[PretrainReport], object]) -> None:
        """Restore the checkpoint's state, if there is one, and report its epochs again."""
        state = checkpoint.load(self.device) if checkpoint is not None else None
        if state is None:
            return
        self.epoch = state["epoch"]
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        for report in state["history"]:
            self.history.append(PretrainReport(**report))
            on_epoch(self.history[-1])
