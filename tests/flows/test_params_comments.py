"""The comments of params.yaml are the settings' documentation."""

from collections.abc import Iterator
from pathlib import Path

from flows.params_comments import commented
from mgm.settings.section import Section
from mgm.settings.settings import Settings
from mgm.settings.yaml_file import load_yaml


def sections(section: type[Section]) -> Iterator[type[Section]]:
    yield section
    for field in section.model_fields.values():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            yield from sections(field.annotation)


def test_params_yaml_shows_the_present_documentation() -> None:
    text = Path("params.yaml").read_text(encoding="utf-8")
    assert commented(text) == text, "run python -m flows.params_comments"


def test_every_setting_is_documented() -> None:
    undocumented = [
        f"{section.__name__}.{name}"
        for section in sections(Settings)
        for name, field in section.model_fields.items()
        if not (field.description or getattr(field.annotation, "__doc__", None))
    ]
    assert undocumented == []


def test_a_comment_is_replaced_and_all_else_stays() -> None:
    text = """\
# of the project
train:
  epochs: 3   # many
  # stays
  weights:
    polarity: 2.0   # stays too
  precision: "auto"
corpora:
  a: {min_chars: 3}  # short
model:
  window: {sizes: [2,
    4]}   # over two lines
"""
    assert (
        commented(text)
        == """\
# of the project
train:                      # The training of the network
  epochs: 3                 # Maximum number of passes over the training documents
  # stays
  weights:                  # Each task and the factor of its loss; the default is 1
    polarity: 2.0   # stays too
  precision: "auto"         # Precision of matrix products; auto: bf16 on a GPU that supports it (auto | fp32 | bf16)
corpora:
  a: {min_chars: 3}  # short
model:                      # The network. `preset` gives the defaults; a key that is written overrides it
  window: {sizes: [2,
    4]}   # over two lines
"""
    )
    assert load_yaml(commented(text)) == load_yaml(text)
