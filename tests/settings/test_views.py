"""Views of the settings: each imports, reads and checks its own sections, and all of them together are Settings."""

import importlib
import pkgutil
import re
from pathlib import Path
from typing import Any

import pytest

from flows.stage_dependencies import code_dependencies
from mgm.settings import views
from mgm.settings.core import SECTIONS, CoreSettings
from mgm.settings.settings import Settings
from mgm.settings.training import TrainSettings
from mgm.settings.views.gating import GatingSettings
from mgm.settings.views.text_pipeline import TextPipelineSettings
from mgm.settings.views.training import TrainingSettings
from mgm.settings.yaml_file import load_yaml

VIEWS = [
    CoreSettings,
    *(
        value
        for module in pkgutil.iter_modules(views.__path__, "mgm.settings.views.")
        for value in vars(importlib.import_module(module.name)).values()
        if isinstance(value, type) and issubclass(value, CoreSettings) and value.__module__ == module.name
    ),
]


@pytest.fixture
def raw() -> dict[str, Any]:
    return load_yaml(Path("params.yaml").read_text(encoding="utf-8"))


def test_section_names_are_those_of_the_settings() -> None:
    assert sorted(SECTIONS) == sorted(Settings.model_fields)


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.__name__)
def test_settings_are_every_view(view: type[CoreSettings], raw: dict[str, Any]) -> None:
    assert issubclass(Settings, view)
    settings = Settings.parse(raw)
    assert view.parse(raw).model_dump() == settings.model_dump(include=set(view.model_fields)) | (
        {} if issubclass(view, TrainingSettings) else {"train": {"generation": settings.train.generation}}
    )


def test_settings_have_the_whole_section_train(raw: dict[str, Any]) -> None:
    assert Settings.model_fields["train"].annotation is TrainSettings
    with pytest.raises(ValueError, match="train.generatoin: unknown key"):
        Settings.parse(raw | {"train": {"generatoin": True}})


def test_a_view_checks_its_own_sections_alone(raw: dict[str, Any]) -> None:
    raw["gates"]["features"] = {"unknown": 1}
    assert TrainingSettings.parse(raw).seed == 1
    with pytest.raises(ValueError, match="gates.features.unknown: unknown key"):
        GatingSettings.parse(raw)


def test_a_view_checks_all_names_at_the_top(raw: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"params.yaml: gtes: unknown key \(did you mean 'gates'\?\)"):
        CoreSettings.parse(raw | {"gtes": {}})


def test_a_corpus_text_is_checked_where_text_is_read(raw: dict[str, Any]) -> None:
    raw["corpora"]["poems"] = {"text": {"cleening": {}}}
    assert CoreSettings.parse(raw).corpora["poems"].text == {"cleening": {}}
    with pytest.raises(ValueError, match="corpora.poems.text: cleening: unknown key"):
        TextPipelineSettings.parse(raw)


@pytest.mark.parametrize(
    ("module", "sections"),
    [
        ("mgm.corpus.ingest", {"corpora"}),
        ("mgm.settings.views.ingestion", {"corpora"}),
        ("mgm.settings.views.gating", {"corpora", "gates"}),
        ("mgm.training.fit", {"corpora", "text", "model", "training"}),
        ("mgm.bundle.bundle", {"corpora", "text", "model", "training"}),
    ],
)
def test_a_module_imports_the_sections_that_it_reads(module: str, sections: set[str]) -> None:
    """What a module imports is what a stage depends on: a changed gate must not rerun a training."""
    names = {"corpora", "evaluation", "gates", "model", "scoring", "search", "text", "training"}
    used = {Path(path) for path in code_dependencies(module)}
    assert {path.stem for path in used if path.parent == Path("mgm/settings")} & names == sections


def stage_views() -> dict[str, tuple[type[CoreSettings], set[str]]]:
    """Return each stage's view, and the sections that dvc.yaml states as its params."""
    stages = load_yaml(Path("dvc.yaml").read_text(encoding="utf-8"))["stages"]
    found = {}
    for name, stage in stages.items():
        stage = stage.get("do", stage)
        code = Path(*stage["cmd"].split()[2].split(".")).with_suffix(".py").read_text(encoding="utf-8")
        view = next(view for view in VIEWS if f"{view.__name__}.load()" in code)
        found[name] = (view, {re.split(r"[.$]", param)[0] for param in stage["params"]})
    return found


@pytest.mark.parametrize(("view", "sections"), stage_views().values(), ids=list(stage_views()))
def test_a_stage_reads_the_sections_that_dvc_watches(view: type[CoreSettings], sections: set[str]) -> None:
    assert sections <= view.model_fields.keys()
