"""Names of tasks and corpora: a misspelt one is an error wherever it stands, one that is off asks nothing."""

import copy
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mgm.settings.core import CoreSettings
from mgm.settings.names import overridden
from mgm.settings.references import find_misspelt, task_mentions
from mgm.settings.settings import Settings
from mgm.settings.yaml_file import load_yaml

SMALL: dict[str, Any] = {
    "enabled": {"tickets": "tickets.jsonl", "诗": "诗.csv"},
    "tasks": {
        "urgency": {"kind": "classification", "corpora": ["tickets"]},
        "主题": {"kind": "multilabel", "corpora": ["诗"]},
        "closed": {"kind": "classification", "corpora": ["archive"]},
    },
}

PLACES: dict[str, Callable[[str], dict[str, Any]]] = {
    "corpora.tickets.columns": lambda task: {task: "a column"},
    "distillation.teachers": lambda task: {task: ["a.parquet"]},
    "gates.tasks": lambda task: {task: {"conflicts_warn": 0.1}},
    "model.cascade.order": lambda task: [task],  # type: ignore[dict-item, return-value]
    "score.tasks": lambda task: [task],  # type: ignore[dict-item, return-value]
    "train.weights": lambda task: {task: 2.0},
    "verdict.floors": lambda task: {task: 0.5},
    "tune.space": lambda task: {f"train.weights.{task}": {"low": 0.5, "high": 2}},
    "run_generation": lambda task: {f"verdict.floors.{task}": 0.5},
}
"""Every setting that names tasks, with a value that names one."""


def naming(place: str, task: str) -> dict[str, Any]:
    return overridden(copy.deepcopy(SMALL), {place: PLACES[place](task)})


def test_these_are_all_settings_that_name_tasks() -> None:
    """Found by their type; those of `tune.space` and `run_generation` are full names of settings."""
    raw: dict[str, Any] = copy.deepcopy(SMALL)
    for place in PLACES:
        raw = overridden(raw, {place: PLACES[place]("urgency")})
    found = {
        m.place.removesuffix(": 'urgency'").removesuffix(".urgency")
        for m in task_mentions(Settings.parse(raw))
    }
    assert found | {"tune.space", "run_generation"} == set(PLACES)


@pytest.mark.parametrize("place", PLACES)
def test_a_misspelt_task_is_an_error_with_the_right_name(place: str) -> None:
    with pytest.raises(ValueError, match=rf"{place}.*: no task of this name \(did you mean 'urgency'\?\)"):
        Settings.parse(naming(place, "urgnecy"))


@pytest.mark.parametrize("place", PLACES)
def test_an_entry_for_a_task_that_was_taken_out_asks_nothing(place: str) -> None:
    settings = Settings.parse(naming(place, "valence"))
    assert [t.name for t in settings.active_tasks()] == ["urgency", "主题"]
    assert settings.search_space() == {}
    if place != "run_generation":
        assert settings.ignored_entries() == [
            {
                "model.cascade.order": "model.cascade.order: 'valence'",
                "score.tasks": "score.tasks: 'valence'",
            }.get(place, f"{place}{'.train.weights' if place == 'tune.space' else ''}.valence")
        ]


@pytest.mark.parametrize("place", [place for place in PLACES if place != "corpora.tickets.columns"])
def test_an_entry_for_a_task_whose_corpora_are_off_asks_nothing(place: str) -> None:
    settings = Settings.parse(naming(place, "closed"))
    assert settings.ignored_entries() == []
    assert settings.search_space() == {}


def test_what_is_ignored_is_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "params.yaml"
    path.write_text('{"enabled": {"a": "a.csv"}, "tasks": {"t": {"kind": "classification", "corpora": ["a"]}}, '
                    '"verdict": {"floors": {"valence": 0.5}}, "train": {"weights": {"themes": 2}}}')  # fmt: skip
    with caplog.at_level(logging.WARNING):
        CoreSettings.load(path)
        Settings.load(path, warns=False)
        assert caplog.messages == []
        Settings.load(path)
        Settings.load(path)
    places = "train.weights.themes; verdict.floors.valence"
    assert caplog.messages == [f"{path}: ignored, as there is no task of this name: {places}"]


@pytest.mark.parametrize(
    ("name", "valid", "meant"),
    [
        ("urgnecy", ["urgency", "title"], "urgency"),
        ("Urgency", ["urgency"], "urgency"),
        ("dishes", ["dish"], "dish"),
        ("情惑", ["情感", "主题"], None),
        ("情感分柝", ["情感分析"], "情感分析"),
        ("tags", ["stars"], None),
        ("valence", ["topic", "sentiment"], None),
        ("news_en", ["news_zh"], None),
        ("news_2024", ["news_2025", "news_2026"], None),
        ("q1", ["q2"], None),
        ("debian", ["debian_titles"], None),
        ("help-pairs", ["help_pairs"], "help_pairs"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_misspelling_is_told_from_another_name(name: str, valid: list[str], meant: str | None) -> None:
    """Names that differ in a number or in a whole word are names of several things."""
    assert find_misspelt(name, valid) == meant


def test_who_wrote_the_right_name_beside_it_did_not_misspell_it() -> None:
    assert find_misspelt("theme", ["themes"], beside=["theme"]) == "themes"
    assert find_misspelt("theme", ["themes"], beside=["theme", "themes"]) is None


def shipped_without(*tasks: str) -> dict[str, Any]:
    raw = load_yaml(Path("params.yaml").read_text(encoding="utf-8"))
    raw["tasks"] = {name: task for name, task in raw["tasks"].items() if name not in tasks}
    return raw


@pytest.mark.parametrize("task", load_yaml(Path("params.yaml").read_text(encoding="utf-8"))["tasks"])
def test_any_shipped_task_can_be_taken_out(task: str) -> None:
    assert task not in Settings.parse(shipped_without(task)).tasks


def test_all_shipped_tasks_can_give_way_to_ones_own() -> None:
    raw = load_yaml(Path("params.yaml").read_text(encoding="utf-8"))
    raw["enabled"] = {"mine": "data/mine.csv"}
    raw["tasks"] = {"topic": {"kind": "classification", "corpora": ["mine"]}}
    settings = Settings.parse(raw)
    assert settings.corpora["mine"].text == {}
    assert "train.weights.themes" not in settings.search_space()
    assert "train.learning_rate" in settings.search_space()


@pytest.mark.parametrize("corpus", load_yaml(Path("params.yaml").read_text(encoding="utf-8"))["enabled"])
def test_any_shipped_corpus_can_be_switched_off(corpus: str) -> None:
    raw = load_yaml(Path("params.yaml").read_text(encoding="utf-8"))
    del raw["enabled"][corpus]
    assert corpus not in {c for task in Settings.parse(raw).active_tasks() for c in task.corpora}
    raw["corpora"].pop(corpus, None)
    assert Settings.parse(raw).ignored_entries() == []


@pytest.mark.parametrize("entry", ["none", "empty", "null", "no section"])
def test_an_enabled_corpus_needs_no_entry(entry: str) -> None:
    sections: dict[str, Any] = {
        "none": {},
        "empty": {"tickets": {}},
        "null": {"tickets": None},
        "no section": None,
    }
    settings = Settings.parse(SMALL | {"corpora": sections[entry]})
    assert settings.corpora["tickets"].text_column == "text"
    assert Settings.parse(settings.model_dump()) == settings


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"enabled": {"tikets": "a.csv"}}, "tasks.urgency.corpora: 'tickets': no corpus of this name (did you mean 'tikets'?)"),
        ({"enabled": {"tikets": "a.csv"}, "corpora": {"tickets": {"lang": "en"}}}, "enabled.tikets: no corpus of this name (did you mean 'tickets'?); else the entry `tikets: {}` in `corpora` says that it is another"),
        ({"corpora": {"tikets": {"lang": "en"}}}, "corpora.tikets: no corpus of this name (did you mean 'tickets'?)"),
        ({"tasks": {"urgency": {"kind": "classification", "corpora": ["tickts"]}}}, "tasks.urgency.corpora: 'tickts': no corpus of this name (did you mean 'tickets'?); if it is switched off, the entry `tickts: {}` in `corpora` says so"),
        ({"corpora": {"诗": {"columns": {"urgency": "急"}}}}, "corpora.诗.columns.urgency: no task of this corpus of this name"),
    ],
    ids=["in enabled", "in enabled, with settings", "in corpora", "in tasks", "a task of another corpus"],
)  # fmt: skip
def test_a_misspelt_corpus_is_an_error_with_the_right_name(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as error:
        Settings.parse(SMALL | change)
    assert message in str(error.value)


@pytest.mark.parametrize(("corpus", "warned"), [("letters", True), ("tickets", False), ("archive", False)])
def test_a_corpus_without_a_task_beside_a_task_without_a_corpus_is_warned_of(
    corpus: str, warned: bool
) -> None:
    """A name misspelt beyond recognition; not where the corpus is enabled, or known by its entry and off."""
    tasks = {
        name: {"kind": "classification", "corpora": [c]} for name, c in (("urgency", corpus), ("tone", "诗"))
    }
    settings = Settings.parse(SMALL | {"tasks": tasks, "corpora": {"archive": {}}})
    expected = "no task names the enabled corpora tickets, and tasks are off that name unknown ones: tasks.urgency.corpora: letters"
    assert settings.warnings() == ([expected] if warned else [])


def test_corpora_of_several_years_need_no_entry_to_be_off() -> None:
    tasks = {"topic": {"kind": "classification", "corpora": ["news_2024", "news_2025", "news_zh"]}}
    settings = Settings.parse({"enabled": {"news_2024": "a.csv"}, "tasks": tasks})
    assert settings.active_tasks()[0].corpora == ["news_2024"]


def test_a_name_that_outputs_have_is_refused_in_one_line() -> None:
    raw = SMALL | {"tasks": SMALL["tasks"] | {"date": {"kind": "regression", "corpora": ["tickets"]}}}
    with pytest.raises(ValueError) as error:
        Settings.parse(raw)
    assert str(error.value) == (
        "params.yaml: tasks: 'date': tables of predictions have a column 'date' of their own; expected another name, such as "
        "'date_label' (where the input's column has the old name, corpora.tickets.columns maps the new one to it)"
    )
    assert "date" in Settings.parse(raw, checks_task_names=False).tasks


def test_every_refused_name_has_its_line() -> None:
    tasks = {name: {"kind": "classification", "corpora": ["tickets"]} for name in ("a/b", "Date", "ok")}
    with pytest.raises(ValueError, match=r"tasks: 'a/b'(.*\n.*)tasks: 'Date'"):
        Settings.parse(SMALL | {"tasks": tasks})
