"""Edits of params.yaml: nothing moves but what was asked."""

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.params_comments import commented
from flows.params_file import set_values, unified_diff
from mgm.settings.names import overridden
from mgm.settings.yaml_file import load_yaml

SHIPPED = Path("params.yaml").read_text(encoding="utf-8")

VALUES = st.fixed_dictionaries(
    {},
    optional={
        "train.learning_rate": st.floats(1e-9, 1e9, exclude_min=True),
        "train.epochs": st.integers(1, 99),
        "model.fusion": st.sampled_from(["gated", "concat"]),
        "model.window.sizes": st.lists(st.integers(1, 9), min_size=1, max_size=3),
        "model.sentence.enabled": st.booleans(),
        "train.weights.polarity": st.floats(0.001, 99).map(lambda x: float(f"{x:.3g}")),
        "train.weights.带.dots": st.just(2.0),
    },
)


def test_without_changes_the_shipped_file_stays_as_it_is() -> None:
    assert set_values(SHIPPED, {}) == SHIPPED
    assert unified_diff(SHIPPED, SHIPPED) == ""


@pytest.mark.parametrize(
    "text",
    [
        "model:\n    word:  # by hand\n        enabled: true\n",
        "text:\n  mask:  # by DVC\n  - url\n  vectors:\n    file:\n",
        "text:\n  mask:\n    - url\n  vectors:\n    file: null\n",
        "text:\n  mask: []\n  weights: {a: null}\n",
    ],
    ids=["four blanks", "as DVC writes", "indented lists", "flow"],
)
def test_without_changes_a_file_stays_as_it_is(text: str) -> None:
    assert set_values(text, {}) == text


def test_dvc_changes_no_line_of_the_shipped_file_but_the_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `dvc exp run -S` does it."""
    from dvc.utils.hydra import apply_overrides

    monkeypatch.chdir(tmp_path)
    path = Path("params.yaml")
    path.write_text(SHIPPED, encoding="utf-8")
    apply_overrides(path, ["train.epochs=7"])
    after = path.read_text(encoding="utf-8")
    assert after == set_values(SHIPPED, {"train.epochs": 7})
    assert commented(after) == after


@given(VALUES)
@settings(max_examples=10)  # the whole file is read and written each time
def test_values_are_read_back_and_other_lines_stay(values: dict[str, Any]) -> None:
    after = set_values(SHIPPED, values)
    assert load_yaml(after) == overridden(load_yaml(SHIPPED), values)
    kept, lines = set(after.splitlines()), SHIPPED.splitlines()
    assert sum(line not in kept for line in lines) <= len(values)
    assert [line for line in lines if line.lstrip().startswith("#")] == [
        line for line in after.splitlines() if line.lstrip().startswith("#")
    ]


def test_comments_stay_and_missing_sections_are_added() -> None:
    text = "# ours\ntrain:\n    epochs: 3         # short\n"
    after = set_values(text, {"train.epochs": 12, "train.weights.a.b": 0.5, "model.word.enabled": False})
    assert after == (
        "# ours\ntrain:\n    epochs: 12        # short\n    weights:\n        a.b: 0.5\n"
        "model:\n    word:\n        enabled: false\n"
    )
    assert unified_diff(text, after).startswith("--- a/params.yaml\n+++ b/params.yaml\n@@")


@pytest.mark.parametrize("value", [1e-05, 1.5e-07, 2e22, 0.1, 3.0])
def test_a_number_is_read_back_as_a_number(value: float) -> None:
    found = load_yaml(set_values("train: {learning_rate: 1}\n", {"train.learning_rate": value}))
    assert math.isclose(found["train"]["learning_rate"], value)


def test_a_setting_that_others_share_is_left_to_its_owner() -> None:
    text = "model:\n  sentence: &wide {width: 96}\n  paragraph: *wide\n"
    with pytest.raises(ValueError, match=r"cannot be edited .*; set by hand: model.sentence.width: 64"):
        set_values(text, {"model.sentence.width": 64})
