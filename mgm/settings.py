"""params.yaml as typed settings. An unknown or wrong key is an error that names it and the nearest valid one."""

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from mgm.tasks import RECONSTRUCTION, TAUGHT_KINDS, Task, TaskSettings, tasks_of

PARAMS = Path("params.yaml")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


Mask = Literal["url", "email", "ip", "phone", "number"]


class CleaningSettings(_Section):
    """The steps of cleaning, in the order in which they are taken."""

    html: bool = False
    mojibake: bool = True
    control_characters: bool = True
    unicode: Literal["nfc", "nfkc", "none"] = "nfc"
    width: Literal["none", "letters", "all"] = "none"
    """Full-width forms to half-width ones: letters and digits, or punctuation too."""
    simplified: bool = False
    whitespace: bool = True
    mask: list[Mask] = ["url", "email", "ip", "phone", "number"]
    max_chars: int = Field(default=100_000, ge=1)


class LanguageSettings(_Section):
    mixed_share: float = Field(default=0.2, gt=0, le=0.5)
    """A document is mixed where both English and Chinese make up at least this share of its words."""
    characters: int = Field(default=500, ge=20)
    """How much of a document the detector reads."""


# YAML 1.1 reads a bare off as false.
Copies = Annotated[
    Literal["drop", "together", "report", "off"],
    BeforeValidator(lambda value: "off" if value is False else value),
]


class DeduplicationSettings(_Section):
    """What becomes of copies: one is kept; all are kept and stand in one split; or they are left alone, and counted or not."""

    exact: Copies = "drop"
    near: Copies = "drop"
    threshold: float = Field(default=0.85, gt=0, le=1)
    """The least Jaccard similarity of two near-duplicates' sets of shingles."""
    shingle: int = Field(default=5, ge=1)
    """Characters of a shingle."""
    permutations: int = Field(default=128, ge=16)

    @model_validator(mode="after")
    def _exact_copies_are_near(self) -> Self:
        if self.exact == "report" and self.near in ("drop", "together"):
            raise ValueError(f"exact: report leaves exact copies alone, which near: {self.near} would not")
        return self


class SegmentationSettings(_Section):
    paragraph: Literal["line", "blank_line"] = "line"
    max_sentence_words: int = Field(default=120, ge=2)
    dictionary: str | None = None
    """A file in data/resources: a Chinese word a line, with its frequency and part of speech where wanted."""
    han: Literal["words", "characters"] = "words"
    """Chinese as words, or each character as a word of its own (for tagging at exact bounds)."""


class StopwordSettings(_Section):
    add: list[str] = []
    keep: list[str] = []
    document_frequency: float | None = Field(default=0.5, gt=0, le=1)
    """A word in more than this share of a corpus's training documents is a stopword of it; null: no such list."""
    min_documents: int = Field(default=1_000, ge=1)
    """A corpus with fewer training documents gets no such list."""


class VectorSettings(_Section):
    """Word vectors that the network starts from."""

    source: Literal["none", "train", "file"] = "none"
    algorithm: Literal["word2vec", "fasttext"] = "word2vec"
    epochs: int = Field(default=5, ge=1)
    window: int = Field(default=5, ge=1)
    negative: int = Field(default=5, ge=1)
    file: str | None = None
    """A file in data/resources: .vec or .txt (word2vec's text format), or .npy beside a .txt of its words."""


class FeatureSettings(_Section):
    stem: bool = False
    """English words share an entry of the vocabulary with their stem; the text stays as it is."""
    part_of_speech: bool = True
    min_count: int = Field(default=2, ge=1)
    max_words: int = Field(default=60_000, ge=1)
    ngram_min: int = Field(default=2, ge=1)
    ngram_max: int = Field(default=4, ge=1)
    ngram_buckets: int = Field(default=50_000, ge=1)
    subwords: int = Field(default=4_000, ge=300)
    """Pieces that generation tasks write with, of them all together; 256 are bytes."""


class TextSettings(_Section):
    """How raw text becomes features. A corpus may override any of it."""

    cleaning: CleaningSettings = CleaningSettings()
    language: LanguageSettings = LanguageSettings()
    deduplication: DeduplicationSettings = DeduplicationSettings()
    segmentation: SegmentationSettings = SegmentationSettings()
    stopwords: StopwordSettings = StopwordSettings()
    features: FeatureSettings = FeatureSettings()
    vectors: VectorSettings = VectorSettings()


class CorpusSettings(_Section):
    """What is particular to a corpus: the names of its columns, and what it overrides of `text`."""

    id: str = "doc_id"
    text_column: str = "text"
    lang: str = "lang"
    """The column of the document's language, or one of the literals en, zh, mixed, other; detect: not declared."""
    group: str | None = None
    """The column of the document's group; without it `group` where there is such a column, else the id."""
    split: str | None = None
    """The column of the document's split (train, valid, test); without it splits come from the group's hash."""
    columns: dict[str, str] = {}
    """Task to column, where the column is not named as the task."""
    min_chars: int = Field(default=1, ge=0)
    text: dict[str, Any] = {}


class IngestSettings(_Section):
    rows_per_part: int = Field(default=20_000, ge=1)
    megabytes_per_part: int = Field(default=64, ge=1)
    """A part ends early where its raw rows reach this size, which bounds the memory of every later stage."""


class RejectBudget(_Section):
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


class TaskGate(_Section):
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


class UnknownWordBudget(_Section):
    """Shares of word occurrences outside the vocabulary above which the gate warns, and stops."""

    unknown_words_warn: float = Field(default=0.10, ge=0, le=1)
    unknown_words_stop: float = Field(default=0.50, ge=0, le=1)


class EffectThreshold(_Section):
    """Of an effect size whose noise is taken out: above `warn` a gate warns, above `stop` it stops; null: never."""

    warn: float | None = Field(default=None, ge=0)
    stop: float | None = Field(default=None, ge=0)
    noise: float | None = Field(default=None, ge=0)
    """Not judged where the noise is above this: the documents are too few to tell. null: whatever the noise."""


class DriftGate(_Section):
    """Thresholds of every measure of drift, by the statistic (mgm/scoring/drift.py)."""

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


class NightGate(_Section):
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


class GateSettings(_Section):
    ingest: IngestGate = IngestGate()
    clean: CleanGate = CleanGate()
    tasks: dict[str, TaskGate] = {}
    """What a task needs other thresholds for; the others have the defaults."""
    features: UnknownWordBudget = UnknownWordBudget()
    drift: DriftGate = DriftGate()
    score: NightGate = NightGate()
    data_docs_keep: int = Field(default=10, ge=1)
    """Pages of reports/data_docs that stay of each gate and corpus."""


class CharacterSettings(_Section):
    enabled: bool = True
    words: Literal["all", "content"] = "all"


class WordSettings(CharacterSettings):
    pass


class WindowSettings(CharacterSettings):
    sizes: list[int] = [2, 4, 8]
    width: int = Field(default=96, ge=1)


class SentenceSettings(CharacterSettings):
    width: int = Field(default=96, ge=2)
    cell: Literal["gru", "lstm"] = "gru"


class ParagraphSettings(_Section):
    enabled: bool = True
    width: int = Field(default=96, ge=1)


class DocumentSettings(ParagraphSettings):
    heads: int = Field(default=4, ge=1)


class LeadSettings(_Section):
    enabled: bool = True


class WideTaggingSettings(_Section):
    buckets: int = Field(default=262_144, ge=1)
    """Of hashed features of a word and its neighbours; each has a weight for every tag of the tagging tasks."""
    learning_rate: float = Field(default=1.0, gt=0)
    """Of its adaptive descent; it rises and falls as train.learning_rate does."""
    l1: float = Field(default=0.5, ge=0)
    """The penalty of a unit of weight, where the loss is a sum over an epoch's words."""


class WideChineseSettings(_Section):
    """Characters and their n-grams across words, which Chinese words have in place of those within a word."""

    ngram_min: int = Field(default=1, ge=1)
    ngram_max: int = Field(default=2, ge=1)
    buckets: int = Field(default=262_144, ge=0)
    """Of their hashes; each has a weight for every label of the document-level tasks. Without Chinese in training there are
    none; 0: Chinese words have the n-grams within a word, as others."""


class WideSettings(_Section):
    enabled: bool = True
    buckets: int = Field(default=262_144, ge=1)
    """Of hashed word n-grams; each has a weight for every label of the document-level tasks."""
    learning_rate: float = Field(default=25.0, gt=0)
    """Of its stochastic gradient descent, for one labelled document; it rises and falls as train.learning_rate does."""
    dropout: float = Field(default=0.2, ge=0, lt=1)
    """Of n-grams."""
    chinese: WideChineseSettings = WideChineseSettings()
    tagging: WideTaggingSettings = WideTaggingSettings()


class CascadeSettings(_Section):
    order: list[str] = []
    """Tasks from low to high, each read by those above it; the others are above them and not read by their kind. Tagging is
    always below the tasks of documents."""
    width: int = Field(default=128, ge=1)
    """Of the state of a task that is read."""


class MixtureSettings(_Section):
    experts: int = Field(default=4, ge=1)
    width: int = Field(default=128, ge=1)
    """Of an expert."""


class ExtractionSettings(_Section):
    shared: int = Field(default=2, ge=1)
    """Experts that all tasks read, in each layer."""
    own: int = Field(default=1, ge=1)
    """Experts of each task, in each layer."""
    width: int = Field(default=128, ge=1)
    """Of an expert."""
    layers: int = Field(default=2, ge=1)


class AutoencoderSettings(_Section):
    """The stack of fusion: stacked_autoencoder."""

    layers: list[Annotated[int, Field(ge=1)]] = [512]
    """Widths between what the granularities give and the code, whose width is fusion_width."""
    corruption: float = Field(default=0.3, ge=0, lt=1)
    """Share of a layer's input that is zeroed while the layer learns to restore it."""


class GenerationSettings(_Section):
    """What writes the texts of generation tasks, one for them all."""

    width: int = Field(default=192, ge=2)
    heads: int = Field(default=4, ge=1)
    hidden: int = Field(default=512, ge=1)
    """Of the layers' feed-forward parts."""
    reading_layers: int = Field(default=2, ge=0)
    """Of self-attention over what the encoder gives."""
    layers: int = Field(default=2, ge=1)
    """Of the decoder."""
    dropout: float = Field(default=0.2, ge=0, lt=1)
    source: int = Field(default=160, ge=8)
    """Subwords of a text that are read: whole sentences, or the beginning of the first."""
    max_length: int = Field(default=96, ge=1)
    """Subwords of an output, at most; training targets are cut there."""
    beam: int = Field(default=4, ge=1)
    """Outputs that the search keeps of a text; 1: greedy."""
    length_penalty: float = Field(default=1.0, ge=0)
    """Outputs are ranked by their log-probability over their length to this power."""
    no_repeat_ngram: int = Field(default=5, ge=0)
    """No run of so many subwords is written twice; 0: as it comes."""
    validation: int = Field(default=500, ge=1)
    """Documents of a part of the features, at most, that an epoch's validation writes for (greedily)."""

    @model_validator(mode="after")
    def _heads_divide(self) -> Self:
        if self.width % (2 * self.heads):
            raise ValueError(f"width {self.width} is no multiple of twice the heads ({self.heads})")
        return self


PRESETS: dict[str, dict[str, Any]] = {
    "full": {},
    "fast": {name: {"enabled": False} for name in ("sentence", "paragraph", "document")},
}
"""What each preset of the network changes in the defaults. `fast` has nothing whose cost is not a look-up or a small
product: characters, words and windows."""


class ModelSettings(_Section):
    """The network. `preset` gives the defaults; a key that is written overrides it."""

    preset: Literal["full", "fast"] = "full"
    width: int = Field(default=128, ge=1)
    """Of a word's vector."""
    dropout: float = Field(default=0.3, ge=0, lt=1)
    fusion: Literal["concat", "gated", "stacked_autoencoder"] = "concat"
    fusion_width: int = Field(default=256, ge=1)
    """Of a document's vector."""
    sharing: Literal["hard", "cascade", "mmoe", "ple"] = "hard"
    """What lies between these vectors and the heads: nothing, low tasks that feed high ones, or experts and gates."""
    cascade: CascadeSettings = CascadeSettings()
    mmoe: MixtureSettings = MixtureSettings()
    ple: ExtractionSettings = ExtractionSettings()
    character: CharacterSettings = CharacterSettings()
    word: WordSettings = WordSettings()
    window: WindowSettings = WindowSettings()
    lead: LeadSettings = LeadSettings()
    sentence: SentenceSettings = SentenceSettings()
    paragraph: ParagraphSettings = ParagraphSettings()
    document: DocumentSettings = DocumentSettings()
    wide: WideSettings = WideSettings()
    generation: GenerationSettings = GenerationSettings()
    autoencoder: AutoencoderSettings = AutoencoderSettings()

    @model_validator(mode="before")
    @classmethod
    def _from_preset(cls, raw: Any) -> Any:
        preset = raw.get("preset") if isinstance(raw, dict) else None
        return _merge(PRESETS[preset], raw) if isinstance(preset, str) and preset in PRESETS else raw


AGGREGATORS = (
    "AlignedMTL", "CAGrad", "ConFIG", "DualProj", "ExcessMTL", "FairGrad", "GradDrop", "GradVac", "IMTLG", "Krum", "MGDA",
    "Mean", "NashMTL", "PCD", "PCGrad", "Random", "Sum", "TrimmedMean", "UPGrad",
)  # fmt: skip
"""Those of the library TorchJD. They are named here so that a wrong name is an error before any work, and where the library
is not installed."""
WEIGHTINGS = ("static", "uncertainty", "random", "famo", *AGGREGATORS)


class PretrainSettings(_Section):
    """Pretraining on text alone; done where train.initial asks for it."""

    epochs: int = Field(default=3, ge=1)
    tokens_per_batch: int = Field(default=4_000, ge=1)
    learning_rate: float = Field(default=2e-3, gt=0)
    mask: float = Field(default=0.15, gt=0, lt=1)
    """Share of the words that are to be guessed."""
    sample: int = Field(default=4_096, ge=1)
    """Words of the vocabulary that a guess is weighed against; a smaller vocabulary is taken whole."""


class AugmentationSettings(_Section):
    """How training documents are altered at random; 0 is off."""

    delete: float = Field(default=0.0, ge=0, lt=1)
    """Probability of a word; one of each sentence stays."""
    swap: float = Field(default=0.0, ge=0, le=1)
    """Probability of a word that it changes places with others of its sentence; not where words are labelled."""
    mask: float = Field(default=0.0, ge=0, lt=1)
    """Probability of a word that it is within a masked run of words."""
    mask_words: int = Field(default=3, ge=1)
    """Length of such a run."""
    mixup: float = Field(default=0.0, ge=0, le=1)
    """Probability of a batch that its documents' vectors are mixed."""
    mixup_alpha: float = Field(default=0.2, gt=0)
    """Shares are drawn from Beta(alpha, alpha)."""


class TrainSettings(_Section):
    initial: Literal["random", "pretrained"] = "random"
    """Where the encoder's weights start."""
    epochs: int = Field(default=6, ge=1)
    tokens_per_batch: int = Field(default=4_000, ge=1)
    learning_rate: float = Field(default=2e-3, gt=0)
    weighting: str = "static"
    """From one loss a task to one step for all, one of WEIGHTINGS: a sum with fixed factors, with learned or drawn ones, or
    an aggregator of the tasks' gradients."""
    aggregator: dict[str, float | str] = {}
    """Arguments of the aggregator, by their names in TorchJD."""
    weights: dict[str, Annotated[float, Field(gt=0)]] = {}
    """Task to the factor of its loss in the sum of the deep part's; a task that is not named counts 1. With `uncertainty` it multiplies
    the task's whole term, the learned factor and its price: it says how much the task matters, whatever its scale."""
    weight_decay: float = Field(default=0.01, ge=0)
    warmup: float = Field(default=0.1, ge=0, le=1)
    clip: float = Field(default=1.0, gt=0)
    ema: float = Field(default=0.99, ge=0, lt=1)
    """Decay of the average of the weights a step; 0: no averaging."""
    word_dropout: float = Field(default=0.1, ge=0, lt=1)
    """Probability of a distinct word of a batch that its embedding is that of an unknown word; its n-grams stay."""
    augmentation: AugmentationSettings = AugmentationSettings()
    label_smoothing: float = Field(default=0.05, ge=0, lt=1)
    sampling_tau: float = Field(default=1.0, ge=0, le=1)
    patience: int = Field(default=3, ge=1)
    threads: int = Field(default=2, ge=1)
    """Of each process."""
    processes: int = Field(default=1, ge=1)
    """That share every batch, and take the same steps; with GPUs one process each."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """Of the products in training; weights, optimizer and validation are always fp32."""
    compile: bool = False
    """Training through torch.compile: minutes of compiling first; needs a C++ compiler, on a GPU Triton."""
    generation: bool = False

    @field_validator("weighting")
    @classmethod
    def _is_known(cls, name: str) -> str:
        if name not in WEIGHTINGS:
            raise ValueError(f"no such weighting{nearest(name, WEIGHTINGS)}")
        return name

    @model_validator(mode="after")
    def _fits_the_weighting(self) -> Self:
        if self.weighting not in AGGREGATORS and self.aggregator:
            raise ValueError(
                f"aggregator: {self.aggregator}: arguments of an aggregator, but weighting is {self.weighting!r}"
            )
        if self.weighting in AGGREGATORS and self.compile:
            raise ValueError(
                f"compile: a compiled encoder has no gradients a task, which weighting: {self.weighting} needs; "
                "expected compile: false"
            )
        return self


class DistillationSettings(_Section):
    """What a student learns from teachers' scores of the training documents, beside the labels."""

    teachers: dict[str, Annotated[list[str], Field(min_length=1)]] = {}
    """Task to files in data/teachers, whose mean answer counts. A task that is not named has no teacher."""
    annealing: bool = True
    """The share of the label in what is learned grows from 0 to 1 over training (Clark et al. 2019)."""
    gold: float = Field(default=0.5, ge=0, le=1)
    """That share without annealing."""
    temperature: float = Field(default=1.0, gt=0)
    """Logits of teachers are divided by it: above 1 their answers are softer."""
    unlabelled: bool = True
    """Training documents with a teacher's answer and no label for any task are trained on, too."""


class EvaluateSettings(_Section):
    splits: list[Literal["valid", "test"]] = ["valid", "test"]
    bootstrap: int = Field(default=1_000, ge=0)
    foreign: dict[str, str] = {}
    """Name to a file of other documents, which the reconstruction error should tell from those of the test split. A name of a
    corpus: with its column names."""
    foreign_documents: int = Field(default=2_000, ge=1)
    """Of each of these files, and of the test split of each corpus, at most."""
    slice_groups: int = Field(default=30, ge=2)
    """A slice with fewer groups is shown and not judged."""
    calibration_bins: int = Field(default=10, ge=2)
    """Of equal width over [0, 1]."""
    confidences: list[Annotated[float, Field(gt=0, lt=1)]] = [0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99]
    """Where coverage and accuracy are told: of the answers that are at least so sure."""


class ExplainSettings(_Section):
    """How much is done to explain the model; more documents and points of the path make the stage longer."""

    documents: int = Field(default=3_000, ge=1)
    """Of each corpus and split, at most: what masking and the search for wrong labels read."""
    bootstrap: int = Field(default=300, ge=0)
    max_words: int = Field(default=250, ge=2)
    """Longer documents are masked and searched, but their words are not explained."""
    errors: int = Field(default=3, ge=0)
    right: int = Field(default=2, ge=0)
    """Answers of a task that are shown with their words highlighted: the surest errors, and some right ones."""
    faithfulness: int = Field(default=40, ge=0)
    """Test documents of a task on which words are deleted."""
    deleted: list[Annotated[float, Field(gt=0, lt=1)]] = Field(default=[0.05, 0.1, 0.2, 0.5], min_length=1)
    """Shares of the words that are deleted."""
    random_draws: int = Field(default=5, ge=1)
    steps: int = Field(default=16, ge=1)
    """Points of the path of integrated gradients, doubled up to `most_steps` while the sum is off by more than `tolerance`."""
    most_steps: int = Field(default=128, ge=1)
    tolerance: float = Field(default=0.02, gt=0)
    tokens_per_batch: int = Field(default=6_000, ge=1)
    suspects: int = Field(default=5, ge=0)
    """Suspected label errors of a task that are shown."""
    cost_documents: int = Field(default=60, ge=1)
    """Test documents of each corpus that are scored one by one, and all at once, to time it."""


class VerdictSettings(_Section):
    floors: dict[str, float] = {}
    """Task to the least value of its first metric on the test split."""
    margin: float = Field(default=0.0, ge=0)
    """A task fails against the champion where the difference is significantly below minus this (5% over all tasks)."""
    smoke_documents: int = Field(default=64, ge=1)
    """Test documents of each corpus that are scored from raw text."""
    smoke_repeats: int = Field(default=10, ge=1)
    """How often they are scored, for the time and its spread."""
    max_ms_per_document: float | None = Field(default=None, gt=0)
    """Most milliseconds a document, the median of the repeats; null: not judged."""
    max_memory_mib: float | None = Field(default=None, gt=0)
    """Most memory that a process scoring the smoke batch holds; null: not judged."""


class RaySettings(_Section):
    """Where shards are scored: in this process, or by workers of a Ray cluster."""

    address: str | None = Field(default=None, min_length=1)
    """null: in this process; `local`: on a cluster of this machine, for the run alone; else a cluster's host:port,
    or ray://host:port."""
    workers: int = Field(default=2, ge=1)
    """Processes, each with a copy of the model."""
    cpus: float = Field(default=1.0, gt=0)
    """CPUs of one worker, the number of its threads too."""
    gpus: float = Field(default=0.0, ge=0)
    """GPUs of one worker; 0.25: four share one."""


class SearchSettings(_Section):
    """What `python -m flows.tune` tries of one setting: a range, or a list of choices."""

    low: float | None = None
    high: float | None = None
    log: bool = False
    """Even over the logarithm: for what spans orders of magnitude."""
    step: float | None = Field(default=None, gt=0)
    choices: list[Any] | None = Field(default=None, min_length=2)

    @model_validator(mode="after")
    def _a_range_or_choices(self) -> Self:
        ends = (self.low, self.high)
        if self.choices is not None:
            if ends != (None, None) or self.log or self.step is not None:
                raise ValueError("choices stand alone, without low, high, log and step")
        elif self.low is None or self.high is None:
            raise ValueError("expected low and high, or choices")
        elif self.low >= self.high:
            raise ValueError(f"low {self.low:g} is not below high {self.high:g}")
        elif self.log and (self.low <= 0 or self.step is not None):
            raise ValueError("log: expected low above 0, and no step")
        return self

    @property
    def limits(self) -> list[Any]:
        """The values at the ends of the range, or all choices."""
        return [self.low, self.high] if self.choices is None else self.choices


class TuneSettings(_Section):
    """The search for better settings of model and training."""

    trials: int = Field(default=30, ge=1)
    startup_trials: int = Field(default=8, ge=1)
    """Trials at random before the search learns from them, and before one is stopped early."""
    warmup_epochs: int = Field(default=1, ge=1)
    """No trial is stopped before it has had this many."""
    space: dict[str, SearchSettings] = {}
    """Setting to what is tried of it, by its full name, such as train.learning_rate."""


class CrossvalSettings(_Section):
    """Cross-validation over the rows of train and valid."""

    folds: int = Field(default=5, ge=2)
    validation: float = Field(default=0.125, gt=0, lt=1)
    """Share of the groups outside the held-out fold on which early stopping goes and thresholds are tuned."""


class ScoreSettings(_Section):
    """Nightly scoring. Places are relative to the project's folder."""

    input: str = "incoming/{date}.jsonl"
    """A night's documents: a path or an s3:// address with {date} in it."""
    table: str = Field(default="data/scored/predictions", min_length=1)
    """The Delta table of predictions: a folder or an s3:// address."""
    rejects: str = Field(default="data/scored/rejects", min_length=1)
    """The Delta table of rejects."""
    work: str = Field(default="data/scored/nights", min_length=1)
    """The folder of what is kept beside a night: the gate's verdict, the summary, and its shards until it is committed."""
    rows_per_shard: int = Field(default=20_000, ge=1)
    """Documents of a shard, which is scored whole or not at all; 64 MB of text end it before."""
    rows_per_batch: int = Field(default=10_000, ge=1)
    threads: int = Field(default=1, ge=1)
    """Shards scored at a time in this process, each by one thread; without `ray`."""
    broken_stop: int = Field(default=100, ge=1)
    """More documents of a shard that the model fails for stop the night: then it is the model that is broken."""
    tasks: Literal["all"] | list[str] = "all"
    """All: those of the bundle, generation tasks only where it has no others."""
    ray: RaySettings = RaySettings()
    nights_at_once: int = Field(default=1, ge=1)
    """Nights that a backfill scores at a time, each in a process with a copy of the model."""

    @model_validator(mode="after")
    def _places_differ(self) -> Self:
        if "{date}" not in self.input:
            raise ValueError(
                f"input {self.input!r}: expected {{date}} in it, or every night would read the same documents"
            )
        if self.table.rstrip("/") == self.rejects.rstrip("/"):
            raise ValueError(f"table and rejects are both {self.table!r}; expected two places")
        return self


class Settings(_Section):
    """All of params.yaml."""

    enabled: dict[str, str] = Field(min_length=1)
    seed: int = 1
    corpora: dict[str, CorpusSettings]
    tasks: dict[str, TaskSettings]
    ingest: IngestSettings = IngestSettings()
    text: TextSettings = TextSettings()
    gates: GateSettings = GateSettings()
    model: ModelSettings = ModelSettings()
    pretrain: PretrainSettings = PretrainSettings()
    train: TrainSettings = TrainSettings()
    distillation: DistillationSettings = DistillationSettings()
    evaluate: EvaluateSettings = EvaluateSettings()
    explain: ExplainSettings = ExplainSettings()
    verdict: VerdictSettings = VerdictSettings()
    score: ScoreSettings = ScoreSettings()
    tune: TuneSettings = TuneSettings()
    crossval: CrossvalSettings = CrossvalSettings()
    run_generation: dict[str, Any] = {}
    """Settings by their full names, such as train.epochs, that `make run-generation` has in place of the others."""

    @classmethod
    def load(cls, path: Path = PARAMS) -> "Settings":
        """Reads and checks the settings.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: not YAML, an unknown key, a wrong value, or a name that stands nowhere else.
        """
        if not path.is_file():
            raise FileNotFoundError(f"{path}: no such file; run from the project's folder")
        try:
            raw = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise ValueError(f"{path}: not valid YAML: {error}") from error
        if not isinstance(raw, dict):
            raise ValueError(f"{path}: expected a mapping of sections, found {type(raw).__name__}")
        return cls.parse(raw, str(path))

    @classmethod
    def parse(cls, raw: dict[str, Any], where: str = str(PARAMS)) -> "Settings":
        """As `load`, from a mapping; `where` names its source in errors."""
        try:
            settings = cls.model_validate(raw)
        except ValidationError as error:
            raise ValueError(_explain(error, cls, where)) from error
        settings._check_names(where)
        settings._check_space(raw, where)
        settings._check_run(raw, where)
        return settings

    def _check_names(self, where: str) -> None:
        for name in self.enabled:
            _known(name, self.corpora, f"{where}: enabled.{name}", "corpus")
        for name, task in self.tasks.items():
            if name == RECONSTRUCTION:
                raise ValueError(
                    f"{where}: tasks.{name}: a column of the predictions; give the task another name"
                )
            for labelled in task.corpora:
                _known(labelled, self.corpora, f"{where}: tasks.{name}.corpora: {labelled!r}", "corpus")
        for name, corpus in self.corpora.items():
            own = [t for t, task in self.tasks.items() if name in task.corpora]
            for task_name in corpus.columns:
                _known(task_name, own, f"{where}: corpora.{name}.columns.{task_name}", "task of this corpus")
            self._text(name, where)
        for name in self.model.cascade.order:
            _known(name, self.tasks, f"{where}: model.cascade.order: {name!r}", "task")
        for name in self.train.weights:
            _known(name, self.tasks, f"{where}: train.weights.{name}", "task")
        for name in self.distillation.teachers:
            _known(name, self.tasks, f"{where}: distillation.teachers.{name}", "task")
            if self.tasks[name].kind not in TAUGHT_KINDS:
                raise ValueError(
                    f"{where}: distillation.teachers.{name}: a {self.tasks[name].kind} task has no teachers "
                    f"(kinds that have: {', '.join(TAUGHT_KINDS)})"
                )
        for name in self.gates.tasks:
            _known(name, self.tasks, f"{where}: gates.tasks.{name}", "task")
        for name in self.verdict.floors:
            _known(name, self.tasks, f"{where}: verdict.floors.{name}", "task")
        if self.score.tasks != "all":
            for name in self.score.tasks:
                _known(name, self.tasks, f"{where}: score.tasks: {name!r}", "task")
        if not self.active_tasks():
            raise ValueError(
                f"{where}: no enabled corpus has a task that is trained; enable one or add a task"
            )

    def _check_space(self, raw: dict[str, Any], where: str) -> None:
        """Every setting of tune.space is one that training reads, and takes the values at the ends of its range."""
        present = self.tunable()
        for name, search in self.tune.space.items():
            place = f"{where}: tune.space.{name}"
            _known(name, present, place, "setting of model or train")
            number = isinstance(present[name], int | float) and not isinstance(present[name], bool)
            if search.choices is None and not number:
                raise ValueError(f"{place}: it is no number (now {present[name]!r}); expected choices")
            for value in search.limits:
                whole = isinstance(present[name], int) and isinstance(value, float) and value.is_integer()
                try:
                    type(self).model_validate(overridden(raw, {name: int(value) if whole else value}))
                except ValidationError as error:
                    raise ValueError(_explain(error, type(self), place)) from error

    def _check_run(self, raw: dict[str, Any], where: str) -> None:
        """What run_generation names are settings, with values that they take."""
        try:
            type(self).model_validate(overridden(raw, self.run_generation))
        except ValidationError as error:
            raise ValueError(_explain(error, type(self), f"{where}: run_generation")) from error

    def tunable(self) -> dict[str, Any]:
        """Every setting that training reads and features do not, by its full name, with its value."""
        found = _flat(self.model_dump(mode="json", include={"model", "train"}))
        found |= {f"train.weights.{task}": self.train.weights.get(task, 1.0) for task in self.tasks}
        # scores of other tasks do not compare; a trial has one process
        del found["train.generation"], found["train.processes"]
        return found

    def _text(self, corpus: str, where: str) -> TextSettings:
        merged = _merge(self.text.model_dump(), self.corpora[corpus].text)
        try:
            return TextSettings.model_validate(merged)
        except ValidationError as error:
            raise ValueError(_explain(error, TextSettings, f"{where}: corpora.{corpus}.text")) from error

    def text_for(self, corpus: str | None) -> TextSettings:
        """The text settings of a corpus: the general ones with what the corpus overrides. None: the general ones."""
        return self.text if corpus is None else self._text(corpus, str(PARAMS))

    def tasks_for(self, corpus: str) -> list[Task]:
        """The tasks that a corpus labels, sorted by name, generation tasks too."""
        return tasks_of({n: t for n, t in self.tasks.items() if corpus in t.corpora}, {corpus: None})

    def training_sections(self) -> dict[str, Any]:
        """The sections that, with features and tasks, decide what a training ends in."""
        return self.model_dump(mode="json", include={"seed", "text", "model", "train", "distillation"})

    @property
    def pretrains(self) -> bool:
        """Whether training starts from something that the stage pretrain makes."""
        return self.train.initial == "pretrained" or self.model.fusion == "stacked_autoencoder"

    def teachers_of(self, tasks: Sequence[Task]) -> dict[str, list[str]]:
        """The files of those of `tasks` that have teachers."""
        return {
            t.name: self.distillation.teachers[t.name] for t in tasks if t.name in self.distillation.teachers
        }

    def active_tasks(self) -> list[Task]:
        """The tasks that are trained: those of enabled corpora, generation only where it is switched on."""
        return [
            t for t in tasks_of(self.tasks, self.enabled) if self.train.generation or t.kind != "generation"
        ]


def nearest(name: str, valid: Any) -> str:
    """` (did you mean 'x'?)`, whatever the case, or the valid names where none is near."""
    names = sorted(valid)
    folded = [n.casefold() for n in names]
    near = [
        names[folded.index(n)] for n in difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.6)
    ]
    return f" (did you mean {near[0]!r}?)" if near else f" (valid: {', '.join(names) or 'none'})"


def _known(name: str, valid: Any, where: str, what: str) -> None:
    if name not in valid:
        raise ValueError(f"{where}: no {what} of this name{nearest(name, valid)}")


def path_of(name: str) -> list[str]:
    """The keys that lead to a setting of a full name; a task's name may have dots in it."""
    weights = "train.weights."
    return ["train", "weights", name.removeprefix(weights)] if name.startswith(weights) else name.split(".")


def overridden(raw: dict[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """params.yaml as a mapping, with other values of some settings, each by its full name; `raw` stays as it is."""
    for name, value in values.items():
        over = value
        for key in reversed(path_of(name)):
            over = {key: over}
        raw = _merge({k: v for k, v in raw.items() if v is not None}, over)
    return raw


def _flat(section: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """The values of nested mappings by their full names."""
    found: dict[str, Any] = {}
    for key, value in section.items():
        found |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return found


def _merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    return base | {
        k: _merge(base[k], v) if isinstance(v, dict) and isinstance(base.get(k), dict) else v
        for k, v in over.items()
    }


def _explain(error: ValidationError, model: type[BaseModel], where: str) -> str:
    lines = []
    for problem in error.errors():
        loc = [str(part) for part in problem["loc"]]
        key = ".".join(loc)
        if problem["type"] == "extra_forbidden":
            lines.append(f"{where}: {key}: unknown key{nearest(loc[-1], _keys_at(model, loc[:-1]))}")
        else:
            lines.append(f"{where}: {key}: {problem['msg']}, found {problem['input']!r}")
    return "\n".join(lines)


def _keys_at(model: type[BaseModel], loc: list[str]) -> list[str]:
    """The valid keys of the section at `loc`."""
    current: Any = model
    for part in loc:
        if isinstance(current, type) and issubclass(current, BaseModel):
            current = current.model_fields[part].annotation
        else:  # dict[str, Section]: `part` is the user's own name
            current = current.__args__[1]
    return list(current.model_fields) if isinstance(current, type) and issubclass(current, BaseModel) else []
