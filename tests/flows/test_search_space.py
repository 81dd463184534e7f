"""The search space of params.yaml in Optuna's terms, and back."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from flows.search_space import distributions, initial_trial, trial_values
from mgm.settings.settings import Settings
from tests import tiny_corpora


def settings(space: dict[str, Any], **more: Any) -> Settings:
    return Settings.parse(copy.deepcopy(tiny_corpora.SETTINGS) | {"tune": {"space": space}} | more)


def test_a_setting_decides_whether_its_range_is_of_whole_numbers() -> None:
    config = settings(
        {
            "model.width": {"low": 8, "high": 32, "step": 8},
            "model.dropout": {"low": 0, "high": 1e-1, "step": 0.05},
            "train.learning_rate": {"low": 0.001, "high": 0.1, "log": True},
            "model.window.sizes": {"choices": [[2], [2, 4]]},
            "model.sentence.enabled": {"choices": [True, False]},
            "train.weights.themes": {"low": 0.5, "high": 2},
        }
    )
    assert distributions(config) == {
        "model.width": IntDistribution(8, 32, step=8),
        "model.dropout": FloatDistribution(0, 0.1, step=0.05),
        "train.learning_rate": FloatDistribution(0.001, 0.1, log=True),
        "model.window.sizes": CategoricalDistribution(["[2]", "[2, 4]"]),
        "model.sentence.enabled": CategoricalDistribution(["true", "false"]),
        "train.weights.themes": FloatDistribution(0.5, 2),
    }


SPACE = {
    "train.learning_rate": {"low": 0.00123456, "high": 0.0987654},
    "model.window.sizes": {"choices": [[2], [2, 4]]},
    "train.epochs": {"low": 1, "high": 9},
}


@given(st.floats(0.00123456, 0.0987654), st.sampled_from(["[2]", "[2, 4]"]), st.integers(1, 9))
def test_a_trial_is_settings_within_the_space(rate: float, sizes: str, epochs: int) -> None:
    found = trial_values(
        settings(SPACE), {"train.learning_rate": rate, "model.window.sizes": sizes, "train.epochs": epochs}
    )
    tried = found["train.learning_rate"]
    assert 0.00123456 <= tried <= 0.0987654
    assert tried == pytest.approx(rate, rel=0.005)
    assert len(f"{tried:.12g}".lstrip("0.").replace(".", "")) <= 3 or tried in (0.00123456, 0.0987654)
    assert found["model.window.sizes"] == ([2] if sizes == "[2]" else [2, 4])
    assert found["train.epochs"] == epochs


def test_the_search_starts_with_the_present_settings() -> None:
    config = settings(SPACE)
    assert trial_values(config, initial_trial(config)) == {
        "train.learning_rate": 0.02,
        "model.window.sizes": [2],
        "train.epochs": 4,
    }


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ({}, r"tune.space has no setting that is trained"),
        ({"train.learning_rate": {"low": 0.03, "high": 0.1}}, r"learning_rate: the present value 0.02 is not among what is tried \(0.03 to 0.1\)"),
        ({"model.width": {"low": 7, "high": 31, "step": 6}}, r"model.width: the present value 16 is not among what is tried"),
        ({"model.fusion": {"choices": ["gated", "gated "]}}, r"model.fusion"),
        ({"model.window.sizes": {"choices": [[3], [4]]}}, r"window.sizes: the present value \[2\] is not among .* \(choices \[\[3\], \[4\]\]\)"),
    ],
)  # fmt: skip
def test_a_space_without_the_present_settings_is_an_error(space: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        config = settings(space)
        distributions(config)
        initial_trial(config)


def test_the_weight_of_a_task_that_is_off_is_not_searched_for() -> None:
    """Neither where its corpora are off nor where it was taken out of `tasks`; a range that excludes its weight is none."""
    weights = {"train.weights.themes": {"low": 2, "high": 3}, "train.weights.valence": {"low": 2, "high": 3}}
    config = settings(weights | {"train.epochs": {"low": 1, "high": 9}}, enabled={"menus": "menus.jsonl"})
    assert distributions(config) == {"train.epochs": IntDistribution(1, 9)}
    assert initial_trial(config) == {"train.epochs": 4}
    with pytest.raises(ValueError, match="tune.space has no setting that is trained"):
        distributions(settings(weights, enabled={"menus": "menus.jsonl"}))


def test_a_width_that_does_not_fit_the_vectors_is_an_error() -> None:
    text = tiny_corpora.SETTINGS["text"] | {"vectors": {"source": "train"}}
    with pytest.raises(ValueError, match=r"model.width: the vectors that words start from have one width"):
        distributions(settings({"model.width": {"low": 8, "high": 32}}, text=text))
