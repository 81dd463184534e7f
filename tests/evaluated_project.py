"""A project folder between evaluate and verdict: the tiny corpora, a candidate trained on them, its predictions and metrics."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from mgm.bundle.bundle import Bundle, load_stopwords, shaping_settings
from mgm.bundle.save import save_bundle
from mgm.corpus.parts import PartsWriter
from mgm.evaluation.prediction_store import SplitPredictor, write_tables
from mgm.settings.settings import Settings
from mgm.tasks import with_label_spaces
from mgm.training.fit import fit, plan_training
from tests import tiny_corpora

ROWS = 240
FRAMES = {"menus": tiny_corpora.menus(ROWS), "verses": tiny_corpora.verses(ROWS)}


def params(**verdict: Any) -> dict[str, Any]:
    """Of the tiny corpora; `verdict` is that section."""
    small = {"smoke_documents": 8, "smoke_repeats": 2}
    train = tiny_corpora.SETTINGS["train"] | {"tokens_per_batch": 200}
    return tiny_corpora.SETTINGS | {
        "seed": 1,
        "train": train,
        "evaluate": {"bootstrap": 200},
        "verdict": small | verdict,
    }


def trained(epochs: int = 4) -> Bundle:
    """A bundle that gets most of the tiny corpora right; with one epoch, much of them wrong."""
    raw = params()
    config = Settings.parse(raw | {"train": raw["train"] | {"epochs": epochs}})
    features, vocabulary, spaces = tiny_corpora.prepared(config, FRAMES)
    made = plan_training(
        config,
        with_label_spaces(config.active_tasks(), spaces),
        parts=features,
        vocabulary_size=len(vocabulary),
    )
    fitted = fit(made, config)
    return Bundle(
        network=fitted.network,
        settings=shaping_settings(config),
        tasks=made.tasks,
        thresholds=fitted.decisions.thresholds,
        linear_baselines=fitted.linear_baselines,
        vocabulary=vocabulary,
        profile={"corpora": {"menus": {}, "verses": {}}},
        stopwords=load_stopwords(config)
        | tiny_corpora.stopwords(config, tiny_corpora.tokenized(config, FRAMES)),
    )


def renamed(bundle: Bundle, name: str) -> Bundle:
    """The same model with another id."""
    return replace(bundle, profile=bundle.profile | {"name": name})


def worse_in(bundle: Bundle, task: str) -> Bundle:
    """A model that takes each label of one task for the next one, and is the same in all other tasks."""
    labels = bundle.labels[task]
    spaces = bundle.labels | {task: labels[1:] + labels[:1]}
    return replace(bundle, tasks=with_label_spaces(bundle.tasks, spaces))


def shyer(bundle: Bundle, threshold: float, theme: str | None = None) -> Bundle:
    """A model that gives a theme, or this one alone, only from this probability on."""
    before = bundle.thresholds["themes"].values.tolist()
    own = [
        threshold if theme in (None, name) else value
        for name, value in zip(bundle.labels["themes"], before, strict=True)
    ]
    themes = replace(bundle.thresholds["themes"], labels=own, mode="labels")
    return replace(bundle, thresholds={"themes": themes})


def write_documents(root: Path) -> None:
    """data/documents, in two parts a corpus."""
    for corpus, frame in FRAMES.items():
        with PartsWriter(root / "data" / "documents" / corpus, frame.schema) as writer:
            for start in (0, ROWS // 2):
                writer.write(frame[start : start + ROWS // 2])


def evaluated(root: Path, bundle: Bundle, **verdict: Any) -> str:
    """Makes the bundle the candidate of the project in `root` and evaluates it; returns its id."""
    (root / "models").mkdir(parents=True, exist_ok=True)
    raw = params(**verdict)
    (root / "params.yaml").write_text(yaml.safe_dump(raw, allow_unicode=True), encoding="utf-8")
    if not (root / "data" / "documents").is_dir():
        write_documents(root)
    config = Settings.parse(raw)
    identity = save_bundle(root / "models" / "candidate", bundle)
    features, _, _ = tiny_corpora.prepared(config, FRAMES)
    tested = write_tables(
        root / "data" / "predictions",
        features,
        tasks=bundle.tasks,
        predictors=[SplitPredictor(splits=["test"], network=bundle.network, thresholds=bundle.thresholds)],
    )
    write(root / "data" / "predictions" / "labels.json", bundle.labels)
    (root / "reports").mkdir(exist_ok=True)
    (root / "reports" / "card.md").write_text(f"# Model card of {identity}\n", encoding="utf-8")
    write(root / "reports" / "metrics.json", tested.metrics(resamples=50, seed=1))
    return identity


def write(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
