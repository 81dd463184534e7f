"""The wide part of tasks that predict words: from a word's context straight to its emissions, as in a linear-chain CRF.

Its weights are solved for before the deep part is trained (mgm.training.wide_solver).

Axes: N words of the batch, F features of a word, C tags of a task, T tags of all tagging tasks.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from mgm.model.batch import Batch
from mgm.model.hashing import FIRST, SECOND, THIRD, mix
from mgm.model.ragged import Ragged
from mgm.model.wide.lexicon import Lexicon, WordHashes, lexicon_sizes
from mgm.settings.model import WideTaggingSettings
from mgm.text.features import PROPERTIES

WORDS = [(-2,), (-1,), (0,), (1,), (2,), (-1, 0), (0, 1), (-1, 1), (-2, -1), (1, 2), (-1, 0, 1)]
SHAPES = [(0,), (-1, 0, 1)]
"""The templates of a word's features: the words at these distances from it, and their shapes."""
FEATURE_TEMPLATES = [*WORDS, *SHAPES]
LEXICON_TEMPLATES = [(0,), (-1,), (1,)]
"""The templates that each list of terms adds: which part of a term the words at these distances are."""
_BEFORE, _AFTER, _IDS = 0, 1, 2
"""The ids that are hashed for positions before and after a sentence, and the first id of a word."""


class WideTagging(nn.Module):
    """Weights of hashed features for the tags of every tagging task: the emissions of a linear-chain CRF.

    Words are those of the vocabulary, all unknown ones being one; no feature reaches beyond its sentence. Most features have no
    weight, so that the table has rows for the others alone: row r + 1 is for the hash `hashes[r]`, and row 0, of zeros, for all
    that have none.
    """

    hashes: Tensor

    def __init__(self, settings: WideTaggingSettings, widths: dict[str, int]) -> None:
        """Make a table without features; `widths`: the number of tags of each task."""
        super().__init__()
        self.settings, self.widths = settings, widths
        self.table = nn.EmbeddingBag(1, sum(widths.values()), mode="sum")
        nn.init.zeros_(self.table.weight)
        self.table.requires_grad_(False)
        self.register_buffer("hashes", torch.zeros(0, dtype=torch.int64))
        self.lexicons = nn.ModuleList()
        self._lexicons_of: dict[str, frozenset[int]] = {}
        self.register_load_state_dict_pre_hook(_match_size)
        self.register_load_state_dict_post_hook(_check_hashes)

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Return the emissions (N,C) of each task."""
        emissions_NT = self.table(self.rows(self.features(batch)))
        return dict(zip(self.widths, emissions_NT.split(list(self.widths.values()), dim=1), strict=True))

    @torch.no_grad()
    def set_coefficients(self, weights: Mapping[str, tuple[Tensor, Tensor]]) -> None:
        """Set the weights of all features.

        Args:
            weights: ascending hashes (F,) and their weights (F,C) by task; all others are 0.
        """
        device = self.table.weight.device
        hashes = torch.cat([hashes for hashes, _ in weights.values()]).unique()
        self._resize(hashes.numel())
        self.hashes.copy_(hashes)
        self.table.weight.zero_()
        for task, (of_task, weight_FC) in weights.items():
            rows = torch.searchsorted(hashes, of_task) + 1
            self.columns(task)[rows.to(device)] = weight_FC.to(self.table.weight)
        self.check_hashes()

    @torch.no_grad()
    def scale_emissions(self, task: str, factor: float) -> None:
        """Multiply the emissions of a task by a factor."""
        self.columns(task).mul_(factor)

    def set_lexicons(self, lexicons: Sequence[Lexicon], lexicons_of: Mapping[str, frozenset[int]]) -> None:
        """Set the lists of terms whose words have features.

        Args:
            lexicons: the lists.
            lexicons_of: the positions of those that a task learns from; of a task without an entry, all.
        """
        self.lexicons = nn.ModuleList(lexicons).to(self.table.weight.device)
        self._lexicons_of = dict(lexicons_of)

    @property
    def templates(self) -> list[tuple[int, ...]]:
        """The distances of the words that each feature of a word is made of."""
        return FEATURE_TEMPLATES + LEXICON_TEMPLATES * len(self.lexicons)

    def features_to_learn(self, task: str) -> list[int]:
        """Return the positions in `templates` of the features that a task learns from."""
        per_list = len(LEXICON_TEMPLATES)
        lists = self._lexicons_of.get(task, range(len(self.lexicons)))
        first = len(FEATURE_TEMPLATES)
        own = [first + place * per_list + column for place in sorted(lists) for column in range(per_list)]
        return [*range(first), *own]

    def columns(self, task: str) -> Tensor:
        """Return the weights (1+R,C) of a task, a view of the table."""
        parts = self.table.weight.detach().split(list(self.widths.values()), dim=1)
        return parts[list(self.widths).index(task)]

    def match_size(self, state: Mapping[str, Tensor], prefix: str) -> None:
        """Take as many rows and lists of terms as these weights have, whose names begin with `prefix`."""
        sizes = lexicon_sizes(state, f"{prefix}lexicons.")
        if sizes != [lexicon.keys.numel() for lexicon in self._lexicons()]:
            self.set_lexicons([Lexicon(size) for size in sizes], self._lexicons_of)
        hashes = state.get(f"{prefix}hashes")
        if hashes is not None and hashes.ndim == 1:
            self._resize(hashes.numel())

    def rows(self, feature_NF: Tensor) -> Tensor:
        """Return the rows (N,F) of the table for hashed features; 0 for those without a weight."""
        if not self.hashes.numel():
            return torch.zeros_like(feature_NF)
        place_NF = torch.searchsorted(self.hashes, feature_NF)
        is_there = self.hashes[place_NF.clamp(max=self.hashes.numel() - 1)] == feature_NF
        return (place_NF + 1).masked_fill(~is_there, 0)

    def check_hashes(self) -> None:
        """Check that the hashes rise and that each is one of `buckets`, and the lists of terms.

        Raises:
            ValueError: they do not.
        """
        if self.hashes.numel() and not (
            int(self.hashes[0]) >= 0
            and int(self.hashes[-1]) < self.settings.buckets
            and bool((self.hashes.diff() > 0).all())
        ):
            raise ValueError(f"wide_tagging.hashes: expected rising numbers below {self.settings.buckets}")
        for lexicon in self._lexicons():
            lexicon.check()

    def _lexicons(self) -> list[Lexicon]:
        return [lexicon for lexicon in self.lexicons if isinstance(lexicon, Lexicon)]

    def _resize(self, rows: int) -> None:
        if rows == self.hashes.numel():
            return
        weight = self.table.weight
        self.hashes = self.hashes.new_zeros(rows)
        self.table.num_embeddings = rows + 1
        self.table.weight = nn.Parameter(weight.new_zeros(rows + 1, weight.shape[1]), requires_grad=False)

    def features(self, batch: Batch) -> Tensor:
        """Return the hashed features (N,F) of words, in the order of `templates`."""
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

        sources: list[tuple[Tensor, Sequence[tuple[int, ...]]]]
        sources = [(batch.type_id[batch.word], WORDS), (shape[batch.word], SHAPES)]
        if self.lexicons:
            words = WordHashes(batch)
            sources += [(lexicon(words, sentences), LEXICON_TEMPLATES) for lexicon in self.lexicons]
        columns: list[Tensor] = []
        for ids_N, places in sources:
            beside = {d: at(d, ids_N) for d in sorted({d for distances in places for d in distances})}
            for distances in places:
                hashed = torch.full_like(ids_N, len(columns) + 1) * THIRD
                for factor, distance in zip((FIRST, SECOND, THIRD), distances, strict=False):
                    hashed = hashed * 31 + beside[distance] * factor
                columns.append(mix(hashed) % self.settings.buckets)
        return torch.stack(columns, dim=1)


def _match_size(wide: WideTagging, state: Mapping[str, Tensor], prefix: str, *_: object) -> None:  # noqa: PLR0917  (called by torch)
    wide.match_size(state, prefix)


def _check_hashes(wide: WideTagging, _: object) -> None:
    wide.check_hashes()
