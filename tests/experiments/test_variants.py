from pathlib import Path
from typing import Any

import pytest
import yaml

from mgm.experiments.variants import ABLATIONS, AVERAGE, Variant, granularities, variants
from mgm.model.network import Network
from mgm.settings.model import ModelSettings
from mgm.settings.settings import Settings
from mgm.tasks import with_label_spaces
from mgm.text.vocabulary import Vocabulary
from tests import tiny_corpora

SWITCHES = granularities(ModelSettings())


def switched(variant: Variant) -> dict[str, bool]:
    return granularities(variant.settings.model)


def with_model(**model: Any) -> Settings:
    """Settings with every granularity, but for what `model` says."""
    pretrained = {"pretrained": {"enabled": True, "path": "tiny"}}
    return Settings.parse(
        tiny_corpora.SETTINGS | {"model": tiny_corpora.SETTINGS["model"] | pretrained | model}
    )


def test_the_graph_lists_an_ablation_for_every_switch() -> None:
    """DVC needs the list written out; a granularity that is added to the model must be added there."""
    stages = yaml.safe_load(Path("study/dvc.yaml").read_text(encoding="utf-8"))["stages"]
    assert stages[ABLATIONS]["foreach"] == list(SWITCHES)


def test_there_is_an_ablation_for_each_enabled_granularity() -> None:
    """Beside each task alone, the average and the repeats."""
    settings = with_model(sentence={"enabled": False})
    found = variants(settings)
    tasks = [task.name for task in settings.active_tasks()]
    ablated = [name for name, on in granularities(settings.model).items() if on]
    assert "sentence" not in ablated
    again = [name for n in (2, 3) for name in (f"joint_{n}", *(f"single_{n}/{t}" for t in tasks))]
    assert list(found) == [
        *(f"single/{t}" for t in tasks),
        AVERAGE,
        *(f"ablations/{g}" for g in ablated),
        *again,
    ]
    assert [t.name for t in found["single/dish"].tasks] == ["dish"]
    assert found["single/dish"].settings == settings
    assert [t.name for t in found[AVERAGE].tasks] == tasks


def test_a_variant_differs_from_the_joint_model_in_its_switches() -> None:
    settings = with_model()
    found = variants(settings)
    joint = granularities(settings.model)
    for name in joint:
        variant = found[f"ablations/{name}"]
        assert switched(variant) == joint | {name: False}
        assert variant.settings.train == settings.train
        assert variant.settings.training_sections() != settings.training_sections()
    assert {name for name, on in switched(found[AVERAGE]).items() if on} == {"character", "word"}
    assert granularities(settings.model) == joint


def test_a_repeat_differs_in_its_seed_alone() -> None:
    settings = with_model()
    found = variants(settings)
    for n in (2, 3):
        for name in (f"joint_{n}", f"single_{n}/dish"):
            assert found[name].settings.seed == settings.seed + n - 1
            assert found[name].settings.model_copy(update={"seed": settings.seed}) == settings
    assert [task.name for task in found["single_2/dish"].tasks] == ["dish"]
    assert found["joint_2"].tasks == settings.active_tasks()


def test_a_task_alone_has_no_teacher() -> None:
    """It is what the joint model is compared with."""
    taught = {"distillation": {"teachers": {"dish": ["dish/single.parquet"]}}}
    found = variants(Settings.parse(tiny_corpora.SETTINGS | taught))
    plain = variants(Settings.parse(tiny_corpora.SETTINGS))
    for name, variant in found.items():
        alone = variant.kind.startswith("single")
        assert (variant.settings.distillation.teachers == {}) == alone
        if alone:
            assert variant.settings.training_sections() == plain[name].settings.training_sections()


def test_without_words_nothing_starts_from_vectors() -> None:
    text = tiny_corpora.SETTINGS["text"] | {"vectors": {"source": "train"}}
    settings = Settings.parse(tiny_corpora.SETTINGS | {"text": text})
    found = variants(settings)
    assert found["ablations/word"].settings.text.vectors.source == "none"
    assert found["ablations/window"].settings.text.vectors.source == "train"


def test_the_last_granularity_is_not_taken_away() -> None:
    off = {name: {"enabled": False} for name in SWITCHES if name != "word"}
    assert not [v for v in variants(with_model(**off)).values() if v.kind == ABLATIONS]


@pytest.mark.parametrize("name", [AVERAGE, *(f"ablations/{g}" for g in SWITCHES)])
def test_a_network_can_be_made_of_every_variant(name: str) -> None:
    settings = with_model()
    _, vocabulary, spaces = tiny_corpora.prepared(settings, tiny_corpora.corpora())
    variant = variants(settings)[name]
    assert isinstance(vocabulary, Vocabulary)
    tasks = with_label_spaces(variant.tasks, spaces)
    made, joint = (
        Network(model, tasks, vocabulary_size=len(vocabulary), ngram_buckets=500, encoder_width=4)
        for model in (variant.settings.model, settings.model)
    )
    assert sum(p.numel() for p in made.parameters()) < sum(p.numel() for p in joint.parameters())
