"""`mgm migrate`: old names of settings in params.yaml become the present ones, and all else stays."""

from pathlib import Path

import pytest

from flows import cli
from flows.migrate import migrated_text

OLD = """\
# the corpora
corpora:
  a: {}
  b:
    text: &b              # shared
      segmentation: {"han": characters}
  c:
    text: *b
train:
  initial:   'random'     # where it starts
  clip: 1.0
model: {ple: {shared: 2, own: 1}, width: 8}   # experts
score:
  broken_stop: 10         # it's enough
  "work": "a  # b"        # a folder
tune:
  space: {model.generation.beam: {low: 1, high: 4}}
"""
NEW = """\
# the corpora
corpora:
  a: {}
  b:
    text: &b              # shared
      segmentation: {"chinese_tokens": characters}
  c:
    text: *b
train:
  init_from:   'random'     # where it starts
  clip: 1.0
model: {ple: {shared_experts: 2, task_experts: 1}, width: 8} # experts
score:
  max_failed_documents: 10 # it's enough
  "staging_dir": "a  # b"        # a folder
tune:
  space: {model.generation.beam_size: {low: 1, high: 4}}
"""


def test_old_names_change_and_all_else_stays() -> None:
    text, lines = migrated_text(OLD, "params.yaml")
    assert text == NEW
    assert lines[0] == (
        "params.yaml: corpora.b.text.segmentation.han is corpora.b.text.segmentation.chinese_tokens now"
    )
    assert len(lines) == 7
    assert migrated_text(NEW, "params.yaml") == (NEW, [])


def test_a_section_that_has_moved_is_below_its_new_parent() -> None:
    old = "score:\n  ray:   # a cluster\n    address: local\n    workers: 3  # three\n  threads: 2\n"
    text, lines = migrated_text(old, "params.yaml")
    assert text == (
        "score:\n  threads: 2\n\ncompute:\n  ray:   # a cluster\n    address: local\n    workers: 3  # three\n"
    )
    assert lines == ["params.yaml: score.ray is compute.ray now"]
    assert migrated_text(text, "params.yaml") == (text, [])


@pytest.mark.parametrize(
    "text",
    ["score: {ray: {address: local}}\n", "score:\n  ray:\n    cpus: 1\ncompute: {processes: 2}\n"],
    ids=["in one line", "both there"],
)
def test_a_section_that_cannot_be_moved_is_named(text: str) -> None:
    with pytest.raises(
        ValueError, match=r"^p.yaml: score.ray: this section has moved; expected compute.ray, by hand$"
    ):
        migrated_text(text, "p.yaml")


def test_a_setting_by_both_names_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"p\.yaml: train\.initial: init_from is there, too"):
        migrated_text("train: {initial: random, init_from: random}", "p.yaml")


def test_the_command_rewrites_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(OLD.replace("\n", "\r\n"), encoding="utf-8", newline="")
    assert cli.main(["migrate", str(path)]) == 0
    assert path.read_bytes().decode() == NEW.replace("\n", "\r\n")
    assert f"{path}: train.initial is train.init_from now" in capsys.readouterr().out.splitlines()
    assert cli.main(["migrate", str(path)]) == 0
    assert capsys.readouterr().out == f"{path}: all names are those of now\n"


@pytest.mark.parametrize(("content", "message"), [(None, "no such file"), ("a: [", "not valid YAML")])
def test_what_is_no_file_of_settings(
    content: str | None, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "params.yaml"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    assert cli.main(["migrate", str(path)]) == 1
    assert message in capsys.readouterr().err
