"""Settings that had another name: each old name is an error that names the new one."""

from pathlib import Path
from typing import Any

import pytest

from mgm.settings.core import CoreSettings
from mgm.settings.names import flatten_sections
from mgm.settings.renamed import MOVED, REMOVED, RENAMED, RenamedSettings, check_renamed
from mgm.settings.settings import Settings
from mgm.settings.yaml_file import load_yaml


def names() -> set[str]:
    """The full names of all settings and of their sections' mappings."""
    settings = Settings.load(Path("params.yaml")).model_dump()
    return {*flatten_sections(settings), "evaluate.ood_inputs"}


@pytest.mark.parametrize(("old", "new"), RENAMED.items(), ids=list(RENAMED))
def test_the_new_name_is_a_setting_and_the_old_is_none(old: str, new: str) -> None:
    assert new in names()
    assert old not in names()
    assert old.rpartition(".")[0] == new.rpartition(".")[0]


@pytest.mark.parametrize(("old", "new"), MOVED.items(), ids=list(MOVED))
def test_a_moved_section_is_there_and_no_longer_here(old: str, new: str) -> None:
    present = names()
    assert any(name.startswith(f"{new}.") for name in present)
    assert not any(name == old or name.startswith(f"{old}.") for name in present)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (
            {"score": {"input": "in.csv", "ray": {"address": "local"}}},
            "p.yaml: score.ray: this section has moved; expected compute.ray",
        ),
        (
            {"train": {"initial": "random"}},
            "p.yaml: train.initial: this setting was renamed; expected train.init_from",
        ),
        (
            {"corpora": {"news": {"text": {"segmentation": {"han": "words"}}}}},
            "p.yaml: corpora.news.text.segmentation.han: this setting was renamed; expected "
            "corpora.news.text.segmentation.chinese_tokens",
        ),
        (
            {"run_generation": {"model.generation.source": 96}},
            "p.yaml: run_generation.model.generation.source: this setting was renamed; expected "
            "run_generation.model.generation.max_source_subwords",
        ),
        (
            {"tune": {"space": {"model.generation.beam": {"low": 1, "high": 4}}}},
            "p.yaml: tune.space.model.generation.beam: this setting was renamed; expected "
            "tune.space.model.generation.beam_size",
        ),
    ],
    ids=["section", "setting", "text-of-a-corpus", "run-generation", "tune-space"],
)
def test_an_old_name_is_an_error_that_names_the_new_one(raw: dict[str, Any], message: str) -> None:
    with pytest.raises(RenamedSettings) as error:
        check_renamed(raw, "p.yaml")
    assert str(error.value) == message


@pytest.mark.parametrize("name", REMOVED)
def test_a_setting_that_is_gone_is_an_error_that_says_what_replaces_it(name: str) -> None:
    raw: Any = 100_000
    for key in reversed(name.split(".")):
        raw = {key: raw}
    with pytest.raises(ValueError) as error:
        check_renamed(raw, "p.yaml")
    assert str(error.value) == f"p.yaml: {name}: this setting is gone: {REMOVED[name]}; expected no such line"
    assert not isinstance(error.value, RenamedSettings) and name not in names()
    with pytest.raises(RenamedSettings) as both:
        check_renamed(raw | {"train": {"initial": "random"}}, "p.yaml")
    assert [line.split(": ")[1] for line in str(both.value).splitlines()] == ["train.initial", name]


def test_each_old_name_has_its_line_in_every_view() -> None:
    raw = load_yaml(Path("params.yaml").read_text(encoding="utf-8"))
    raw["train"]["initial"], raw["verdict"]["margin"] = "random", 0.0
    with pytest.raises(RenamedSettings) as error:
        CoreSettings.parse(raw)
    assert str(error.value).splitlines() == [
        "params.yaml: train.initial: this setting was renamed; expected train.init_from",
        "params.yaml: verdict.margin: this setting was renamed; expected verdict.noninferiority_margin",
    ]


def test_a_task_or_corpus_may_have_an_old_name() -> None:
    check_renamed({"tasks": {"margin": {"han": 1}}, "enabled": {"initial": "a.csv"}}, "p.yaml")
