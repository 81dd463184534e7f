"""The section `gates`: what stops a stage or a night, and what only warns."""

from typing import Literal

from pydantic import Field

from mgm.settings.section import Section


class RejectBudget(Section):
    """Shares of rejected rows above which a gate warns, and stops."""

    reject_warn: float = Field(default=0.005, ge=0, le=1)
    reject_stop: float = Field(default=0.05, ge=0, le=1)


class IngestGate(RejectBudget):
    """Thresholds of the gate after ingest. A share is of documents."""

    short_characters: int = Field(default=3, ge=1)
    """A text of fewer characters is short."""
    short_warn: float = Field(default=0.05, ge=0, le=1)
    short_stop: float = Field(default=0.5, ge=0, le=1)
    long_characters: int = Field(default=20_000, ge=1)
    """A text of more characters is long."""
    long_warn: float = Field(default=0.02, ge=0, le=1)
    long_stop: float = Field(default=0.5, ge=0, le=1)
    rows_ratio_stop: float = Field(default=0.5, ge=0)
    """Rows to those of the champion's training, below which the gate stops."""


class CleanGate(RejectBudget):
    """Thresholds of the gate after cleaning and deduplication."""

    rows_ratio_low_warn: float = Field(default=0.9, ge=0)
    """Rows to those of the champion's training."""
    rows_ratio_high_warn: float = Field(default=1.5, ge=0)
    rows_ratio_stop: float = Field(default=0.5, ge=0)
    copies_warn: float = Field(default=0.2, ge=0, le=1)
    """Share of documents dropped as copies."""
    copies_stop: float = Field(default=0.8, ge=0, le=1)
    overlap_warn: float = Field(default=0.01, ge=0, le=1)
    """Share of held-out documents with a copy in training, exact or near, after deduplication."""
    overlap_stop: float = Field(default=0.1, ge=0, le=1)
    mixed_or_other_warn: float = Field(default=0.2, ge=0, le=1)
    """Share of documents that are in neither English nor Chinese alone."""
    language_disagrees_warn: float = Field(default=0.25, ge=0, le=1)
    """Share of documents whose detected language is not the declared one."""
    language_disagrees_stop: float = Field(default=0.5, ge=0, le=1)
    language_mix_warn: float = Field(default=0.16, ge=0, le=1)
    """Cramer's V of the languages against the champion's training, what chance adds taken out."""
    language_mix_stop: float = Field(default=0.25, ge=0, le=1)
    length_psi_warn: float = Field(default=0.10, ge=0)
    """Population stability index of text lengths against the champion's training."""
    length_psi_stop: float = Field(default=0.25, ge=0)
    drift_rows_warn: int = Field(default=200, ge=1)
    """Fewer training documents say too little of drift for a warning, and for a stop."""
    drift_rows_stop: int = Field(default=500, ge=1)


class TaskGate(Section):
    """Thresholds of one task, in the gates of each corpus that labels it. A share above (labelled: below) `warn` warns."""

    labelled_warn: float = Field(default=0.01, ge=0, le=1)
    """Share of labelled rows of a split."""
    labelled_stop: float = Field(default=0.0, ge=0, le=1)
    empty_warn: float = Field(default=0.9, ge=0, le=1)
    """Share of empty lists of the labelled rows."""
    empty_stop: float = Field(default=1.0, ge=0, le=1)
    labels_warn: int = Field(default=1_000, ge=1)
    """Different labels in training."""
    labels_stop: int = Field(default=50_000, ge=1)
    largest_class_warn: float = Field(default=0.9, ge=0, le=1)
    """Share of the most frequent class of training rows."""
    unseen_warn: float = Field(default=0.05, ge=0, le=1)
    """Share of held-out labels that training never saw."""
    unseen_stop: float = Field(default=0.5, ge=0, le=1)
    held_out_min_count: int = Field(default=50, ge=1)
    """A label that stands so often in training and never in validation or test warns."""
    split_mix_warn: float = Field(default=0.16, ge=0, le=1)
    """Cramer's V of a held-out split's labels against training's, what chance adds taken out."""
    conflicts_warn: float = Field(default=0.05, ge=0, le=1)
    """Clusters of copies with different labels, as a share of the labelled rows."""
    conflicts_stop: float = Field(default=0.25, ge=0, le=1)
    target_in_source_warn: float = Field(default=0.01, ge=0, le=1)
    """Generation: share of targets that stand as a line of their text."""
    target_in_source_stop: float = Field(default=0.2, ge=0, le=1)
    leak_precision: float = Field(default=0.95, ge=0.5, le=1)
    """One word alone that predicts a label with at least this precision and this recall on train is a leak."""
    leak_recall: float = Field(default=0.5, ge=0.1, le=1)


class UnknownWordBudget(Section):
    """Shares of word occurrences outside the vocabulary above which the gate warns, and stops."""

    unknown_words_warn: float = Field(default=0.10, ge=0, le=1)
    unknown_words_stop: float = Field(default=0.50, ge=0, le=1)


class EffectThreshold(Section):
    """Of an effect size whose noise is taken out: above `warn` a gate warns, above `stop` it stops; null: never."""

    warn: float | None = Field(default=None, ge=0)
    stop: float | None = Field(default=None, ge=0)
    noise: float | None = Field(default=None, ge=0)
    """Not judged where the noise is above this: the documents are too few to tell. null: whatever the noise."""


class DriftGate(Section):
    """Thresholds of every measure of drift, by the statistic (mgm/profiling/drift.py)."""

    psi: EffectThreshold = EffectThreshold(warn=0.10, stop=0.25, noise=0.06)
    cramers_v: EffectThreshold = EffectThreshold(warn=0.16, stop=0.25, noise=0.12)
    js: EffectThreshold = EffectThreshold(warn=0.13, stop=0.21, noise=0.10)
    ks: EffectThreshold = EffectThreshold(warn=0.12, stop=0.20, noise=0.10)
    difference: EffectThreshold = EffectThreshold(warn=0.05, stop=0.20, noise=0.10)
    jaccard: EffectThreshold = EffectThreshold(warn=0.5, stop=0.8)
    ratio: EffectThreshold = EffectThreshold(warn=1.5, stop=3.0)
    """How many times as many documents, or as few."""
    warn_documents: int = Field(default=200, ge=1)
    """Fewer documents, now or in the reference, are not judged; fewer than `stop_documents` never stop."""
    stop_documents: int = Field(default=500, ge=1)
    training: Literal["warn", "stop"] = "warn"
    """What a drift of training data above `stop` does: new data may be meant to differ from the champion's."""


class NightGate(Section):
    """Thresholds of the gate before scoring."""

    sample: int = Field(default=5_000, ge=1)
    """Documents, chosen by the hash of their id, whose words and languages are compared with the bundle's profile."""
    sample_megabytes: int = Field(default=64, ge=1)
    """The sample's texts are fewer where they are longer than this together."""
    blank_warn: float = Field(default=0.005, ge=0, le=1)
    """Share of documents without text."""
    blank_stop: float = Field(default=0.05, ge=0, le=1)
    drift: Literal["warn", "stop"] = "stop"
    """What a drift above `stop` does; `--accept-drift` makes it a warning for one run."""


class GateSettings(Section):
    ingest: IngestGate = IngestGate()
    clean: CleanGate = CleanGate()
    tasks: dict[str, TaskGate] = {}
    """What a task needs other thresholds for; the others have the defaults."""
    features: UnknownWordBudget = UnknownWordBudget()
    drift: DriftGate = DriftGate()
    score: NightGate = NightGate()
    data_docs_keep: int = Field(default=10, ge=1)
    """Pages of reports/data_docs that stay of each gate and corpus."""
