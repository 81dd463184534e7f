"""The wide part of tasks that predict words: from a word's context straight to its emissions, as in a linear-chain CRF.

Axes: N words of the batch, F features of a word, C tags of a task, T tags of all tagging tasks.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from mgm.model.batch import Batch
from mgm.model.hashing import FIRST, SECOND, THIRD, mix
from mgm.model.ragged import Ragged
from mgm.settings.model import WideTaggingSettings
from mgm.text.features import PROPERTIES

WORDS = [(-2,), (-1,), (0,), (1,), (2,), (-1, 0), (0, 1), (-1, 1), (-2, -1), (1, 2), (-1, 0, 1)]
SHAPES = [(0,), (-1, 0, 1)]
"""The templates of a word's features: the words at these distances from it, and their shapes."""
FEATURE_TEMPLATES = [*WORDS, *SHAPES]
_BEFORE, _AFTER, _IDS = 0, 1, 2
"""The ids that are hashed for positions before and after a sentence, and the first id of a word."""
_MIN_WORDS = 2
"""A feature of fewer training words has no weight."""


class WideTagging(nn.Module):
    """Weights of hashed features for the tags of every tagging task: the emissions of a linear-chain CRF.

    Words are those of the vocabulary, all unknown ones being one; no feature reaches beyond its sentence. The gradients are
    sparse, and the optimizer is `mgm.training.proximal_adagrad`.
    """

    batches: Tensor

    def __init__(self, settings: WideTaggingSettings, widths: dict[str, int]) -> None:
        """Make weights of zero; `widths`: the number of tags of each task."""
        super().__init__()
        self.settings, self.widths = settings, widths
        self.table = nn.EmbeddingBag(settings.buckets, sum(widths.values()), mode="sum", sparse=True)
        nn.init.zeros_(self.table.weight)
        # Not saved: only training needs it; the weight of a feature that was left out is 0.
        self.register_buffer("batches", torch.zeros(settings.buckets), persistent=False)

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Return the emissions (N,C) of each task."""
        feature_NF = self.features(batch)
        kept = (self.batches[feature_NF] > 0).float() if self.training else None
        emissions_NT = self.table(feature_NF, per_sample_weights=kept)
        return dict(zip(self.widths, emissions_NT.split(list(self.widths.values()), dim=1), strict=True))

    @torch.no_grad()
    def fit(self, batches: Iterable[Batch]) -> None:
        """Count the training batches that have each feature; 0 for a feature of fewer than two words."""
        size = self.batches.numel()
        words, batches_with = torch.zeros_like(self.batches), torch.zeros_like(self.batches)
        for batch in batches:
            count = torch.bincount(self.features(batch).flatten(), minlength=size)
            words += count
            batches_with += count > 0
        self.batches.copy_(batches_with.masked_fill(words < _MIN_WORDS, 0))

    def features(self, batch: Batch) -> Tensor:
        """Return the hashed features (N,F) of words, in the order of `FEATURE_TEMPLATES`."""
        shape = batch.type_property[:, list(PROPERTIES).index("shape")]
        sentences = Ragged(batch.word, batch.sentence_length)
        length_N = sentences.length[sentences.row]
        last = max(batch.word.numel() - 1, 0)
        place = torch.arange(batch.word.numel(), device=batch.word.device)

        def at(distance: int, ids_N: Tensor) -> Tensor:
            position = sentences.position + distance
            shifted_N = ids_N[(place + distance).clamp(0, last)] + _IDS
            shifted_N = shifted_N.masked_fill(position < 0, _BEFORE)
            return shifted_N.masked_fill(position >= length_N, _AFTER)

        columns: list[Tensor] = []
        for ids_N, places in ((batch.type_id[batch.word], WORDS), (shape[batch.word], SHAPES)):
            beside = {d: at(d, ids_N) for d in sorted({d for distances in places for d in distances})}
            for distances in places:
                hashed = torch.full_like(ids_N, len(columns) + 1) * THIRD
                for factor, distance in zip((FIRST, SECOND, THIRD), distances, strict=False):
                    hashed = hashed * 31 + beside[distance] * factor
                columns.append(mix(hashed) % self.batches.numel())
        return torch.stack(columns, dim=1)
