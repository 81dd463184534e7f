"""The wide part of tasks that predict documents: n-grams straight to the logits, as in a linear model.

Axes: B documents, N words of the batch, C characters of its Chinese words, F n-grams of all documents (each once a
document), K logits of all tasks.
Source: Cheng et al. 2016, arXiv:1606.07792 (Wide & Deep).
"""

from collections.abc import Iterable, Iterator, Mapping

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
from mgm.model.wide.sparse_counts import Occurrences, SparseCounts
from mgm.settings.model import WideSettings

_MIN_DOCUMENTS = 2
"""The weight of an n-gram is 0 where it is in fewer training documents."""


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
    idf_word: Tensor
    idf_character: Tensor

    def __init__(self, settings: WideSettings, ngram_buckets: int, *, widths: dict[str, int]) -> None:
        """Make weights of zero; `widths`: the number of logits of each task."""
        super().__init__()
        self.settings, self.widths = settings, widths
        self.chinese, self.ngram_buckets = settings.chinese, ngram_buckets
        total = sum(widths.values())
        self.words = nn.EmbeddingBag(settings.buckets, total, mode="sum")
        # the rows of Chinese n-grams across words come after the others
        of_characters = ngram_buckets + settings.chinese.buckets
        self.characters = nn.EmbeddingBag(of_characters, total, mode="sum")
        self.register_load_state_dict_pre_hook(_match_size)
        for table in (self.words, self.characters):
            nn.init.zeros_(table.weight.requires_grad_(False))
        self.register_buffer("bias", torch.zeros(total))
        self.register_buffer("idf_word", torch.ones(settings.buckets))
        self.register_buffer("idf_character", torch.ones(of_characters))

    @property
    def num_ngrams(self) -> int:
        """The number of columns of `tfidf_matrix`."""
        return self.idf_word.numel() + self.idf_character.numel()

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Return the logits (B, width) of each task."""
        logits_BK = wide_logits(self, batch, reads_chinese=self._reads_chinese(batch))
        if logits_BK is None:
            of_words = self._logits(self.word_ngrams(batch), self.words, idf=self.idf_word)
            of_characters = self._logits(
                self.character_ngrams(batch), self.characters, idf=self.idf_character
            )
            logits_BK = self.bias + of_words + of_characters
        return self.by_task(logits_BK)

    def by_task(self, logits_BK: Tensor) -> dict[str, Tensor]:
        """Return the logits (B, width) of each task."""
        return dict(zip(self.widths, logits_BK.split(list(self.widths.values()), dim=1), strict=True))

    @torch.no_grad()
    def fit(self, batches: Iterable[Batch]) -> None:
        """Learn inverse document frequencies from the training documents: log((1 + D) / (1 + df)) + 1.

        They are 0 for an n-gram of fewer than two documents.
        """
        of_words, of_characters = torch.zeros_like(self.idf_word), torch.zeros_like(self.idf_character)
        documents = 0
        for batch in batches:
            documents += batch.size
            for counts, frequency in (
                (self.word_ngrams(batch), of_words),
                (self.character_ngrams(batch), of_characters),
            ):
                frequency += torch.bincount(counts.item, minlength=frequency.numel())
        for idf, frequency in ((self.idf_word, of_words), (self.idf_character, of_characters)):
            idf.copy_(((1 + documents) / (1 + frequency)).log() + 1)
            idf[frequency < _MIN_DOCUMENTS] = 0
        if not self.idf_character[self.ngram_buckets :].any():
            self.drop_chinese()

    @torch.no_grad()
    def drop_chinese(self) -> None:
        """Drop the table for Chinese n-grams across words; a Chinese word then has the n-grams within it."""
        self.characters.weight.data = self.characters.weight[: self.ngram_buckets].clone()
        self.characters.num_embeddings = self.ngram_buckets
        self.idf_character = self.idf_character[: self.ngram_buckets].clone()

    def match_size(self, state: Mapping[str, Tensor], prefix: str) -> None:
        """Drop the table for Chinese n-grams where the training of these weights had none; their names begin with `prefix`."""
        idf = state.get(f"{prefix}idf_character")
        if idf is not None and len(idf) == self.ngram_buckets:
            self.drop_chinese()

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
            ngrams: (F,) ascending columns of `tfidf_matrix`.
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
        words = np.searchsorted(ngrams, self.idf_word.numel())
        for table, rows, columns in (
            (of_words, ngrams[:words], weight[:, :words]),
            (of_characters, ngrams[words:] - self.idf_word.numel(), weight[:, words:]),
        ):
            table[torch.from_numpy(rows).long()] = torch.from_numpy(columns.T).to(table)

    @torch.no_grad()
    def tfidf_matrix(self, batch: Batch) -> csr_array:
        """Return the TF-IDF values (B, n-grams) of documents: n-grams of words, then of characters."""
        parts = []
        for counts, idf in (
            (self.word_ngrams(batch), self.idf_word),
            (self.character_ngrams(batch), self.idf_character),
        ):
            ends = torch.cat([counts.start, counts.start.new_full((1,), counts.item.numel())])
            values = (self.values(counts, idf), counts.item.int(), ends.int())
            parts.append(csr_array(tuple(t.cpu().numpy() for t in values), (batch.size, idf.numel())))
        return hstack(parts, format="csr")

    def word_ngrams(self, batch: Batch) -> SparseCounts:
        """Return the counts of the hashed words and pairs of each document, and of those of its lead."""
        return self.word_occurrences(batch).count_by_document(batch, self.idf_word.numel())

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
        return self.character_occurrences(batch).count_by_document(batch, self.idf_character.numel())

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
            hashes % self.idf_word.numel(), torch.cat([first, first[led]]), torch.cat([last, last[led]])
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
        return batch.type_character.numel() > 0 and self.idf_character.numel() > self.ngram_buckets

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

    def _logits(self, counts: SparseCounts, table: nn.EmbeddingBag, *, idf: Tensor) -> Tensor:
        """Return the contribution (B,K) of these n-grams to the logits."""
        value_F, length_B = self._tf_idf(counts, idf)
        logits_BK: Tensor = table(counts.item, counts.start, per_sample_weights=value_F)
        return logits_BK / length_B[:, None]

    def values(self, counts: SparseCounts, idf: Tensor) -> Tensor:
        """Return the value (F,) by which the weights of each n-gram are multiplied."""
        value_F, length_B = self._tf_idf(counts, idf)
        return value_F / length_B[counts.document]

    def _tf_idf(self, counts: SparseCounts, idf: Tensor) -> tuple[Tensor, Tensor]:
        """Return sublinear TF-IDF (F,), and the length (B,) of each document by which it is divided."""
        value_F = counts.count.log().add_(1).mul_(idf[counts.item])
        at = torch.arange(value_F.numel(), device=value_F.device)
        square_B = F.embedding_bag(at, value_F.square()[:, None], counts.start, mode="sum")[:, 0]
        # A document without a known n-gram has values of zero, which no division changes.
        return value_F, square_B.mul(2).sqrt().masked_fill(square_B == 0, 1)


def _match_size(wide: Wide, state: Mapping[str, Tensor], prefix: str, *_: object) -> None:  # noqa: PLR0917  (called by torch)
    wide.match_size(state, prefix)


def _within_words(ngrams: Ragged, word_N: Tensor) -> Occurrences:
    """Return the n-grams of each word of the batch."""
    occurring = ngrams.take(word_N)
    return Occurrences(occurring.values, occurring.row, occurring.row)
