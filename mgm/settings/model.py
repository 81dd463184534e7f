"""The section `model`."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from mgm.settings.names import merge
from mgm.settings.section import Section


class CharacterSettings(Section):
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


class ParagraphSettings(Section):
    enabled: bool = True
    width: int = Field(default=96, ge=1)


class DocumentSettings(ParagraphSettings):
    heads: int = Field(default=4, ge=1)


class LeadSettings(Section):
    enabled: bool = True


class WideTaggingSettings(Section):
    buckets: int = Field(default=262_144, ge=1)
    """Of hashed features of a word and its neighbours; each has a weight for every tag of the tagging tasks."""
    learning_rate: float = Field(default=1.0, gt=0)
    """Of its adaptive descent; it rises and falls as train.learning_rate does."""
    l1: float = Field(default=0.5, ge=0)
    """The penalty of a unit of weight, where the loss is a sum over an epoch's words."""


class WideChineseSettings(Section):
    """Characters and their n-grams across words, which Chinese words have in place of those within a word."""

    ngram_min: int = Field(default=1, ge=1)
    ngram_max: int = Field(default=2, ge=1)
    buckets: int = Field(default=262_144, ge=0)
    """Of their hashes; each has a weight for every label of the document-level tasks. Without Chinese in training there are
    none; 0: Chinese words have the n-grams within a word, as others."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.ngram_max < self.ngram_min:
            raise ValueError(f"ngram_max {self.ngram_max} is below ngram_min {self.ngram_min}")
        return self


class WideSettings(Section):
    enabled: bool = True
    buckets: int = Field(default=262_144, ge=1)
    """Of hashed word n-grams; each has a weight for every label of the document-level tasks."""
    c: float = Field(default=1.0, gt=0)
    """How much an error in training weighs beside the size of the weights (C of a support vector machine)."""
    documents: int = Field(default=100_000, ge=1)
    """Training documents of a task that are solved for, at most, evenly over all: they are in memory together."""
    chinese: WideChineseSettings = WideChineseSettings()
    tagging: WideTaggingSettings = WideTaggingSettings()


class CascadeSettings(Section):
    order: list[str] = []
    """Tasks from low to high, each read by those above it; the others are above them and not read by their kind. Tagging is
    always below the tasks of documents."""
    width: int = Field(default=128, ge=1)
    """Of the state of a task that is read."""


class MixtureSettings(Section):
    experts: int = Field(default=4, ge=1)
    width: int = Field(default=128, ge=1)
    """Of an expert."""


class ExtractionSettings(Section):
    shared_experts: int = Field(default=2, ge=1)
    """Experts that all tasks read, in each layer."""
    task_experts: int = Field(default=1, ge=1)
    """Experts of each task, in each layer."""
    width: int = Field(default=128, ge=1)
    """Of an expert."""
    layers: int = Field(default=2, ge=1)


class AutoencoderSettings(Section):
    """The stack of fusion: stacked_autoencoder."""

    layers: list[Annotated[int, Field(ge=1)]] = [512]
    """Widths between what the granularities give and the code, whose width is fusion_width."""
    corruption: float = Field(default=0.3, ge=0, lt=1)
    """Share of a layer's input that is zeroed while the layer learns to restore it."""


class GenerationSettings(Section):
    """What writes the texts of generation tasks, one for them all."""

    width: int = Field(default=192, ge=2)
    heads: int = Field(default=4, ge=1)
    feedforward_width: int = Field(default=512, ge=1)
    """Of the layers' feed-forward parts."""
    encoder_layers: int = Field(default=3, ge=0)
    """Of self-attention over what the encoder gives."""
    decoder_layers: int = Field(default=3, ge=1)
    """Of the decoder."""
    dropout: float = Field(default=0.2, ge=0, lt=1)
    max_source_subwords: int = Field(default=160, ge=8)
    """Subwords of a text that are read: whole sentences, or the beginning of the first."""
    max_length: int = Field(default=96, ge=1)
    """Subwords of an output, at most; training targets are cut there."""
    beam_size: int = Field(default=4, ge=1)
    """Outputs that the search keeps of a text; 1: greedy."""
    length_penalty: float = Field(default=1.0, ge=0)
    """Outputs are ranked by their log-probability over their length to this power."""
    no_repeat_ngram: int = Field(default=5, ge=0)
    """No run of so many subwords is written twice; 0: as it comes."""
    validation_documents: int = Field(default=500, ge=1)
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


class ModelSettings(Section):
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
        return merge(PRESETS[preset], raw) if isinstance(preset, str) and preset in PRESETS else raw
