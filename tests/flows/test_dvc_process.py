"""dvc.lock is written as DVC writes it, whichever stages changed."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from dvc.utils.serialize import modify_yaml, parse_yaml

from flows import dvc_process
from flows.dvc_process import modify_lock, parse_yaml_once

DEPENDENCY = {"path": "data/中文 文件.txt", "hash": "md5", "md5": "12e4567", "size": 3}
FIRST = {"cmd": "echo 'a: b' # c\n", "deps": [DEPENDENCY], "params": {"params.yaml": {"dictionary": None}}}
SECOND = {"cmd": "python", "outs": [{"path": "😀", "md5": "0x1.dir", "nfiles": 2}]}
LONG = {"cmd": "word " * 60, "params": {"params.yaml": {"a": ["no", "", "1.0", 1e-05, True, {}, []]}}}


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dvc_process, "_last", {})


def write(modify: Any, path: Path, *changes: dict[str, Any]) -> bytes:
    for change in changes:
        with modify(str(path)) as lock:
            if not lock:
                lock.update({"schema": "2.0"})
            lock["stages"] = lock.get("stages", {})
            lock["stages"].update(deepcopy(change))  # the same object twice would be an alias
    return path.read_bytes()


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param([{"clean@a": FIRST}], id="new file"),
        pytest.param([{"clean@a": FIRST}, {"train": SECOND}, {"other": LONG}], id="new stages"),
        pytest.param([{"a": FIRST, "b": LONG, "c": SECOND}, {"b": SECOND}, {"a": LONG}], id="changed stages"),
        pytest.param([{"a: b": FIRST, "'#": SECOND, "中": LONG}, {"'#": LONG}], id="names to quote"),
        pytest.param([{"a": FIRST}, {"a": {"cmd": "x"}}, {}], id="nothing changed"),
    ],
)
def test_the_bytes_are_those_of_dvc(tmp_path: Path, changes: list[dict[str, Any]]) -> None:
    (tmp_path / "dvc").mkdir()
    assert write(modify_lock, tmp_path / "dvc.lock", *changes) == write(
        modify_yaml, tmp_path / "dvc" / "dvc.lock", *changes
    )


def test_another_hand_between_two_stages_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "dvc.lock"
    write(modify_lock, path, {"a": FIRST, "b": SECOND}, {"a": SECOND})
    write(modify_yaml, path, {"b": LONG, "c": FIRST})
    expected = write(modify_yaml, tmp_path / "other", {"a": SECOND, "b": LONG, "c": FIRST}, {"d": FIRST})
    assert write(modify_lock, path, {"d": FIRST}) == expected


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("schema: '2.0'\nstages: {}\n", id="stages in one line"),
        pytest.param("schema: '2.0'\nstages:\n  a:\n    cmd: x\ndatasets: []\n", id="another key"),
        pytest.param("# mine\nschema: '2.0'\nstages:\n  a:\n    cmd: x\n", id="comment"),
    ],
)
def test_another_form_is_left_to_dvc(tmp_path: Path, text: str) -> None:
    (tmp_path / "dvc").mkdir()
    paths = [tmp_path / "dvc.lock", tmp_path / "dvc" / "dvc.lock"]
    for path in paths:
        path.write_text(text, encoding="utf-8")
    assert write(modify_lock, paths[0], {"b": FIRST}) == write(modify_yaml, paths[1], {"b": FIRST})
    assert b"# mine" in paths[0].read_bytes() or "mine" not in text


def test_a_text_is_parsed_once_and_a_copy_may_be_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    text, parsed = "a: [1, no]\nb: {c: }\n", []

    def parse(*arguments: str, **options: Any) -> Any:
        parsed.append(arguments)
        return parse_yaml(*arguments, **options)

    monkeypatch.setattr(dvc_process, "parse_yaml", parse)
    first = parse_yaml_once(text, "once.yaml")
    assert first == parse_yaml(text, "once.yaml")
    first["a"].append(2)
    assert parse_yaml_once(text, "once.yaml") == parse_yaml(text, "once.yaml")
    assert parsed == [(text, "once.yaml")]
