"""The section `gates`: thresholds that stop a stage or a night, and thresholds that only warn."""

from typing import Literal

from pydantic import Field

from mgm.settings.references import TaskName
from mgm.settings.section import Section


class RejectBudget(Section):
    """Thresholds for rejected rows."""

    reject_warn: float = Field(default=0.005, ge=0, le=1)
    """Share of rejected rows above which the gate warns."""
    reject_stop: float = Field(default=0.05, ge=0, le=1)
    """Share of rejected rows above which the gate stops."""


class IngestGate(RejectBudget):
    """Thresholds of the gate after ingest; shares are of documents."""

    short_characters: int = Field(default=3, ge=1)
    """Characters below which a text is short."""
    short_warn: float = Field(default=0.05, ge=0, le=1)
    """Share of short texts above which the gate warns."""
    short_stop: float = Field(default=0.5, ge=0, le=1)
    """Share of short texts above which the gate stops."""
    long_characters: int = Field(default=20_000, ge=1)
    """Characters above which a text is long."""
    long_warn: float = Field(default=0.02, ge=0, le=1)
    """Share of long texts above which the gate warns."""
    long_stop: float = Field(default=0.5, ge=0, le=1)
    """Share of long texts above which the gate stops."""
    rows_ratio_stop: float = Field(default=0.5, ge=0)
    """Ratio of rows to those that the champion was trained on, below which the gate stops; without a champion it is not checked."""


class CleanGate(RejectBudget):
    """Thresholds of the gate after cleaning and deduplication."""

    rows_ratio_low_warn: float = Field(default=0.9, ge=0)
    """Ratio of rows to those that the champion was trained on, below which the gate warns."""
    rows_ratio_high_warn: float = Field(default=1.5, ge=0)
    """Ratio of rows to those that the champion was trained on, above which the gate warns."""
    rows_ratio_stop: float = Field(default=0.5, ge=0)
    """Ratio of rows to those that the champion was trained on, below which the gate stops."""
    copies_warn: float = Field(default=0.2, ge=0, le=1)
    """Share of documents that were dropped as copies, above which the gate warns."""
    copies_stop: float = Field(default=0.8, ge=0, le=1)
    """Share of documents that were dropped as copies, above which the gate stops."""
    labelled_copies_warn: float = Field(default=0.02, ge=0, le=1)
    """Share of the labelled documents of a split that were dropped as copies, above which the gate warns."""
    overlap_warn: float = Field(default=0.01, ge=0, le=1)
    """Share of held-out documents with an exact or near copy in training after deduplication, above which the gate warns."""
    overlap_stop: float = Field(default=0.1, ge=0, le=1)
    """Share of held-out documents with such a copy, above which the gate stops."""
    mixed_or_other_warn: float = Field(default=0.2, ge=0, le=1)
    """Share of documents that are mixed, or neither English nor Chinese, above which the gate warns."""
    language_disagrees_warn: float = Field(default=0.25, ge=0, le=1)
    """Share of documents whose detected language is not the declared one, above which the gate warns."""
    language_disagrees_stop: float = Field(default=0.5, ge=0, le=1)
    """Share of such documents above which the gate stops."""
    language_mix_warn: float = Field(default=0.16, ge=0, le=1)
    """Cramér's V between the languages and those of the champion's training data, less its noise, above which the gate warns."""
    language_mix_stop: float = Field(default=0.5, ge=0, le=1)
    """Cramér's V above which the gate stops because this is probably another corpus."""
    length_psi_warn: float = Field(default=0.10, ge=0)
    """Population stability index between text lengths and those of the champion's training data, above which the gate warns."""
    length_psi_stop: float = Field(default=1.0, ge=0)
    """Population stability index above which the gate stops because this is probably another corpus."""
    drift_rows_warn: int = Field(default=200, ge=1)
    """Minimum number of training documents for a warning about drift."""
    drift_rows_stop: int = Field(default=500, ge=1)
    """Minimum number of training documents for drift to stop the gate."""


class TaskGate(Section):
    """Thresholds of one task in the gates of each corpus that labels it."""

    labelled_warn: float = Field(default=0.01, ge=0, le=1)
    """Share of labelled rows in a split below which the gate warns."""
    labelled_stop: float = Field(default=0.0, ge=0, le=1)
    """Share of labelled rows in a split below which the gate stops."""
    empty_warn: float = Field(default=0.9, ge=0, le=1)
    """Share of labelled rows with an empty list, above which the gate warns."""
    empty_stop: float = Field(default=1.0, ge=0, le=1)
    """Share of labelled rows with an empty list, above which the gate stops."""
    labels_warn: int = Field(default=1_000, ge=1)
    """Number of different labels in training above which the gate warns."""
    labels_stop: int = Field(default=50_000, ge=1)
    """Number of different labels in training above which the gate stops."""
    largest_class_warn: float = Field(default=0.9, ge=0, le=1)
    """Share of the most frequent class in the training rows, above which the gate warns."""
    unseen_warn: float = Field(default=0.05, ge=0, le=1)
    """Share of held-out labels that training never saw, above which the gate warns."""
    unseen_stop: float = Field(default=0.5, ge=0, le=1)
    """Share of held-out labels that training never saw, above which the gate stops."""
    held_out_min_count: int = Field(default=50, ge=1)
    """Minimum occurrences in training for a warning about a label that is in neither validation nor test."""
    split_mix_warn: float = Field(default=0.16, ge=0, le=1)
    """Cramér's V between the labels of a held-out split and those of training, less its noise, above which the gate warns."""
    conflicts_warn: float = Field(default=0.05, ge=0, le=1)
    """Clusters of copies with different labels, as a share of the labelled rows, above which the gate warns."""
    conflicts_stop: float = Field(default=0.25, ge=0, le=1)
    """Clusters of copies with different labels, as a share of the labelled rows, above which the gate stops."""
    target_in_source_warn: float = Field(default=0.01, ge=0, le=1)
    """Share of generation targets that are a line of their text, above which the gate warns."""
    target_in_source_stop: float = Field(default=0.2, ge=0, le=1)
    """Share of generation targets that are a line of their text, above which the gate stops."""
    misplaced_spans_warn: float = Field(default=0.01, ge=0, le=1)
    """Share of a corpus's labelled spans that begin or end inside a word or on a blank, above which the gate warns."""
    misplaced_spans_stop: float = Field(default=0.1, ge=0, le=1)
    """Share of such spans above which the gate stops: offsets are counted differently, or labels cover parts of words."""
    leak_precision: float = Field(default=0.95, ge=0.5, le=1)
    """Precision of a single word as a predictor of a label, above which it may be a leak."""
    leak_recall: float = Field(default=0.5, ge=0.1, le=1)
    """Recall of that word on training rows, above which it is reported as a leak."""


class UnknownWordBudget(Section):
    """Thresholds for the share of words that are not in the vocabulary."""

    unknown_words_warn: float = Field(default=0.10, ge=0, le=1)
    """Share of unknown words above which the gate warns."""
    unknown_words_stop: float = Field(default=0.50, ge=0, le=1)
    """Share of unknown words above which the gate stops."""


class EffectThreshold(Section):
    """Thresholds of an effect size, less its noise."""

    warn: float | None = Field(default=None, ge=0)
    """Effect size above which a gate warns; null: never."""
    stop: float | None = Field(default=None, ge=0)
    """Effect size above which a gate stops; null: never."""
    noise: float | None = Field(default=None, ge=0)
    """Noise above which the effect is not judged because there are too few documents; null: it is always judged."""


class DriftGate(Section):
    """Thresholds for the drift from the champion's profile, by statistic."""

    psi: EffectThreshold = EffectThreshold(warn=0.10, stop=0.25, noise=0.06)
    """Population stability index."""
    cramers_v: EffectThreshold = EffectThreshold(warn=0.16, stop=0.25, noise=0.12)
    """Cramér's V."""
    js: EffectThreshold = EffectThreshold(warn=0.13, stop=0.21, noise=0.10)
    """Jensen-Shannon distance."""
    ks: EffectThreshold = EffectThreshold(warn=0.12, stop=0.20, noise=0.10)
    """Kolmogorov-Smirnov statistic."""
    difference: EffectThreshold = EffectThreshold(warn=0.05, stop=0.20, noise=0.10)
    """Difference of two shares."""
    jaccard: EffectThreshold = EffectThreshold(warn=0.5, stop=0.8)
    """Missing overlap of the vocabularies (Jaccard similarity, relative to the expected one)."""
    ratio: EffectThreshold = EffectThreshold(warn=1.5, stop=3.0)
    """Ratio of the numbers of documents, larger to smaller."""
    warn_documents: int = Field(default=200, ge=1)
    """Minimum number of documents, now and in the reference, for judging drift."""
    stop_documents: int = Field(default=500, ge=1)
    """Minimum number of documents for drift to stop a gate."""
    training: Literal["warn", "stop"] = "warn"
    """What happens if training data drifts beyond `stop`; new data may differ from the champion's on purpose."""


class NightGate(RejectBudget):
    """Thresholds of the gate before scoring, and for rejects before the commit."""

    sample: int = Field(default=5_000, ge=1)
    """Number of documents, chosen by the hash of their id, that are compared with the bundle's profile."""
    sample_megabytes: int = Field(default=64, ge=1)
    """Maximum size of the sample's texts in megabytes; larger texts make the sample smaller."""
    blank_warn: float = Field(default=0.005, ge=0, le=1)
    """Share of documents without text above which the gate warns."""
    blank_stop: float = Field(default=0.05, ge=0, le=1)
    """Share of documents without text above which the gate stops."""
    reject_warn: float = Field(default=0.005, ge=0, le=1)
    """Share of documents that scoring rejects, for whatever reason, above which the night has a warning."""
    reject_stop: float = Field(default=0.05, ge=0, le=1)
    """Share of such documents above which the night is not committed."""
    drift: Literal["warn", "stop"] = "stop"
    """What happens if a night drifts beyond `stop`; --accept-drift accepts it for one run."""


class GateSettings(Section):
    """Thresholds that stop a stage or a night, and thresholds that only warn."""

    ingest: IngestGate = IngestGate()
    clean: CleanGate = CleanGate()
    tasks: dict[TaskName, TaskGate] = {}
    """Each task and those of its thresholds that differ from the defaults."""
    features: UnknownWordBudget = UnknownWordBudget()
    drift: DriftGate = DriftGate()
    score: NightGate = NightGate()
    data_docs_keep: int = Field(default=10, ge=1)
    """Number of pages in reports/data_docs that are kept for each gate and corpus."""
