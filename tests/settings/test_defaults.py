"""params.yaml states the defaults of the typed settings, but for what is particular to the shipped corpora."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mgm.settings.settings import Settings
from mgm.settings.yaml_file import load_yaml

DIFFERENT = {
    "text.segmentation.southeast_asian_tokens": "the shipped corpora give the same bytes with and without ICU",
    "text.stopwords.keep": "negations decide the polarity of the shipped reviews",
    "verdict.max_ms_per_document": "what is fast enough depends on the machine",
    "verdict.max_memory_mib": "what is small enough depends on the machine",
}
"""Settings whose value in params.yaml is not the default, and why."""
OF_THE_CORPORA = (
    "enabled",
    "corpora",
    "tasks",
    "train.weights",
    "verdict.floors",
    "tune.space",
    "run_generation",
)
"""What has no default, since it names corpora and tasks."""


def differing(stated: Mapping[str, Any], defaults: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in stated.items():
        name = f"{prefix}{key}"
        if name in OF_THE_CORPORA:
            continue
        if isinstance(value, dict) and isinstance(defaults[key], dict):
            yield from differing(value, defaults[key], f"{name}.")
        elif value != defaults[key]:
            yield name


def test_params_yaml_states_the_defaults() -> None:
    stated = load_yaml(Path("params.yaml").read_text(encoding="utf-8"))
    least = {section: stated[section] for section in ("enabled", "corpora", "tasks")}
    defaults = Settings.parse(least).model_dump(mode="json")
    assert sorted(differing(stated, defaults)) == sorted(DIFFERENT)
