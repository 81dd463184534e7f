"""Two small corpora with texts to write, a translation and a heading, beside a class; taken through the real text functions."""

import itertools
from typing import Any

import polars as pl
import torch

from mgm.bundle.bundle import Bundle, load_stopwords, shaping_settings
from mgm.model.network import Network
from mgm.settings.settings import Settings
from mgm.tasks import with_label_spaces
from mgm.text import labels
from mgm.text.features import FeaturePart, featurize
from mgm.text.stopwords import mark_content_words
from mgm.text.subwords import Subwords
from mgm.text.vocabulary import Vocabulary, count_words
from tests import tiny_corpora

SETTINGS: dict[str, Any] = {
    "enabled": {"orders": "orders.jsonl", "notices": "notices.jsonl"},
    "corpora": {"orders": {}, "notices": {}},
    "tasks": {
        "into_zh": {"kind": "generation", "corpora": ["orders"]},
        "dish": {"kind": "classification", "corpora": ["orders"]},
        "heading": {"kind": "generation", "corpora": ["notices"]},
    },
    "text": {
        "deduplication": {"exact": "off", "near": "off"},
        "stopwords": {"min_documents": 500},
        "features": {"min_count": 1, "ngram_buckets": 500, "subwords": 400},
    },
    "model": {
        "preset": "fast",
        "width": 16,
        "fusion_width": 16,
        "dropout": 0.0,
        "window": {"sizes": [2], "width": 8},
        "wide": {"buckets": 512},
        "generation": {
            "width": 32,
            "heads": 2,
            "feedforward_width": 64,
            "encoder_layers": 1,
            "decoder_layers": 1,
            "dropout": 0.0,
            "max_source_subwords": 40,
            "max_length": 12,
            "beam_size": 3,
        },
    },
    "train": {
        "epochs": 4,
        "tokens_per_batch": 60,
        "learning_rate": 0.01,
        "threads": 1,
        "patience": 99,
        "generation": True,
    },
}
_DISHES = {"soup": "汤", "cake": "蛋糕", "fish": "鱼", "rice": "米饭"}
_NAMES = ["Ada", "Tom", "Wei", "Lin", "Bo", "Kim"]
_SPLITS = ["train", "train", "train", "valid", "test"]


def settings(model: dict[str, Any] | None = None, **train: Any) -> Settings:
    """The settings of these corpora; `model` overrides some of its generation, `train` some of that section."""
    generation = SETTINGS["model"]["generation"] | (model or {})
    return Settings.parse(
        SETTINGS
        | {
            "train": SETTINGS["train"] | train,
            "model": SETTINGS["model"] | {"generation": generation},
        }
    )


def orders(rows: int = 48) -> pl.DataFrame:
    """English orders and what they are in Chinese; every ninth has no translation."""
    pairs = list(itertools.product(_NAMES, _DISHES))
    documents = [
        {
            "doc_id": f"o{i}",
            "text": f"{name} wants {dish}. Bring {dish} to {name}!",
            "lang": "en",
            "group": f"o{i}",
            "split": _SPLITS[i % 5],
            "into_zh": f"{name} 要{_DISHES[dish]}。" if i % 9 else None,
            "dish": dish,
        }
        for i, (name, dish) in zip(range(rows), itertools.cycle(pairs), strict=False)
    ]
    return pl.DataFrame(documents)


def notices(rows: int = 30) -> pl.DataFrame:
    """Chinese notices of several sentences, with a heading."""
    dishes = list(_DISHES.values())
    documents = [
        {
            "doc_id": f"n{i}",
            "text": f"今天有{dishes[i % 4]}。明天有{dishes[i % 3]}。请在{i}点以前来，谢谢。",
            "lang": "zh",
            "group": f"n{i}",
            "split": _SPLITS[i % 5],
            "heading": f"今天的{dishes[i % 4]}",
        }
        for i in range(rows)
    ]
    return pl.DataFrame(documents)


def corpora() -> dict[str, pl.DataFrame]:
    return {"orders": orders(), "notices": notices()}


def prepared(
    config: Settings, frames: dict[str, pl.DataFrame]
) -> tuple[tiny_corpora.Features, Vocabulary, dict[str, list[str]], Subwords]:
    """As `tiny.prepared`, and the subwords."""
    words = tiny_corpora.tokenized(config, frames)
    own = tiny_corpora.stopwords(config, words)
    tokens = {c: w.with_columns(mark_content_words(w, own[c])["content"]) for c, w in words.items()}
    vocabulary = Vocabulary.from_counts(count_words(tokens.values()), config.text.features)
    tasks = config.active_tasks()
    spaces = labels.build_label_spaces(labels.count_labels(tokens.values(), tasks), tasks)
    writing = [t for t in tasks if t.kind == "generation"]
    texts = [
        text
        for task in writing
        for corpus in task.corpora
        for text in tokens[corpus].filter(split="train")[task.columns.label].drop_nulls()
    ]
    subwords = Subwords.train(texts, config.text.features.subwords)
    spaces |= {t.name: subwords.pieces for t in writing}
    features = {}
    for corpus, frame in tokens.items():
        part = featurize(frame, vocabulary, settings=config.text.features, dictionary=None, subwords=subwords)
        mine = [t for t in tasks if corpus in t.corpora]
        features[corpus] = [
            FeaturePart(
                labels.encode(part.documents, with_label_spaces(mine, spaces), subwords=subwords), part.types
            )
        ]
    return features, vocabulary, spaces, subwords


def network(config: Settings, vocabulary: Vocabulary, spaces: dict[str, list[str]], seed: int = 3) -> Network:
    """A network with random weights."""
    torch.manual_seed(seed)
    buckets = config.text.features.ngram_buckets
    return Network(
        config.model,
        with_label_spaces(config.active_tasks(), spaces),
        vocabulary_size=len(vocabulary),
        ngram_buckets=buckets,
    ).eval()


def bundle(config: Settings | None = None, made: Network | None = None) -> Bundle:
    """A bundle of these corpora, of an untrained network unless one is given."""
    config = config or settings()
    _, vocabulary, spaces, subwords = prepared(config, corpora())
    return Bundle(
        network=made or network(config, vocabulary, spaces),
        settings=shaping_settings(config),
        tasks=with_label_spaces(config.active_tasks(), spaces),
        thresholds={},
        vocabulary=vocabulary,
        profile={"corpora": {"orders": {}, "notices": {}}},
        stopwords=load_stopwords(config),
        subwords=subwords,
    )
