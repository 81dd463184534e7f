"""params.yaml: the shipped one is valid, and every kind of mistake is named with its place and the nearest name."""

import copy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgm.settings.names import overridden
from mgm.settings.settings import Settings
from mgm.settings.yaml_file import load_yaml

SMALL: dict[str, Any] = {
    "enabled": {"tickets": "tickets.jsonl"},
    "corpora": {"tickets": {"lang": "en"}, "faq": {}},
    "tasks": {"urgency": {"kind": "classification", "corpora": ["tickets"]}},
}


def changed(path: str, value: Any) -> dict[str, Any]:
    raw = copy.deepcopy(SMALL)
    at = raw
    *parents, last = path.split(".")
    for key in parents:
        at = at.setdefault(key, {})
    at[last] = value
    return raw


def test_shipped_params_are_valid() -> None:
    settings = Settings.load(Path("params.yaml"))
    assert [t.name for t in settings.active_tasks()] == [
        "dynasty", "extremity", "module", "polarity", "themes", "ui_terms", "valence",
    ]  # fmt: skip
    assert settings.text_for("debian").segmentation.paragraph == "blank_line"
    assert settings.text_for("help").segmentation.paragraph == "line"
    assert settings.text_for(None) == settings.text


MISTAKES: list[tuple[str, Any, str]] = [
    ("trian", {}, "params.yaml: trian: unknown key (did you mean 'train'?)"),
    ("corpora.tickets.txt", "a", "corpora.tickets.txt: unknown key"),
    ("corpora.tickets.min_char", 3, "corpora.tickets.min_char: unknown key (did you mean 'min_chars'?)"),
    ("model.sentence.widht", 3, "model.sentence.widht: unknown key (did you mean 'width'?)"),
    ("tasks.urgency.kind", "clasification", "tasks.urgency.kind: expected one of classification, generation, multilabel"),
    ("train.epochs", 0, "train.epochs: Input should be greater than or equal to 1, found 0"),
    ("tasks.urgency.corpora", ["ticket"], "tasks.urgency.corpora: 'ticket': no corpus of this name"),
    ("corpora.tickets.columns", {"urgncy": "u"}, "columns.urgncy: no task of this name (did you mean 'urgency'?)"),
    ("corpora.faq.text", {"cleaning": {"unicod": "nfc"}}, "corpora.faq.text: cleaning.unicod: unknown key (did you mean 'unicode'?)"),
    ("verdict.floors", {"urgent": 0.5}, "verdict.floors.urgent: no task of this name (did you mean 'urgency'?)"),
    ("gates.tasks", {"urgent": {}}, "gates.tasks.urgent: no task of this name (did you mean 'urgency'?)"),
    ("gates.tasks", {"urgency": {"empty_wran": 0.1}}, "gates.tasks.urgency.empty_wran: unknown key (did you mean 'empty_warn'?)"),
    ("train.weights", {"urgent": 2}, "train.weights.urgent: no task of this name (did you mean 'urgency'?)"),
    ("train.weights", {"urgency": 0}, "train.weights.urgency: Input should be greater than 0, found 0"),
    ("score.tasks", ["urgnecy"], "score.tasks: 'urgnecy': no task of this name (did you mean 'urgency'?)"),
    ("score.abstain", {"urgnecy": 0.9}, "score.abstain.urgnecy: no task of this name (did you mean 'urgency'?)"),
    ("score.abstain", {"urgency": 1}, "score.abstain.urgency: Input should be less than 1, found 1"),
    ("score.abstain", {"urgency": 0}, "score.abstain.urgency: Input should be greater than 0, found 0"),
    ("score.calibrate", "perhaps", "score.calibrate: Input should be a valid boolean"),
    ("score", {"input": "incoming/all.jsonl"}, "score: input 'incoming/all.jsonl': expected {date} in it"),
    ("score", {"table": "scored", "rejects": "scored/"}, "table and rejects are both 'scored'; expected two places"),
    ("tune.space", {"train.learning_rat": {"low": 1, "high": 2}}, "tune.space.train.learning_rat: no setting of model or train of this name (did you mean 'train.learning_rate'?)"),
    ("tune.space", {"text.stem": {"choices": [True, False]}}, "tune.space.text.stem: no setting of model or train of this name"),
    ("tune.space", {"train.weights.urgent": {"low": 1, "high": 2}}, "tune.space.train.weights.urgent: no task of this name (did you mean 'urgency'?)"),
    ("tune.space", {"train.generation": {"choices": [True, False]}}, "tune.space.train.generation: no setting of model or train of this name"),
    ("tune.space", {"model.dropout": {"lo": 0, "high": 1}}, "tune.space.model.dropout.lo: unknown key (did you mean 'low'?)"),
    ("tune.space", {"model.dropout": {"low": 0, "high": 1}}, "tune.space.model.dropout: model.dropout: Input should be less than 1, found 1"),
    ("tune.space", {"train.epochs": {"low": 1.5, "high": 3}}, "tune.space.train.epochs: train.epochs: Input should be a valid integer"),
    ("tune.space", {"model.fusion": {"choices": ["concat", "gate"]}}, "tune.space.model.fusion: model.fusion: Input should be 'concat', 'gated' or 'stacked_autoencoder', found 'gate'"),
    ("tune.space", {"model.fusion": {"low": 0, "high": 1}}, "tune.space.model.fusion: it is no number (now 'concat'); expected choices"),
    ("tune.space", {"model.dropout": {"low": 0.5, "high": 0.1}}, "low 0.5 is not below high 0.1"),
    ("tune.space", {"model.dropout": {"low": 0, "high": 0.1, "log": True}}, "log: expected low above 0, and no step"),
    ("tune.space", {"model.dropout": {"low": 0}}, "expected low and high, or choices"),
    ("tune.space", {"model.dropout": {"low": 0, "choices": [0.1, 0.2]}}, "choices stand alone, without low, high, log and step"),
    ("model.wide", {"chinese": {"ngram_min": 3}}, "model.wide.chinese: ngram_max 2 is below ngram_min 3"),
    ("model.generation", {"width": 30}, "model.generation: width 30 is no multiple of twice the heads (4)"),
    ("model.generation.beam_size", 0, "model.generation.beam_size: Input should be greater than or equal to 1, found 0"),
    ("crossval.folds", 1, "crossval.folds: Input should be greater than or equal to 2, found 1"),
    ("enabled", {"faq": "faq.csv"}, "no enabled corpus has a task that is trained"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "value", "message"), MISTAKES, ids=[path for path, _, _ in MISTAKES])
def test_a_mistake_is_named(path: str, value: Any, message: str) -> None:
    with pytest.raises(ValueError) as error:
        Settings.parse(changed(path, value))
    assert message in str(error.value)


def test_task_without_probabilities_cannot_abstain() -> None:
    raw = changed("tasks.level", {"kind": "regression", "corpora": ["tickets"]}) | {
        "score": {"abstain": {"level": 0.9}}
    }
    with pytest.raises(
        ValueError, match=r"^params.yaml: score.abstain.level: a regression task has no probab"
    ):
        Settings.parse(raw)


def test_files_that_are_no_settings(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no such file"):
        Settings.load(tmp_path / "params.yaml")
    for content, message in [("a: [", "not valid YAML"), ("- a", "expected a mapping")]:
        (tmp_path / "params.yaml").write_text(content)
        with pytest.raises(ValueError, match=message):
            Settings.load(tmp_path / "params.yaml")


def test_generation_tasks_are_listed_and_off() -> None:
    raw = changed("tasks.title", {"kind": "generation", "corpora": ["tickets"]})
    assert [t.name for t in Settings.parse(raw).active_tasks()] == ["urgency"]
    assert [t.name for t in Settings.parse(raw).tasks_for("tickets")] == ["title", "urgency"]
    on = Settings.parse(raw | {"train": {"generation": True}})
    assert [t.name for t in on.active_tasks()] == ["title", "urgency"]


def test_settings_can_be_overridden_by_their_full_names() -> None:
    raw = {"train": {"epochs": 3, "weights": {"a.b": 2.0}}, "model": None}
    found = overridden(raw, {"train.weights.a.b": 1.0, "model.word.enabled": False, "train.clip": 2.0})
    assert found == {
        "train": {"epochs": 3, "weights": {"a.b": 1.0}, "clip": 2.0},
        "model": {"word": {"enabled": False}},
    }
    assert raw == {"train": {"epochs": 3, "weights": {"a.b": 2.0}}, "model": None}


def test_every_setting_that_can_be_tuned_can_be_set_by_its_name() -> None:
    settings = Settings.load(Path("params.yaml"))
    names = settings.tunable()
    assert {
        "model.dropout",
        "model.sentence.cell",
        "train.learning_rate",
        "train.weights.themes",
    } <= names.keys()
    raw = load_yaml(Path("params.yaml").read_text(encoding="utf-8"))
    assert Settings.parse(overridden(raw, names)).tunable() == names


def test_settings_survive_their_own_dump() -> None:
    settings = Settings.parse(load_yaml(Path("params.yaml").read_text(encoding="utf-8")))
    assert Settings.parse(settings.model_dump()) == settings


def test_a_bare_off_is_off() -> None:
    raw = load_yaml("{exact: off, near: 'off'}")
    found = Settings.parse(changed("text.deduplication", raw)).text.deduplication
    assert (found.exact, found.near) == ("off", "off")


def test_the_presets() -> None:
    full = Settings.parse(changed("model", {"preset": "full"})).model
    assert full == Settings.parse(SMALL).model
    fast = Settings.parse(changed("model", {"preset": "fast"})).model
    levels = ("character", "word", "window", "sentence", "paragraph", "document")
    assert [level for level in levels if getattr(fast, level).enabled] == ["character", "word", "window"]
    assert all(getattr(full, level).enabled for level in levels)


def test_a_written_key_overrides_the_preset() -> None:
    own = {
        "preset": "fast",
        "width": 64,
        "sentence": {"enabled": True},
        "paragraph": {"width": 5},
        "word": {"enabled": False},
    }
    model = Settings.parse(changed("model", own)).model
    assert (model.width, model.sentence.enabled, model.word.enabled, model.document.enabled) == (
        64,
        True,
        False,
        False,
    )
    assert (model.paragraph.enabled, model.paragraph.width) == (False, 5)


def test_the_shipped_model_is_that_of_either_preset_by_one_word() -> None:
    raw = load_yaml(Path("params.yaml").read_text(encoding="utf-8"))
    assert Settings.parse(raw).model.sentence.enabled
    raw["model"]["preset"] = "fast"
    assert not Settings.parse(raw).model.sentence.enabled


def test_a_wrong_preset_is_named() -> None:
    with pytest.raises(
        ValueError, match="model.preset: Input should be 'full', 'fast' or 'pretrained', found 'quick'"
    ):
        Settings.parse(changed("model", {"preset": "quick"}))
    with pytest.raises(ValueError, match="model.preset: Input should be .* found \\['fast'\\]"):
        Settings.parse(changed("model", {"preset": ["fast"]}))


@pytest.mark.parametrize("threads", ["fast", 0, 1.5, True, None])
def test_threads_are_a_number_or_auto(threads: object) -> None:
    for right in (3, "auto"):
        assert Settings.parse(changed("train", {"threads": right})).train.threads == right
    with pytest.raises(
        ValueError, match=r"train\.threads: .*expected a whole number from 1 on, or auto"
    ) as error:
        Settings.parse(changed("train", {"threads": threads}))
    assert "\n" not in str(error.value)


LEVELS = st.fixed_dictionaries(
    {}, optional={"enabled": st.booleans(), "width": st.integers(1, 50).map(lambda n: 2 * n)}
)
MODELS = st.fixed_dictionaries(
    {},
    optional={
        "preset": st.sampled_from(["full", "fast"]),
        "width": st.integers(1, 300),
        "fusion": st.sampled_from(["concat", "gated"]),
        "word": st.fixed_dictionaries({}, optional={"enabled": st.booleans()}),
        "sentence": st.one_of(LEVELS, st.fixed_dictionaries({"cell": st.sampled_from(["gru", "lstm"])})),
        "paragraph": LEVELS,
        "document": LEVELS,
    },
)


@given(MODELS)
def test_a_model_survives_its_own_dump_and_means_what_was_written(raw: dict[str, Any]) -> None:
    settings = Settings.parse(changed("model", raw))
    assert Settings.parse(settings.model_dump()) == settings
    assert Settings.parse(settings.model_dump(mode="json")) == settings
    dumped = settings.model.model_dump()
    for key, value in raw.items():
        found = dumped[key]
        assert (value.items() <= found.items()) if isinstance(value, dict) else value == found


@pytest.mark.parametrize(
    ("text", "problem"),
    [("seed: 1\nseed: 2\n", 'line 2: found duplicate key "seed"'), ("a: [1\n", "line 2: ")],
    ids=["a key twice", "an open bracket"],
)
def test_bad_yaml_is_one_line(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "params.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="not valid YAML") as caught:
        Settings.load(tmp_path / "params.yaml")
    assert problem in str(caught.value) and "\n" not in str(caught.value)
