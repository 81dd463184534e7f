"""The sections `evaluate`, `explain` and `verdict`."""

from typing import Annotated, Literal

from pydantic import Field

from mgm.settings.section import Section


class EvaluateSettings(Section):
    splits: list[Literal["valid", "test"]] = ["valid", "test"]
    bootstrap: int = Field(default=1_000, ge=0)
    ood_inputs: dict[str, str] = {}
    """Name to a file of other documents, which the reconstruction error should tell from those of the test split. A name of a
    corpus: with its column names."""
    ood_documents: int = Field(default=2_000, ge=1)
    """Of each of these files, and of the test split of each corpus, at most."""
    min_slice_groups: int = Field(default=30, ge=2)
    """A slice with fewer groups is shown and not judged."""
    calibration_bins: int = Field(default=10, ge=2)
    """Of equal width over [0, 1]."""
    confidences: list[Annotated[float, Field(gt=0, lt=1)]] = [0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99]
    """Where coverage and accuracy are told: of the answers that are at least so sure."""


class ExplainSettings(Section):
    """How much is done to explain the model; more documents and points of the path make the stage longer."""

    documents: int = Field(default=3_000, ge=1)
    """Of each corpus and split, at most: what masking and the search for wrong labels read."""
    bootstrap: int = Field(default=300, ge=0)
    max_words: int = Field(default=250, ge=2)
    """Longer documents are masked and searched, but their words are not explained."""
    error_examples: int = Field(default=3, ge=0)
    correct_examples: int = Field(default=2, ge=0)
    """Answers of a task that are shown with their words highlighted: the surest errors, and some right ones."""
    faithfulness: int = Field(default=40, ge=0)
    """Test documents of a task on which words are deleted."""
    deletion_shares: list[Annotated[float, Field(gt=0, lt=1)]] = Field(
        default=[0.05, 0.1, 0.2, 0.5], min_length=1
    )
    """Shares of the words that are deleted."""
    random_draws: int = Field(default=5, ge=1)
    steps: int = Field(default=16, ge=1)
    """Points of the path of integrated gradients, doubled up to `max_steps` while the sum is off by more than `tolerance`."""
    max_steps: int = Field(default=128, ge=1)
    tolerance: float = Field(default=0.02, gt=0)
    tokens_per_batch: int = Field(default=6_000, ge=1)
    label_issues: int = Field(default=5, ge=0)
    """Suspected label errors of a task that are shown."""
    cost_documents: int = Field(default=60, ge=1)
    """Test documents of each corpus that are scored one by one, and all at once, to time it."""


class VerdictSettings(Section):
    floors: dict[str, float] = {}
    """Task to the least value of its first metric on the test split."""
    noninferiority_margin: float = Field(default=0.0, ge=0)
    """A task fails against the champion where the difference is significantly below minus this (5% over all tasks)."""
    smoke_documents: int = Field(default=64, ge=1)
    """Test documents of each corpus that are scored from raw text."""
    smoke_repeats: int = Field(default=10, ge=1)
    """How often they are scored, for the time and its spread."""
    max_ms_per_document: float | None = Field(default=None, gt=0)
    """Most milliseconds a document, the median of the repeats; null: not judged."""
    max_memory_mib: float | None = Field(default=None, gt=0)
    """Most memory that a process scoring the smoke batch holds; null: not judged."""
