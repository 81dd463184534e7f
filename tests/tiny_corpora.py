"""Two small corpora, English and Chinese, with every kind of task, taken through the real text functions."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
import torch

from mgm.bundle.bundle import Bundle, load_stopwords, shaping_settings
from mgm.bundle.save import save_bundle
from mgm.model.network import Network
from mgm.model.thresholds import untuned
from mgm.settings.names import merge_sections
from mgm.settings.settings import Settings
from mgm.tasks import Task, with_label_spaces
from mgm.text import labels
from mgm.text.cleaning import clean
from mgm.text.dictionary import UserDictionary, UserWord
from mgm.text.features import FeaturePart, featurize
from mgm.text.segmentation.tokens import tokenize
from mgm.text.stopwords import DocumentFrequencies, Stopwords, mark_content_words
from mgm.text.vocabulary import Vocabulary, count_words

Features = dict[str, list[FeaturePart]]

SETTINGS: dict[str, Any] = {
    "enabled": {"menus": "menus.jsonl", "verses": "verses.jsonl"},
    "corpora": {"menus": {}, "verses": {"min_chars": 3}},
    "tasks": {
        "dish": {"kind": "classification", "corpora": ["menus"]},
        "price": {"kind": "regression", "corpora": ["menus"]},
        "keys": {"kind": "tagging", "corpora": ["menus"]},
        "themes": {"kind": "multilabel", "corpora": ["verses"]},
    },
    "text": {
        "deduplication": {"exact": "off", "near": "off"},
        "stopwords": {"min_documents": 5, "document_frequency": 0.7},
        "features": {"min_count": 1, "ngram_buckets": 500},
    },
    "model": {
        "width": 16,
        "fusion_width": 16,
        "dropout": 0.2,
        "window": {"sizes": [2], "width": 8},
        "sentence": {"width": 8},
        "paragraph": {"width": 8},
        "document": {"width": 8, "heads": 2},
        "wide": {"buckets": 512, "chinese": {"buckets": 300}},
    },
    "train": {"epochs": 4, "tokens_per_batch": 60, "learning_rate": 0.02, "patience": 9, "threads": 1},
}

DICTIONARY = UserDictionary((UserWord("月照高", frequency=None, tag="b"), UserWord("归故乡", frequency=3)))

_DISHES = {
    "soup": "Stir the  soup, then press Enter. It is hot!",
    "cake": "Bake a cake; press Escape when done.",
    "fish": "Fry one fish in oil.\nPress Enter and wait.",
}
_VERSES = {"moon": "明月照高楼。", "home": "故乡在千里之外，我不归。", "rain": "夜雨\u200b打窗。"}
_SPLITS = ["train", "train", "train", "valid", "test"]


def settings(**train: Any) -> Settings:
    """The settings of the tiny corpora; `train` overrides some of that section."""
    return Settings.parse(SETTINGS | {"train": SETTINGS["train"] | train})


def fast(model: Mapping[str, Any] | None = None) -> Settings:
    """A network that the kernels can compute, of tasks of documents; `model` overrides some of that section."""
    tasks = {name: task for name, task in SETTINGS["tasks"].items() if task["kind"] != "tagging"}
    changes = {"preset": "fast", "window": {"sizes": [2, 3, 8], "width": 8}}
    changed = merge_sections(merge_sections(SETTINGS["model"], changes), dict(model or {}))
    return Settings.parse(SETTINGS | {"tasks": tasks, "model": changed})


def with_dictionary() -> Settings:
    """As `settings`, with DICTIONARY for the Chinese corpus."""
    verses = {"min_chars": 3, "text": {"segmentation": {"dictionary": "own.txt"}}}
    return Settings.parse(SETTINGS | {"corpora": {"menus": {}, "verses": verses}})


def menus(rows: int = 30) -> pl.DataFrame:
    """English: a class, a number and the spans of key names; every seventh document has no label at all."""
    documents = []
    for i in range(rows):
        dish = list(_DISHES)[i % 3]
        text = _DISHES[dish] + " Salt it well." * (i % 4)
        key = "Escape" if dish == "cake" else "Enter"
        start = text.index(key)
        labelled = i % 7 != 6
        documents.append(
            {
                "doc_id": f"m{i}",
                "text": text,
                "lang": "en",
                "group": f"m{i}",
                "split": _SPLITS[i // 3 % 5],
                "dish": dish if labelled else None,
                "price": 1.0 + i % 3 + 0.1 * (i % 4) if labelled else None,
                "keys": [{"start": start, "end": start + len(key), "label": "key"}] if labelled else None,
            }
        )
    types = {"price": pl.Float32(), "keys": settings().active_tasks()[1].column_type}
    return pl.DataFrame(documents, schema_overrides=types)


def verses(rows: int = 24) -> pl.DataFrame:
    """Chinese: a set of themes, empty for some."""
    names = list(_VERSES)
    documents = [
        {
            "doc_id": f"v{i}",
            "text": _VERSES[names[i % 3]] + _VERSES[names[(i // 3) % 3]],
            "lang": "zh",
            "group": f"v{i}",
            "split": _SPLITS[i // 3 % 5],
            "themes": sorted({names[i % 3], names[(i // 3) % 3]}) if i % 8 else [],
        }
        for i in range(rows)
    ]
    return pl.DataFrame(documents, schema_overrides={"themes": pl.List(pl.String)})


def corpora() -> dict[str, pl.DataFrame]:
    return {"menus": menus(), "verses": verses()}


def documents(frame: pl.DataFrame, config: Settings) -> pl.DataFrame:
    """Return raw rows with the columns of tasks as documents have them."""
    columns = {task.name: task.columns.label for task in config.active_tasks()}
    return frame.rename(columns, strict=False)


def tokenized(config: Settings, frames: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """The words of each corpus."""
    tokens = {}
    for corpus, frame in frames.items():
        text = config.text_for(corpus)
        kept, _ = clean(documents(frame, config), text.cleaning, min_chars=config.corpora[corpus].min_chars)
        tokens[corpus], _ = tokenize(kept, text.segmentation, dictionary=_dictionary(config, corpus))
    return tokens


def _dictionary(config: Settings, corpus: str) -> UserDictionary | None:
    return DICTIONARY if config.text_for(corpus).segmentation.dictionary else None


def stopwords(config: Settings, tokens: dict[str, pl.DataFrame]) -> dict[str, Stopwords]:
    """Those of each corpus, with what is derived from it."""
    chosen_words = {}
    for corpus, frame in tokens.items():
        chosen, frequencies = config.text_for(corpus).stopwords, DocumentFrequencies.count([frame])
        general = Stopwords.from_settings(chosen)
        chosen_words[corpus] = general.union(general.derive(frequencies, chosen))
    return chosen_words


def prepared(
    config: Settings, frames: dict[str, pl.DataFrame]
) -> tuple[Features, Vocabulary, dict[str, list[str]]]:
    """The features of each corpus in one part, the vocabulary and the label spaces, as the stages make them."""
    words = tokenized(config, frames)
    own_stopwords = stopwords(config, words)
    tokens = {c: w.with_columns(mark_content_words(w, own_stopwords[c])["content"]) for c, w in words.items()}
    vocabulary = Vocabulary.from_counts(count_words(tokens.values()), config.text.features)
    tasks = config.active_tasks()
    spaces = labels.build_label_spaces(labels.count_labels(tokens.values(), tasks), tasks)
    features = {}
    for corpus, frame in tokens.items():
        part = featurize(
            frame, vocabulary, settings=config.text.features, dictionary=_dictionary(config, corpus)
        )
        own: list[Task] = [t for t in tasks if corpus in t.corpora]
        features[corpus] = [
            FeaturePart(labels.encode(part.documents, with_label_spaces(own, spaces)), part.types)
        ]
    return features, vocabulary, spaces


def network(config: Settings, vocabulary: Vocabulary, spaces: dict[str, list[str]], seed: int = 3) -> Network:
    """A network with random weights, large enough that its outputs differ between documents."""
    torch.manual_seed(seed)
    built = Network(
        config.model,
        with_label_spaces(config.active_tasks(), spaces),
        vocabulary_size=len(vocabulary),
        ngram_buckets=config.text.features.ngram_buckets,
    )
    with torch.no_grad():
        for parameter in built.parameters():
            parameter.mul_(1.5)
    return built.eval()


def bundle(config: Settings | None = None) -> Bundle:
    """A bundle of an untrained network for the tiny corpora."""
    config = config or settings()
    _, vocabulary, spaces = prepared(config, corpora())
    return Bundle(
        network=network(config, vocabulary, spaces),
        settings=shaping_settings(config),
        tasks=with_label_spaces(config.active_tasks(), spaces),
        thresholds={"themes": untuned(len(spaces["themes"]))},
        vocabulary=vocabulary,
        profile={"corpora": {"menus": {}, "verses": {}}},
        stopwords=load_stopwords(config) | stopwords(config, tokenized(config, corpora())),
        dictionaries={"own.txt": DICTIONARY} if any(_dictionary(config, c) for c in corpora()) else {},
    )


def saved_bundle(folder: Path, config: Settings | None = None) -> Path:
    """The folder of a saved bundle."""
    save_bundle(folder / "bundle", bundle(config))
    return folder / "bundle"
