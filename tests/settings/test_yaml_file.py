"""params.yaml is YAML 1.2: words that 1.1 takes for booleans are text."""

from pathlib import Path

import pytest
from dvc.utils.serialize import modify_yaml
from hypothesis import given
from hypothesis import strategies as st

from mgm.settings.settings import Settings
from mgm.settings.yaml_file import YAMLError, dump_yaml, load_yaml


def test_words_without_quotes_are_text() -> None:
    content = load_yaml("keep: [no, not, off, yes, y]\nnear: off\nrate: 2e-3\nwhole: 10_000\nnone: null")
    assert content == {
        "keep": ["no", "not", "off", "yes", "y"], "near": "off", "rate": 0.002, "whole": 10_000, "none": None,
    }  # fmt: skip


def test_a_key_that_stands_twice_is_an_error() -> None:
    with pytest.raises(YAMLError, match="duplicate key"):
        load_yaml("a: 1\na: 2")


def test_a_file_that_dvc_rewrote_means_the_same(tmp_path: Path) -> None:
    """`dvc exp run -S` writes params.yaml anew, without the quotes that YAML 1.2 does not need."""
    path = tmp_path / "params.yaml"
    path.write_text(Path("params.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    with modify_yaml(path) as content:
        content["train"]["epochs"] = 2
        content["text"]["stopwords"]["keep"] = ["no", "not"]
        content["text"]["deduplication"]["near"] = "off"
    settings = Settings.load(path)
    assert settings.train.epochs == 2
    assert settings.text.stopwords.keep == ["no", "not"]
    assert settings.text.deduplication.near == "off"


@given(
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]))),
        lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["a", "no", "1e3", "off"]), inner)),
        max_leaves=5,
    )
)  # fmt: skip
def test_what_is_written_is_read_as_it_was(content: object) -> None:
    assert load_yaml(dump_yaml({"content": content})) == {"content": content}
