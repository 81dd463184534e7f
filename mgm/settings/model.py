"""The section `model`."""

from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from mgm.settings.names import merge_sections
from mgm.settings.references import TaskName
from mgm.settings.section import Section

Words = Literal["all", "content"]
"""The words that a granularity reads: all, or those that are no stopwords."""


def is_local_name(name: str) -> bool:
    """Return whether a name is that of a folder below another one, and leads nowhere else."""
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and path.parts != ()


class CharacterSettings(Section):
    """Hashed character n-grams, summed into the word's vector."""

    enabled: bool = True
    """Whether the model has this granularity."""
    words: Words = "all"
    """Words that it reads; content: without stopwords."""


class WordSettings(CharacterSettings):
    """Word embeddings."""


class WindowSettings(CharacterSettings):
    """Convolutions over consecutive words, max-pooled."""

    sizes: list[int] = [2, 4, 8]
    """Sizes of the windows in words; each has a convolution."""
    width: int = Field(default=96, ge=1)
    """Width of its vector."""


class SentenceSettings(CharacterSettings):
    """A recurrent network over the words of each sentence."""

    width: int = Field(default=96, ge=2)
    """Width of its vector, for both directions together."""
    cell: Literal["gru", "lstm"] = "gru"
    """Recurrent cell."""


class ParagraphSettings(Section):
    """Attention over the sentences of each paragraph."""

    enabled: bool = True
    """Whether the model has this granularity."""
    width: int = Field(default=96, ge=1)
    """Width of its vector."""


class DocumentSettings(ParagraphSettings):
    """Multi-head self-attention over the paragraphs."""

    heads: int = Field(default=4, ge=1)
    """Attention heads."""


class LeadSettings(Section):
    """The first sentence, read once more on its own: a title or a summary line."""

    enabled: bool = True
    """Whether the model has this granularity."""


class PretrainedSettings(Section):
    """A pretrained encoder, such as BERT, whose vectors stand beside those of the other granularities."""

    enabled: bool = False
    """Whether the model has this granularity (the extra `pretrained`)."""
    path: str | None = None
    """Folder of the encoder below data/encoders: config.json, tokenizer.json and model.safetensors.

    Nothing is downloaded, and no code in it is run. A file LICENSE in it goes into the bundle, beside the weights.
    """
    train: Literal["none", "last_k", "all"] = "none"
    """Which of its layers are trained; none: its vectors are computed once, by the stage encode."""
    last_k: int = Field(default=2, ge=1)
    """Number of layers, from the last, that train: last_k trains."""
    learning_rate: float = Field(default=5e-5, gt=0)
    """Peak of the learning rate of its last layer, where it is trained."""
    layer_decay: float = Field(default=0.9, gt=0, le=1)
    """Factor of the learning rate from each of its layers to the one below."""
    max_pieces: int = Field(default=512, ge=1)
    """Maximum number of pieces of a document that it reads; words after them have no vector of it."""
    window_pieces: int = Field(default=256, ge=3)
    """Maximum number of pieces that it reads at once, special ones included; windows do not see each other."""
    pooling: Literal["mean", "first"] = "mean"
    """How pieces become the vector of a document: their mean, or the first special piece (CLS)."""
    prefix: str = ""
    """Text before each document, such as `query: ` for encoders that were trained with one."""

    @property
    def is_trained(self) -> bool:
        """Whether training changes its weights."""
        return self.enabled and self.train != "none"

    @model_validator(mode="after")
    def _names_a_folder(self) -> Self:
        if self.enabled and not self.path:
            raise ValueError("path: missing; expected the name of an encoder's folder below data/encoders")
        if self.path is not None and not is_local_name(self.path):
            raise ValueError(f"path: {self.path!r}: expected the name of a folder below data/encoders")
        return self


class WideTaggingSettings(Section):
    """A linear-chain CRF on the words around a word, which is solved for before the rest is trained."""

    buckets: int = Field(default=1_000_000_000, ge=1)
    """Number of hashes of features of a word and its neighbours; only features with a weight take space."""
    l1: float = Field(default=0.05, ge=0)
    """L1 penalty of its weights, for a loss that is summed over all training words; it keeps most of them at 0."""
    max_passes: int = Field(default=50, ge=1)
    """Maximum number of passes of the solver over all training words of a task."""
    documents: int | None = Field(default=None, ge=1)
    """Maximum number of training documents for each task, evenly sampled, for a shorter training; null: all."""


class WideChineseSettings(Section):
    """Chinese character n-grams across words, in place of those within a word."""

    ngram_min: int = Field(default=1, ge=1)
    """Length of the shortest n-grams."""
    ngram_max: int = Field(default=2, ge=1)
    """Length of the longest n-grams."""
    buckets: int = Field(default=262_144, ge=0)
    """Number of buckets for hashed Chinese n-grams; 0: n-grams within words, as in English.

    There are none if the training data has no Chinese.
    """

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.ngram_max < self.ngram_min:
            raise ValueError(f"ngram_max {self.ngram_max} is below ngram_min {self.ngram_min}")
        return self


class WideSettings(Section):
    """A linear model on TF-IDF of hashed n-grams; its logits are averaged with the network's."""

    enabled: bool = True
    """Whether the model has this part."""
    buckets: int = Field(default=262_144, ge=1)
    """Number of buckets for hashed word n-grams; each has a weight for every label."""
    c: float | None = Field(default=None, gt=0)
    """Weight of the errors relative to the regularization (C of a support vector machine); null: tuned.

    It is 0.3, 1 or 3, for each task by cross-validation on at most 3,000 of its training documents.
    """
    scaling: Literal["tuned", "none", "nb", "mean"] = "tuned"
    """Scaling of n-grams before the model is solved for; tuned: by the same cross-validation.

    nb: by how much more frequent they are with a label than without (Naive Bayes), for values by the mean value of their
    documents; mean: the mean of the models with and without, which costs nothing in scoring.
    """
    chinese: WideChineseSettings = WideChineseSettings()
    tagging: WideTaggingSettings = WideTaggingSettings()


class CascadeSettings(Section):
    """Sharing where low-level tasks feed high-level ones."""

    order: list[TaskName] = []
    """Tasks from low to high; each feeds those above it, and tagging is always below document tasks.

    Tasks that are not listed are above the listed ones and feed no task of their own kind.
    """
    width: int = Field(default=128, ge=1)
    """Width of the state that a task passes on."""


class MixtureSettings(Section):
    """Multi-gate mixture of experts."""

    experts: int = Field(default=4, ge=1)
    """Number of experts."""
    width: int = Field(default=128, ge=1)
    """Width of an expert."""


class ExtractionSettings(Section):
    """Progressive layered extraction: experts of all tasks and of each."""

    shared_experts: int = Field(default=2, ge=1)
    """Shared experts in each layer."""
    task_experts: int = Field(default=1, ge=1)
    """Experts for each task in each layer."""
    width: int = Field(default=128, ge=1)
    """Width of an expert."""
    layers: int = Field(default=2, ge=1)
    """Number of layers of experts."""


class AutoencoderSettings(Section):
    """The autoencoder of fusion: stacked_autoencoder."""

    layers: list[Annotated[int, Field(ge=1)]] = [512]
    """Widths of the layers between the granularities and the code, whose width is fusion_width."""
    corruption: float = Field(default=0.3, ge=0, lt=1)
    """Share of a layer's input that is set to zero while the layer learns to reconstruct it."""


class GenerationSettings(Section):
    """The decoder of all generation tasks: it attends to the encoder, copies words, and is searched with a beam."""

    width: int = Field(default=192, ge=2)
    """Width of its states."""
    heads: int = Field(default=4, ge=1)
    """Attention heads."""
    feedforward_width: int = Field(default=512, ge=1)
    """Width of the feed-forward layers."""
    encoder_layers: int = Field(default=3, ge=0)
    """Layers of self-attention over the encoder's words and sentences."""
    decoder_layers: int = Field(default=3, ge=1)
    """Layers of the decoder."""
    dropout: float = Field(default=0.2, ge=0, lt=1)
    """Dropout of its layers."""
    max_source_subwords: int = Field(default=160, ge=8)
    """Maximum number of subwords of a source; it is cut between sentences, and a column marks it.

    If the first sentence is longer, its beginning is read.
    """
    max_length: int = Field(default=96, ge=1)
    """Maximum number of subwords of an output; longer training targets are cut."""
    beam_size: int = Field(default=4, ge=1)
    """Number of beams; 1: greedy search."""
    length_penalty: float = Field(default=1.0, ge=0)
    """Outputs are ranked by log-probability / length ** this."""
    no_repeat_ngram: int = Field(default=5, ge=0)
    """Length of n-grams of subwords that may not occur twice in an output; 0: no restriction."""
    validation_documents: int = Field(default=500, ge=1)
    """Maximum number of documents in each part of the features for which validation generates texts, by greedy search."""

    @model_validator(mode="after")
    def _heads_divide(self) -> Self:
        if self.width % (2 * self.heads):
            raise ValueError(f"width {self.width} is no multiple of twice the heads ({self.heads})")
        return self


_FAST = {name: {"enabled": False} for name in ("sentence", "paragraph", "document")}
PRESETS: dict[str, dict[str, Any]] = {
    "full": {},
    "fast": _FAST,
    "pretrained": {**_FAST, "pretrained": {"enabled": True}},
}
"""Defaults that each preset of the network changes.

`fast` has characters, words and windows: nothing that costs more than a look-up or a small matrix product. `pretrained` has the
same beside an encoder.
"""


class ModelSettings(Section):
    """The network. `preset` gives the defaults; a key that is written overrides it."""

    preset: Literal["full", "fast", "pretrained"] = "full"
    """Which parts the model has; fast: without sentences, paragraphs and document; pretrained: fast with an encoder."""
    width: int = Field(default=128, ge=1)
    """Width of a word's vector."""
    dropout: float = Field(default=0.3, ge=0, lt=1)
    """Dropout of the network, except the decoder of generation tasks."""
    fusion: Literal["concat", "gated", "stacked_autoencoder"] = "concat"
    """How the granularities become the vector of a document.

    concat: side by side; gated: with a softmax over granularities for each task; stacked_autoencoder: the code of a denoising
    autoencoder, whose reconstruction error is a column of the predictions.
    """
    fusion_width: int = Field(default=256, ge=1)
    """Width of a document's vector."""
    sharing: Literal["hard", "cascade", "mmoe", "ple"] = "hard"
    """Layers between the vector of a document and the heads.

    hard: none; cascade: low-level tasks feed high-level ones; mmoe, ple: experts and gates.
    """
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
    pretrained: PretrainedSettings = PretrainedSettings()
    wide: WideSettings = WideSettings()
    generation: GenerationSettings = GenerationSettings()
    autoencoder: AutoencoderSettings = AutoencoderSettings()

    @model_validator(mode="before")
    @classmethod
    def _from_preset(cls, raw: Any) -> Any:
        preset = raw.get("preset") if isinstance(raw, dict) else None
        return merge_sections(PRESETS[preset], raw) if isinstance(preset, str) and preset in PRESETS else raw
