"""The wide part of tasks that predict documents: n-grams straight to the logits, as in a linear model.

Axes: B documents, N words of the batch, C characters of its Chinese words, F n-grams of all documents (each once a
document), K logits of all tasks.
Source: Cheng et al. 2016, arXiv:1606.07792 (Wide & Deep).
"""

from collections.abc import Iterable, Iterator

import numpy as np
import torch
import torch.nn.functional as F
from scipy.sparse import csr_array, hstack
from torch import Tensor, nn

from mgm.model.batch import Batch
from mgm.model.granularity.token_selection import TokenSelection
from mgm.model.hashing import FIRST, SECOND, THIRD, mix
from mgm.model.ragged import Ragged
from mgm.model.wide.compiled import wide_logits
from mgm.model.wide.ngram_table import NgramTable
from mgm.model.wide.sparse_counts import Occurrences, SparseCounts
from mgm.settings.model import WideSettings

_MIN_DOCUMENTS = 2
"""An n-gram of fewer training documents has no weight."""


class Wide(nn.Module):
    """Weights of hashed n-grams for the logits of every task: a linear model on TF-IDF.

    Word n-grams are the words and the pairs of neighbours within a sentence, and once more those of the lead, the first
    sentence; an unknown word has none. Character n-grams are those of mgm.text.features, within a word; of Chinese words,
    whose borders are a segmenter's guess, they are characters and character n-grams across words instead, up to the next
    word that is not Chinese or the end of the sentence. The values of either kind are sublinear TF-IDF, of length 1/sqrt(2) in a document, so that
    its vector has length 1.

    The weights are not trained by gradients: they are solved for (mgm.training.wide_solver).
    """

    bias: Tensor

    def __init__(self, settings: WideSettings, ngram_buckets: int, *, widths: dict[str, int]) -> None:
        """Make weights of zero; `widths`: the number of logits of each task."""
        super().__init__()
        self.settings, self.widths = settings, widths
        self.chinese, self.ngram_buckets = settings.chinese, ngram_buckets
        total = sum(widths.values())
        self.words = NgramTable(settings.buckets, total)
        # Chinese n-grams across words come after the others
        self.characters = NgramTable(ngram_buckets + settings.chinese.buckets, total)
        self.register_buffer("bias", torch.zeros(total))

    @property
    def num_ngrams(self) -> int:
        """The number of columns of `tfidf_matrix`."""
        return self.words.size + self.characters.size

    @property
    def knows_chinese(self) -> bool:
        """Whether Chinese n-grams across words have weights; if not, a Chinese word has the n-grams within it."""
        return self.characters.last >= self.ngram_buckets

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Return the logits (B, width) of each task."""
        logits_BK = wide_logits(self, batch)
        if logits_BK is None:
            of_words = self._logits(self.word_ngrams(batch), self.words)
            of_characters = self._logits(self.character_ngrams(batch), self.characters)
            logits_BK = self.bias + of_words + of_characters
        return self.by_task(logits_BK)

    def by_task(self, logits_BK: Tensor) -> dict[str, Tensor]:
        """Return the logits (B, width) of each task."""
        return dict(zip(self.widths, logits_BK.split(list(self.widths.values()), dim=1), strict=True))

    @torch.no_grad()
    def fit(self, batches: Iterable[Batch]) -> None:
        """Learn inverse document frequencies from the training documents: log((1 + D) / (1 + df)) + 1.

        N-grams of fewer than two documents have none.
        """
        device = self.bias.device
        frequencies = [torch.zeros(table.size, device=device) for table in (self.words, self.characters)]
        documents = 0
        for batch in batches:
            documents += batch.size
            for counts, frequency in zip(
                (self.word_ngrams(batch), self.character_ngrams(batch)), frequencies, strict=True
            ):
                frequency += torch.bincount(counts.item, minlength=frequency.numel())
        for table, frequency in zip((self.words, self.characters), frequencies, strict=True):
            ngrams = (frequency >= _MIN_DOCUMENTS).nonzero()[:, 0]
            table.keep(ngrams, ((1 + documents) / (1 + frequency[ngrams])).log() + 1)

    @torch.no_grad()
    def add_logit_bias(self, task: str, logits_K: Tensor) -> None:
        """Add `logits_K` (K,) to the logits of a task, for every document."""
        place = list(self.widths).index(task)
        self.bias.split(list(self.widths.values()))[place].add_(logits_K)

    @torch.no_grad()
    def scale_logits(self, task: str, factor: float) -> None:
        """Multiply the logits of a task by a factor."""
        place = list(self.widths).index(task)
        for all_tasks in (self.words.weight, self.characters.weight, self.bias):
            all_tasks.split(list(self.widths.values()), dim=-1)[place].mul_(factor)

    @torch.no_grad()
    def set_coefficients(
        self, task: str, *, ngrams: np.ndarray, weight: np.ndarray, bias: np.ndarray
    ) -> None:
        """Set the weights of a task.

        Args:
            task: the name of the task.
            ngrams: (F,) ascending columns of `tfidf_matrix`, of n-grams that have rows.
            weight: (K,F) their weights.
            bias: (K,) the logits of a document without a known n-gram.
        """
        place = list(self.widths).index(task)
        of_task = (
            t.split(list(self.widths.values()), dim=-1)[place]
            for t in (self.words.weight, self.characters.weight, self.bias)
        )
        of_words, of_characters, bias_K = of_task
        bias_K.copy_(torch.from_numpy(bias))
        words = np.searchsorted(ngrams, self.words.size)
        for table, of_table, own, columns in (
            (self.words, of_words, ngrams[:words], weight[:, :words]),
            (self.characters, of_characters, ngrams[words:] - self.words.size, weight[:, words:]),
        ):
            rows = table.row[torch.from_numpy(own).long()].long()
            assert bool((rows >= 0).all()), "an n-gram of fewer training documents than two has no weight"
            of_table[rows] = torch.from_numpy(columns.T).to(of_table)

    @torch.no_grad()
    def tfidf_matrix(self, batch: Batch) -> csr_array:
        """Return the TF-IDF values (B, n-grams) of documents: n-grams of words, then of characters."""
        parts = []
        for counts, table in (
            (self.word_ngrams(batch), self.words),
            (self.character_ngrams(batch), self.characters),
        ):
            ends = torch.cat([counts.start, counts.start.new_full((1,), counts.item.numel())])
            values = (self.values(counts, table), counts.item.int(), ends.int())
            parts.append(csr_array(tuple(t.cpu().numpy() for t in values), (batch.size, table.size)))
        return hstack(parts, format="csr")

    def word_ngrams(self, batch: Batch) -> SparseCounts:
        """Return the counts of the hashed words and pairs of each document, and of those of its lead."""
        return self.word_occurrences(batch).count_by_document(batch, self.words.size)

    def character_ngrams(self, batch: Batch) -> SparseCounts:
        """Return the counts of the hashed character n-grams of each document."""
        if not self._reads_chinese(batch):
            return self._count_within_words(batch)
        is_chinese = (batch.type_character_offset.diff() > 0)[batch.word]
        chinese_B = torch.zeros(batch.size, dtype=torch.bool, device=is_chinese.device)
        chinese_B[batch.document[is_chinese]] = True
        num_chinese = int(chinese_B.sum())
        if num_chinese == 0:
            return self._count_within_words(batch)
        if num_chinese == batch.size:
            return self._count_across_words(batch)
        # Counting across words is several times as slow, so that other documents of the batch must not take that way too.
        others, chinese = batch.select(~chinese_B), batch.select(chinese_B)
        return SparseCounts.merged(
            self._count_within_words(others), self._count_across_words(chinese), is_second=chinese_B
        )

    def _count_within_words(self, batch: Batch) -> SparseCounts:
        """Return the counts of the n-grams within each word, whatever its script."""
        ngrams = Ragged(batch.type_ngram, batch.type_ngram_offset.diff())
        return SparseCounts.of_words(
            ngrams, Ragged(batch.word, batch.words_per_document), size=self.ngram_buckets
        )

    def _count_across_words(self, batch: Batch) -> SparseCounts:
        """Return the counts of all n-grams: those of Chinese words are across words."""
        return self.character_occurrences(batch).count_by_document(batch, self.characters.size)

    def word_occurrences(self, batch: Batch) -> Occurrences:
        """Return every hashed word and pair, and those of the lead a second time."""
        reading = TokenSelection.of(batch, "all")
        ids = batch.type_id[batch.word]
        known, sentence = ids > 0, reading.sentences.row
        single = known.nonzero()[:, 0]
        pair = (known[:-1] & known[1:] & (sentence[:-1] == sentence[1:])).nonzero()[:, 0]
        first, last = torch.cat([single, pair]), torch.cat([single, pair + 1])
        hashes = ids[first] * FIRST
        hashes[single.numel() :] += ids[pair + 1] * SECOND
        in_lead = torch.zeros_like(known).index_fill_(0, reading.lead.values, True)
        led = in_lead[first].nonzero()[:, 0]
        hashes = mix(torch.cat([hashes, hashes[led] ^ THIRD]))
        return Occurrences(
            hashes % self.words.size, torch.cat([first, first[led]]), torch.cat([last, last[led]])
        )

    def character_occurrences(self, batch: Batch) -> Occurrences:
        """Return every hashed character n-gram: within each word, and of Chinese words across them."""
        ngrams = Ragged(batch.type_ngram, batch.type_ngram_offset.diff())
        if not self._reads_chinese(batch):
            return _within_words(ngrams, batch.word)
        characters = Ragged(batch.type_character, batch.type_character_offset.diff())
        others = ngrams.select((characters.length == 0)[ngrams.row])
        across = self._across_words(
            characters.take(batch.word), TokenSelection.of(batch, "all").sentences.row
        )
        return Occurrences.joined([_within_words(others, batch.word), *across])

    def _reads_chinese(self, batch: Batch) -> bool:
        """Return whether there may be n-grams across words in this batch."""
        return batch.type_character.numel() > 0 and self.knows_chinese

    def _across_words(self, characters: Ragged, sentence_N: Tensor) -> Iterator[Occurrences]:
        """Yield the n-grams of each size of the `characters` (C,) of words.

        A word that is not Chinese has none; it ends a run of characters, as the end of a sentence does.
        """
        other_N = characters.length == 0
        run_N = ((sentence_N != sentence_N.roll(1)) | other_N | other_N.roll(1)).cumsum(0)
        point_C, word_C = characters.values, characters.row
        run_C, hash_C = run_N[word_C], torch.zeros_like(point_C)
        for size in range(1, min(self.chinese.ngram_max, point_C.numel()) + 1):
            count = point_C.numel() - size + 1
            hash_C = hash_C[:count] * SECOND + point_C[size - 1 :] * FIRST
            if size >= self.chinese.ngram_min:
                whole = run_C[:count] == run_C[size - 1 :]
                item = self.ngram_buckets + mix(hash_C[whole]) % self.chinese.buckets
                yield Occurrences(item, word_C[:count][whole], word_C[size - 1 :][whole])

    def _logits(self, counts: SparseCounts, table: NgramTable) -> Tensor:
        """Return the contribution (B,K) of these n-grams to the logits."""
        value_F, length_B = self._tf_idf(counts, table)
        return table.sums(counts.item, value_F, start=counts.start) / length_B[:, None]

    def values(self, counts: SparseCounts, table: NgramTable) -> Tensor:
        """Return the value (F,) by which the weights of each n-gram are multiplied."""
        value_F, length_B = self._tf_idf(counts, table)
        return value_F / length_B[counts.document]

    def _tf_idf(self, counts: SparseCounts, table: NgramTable) -> tuple[Tensor, Tensor]:
        """Return sublinear TF-IDF (F,), and the length (B,) of each document by which it is divided."""
        value_F = counts.count.log().add_(1).mul_(table.idf_of(counts.item))
        at = torch.arange(value_F.numel(), device=value_F.device)
        square_B = F.embedding_bag(at, value_F.square()[:, None], counts.start, mode="sum")[:, 0]
        # A document without a known n-gram has values of zero, which no division changes.
        return value_F, square_B.mul(2).sqrt().masked_fill(square_B == 0, 1)


def _within_words(ngrams: Ragged, word_N: Tensor) -> Occurrences:
    """Return the n-grams of each word of the batch."""
    occurring = ngrams.take(word_N)
    return Occurrences(occurring.values, occurring.row, occurring.row)
