"""The section `gates`: thresholds that stop a stage or a night, and thresholds that only warn."""

from typing import Literal

from pydantic import Field

from mgm.settings.references import TaskName
from mgm.settings.section import Section


class RejectBudget(Section):
    """Thresholds of rejected rows."""

    reject_warn: float = Field(default=0.005, ge=0, le=1)
    """Share of rejected rows above which the gate warns."""
    reject_stop: float = Field(default=0.05, ge=0, le=1)
    """Share of rejected rows above which the gate stops."""


class IngestGate(RejectBudget):
    """Thresholds of the gate after ingest; a share is of documents, above `warn` it warns, above `stop` it stops."""

    short_characters: int = Field(default=3, ge=1)
    """Characters below which a text is short."""
    short_warn: float = Field(default=0.05, ge=0, le=1)
    """Share of short texts."""
    short_stop: float = Field(default=0.5, ge=0, le=1)
    """Share of short texts."""
    long_characters: int = Field(default=20_000, ge=1)
    """Characters above which a text is long."""
    long_warn: float = Field(default=0.02, ge=0, le=1)
    """Share of long texts."""
    long_stop: float = Field(default=0.5, ge=0, le=1)
    """Share of long texts."""
    rows_ratio_stop: float = Field(default=0.5, ge=0)
    """Rows to those of the champion's training, below which the gate stops; without a champion not checked."""


class CleanGate(RejectBudget):
    """Thresholds of the gate after cleaning and deduplication."""

    rows_ratio_low_warn: float = Field(default=0.9, ge=0)
    """Rows to those of the champion's training, below which the gate warns."""
    rows_ratio_high_warn: float = Field(default=1.5, ge=0)
    """Rows to those of the champion's training, above which the gate warns."""
    rows_ratio_stop: float = Field(default=0.5, ge=0)
    """Rows to those of the champion's training, below which the gate stops."""
    copies_warn: float = Field(default=0.2, ge=0, le=1)
    """Share of documents that were dropped as copies."""
    copies_stop: float = Field(default=0.8, ge=0, le=1)
    """Share of documents that were dropped as copies."""
    labelled_copies_warn: float = Field(default=0.02, ge=0, le=1)
    """Share of the labelled documents of any split that were dropped as copies."""
    overlap_warn: float = Field(default=0.01, ge=0, le=1)
    """Share of held-out documents with a copy in training, exact or near, after deduplication."""
    overlap_stop: float = Field(default=0.1, ge=0, le=1)
    """Share of held-out documents with such a copy."""
    mixed_or_other_warn: float = Field(default=0.2, ge=0, le=1)
    """Share of documents that are in neither English nor Chinese alone."""
    language_disagrees_warn: float = Field(default=0.25, ge=0, le=1)
    """Share of documents whose detected language is not the declared one."""
    language_disagrees_stop: float = Field(default=0.5, ge=0, le=1)
    """Share of such documents."""
    language_mix_warn: float = Field(default=0.16, ge=0, le=1)
    """Cramer's V of the languages against the champion's training, without the part by chance."""
    language_mix_stop: float = Field(default=0.5, ge=0, le=1)
    """Cramer's V at which this is another corpus; new data may be meant to differ."""
    length_psi_warn: float = Field(default=0.10, ge=0)
    """Population stability index of text lengths against the champion's training."""
    length_psi_stop: float = Field(default=1.0, ge=0)
    """Index at which this is another corpus."""
    drift_rows_warn: int = Field(default=200, ge=1)
    """Training documents below which drift does not warn: they are too few to tell."""
    drift_rows_stop: int = Field(default=500, ge=1)
    """Training documents below which drift does not stop."""


class TaskGate(Section):
    """Thresholds of one task in the gates of each corpus that labels it: above `warn` a gate warns, above `stop` it stops."""

    labelled_warn: float = Field(default=0.01, ge=0, le=1)
    """Share of labelled rows of a split, below which the gate warns."""
    labelled_stop: float = Field(default=0.0, ge=0, le=1)
    """Share of labelled rows of a split, below which the gate stops."""
    empty_warn: float = Field(default=0.9, ge=0, le=1)
    """Share of empty lists of the labelled rows."""
    empty_stop: float = Field(default=1.0, ge=0, le=1)
    """Share of empty lists of the labelled rows."""
    labels_warn: int = Field(default=1_000, ge=1)
    """Different labels in training."""
    labels_stop: int = Field(default=50_000, ge=1)
    """Different labels in training."""
    largest_class_warn: float = Field(default=0.9, ge=0, le=1)
    """Share of the most frequent class of training rows."""
    unseen_warn: float = Field(default=0.05, ge=0, le=1)
    """Share of held-out labels that training never saw."""
    unseen_stop: float = Field(default=0.5, ge=0, le=1)
    """Share of held-out labels that training never saw."""
    held_out_min_count: int = Field(default=50, ge=1)
    """Occurrences in training from which on a label that is in neither validation nor test warns."""
    split_mix_warn: float = Field(default=0.16, ge=0, le=1)
    """Cramer's V of a held-out split's labels against training's, without the part by chance."""
    conflicts_warn: float = Field(default=0.05, ge=0, le=1)
    """Clusters of copies with different labels, as a share of the labelled rows."""
    conflicts_stop: float = Field(default=0.25, ge=0, le=1)
    """Clusters of copies with different labels, as a share of the labelled rows."""
    target_in_source_warn: float = Field(default=0.01, ge=0, le=1)
    """Share of generation targets that are a line of their text."""
    target_in_source_stop: float = Field(default=0.2, ge=0, le=1)
    """Share of generation targets that are a line of their text."""
    misplaced_spans_warn: float = Field(default=0.01, ge=0, le=1)
    """Share of a corpus's labelled spans that begin or end inside a word or on a blank."""
    misplaced_spans_stop: float = Field(default=0.1, ge=0, le=1)
    """Share of such spans: offsets of another kind, or words that are cut otherwise than labels are."""
    leak_precision: float = Field(default=0.95, ge=0.5, le=1)
    """Precision of one word as a predictor of a label from which on it may be a leak."""
    leak_recall: float = Field(default=0.5, ge=0.1, le=1)
    """Recall of that word on training rows, from which on it is a leak."""


class UnknownWordBudget(Section):
    """Thresholds of the share of word occurrences that are outside the vocabulary."""

    unknown_words_warn: float = Field(default=0.10, ge=0, le=1)
    """Share of unknown words above which the gate warns."""
    unknown_words_stop: float = Field(default=0.50, ge=0, le=1)
    """Share of unknown words above which the gate stops."""


class EffectThreshold(Section):
    """Thresholds of an effect size, from which the part by chance is subtracted."""

    warn: float | None = Field(default=None, ge=0)
    """Effect size above which a gate warns; null: never."""
    stop: float | None = Field(default=None, ge=0)
    """Effect size above which a gate stops; null: never."""
    noise: float | None = Field(default=None, ge=0)
    """Noise above which the effect is not judged, as the documents are too few to tell; null: always judged."""


class DriftGate(Section):
    """Thresholds of drift against the champion's profile, by the statistic of a measure."""

    psi: EffectThreshold = EffectThreshold(warn=0.10, stop=0.25, noise=0.06)
    """Population stability index."""
    cramers_v: EffectThreshold = EffectThreshold(warn=0.16, stop=0.25, noise=0.12)
    """Cramer's V."""
    js: EffectThreshold = EffectThreshold(warn=0.13, stop=0.21, noise=0.10)
    """Jensen-Shannon distance."""
    ks: EffectThreshold = EffectThreshold(warn=0.12, stop=0.20, noise=0.10)
    """Kolmogorov-Smirnov statistic."""
    difference: EffectThreshold = EffectThreshold(warn=0.05, stop=0.20, noise=0.10)
    """Difference of two shares."""
    jaccard: EffectThreshold = EffectThreshold(warn=0.5, stop=0.8)
    """Part of the expected Jaccard similarity of the vocabularies that is missing."""
    ratio: EffectThreshold = EffectThreshold(warn=1.5, stop=3.0)
    """Ratio of numbers of documents, the larger to the smaller."""
    warn_documents: int = Field(default=200, ge=1)
    """Documents, now or in the reference, below which drift is not judged."""
    stop_documents: int = Field(default=500, ge=1)
    """Documents below which drift never stops."""
    training: Literal["warn", "stop"] = "warn"
    """Effect of a drift of training data above `stop`; new data may be meant to differ from the champion's."""


class NightGate(RejectBudget):
    """Thresholds of the gate before scoring, and of the rejects before the commit."""

    sample: int = Field(default=5_000, ge=1)
    """Documents, chosen by the hash of their id, that are compared with the bundle's profile."""
    sample_megabytes: int = Field(default=64, ge=1)
    """Size of their texts above which the sample is smaller."""
    blank_warn: float = Field(default=0.005, ge=0, le=1)
    """Share of documents without text."""
    blank_stop: float = Field(default=0.05, ge=0, le=1)
    """Share of documents without text."""
    reject_warn: float = Field(default=0.005, ge=0, le=1)
    """Share of documents that scoring rejects, for whatever reason, above which the night warns."""
    reject_stop: float = Field(default=0.05, ge=0, le=1)
    """Share of such documents above which the night is not committed."""
    drift: Literal["warn", "stop"] = "stop"
    """Effect of a drift above `stop`; it can be accepted for one run."""


class GateSettings(Section):
    """Thresholds that stop a stage or a night, and thresholds that only warn."""

    ingest: IngestGate = IngestGate()
    clean: CleanGate = CleanGate()
    tasks: dict[TaskName, TaskGate] = {}
    """Task to its thresholds, where they are not the defaults."""
    features: UnknownWordBudget = UnknownWordBudget()
    drift: DriftGate = DriftGate()
    score: NightGate = NightGate()
    data_docs_keep: int = Field(default=10, ge=1)
    """Pages of reports/data_docs that stay of each gate and corpus."""
