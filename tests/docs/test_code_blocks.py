"""The code in README.md and in the documents: settings are loaded, commands are parsed by the programs that they call, Python is run.

test_pages_run.py executes the commands of every page; this is what a change breaks within a second.
"""

import copy
import json
import re
import shlex
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from dvc.cli import DvcParserError
from typer import TyperException
from typer.main import get_command

from flows.cli import build_app
from mgm.settings.settings import Settings
from mgm.settings.yaml_file import load_yaml
from tests import tiny_corpora
from tests.docs.pages import BLOCKS, ROOT

KNOWN = {"bash", "json", "python", "text", "yaml", ""}
SHELL = {"source", ".", "cd", "export", "cat", "open", "umask", "mkdir", "mv", "cp", "echo", "curl"}
"""Words of the shell, and programs that are no part of this software."""


def of(language: str) -> list[Any]:
    numbered = [(f"{block.page}:{number}", block) for number, block in enumerate(BLOCKS)]
    return [pytest.param(block.code, id=name) for name, block in numbered if block.language == language]


def test_every_block_says_its_language() -> None:
    assert {block.language for block in BLOCKS} <= KNOWN


def test_a_block_that_its_page_does_not_run_says_why() -> None:
    """Each of the others is run by test_pages_run.py, but for settings and rows, which are loaded below."""
    marked = [block for block in BLOCKS if block.mark]
    assert {block.language for block in marked} <= {"bash", "python"}
    for block in marked:
        if block.mark == "run by":
            file, _, name = str(block.reason).partition("::")
            assert f"def {name}(" in (ROOT / file).read_text(encoding="utf-8")
    assert {block.page for block in marked if block.mark == "not run"} == {"docs/how-to/corpus.md"}


def merged(base: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    result = copy.deepcopy(base)
    for key, value in part.items():
        inner = result.get(key)
        result[key] = merged(inner, value) if isinstance(inner, dict) and isinstance(value, dict) else value
    return result


@pytest.mark.parametrize("code", of("yaml"))
def test_settings_are_settings(code: str) -> None:
    """A block is put over the shipped params.yaml, where corpora that it switches on have every task that it declares."""
    part = load_yaml(code)
    shipped = load_yaml((ROOT / "params.yaml").read_text(encoding="utf-8"))
    for corpus in part.get("enabled", {}):
        shipped["corpora"].setdefault(corpus, {})
    for task in part.get("tasks", {}).values():
        for corpus in task["corpora"]:
            shipped["corpora"].setdefault(corpus, {})
            shipped["enabled"].setdefault(corpus, f"data/{corpus}.jsonl")
    Settings.parse(merged(shipped, part))


@pytest.mark.parametrize("code", of("json"))
def test_rows_are_json_lines(code: str) -> None:
    assert all(isinstance(json.loads(line), dict) for line in code.splitlines())


def commands(code: str) -> Iterator[list[str]]:
    for line in code.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words and "=" in words[0] and not words[0].startswith("-"):
            words = words[1:]  # a variable of this command alone
        while "|" in words:
            place = words.index("|")
            yield words[:place]
            words = words[place + 1 :]
        if words:
            yield words


@pytest.mark.parametrize("code", of("bash"))
def test_commands_are_understood(code: str) -> None:
    """Each command is parsed, not run, by the program that it calls; a file or a target that it names is there."""
    for program, *arguments in commands(code):
        if program in SHELL or program in ("git", "openssl", "prefect", "docker", "mlflow"):
            continue
        assert program in CHECKS, f"{program}: no check for this program"
        CHECKS[program](arguments)


def parse_mgm(arguments: list[str]) -> None:
    group: Any = get_command(build_app())
    while arguments and arguments[0].startswith("-"):
        assert arguments.pop(0) in {name for option in group.params for name in option.opts} | {"--help"}
    if not arguments:
        return
    name, *rest = arguments
    assert name in group.commands, f"mgm {name}: no such command"
    if hasattr(group.commands[name], "commands") and rest:
        group, (name, *rest) = group.commands[name], rest
        assert name in group.commands, f"mgm ... {name}: no such command"
    if "--help" not in rest:
        group.commands[name].make_context(name, rest)


def parse_dvc(arguments: list[str]) -> None:
    from dvc.cli.parser import get_main_parser

    get_main_parser().parse_args(arguments)


def find_target(arguments: list[str]) -> None:
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert all(word in targets for word in arguments if "=" not in word)


def find_extras(arguments: list[str]) -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for extras in re.findall(r"\[([\w,]+)\]", " ".join(arguments)):
        assert set(extras.split(",")) <= project["optional-dependencies"].keys()


def find_script(arguments: list[str]) -> None:
    if arguments[0] == "-m":
        assert (ROOT / (arguments[1].replace(".", "/") + ".py")).is_file() or arguments[1] in (
            "venv",
            "pip",
            "mkdocs",
        )
    else:
        is_shown = any(block.code.startswith(f"# {arguments[0]}\n") for block in BLOCKS)
        assert (ROOT / arguments[0]).is_file() or is_shown


def find_tests(arguments: list[str]) -> None:
    assert all((ROOT / word).exists() for word in arguments if not word.startswith("-"))


CHECKS = {
    "mgm": parse_mgm,
    "dvc": parse_dvc,
    "make": find_target,
    "pip": find_extras,
    "python": find_script,
    "python3": find_script,
    "pytest": find_tests,
}


@pytest.mark.parametrize(
    "command",
    [
        "mgm scor",
        "mgm score --dat 2026-11-20",
        "mgm score",
        "dvc repr",
        "make ran",
        "pip install 'mgm[rai]'",
        "python nothing.py",
    ],
)
def test_a_wrong_command_is_found(command: str) -> None:
    with pytest.raises((AssertionError, TyperException, DvcParserError)):
        test_commands_are_understood(command)


@pytest.mark.parametrize("code", of("python"))
def test_python_runs(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder with one night, and the bundle of a tiny model, whose task of classes has another name."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()
    tiny_corpora.saved_bundle(tmp_path / "models").rename(tmp_path / "models" / "candidate")
    night = pl.DataFrame({"date": [date(2026, 11, 20)], "doc_id": ["a"], "module": ["calc"]})
    night.write_delta("data/scored/predictions", delta_write_options={"partition_by": ["date"]})
    exec(compile(code.replace('"module"', '"dish"'), "a block of code", "exec"), {})
