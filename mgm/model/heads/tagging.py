"""Spans of words, as BIO tags.

Axes: N words, S sentences, L span labels, C = 2L+1 tags: 0 = O, 1+2i = B-label_i, 2+2i = I-label_i.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl
import torch
from torch import Tensor, nn

from mgm.model.batch import NO_LABEL, Batch, flatten_lists
from mgm.model.heads.crf import FORBIDDEN, TransitionScores, marginals, negative_log_likelihood, viterbi
from mgm.model.heads.head import Decoded, Head, Tagged
from mgm.model.heads.outcome import Columns, ColumnTypes, Outcome, Tags, list_column
from mgm.model.ragged import Ragged
from mgm.model.rounding import round_scores
from mgm.model.spans import word_spans
from mgm.model.thresholds import Thresholds
from mgm.tasks import Task

PREDICTED_SPAN = pl.Struct({"start": pl.Int32, "end": pl.Int32, "label": pl.String, "score": pl.Float32})


class TaggingHead(Head):
    """Linear emissions and a conditional random field over each sentence, restricted to valid BIO.

    Targets: (N,) int64 BIO ids. A span that crosses a sentence's end is two spans to the field: it begins anew in the next
    sentence.
    """

    forbidden_start: Tensor
    forbidden: Tensor
    wide_scores: TransitionScores | None
    """The scores that the wide part was solved with, while the head is trained; `merge_wide` takes them into the head's own."""

    def __init__(self, width: int, labels: Sequence[str]) -> None:
        super().__init__(width, labels)
        tags = 2 * len(labels) + 1
        self.emissions = nn.Linear(width, tags)
        self.start = nn.Parameter(torch.zeros(tags))
        self.transition = nn.Parameter(torch.zeros(tags, tags))
        tag = torch.arange(tags)
        inside = (tag > 0) & (tag % 2 == 0)
        continues = (tag[:, None] == tag) | (tag[:, None] == tag - 1)  # I-x from I-x or B-x
        self.register_buffer("forbidden_start", inside, persistent=False)
        self.register_buffer("forbidden", inside & ~continues, persistent=False)
        self.wide_scores: TransitionScores | None = None

    @classmethod
    def gather_targets(cls, column: pl.Series, task: Task, *, word_count: np.ndarray) -> Tensor:
        """Return the BIO ids (N,) of all words; NO_LABEL for those of a document without labels."""
        labelled = column.is_not_null().to_numpy()
        tags = np.full(int(word_count.sum()), NO_LABEL, np.int64)
        tags[np.repeat(labelled, word_count)] = flatten_lists(column)[0]
        return torch.from_numpy(tags)

    @classmethod
    def num_outputs(cls, task: Task) -> int:
        """Return the number of BIO tags."""
        return 2 * len(task.labels) + 1

    def forward(self, vectors: Tensor) -> Tensor:
        """Return (N,C) emissions."""
        return self.emissions(vectors)

    def loss(self, output: Tensor, target: Tensor, *, batch: Batch, smoothing: float) -> Tensor | None:
        """Return the negative log-likelihood a word of labelled sentences; None where there are none."""
        labelled = target != NO_LABEL
        if not labelled.any():
            return None
        sentences = Ragged(labelled, batch.sentence_length)
        keep = labelled[sentences.start.clamp(max=labelled.numel() - 1)] & (batch.sentence_length > 0)
        emissions = Ragged(output, batch.sentence_length).rows(keep)
        tags = self.repair(Ragged(target, batch.sentence_length).rows(keep))
        own = self._restrict(self.start, self.transition)  # each branch is trained by itself
        return negative_log_likelihood(emissions, tags, scores=own) / tags.numel()

    def decode(self, output: Tensor, batch: Batch) -> Tagged:
        """Return the best tags of each sentence, and the marginal probability of each."""
        emissions = Ragged(output, batch.sentence_length)
        tags = viterbi(emissions, self.scores())
        score = marginals(emissions, self.scores()).tag.gather(1, tags[:, None])[:, 0]
        return Tagged(tags, score.float())

    def best_tags(self, output: Tensor, batch: Batch, *, scores: TransitionScores) -> Tensor:
        """Return the best tags (N,) of each sentence with these scores of transitions."""
        return viterbi(Ragged(output, batch.sentence_length), scores)

    def scores(self) -> TransitionScores:
        """Return the scores of predictions, FORBIDDEN where BIO does not allow a tag."""
        return self.mixed_scores(0.5)

    def mixed_scores(self, share: float) -> TransitionScores:
        """Return the scores with this share of the wide part's, if there are such."""
        start: Tensor = self.start
        transition: Tensor = self.transition
        if self.wide_scores is not None:
            start = torch.lerp(start, self.wide_scores.start_C, share)
            transition = torch.lerp(transition, self.wide_scores.transition_CC, share)
        return self._restrict(start, transition)

    def _restrict(self, start: Tensor, transition: Tensor) -> TransitionScores:
        return TransitionScores(
            start.masked_fill(self.forbidden_start, FORBIDDEN),
            transition.masked_fill(self.forbidden, FORBIDDEN),
        )

    @torch.no_grad()
    def merge_wide(self, share: float) -> None:
        """See the base class; the scores become the weighted mean of both parts' scores."""
        mixed = self.mixed_scores(share)
        self.scale_outputs(2 * (1 - share))
        self.start.copy_(mixed.start_C.masked_fill(self.forbidden_start, 0))
        self.transition.copy_(mixed.transition_CC.masked_fill(self.forbidden, 0))
        self.wide_scores = None

    def repair(self, tags: Ragged) -> Tensor:
        """Return the tags (N,), with a B in place of each I that continues nothing in its sentence."""
        before = tags.values.roll(1).masked_fill(tags.position == 0, 0)
        inside = (tags.values > 0) & (tags.values % 2 == 0)
        stray = inside & (before != tags.values) & (before != tags.values - 1)
        return torch.where(stray, tags.values - 1, tags.values)

    @classmethod
    def empty_outcome(cls, task: Task, *, num_rows: int, num_words: int) -> Outcome:
        """Return tags 0 of all words."""
        return Tags(np.zeros(num_words, np.int64), np.zeros(num_words, np.float32))

    @classmethod
    def store(
        cls, outcome: Outcome, decoded: Decoded, *, task: Task, rows: np.ndarray, words: np.ndarray
    ) -> None:
        """Write the tags of a batch's words into an outcome; see `Head`."""
        assert isinstance(outcome, Tags) and isinstance(decoded, Tagged)
        outcome.tags[words] = decoded.tags.cpu().numpy()
        outcome.score[words] = decoded.score.float().cpu().numpy()

    @classmethod
    def prediction_columns(
        cls,
        task: Task,
        outcome: Outcome,
        *,
        documents: pl.DataFrame,
        thresholds: Thresholds | None,
        with_probs: bool,
    ) -> Columns:
        """Return the spans of each document in code points of its raw text, each with the mean probability of its words."""
        assert isinstance(outcome, Tags)
        start, word_count = flatten_lists(documents["start"])
        end, _ = flatten_lists(documents["end"])
        sentence, _ = flatten_lists(documents["sentence"])
        spans = word_spans(outcome.tags, outcome.score, sentence_length=sentence)
        document = np.repeat(np.arange(len(word_count)), word_count)[spans.first]
        fields = pl.DataFrame(
            {
                "start": start[spans.first].astype(np.int32),
                "end": end[spans.last].astype(np.int32),
                "label": pl.Series(task.labels, dtype=pl.String).gather(spans.label),
                "score": round_scores(spans.mean),
            }
        )
        return {
            task.columns.prediction: list_column(
                fields.to_struct(), np.bincount(document, minlength=len(word_count))
            )
        }

    @classmethod
    def prediction_schema(cls, task: Task, *, with_probs: bool) -> ColumnTypes:
        """Return the column of the prediction alone, spans with their scores."""
        return {task.columns.prediction: pl.List(PREDICTED_SPAN)}
