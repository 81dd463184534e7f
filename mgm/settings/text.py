"""The section `text`, from cleaning to features."""

from typing import Literal, Self

from pydantic import Field, model_validator

from mgm.settings.section import Section

Mask = Literal["url", "email", "ip", "phone", "number"]
"""Things that cleaning can replace by a placeholder."""
Copies = Literal["drop", "together", "report", "off"]
"""Treatment of copies: one is kept; all are kept, in one split; all are kept and counted; copies are not searched for."""
NearCopies = Literal["drop_contained", "drop", "together", "report", "off"]
"""Treatment of near copies: that of copies, or `drop_contained`: a copy is dropped for one that differs from it in headings and the
order of sentences alone, the others are kept, in one split."""


class CleaningSettings(Section):
    """The steps of cleaning, in the order in which they are taken."""

    html: bool = False
    """Whether texts are HTML; only the visible text is kept."""
    mojibake: bool = True
    """Whether to repair text that was decoded with a wrong encoding."""
    control_characters: bool = True
    """Whether to remove control characters and invisible ones."""
    unicode: Literal["nfc", "nfkc", "none"] = "nfc"
    """Unicode normal form."""
    width: Literal["none", "letters", "all"] = "none"
    """Full-width forms that become half-width: only letters and digits, or punctuation too."""
    simplified: bool = False
    """Whether to convert Traditional to Simplified Chinese."""
    whitespace: bool = True
    """Whether to replace runs of blanks by one blank and trim the ends; line breaks stay."""
    mask: list[Mask] = ["url", "email", "ip", "phone", "number"]
    """What is replaced by a placeholder such as <URL>; number: runs of digits that look like an id."""
    max_chars: int = Field(default=100_000, ge=1)
    """Maximum number of characters of a document; longer ones are rejected."""


class LanguageSettings(Section):
    """The language of each document: en, zh, mixed or other."""

    mixed_share: float = Field(default=0.2, gt=0, le=0.5)
    """Share of words that English and Chinese must each reach for a document to be mixed."""
    max_characters: int = Field(default=500, ge=20)
    """Number of characters that the language detector reads."""


class DeduplicationSettings(Section):
    """Copies: drop (a labelled one stays), together (all stay, in one split), report (counted) or off."""

    exact: Copies = "drop"
    """Treatment of texts that are equal except for case, blanks and punctuation."""
    near: NearCopies = "drop_contained"
    """Treatment of texts that share most of their shingles; drop_contained: drop those with the same sentences, others together."""
    threshold: float = Field(default=0.85, gt=0, le=1)
    """Minimum Jaccard similarity of the shingles of two near-duplicates."""
    shingle: int = Field(default=5, ge=1)
    """Number of characters in a shingle."""
    permutations: int = Field(default=128, ge=16)
    """Permutations of MinHash; with more of them, fewer near-duplicates are missed."""

    @model_validator(mode="after")
    def _exact_copies_are_near(self) -> Self:
        if self.exact == "report" and self.near not in ("report", "off"):
            raise ValueError(f"exact: report leaves exact copies alone, which near: {self.near} would not")
        return self


class SegmentationSettings(Section):
    """Paragraphs, sentences and words."""

    paragraph: Literal["line", "blank_line"] = "line"
    """End of a paragraph: every line break, or only an empty line (for hard-wrapped text)."""
    max_sentence_words: int = Field(default=120, ge=2)
    """Maximum number of words in a sentence; longer ones are split, which bounds the memory of the recurrent encoder."""
    dictionary: str | None = None
    """File in data/resources with additional Chinese words.

    Each line has a word, optionally followed by its frequency and part of speech.
    """
    chinese_tokens: Literal["words", "characters"] = "words"
    """Tokens of Chinese text; characters allows spans that end inside a word."""
    southeast_asian_tokens: Literal["auto", "words", "characters"] = "auto"
    """Tokens of Thai, Lao, Khmer and Burmese text; auto: words if the extra `icu` is installed, otherwise characters.

    With the other two the texts are the same on every machine. A bundle records which of the two it was trained on.
    """


class StopwordSettings(Section):
    """Words that carry no content. No word is deleted; granularities choose whether to read them."""

    add: list[str] = []
    """Additional stopwords."""
    keep: list[str] = []
    """Words that are never stopwords, such as negations."""
    document_frequency: float | None = Field(default=0.5, gt=0, le=1)
    """Share of a corpus's training documents above which a word becomes a stopword; null: derive none."""
    min_documents: int = Field(default=1_000, ge=1)
    """Minimum number of training documents of a corpus for deriving stopwords."""


class VectorSettings(Section):
    """Word vectors that the network starts from."""

    source: Literal["none", "train", "file", "encoder"] = "none"
    """Source of the word vectors; none: random initial vectors; train: trained on the enabled corpora.

    encoder: those of a pretrained encoder for each word alone, which help where labels are few (the extra `pretrained`).
    """
    algorithm: Literal["word2vec", "fasttext"] = "word2vec"
    """Algorithm that trains the vectors."""
    epochs: int = Field(default=5, ge=1)
    """Passes over the corpora."""
    window: int = Field(default=5, ge=1)
    """Words on either side of a word that are its context."""
    negative: int = Field(default=5, ge=1)
    """Negative samples for each word."""
    file: str | None = None
    """File in data/resources: .vec or .txt (word2vec's text format), or .npy beside a .txt with its words."""
    encoder: str | None = None
    """Folder of the encoder below data/encoders, for source: encoder."""


class FeatureSettings(Section):
    """Words to ids: the vocabulary, hashed character n-grams, properties."""

    stem: bool = False
    """Whether English words with the same stem share an entry of the vocabulary."""
    part_of_speech: bool = True
    """Whether the part of speech of Chinese words is a property."""
    min_count: int = Field(default=2, ge=1)
    """Minimum number of occurrences of a word in the vocabulary."""
    max_words: int = Field(default=60_000, ge=1)
    """Maximum size of the vocabulary; the most frequent words are kept."""
    ngram_min: int = Field(default=2, ge=1)
    """Length of the shortest character n-grams."""
    ngram_max: int = Field(default=4, ge=1)
    """Length of the longest character n-grams."""
    ngram_buckets: int = Field(default=50_000, ge=1)
    """Number of buckets that character n-grams are hashed to."""
    subwords: int = Field(default=4_000, ge=300)
    """Number of subwords of all generation tasks, learned from the training targets; 256 of them are bytes."""


class TextSettings(Section):
    """The steps from raw text to features. A corpus may override any of these settings."""

    cleaning: CleaningSettings = CleaningSettings()
    language: LanguageSettings = LanguageSettings()
    deduplication: DeduplicationSettings = DeduplicationSettings()
    segmentation: SegmentationSettings = SegmentationSettings()
    stopwords: StopwordSettings = StopwordSettings()
    features: FeatureSettings = FeatureSettings()
    vectors: VectorSettings = VectorSettings()
    lexicons: list[str] = []
    """Files in data/resources with terms, such as names of places; tagging reads which words are in them.

    Each line has a term, optionally followed by a tab and its class.
    """
