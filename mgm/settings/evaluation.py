"""The sections `evaluate`, `explain` and `verdict`."""

from typing import Annotated, Literal

from pydantic import Field

from mgm.settings.references import TaskName
from mgm.settings.section import Section


class EvaluateSettings(Section):
    """Metrics, intervals, slices and calibration on held-out documents."""

    splits: list[Literal["valid", "test"]] = ["valid", "test"]
    """Splits to predict; test must be one of them."""
    bootstrap: int = Field(default=1_000, ge=0)
    """Number of bootstrap resamples; 0: no intervals."""
    ood_inputs: dict[str, str] = {}
    """Each name and its file of out-of-distribution documents, for model.fusion: stacked_autoencoder.

    Their reconstruction error is compared with that of the test split. If the name is that of a corpus, the file is read with its columns.
    """
    ood_documents: int = Field(default=2_000, ge=1)
    """Maximum number of documents from each of these files and from each test split."""
    min_slice_groups: int = Field(default=30, ge=2)
    """Minimum number of groups in a slice that is tested; smaller slices are only shown."""
    calibration_bins: int = Field(default=10, ge=2)
    """Number of bins of equal width over [0, 1]."""
    confidences: list[Annotated[float, Field(gt=0, lt=1)]] = [0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99]
    """Confidence thresholds for which coverage and accuracy are reported."""
    precisions: list[Annotated[float, Field(gt=0, lt=1)]] = [0.9, 0.95, 0.99]
    """Precisions for which the report shows what `score.abstain` would leave."""


class ExplainSettings(Section):
    """Explanations; more documents and steps take longer."""

    documents: int = Field(default=3_000, ge=1)
    """Maximum number of documents from each corpus and split for masking and for the search for label errors."""
    bootstrap: int = Field(default=300, ge=0)
    """Number of bootstrap resamples; 0: no intervals."""
    max_words: int = Field(default=250, ge=2)
    """Maximum number of words of a document that is explained."""
    error_examples: int = Field(default=3, ge=0)
    """Number of errors for each task, the most confident ones, that are shown with highlighted words."""
    correct_examples: int = Field(default=2, ge=0)
    """Number of correct predictions for each task that are shown in the same way."""
    faithfulness: int = Field(default=40, ge=0)
    """Number of test documents for each task from which words are deleted."""
    deletion_shares: list[Annotated[float, Field(gt=0, lt=1)]] = Field(
        default=[0.05, 0.1, 0.2, 0.5], min_length=1
    )
    """Shares of the words to delete."""
    random_draws: int = Field(default=5, ge=1)
    """Number of random deletions for comparison."""
    steps: int = Field(default=16, ge=1)
    """Number of points on the path of integrated gradients; it is doubled while the error is above `tolerance`."""
    max_steps: int = Field(default=128, ge=1)
    """Maximum number of points on the path."""
    tolerance: float = Field(default=0.02, gt=0)
    """Largest completeness error, as a share of the sum of absolute attributions."""
    tokens_per_batch: int = Field(default=6_000, ge=1)
    """Words of a batch."""
    label_issues: int = Field(default=5, ge=0)
    """Number of suspected label errors to show for each task."""
    cost_documents: int = Field(default=60, ge=1)
    """Number of test documents from each corpus for measuring the speed of scoring."""


class VerdictSettings(Section):
    """The conditions under which a candidate may replace the champion."""

    floors: dict[TaskName, float] = {}
    """Each task and the minimum value of its first metric on the test split."""
    noninferiority_margin: float = Field(default=0.0, ge=0)
    """A task fails if the candidate is significantly worse than the champion by more than this.

    The level is 5% over all tasks, with Holm's correction.
    """
    smoke_documents: int = Field(default=64, ge=1)
    """Number of test documents from each corpus that are scored from raw text in a separate process."""
    smoke_repeats: int = Field(default=10, ge=1)
    """Number of times they are scored, to measure the time and its spread."""
    max_ms_per_document: float | None = Field(default=None, gt=0)
    """Maximum time for one document in milliseconds, as the median of the repeats; null: no limit."""
    max_memory_mib: float | None = Field(default=None, gt=0)
    """Maximum memory of that process in MiB; null: no limit."""
