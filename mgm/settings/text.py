"""The section `text`, from cleaning to features."""

from typing import Literal, Self

from pydantic import Field, model_validator

from mgm.settings.section import Section

Mask = Literal["url", "email", "ip", "phone", "number"]
"""Things that cleaning can replace by a placeholder."""
Copies = Literal["drop", "together", "report", "off"]
"""Treatment of copies: one is kept; all are kept, in one split; all are kept and counted; copies are not searched for."""


class CleaningSettings(Section):
    """The steps of cleaning, in the order in which they are taken."""

    html: bool = False
    """Whether texts are HTML, of which the visible text is kept."""
    mojibake: bool = True
    """Whether to repair text that was decoded with a wrong encoding."""
    control_characters: bool = True
    """Whether to remove control characters and invisible ones."""
    unicode: Literal["nfc", "nfkc", "none"] = "nfc"
    """Unicode normal form."""
    width: Literal["none", "letters", "all"] = "none"
    """Full-width forms to make half-width: letters and digits, or punctuation too."""
    simplified: bool = False
    """Whether to convert Traditional to Simplified Chinese."""
    whitespace: bool = True
    """Whether to make runs of blanks one blank and trim the ends; line breaks stay."""
    mask: list[Mask] = ["url", "email", "ip", "phone", "number"]
    """Each to a placeholder such as <URL>; number: runs of digits that look like an id."""
    max_chars: int = Field(default=100_000, ge=1)
    """Most characters of a document; a longer one is rejected."""


class LanguageSettings(Section):
    """The language of each document: en, zh, mixed or other."""

    mixed_share: float = Field(default=0.2, gt=0, le=0.5)
    """Share of the words from which on English and Chinese both count; then a document is mixed."""
    max_characters: int = Field(default=500, ge=20)
    """Characters of a document that the detector reads."""


class DeduplicationSettings(Section):
    """Copies: drop (a labelled one stays), together (all stay, in one split), report (counted) or off."""

    exact: Copies = "drop"
    """Texts that are equal but for case, blanks and punctuation."""
    near: Copies = "drop"
    """Texts that share most of their shingles."""
    threshold: float = Field(default=0.85, gt=0, le=1)
    """Least Jaccard similarity of two near-duplicates' sets of shingles."""
    shingle: int = Field(default=5, ge=1)
    """Characters of a shingle."""
    permutations: int = Field(default=128, ge=16)
    """Permutations of MinHash; more find near-duplicates more surely."""

    @model_validator(mode="after")
    def _exact_copies_are_near(self) -> Self:
        if self.exact == "report" and self.near in ("drop", "together"):
            raise ValueError(f"exact: report leaves exact copies alone, which near: {self.near} would not")
        return self


class SegmentationSettings(Section):
    """Paragraphs, sentences and words."""

    paragraph: Literal["line", "blank_line"] = "line"
    """End of a paragraph: every line break, or only an empty line (hard-wrapped text)."""
    max_sentence_words: int = Field(default=120, ge=2)
    """Words at which a sentence is cut, which bounds the memory of the recurrent encoder."""
    dictionary: str | None = None
    """File in data/resources with Chinese words to add.

    A word a line, with its frequency and part of speech where wanted.
    """
    chinese_tokens: Literal["words", "characters"] = "words"
    """Tokens of Chinese; characters: for tagging at exact bounds."""
    southeast_asian_tokens: Literal["auto", "words", "characters"] = "auto"
    """Tokens of Thai, Lao, Khmer, Burmese; auto: words where the extra `icu` is installed, else characters.

    With the other two the texts are the same on every machine. A bundle keeps which of the two its texts were cut into.
    """


class StopwordSettings(Section):
    """Words that carry no content. No word is deleted; granularities choose whether to read them."""

    add: list[str] = []
    """More stopwords."""
    keep: list[str] = []
    """Words that are no stopwords, such as negations."""
    document_frequency: float | None = Field(default=0.5, gt=0, le=1)
    """Share of a corpus's training documents above which a word is a stopword of it; null: none is."""
    min_documents: int = Field(default=1_000, ge=1)
    """Training documents below which a corpus derives no stopwords."""


class VectorSettings(Section):
    """Word vectors that the network starts from."""

    source: Literal["none", "train", "file"] = "none"
    """Source of the vectors; none: random; train: trained on these corpora."""
    algorithm: Literal["word2vec", "fasttext"] = "word2vec"
    """Algorithm of their training."""
    epochs: int = Field(default=5, ge=1)
    """Passes over the corpora."""
    window: int = Field(default=5, ge=1)
    """Words on either side that are a word's context."""
    negative: int = Field(default=5, ge=1)
    """Negative samples a word."""
    file: str | None = None
    """File in data/resources: .vec or .txt (word2vec's text format), or .npy beside a .txt of its words."""


class FeatureSettings(Section):
    """Words to ids: the vocabulary, hashed character n-grams, properties."""

    stem: bool = False
    """Whether English words share an entry of the vocabulary with their stem."""
    part_of_speech: bool = True
    """Whether Chinese words have their part of speech as a property."""
    min_count: int = Field(default=2, ge=1)
    """Fewest occurrences of a word of the vocabulary."""
    max_words: int = Field(default=60_000, ge=1)
    """Most words of the vocabulary, the most frequent ones."""
    ngram_min: int = Field(default=2, ge=1)
    """Shortest character n-gram."""
    ngram_max: int = Field(default=4, ge=1)
    """Longest character n-gram."""
    ngram_buckets: int = Field(default=50_000, ge=1)
    """Buckets that character n-grams are hashed to."""
    subwords: int = Field(default=4_000, ge=300)
    """Subwords that all generation tasks write with, learned from training targets; 256 are bytes."""


class TextSettings(Section):
    """The steps from raw text to features. A corpus may override any of these settings."""

    cleaning: CleaningSettings = CleaningSettings()
    language: LanguageSettings = LanguageSettings()
    deduplication: DeduplicationSettings = DeduplicationSettings()
    segmentation: SegmentationSettings = SegmentationSettings()
    stopwords: StopwordSettings = StopwordSettings()
    features: FeatureSettings = FeatureSettings()
    vectors: VectorSettings = VectorSettings()
