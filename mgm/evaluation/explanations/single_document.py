"""The explanation of one prediction on one document, without the documents that the model was trained on.

The baseline of a word's contribution is the average word of the vocabulary; the report has the validation documents for
that (explain.py), which a bundle does not.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
import torch
from torch import Tensor

from mgm.bundle.bundle import Bundle
from mgm.evaluation.explanations.integrated_gradients import Vectors, occurrence_vectors
from mgm.evaluation.explanations.kinds import explanation_of
from mgm.evaluation.explanations.target import ChosenPrediction, ExplainedPrediction
from mgm.evaluation.explanations.word_attribution import attribute_words
from mgm.model.collate import collate
from mgm.settings.evaluation import ExplainSettings
from mgm.tasks import Task
from mgm.text.features import FeaturePart, featurize

WORDS = pl.Schema({"word": pl.String(), "start": pl.Int64(), "end": pl.Int64(), "contribution": pl.Float64()})
_DIGITS = 4


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """The words of a text that count for a prediction.

    Attributes:
        task: the name of the task.
        label: the explained label; None where the task predicts a number.
        score: its probability, of a span the mean of its words', of a number the value itself.
        start, end: the bounds of an explained span in code points of the raw text; None of other predictions.
        target: the explained quantity in words, such as "admin rather than util".
        words: word, start and end (code points of the raw text, so that `text[start:end] == word`), contribution; in the
            order of the text. A positive contribution raises the prediction; its unit is that of the outputs: log odds of a label,
            the value's own unit of a number.
        error: the completeness error, as a share; the contributions add up to the prediction, less that of an average document,
            but for this.
    """

    task: str
    label: str | None
    score: float
    start: int | None
    end: int | None
    target: str
    words: pl.DataFrame
    error: float

    def top(self, count: int = 10) -> pl.DataFrame:
        """Return the `count` words with the largest contributions either way, the largest first."""
        return self.words.sort(pl.col("contribution").abs(), descending=True, maintain_order=True).head(count)


@torch.no_grad()
def average_vocabulary_word(bundle: Bundle) -> Vectors:
    """Return the mean (D,) of each kind of word vector over the vocabulary, weighted by the words' counts in training."""
    table = bundle.vocabulary.table
    if table.is_empty():
        return {}
    tokens = pl.DataFrame(
        {
            "words": [table["word"]],
            "content": [[True] * table.height],
            "sentence": [[table.height]],
            "paragraph": [[1]],
        }
    )
    part = featurize(tokens, bundle.vocabulary, settings=bundle.settings.text.features)
    batch = collate(part, np.array([0]))
    weight_N = torch.from_numpy(table["count"].to_numpy().astype(np.float64))
    weight_N /= weight_N.sum()
    vectors = occurrence_vectors(bundle.network.encoder, batch)
    return {name: (weight_N @ vectors_ND.double()).float() for name, vectors_ND in vectors.items()}


def explain_prediction(
    bundle: Bundle,
    part: FeaturePart,
    *,
    text: str,
    task: Task,
    chosen: ChosenPrediction,
    baseline: Mapping[str, Tensor],
) -> Explanation:
    """Return the explanation of a prediction on the only document of a part.

    Args:
        bundle: with its network in evaluation mode.
        part: the features of the document.
        text: its raw text.
        task: a task with an explanation.
        chosen: the prediction.
        baseline: the result of `average_vocabulary_word`.
    """
    document = part.documents.row(0, named=True)
    start, end = np.array(document["start"]), np.array(document["end"])
    batch = collate(part, np.array([0]))
    span = None
    if chosen.start is not None:
        span = torch.from_numpy(np.flatnonzero((start >= chosen.start) & (end <= chosen.end)))
    prediction = ExplainedPrediction(label=chosen.label, span=span)
    attribution = attribute_words(
        bundle.network,
        batch,
        task=task,
        target=explanation_of(task).make_target(bundle.network, batch, task=task, prediction=prediction),
        baseline=baseline,
        settings=ExplainSettings(),
    )
    words = pl.DataFrame({"start": start, "end": end, "contribution": attribution.words.double().numpy()})
    # cleaning may give several words the same stretch, where it masked or repaired the text
    words = words.group_by("start", "end", maintain_order=True).agg(pl.col("contribution").sum())
    spelt = [text[first:last] for first, last in words.select("start", "end").iter_rows()]
    return Explanation(
        task=task.name,
        label=chosen.label,
        score=round(chosen.score, _DIGITS),
        start=chosen.start,
        end=chosen.end,
        target=attribution.target.description,
        words=words.with_columns(
            pl.Series("word", spelt, dtype=pl.String), pl.col("contribution").round(_DIGITS)
        ).select(pl.col(name).cast(dtype) for name, dtype in WORDS.items()),
        error=round(attribution.error, _DIGITS),
    )
