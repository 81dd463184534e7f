"""The section `text`, from cleaning to features."""

from typing import Literal, Self

from pydantic import Field, model_validator

from mgm.settings.section import Section

Mask = Literal["url", "email", "ip", "phone", "number"]


class CleaningSettings(Section):
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


class LanguageSettings(Section):
    mixed_share: float = Field(default=0.2, gt=0, le=0.5)
    """A document is mixed where both English and Chinese make up at least this share of its words."""
    max_characters: int = Field(default=500, ge=20)
    """How much of a document the detector reads."""


Copies = Literal["drop", "together", "report", "off"]


class DeduplicationSettings(Section):
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


class SegmentationSettings(Section):
    paragraph: Literal["line", "blank_line"] = "line"
    max_sentence_words: int = Field(default=120, ge=2)
    dictionary: str | None = None
    """A file in data/resources: a Chinese word a line, with its frequency and part of speech where wanted."""
    chinese_tokens: Literal["words", "characters"] = "words"
    """Chinese as words, or each character as a word of its own (for tagging at exact bounds)."""


class StopwordSettings(Section):
    add: list[str] = []
    keep: list[str] = []
    document_frequency: float | None = Field(default=0.5, gt=0, le=1)
    """A word in more than this share of a corpus's training documents is a stopword of it; null: no such list."""
    min_documents: int = Field(default=1_000, ge=1)
    """A corpus with fewer training documents gets no such list."""


class VectorSettings(Section):
    """Word vectors that the network starts from."""

    source: Literal["none", "train", "file"] = "none"
    algorithm: Literal["word2vec", "fasttext"] = "word2vec"
    epochs: int = Field(default=5, ge=1)
    window: int = Field(default=5, ge=1)
    negative: int = Field(default=5, ge=1)
    file: str | None = None
    """A file in data/resources: .vec or .txt (word2vec's text format), or .npy beside a .txt of its words."""


class FeatureSettings(Section):
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


class TextSettings(Section):
    """How raw text becomes features. A corpus may override any of it."""

    cleaning: CleaningSettings = CleaningSettings()
    language: LanguageSettings = LanguageSettings()
    deduplication: DeduplicationSettings = DeduplicationSettings()
    segmentation: SegmentationSettings = SegmentationSettings()
    stopwords: StopwordSettings = StopwordSettings()
    features: FeatureSettings = FeatureSettings()
    vectors: VectorSettings = VectorSettings()
