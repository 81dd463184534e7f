"""Stages that are forked from a process which has imported their code."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from flows.warm_stages import WarmProcess, parse_command

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="stages are forked on Linux alone")

STAGE = """
    import os, sys

    def warm_up():
        print("warm", os.getpid(), file=open("log", "a"))

    if __name__ == "__main__":
        print(os.getppid(), os.environ["DVC_STAGE"], *sys.argv[1:], file=open("log", "a"))
        raise SystemExit(len(sys.argv) - 1)
"""


@pytest.fixture
def warm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WarmProcess]:
    """The process of a project with a package `flows` of its own, which counts before the one that is installed."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "flows" / "stages").mkdir(parents=True)
    (tmp_path / "flows" / "__init__.py").touch()
    process = WarmProcess(tmp_path)
    yield process
    process.close()


def write_stage(code: str, name: str = "shout") -> None:
    Path("flows", "stages", f"{name}.py").write_text(dedent(code), encoding="utf-8")


def run(warm: WarmProcess, *arguments: str, name: str = "shout", key: str = "shout@a") -> int:
    return warm.run([f"flows.stages.{name}", *arguments], {**os.environ, "DVC_STAGE": key})


@pytest.mark.parametrize(
    ("command", "stage"),
    [
        pytest.param("python -m flows.stages.fetch", ["flows.stages.fetch"], id="a stage"),
        pytest.param("python -m flows.stages.gate clean", ["flows.stages.gate", "clean"], id="arguments"),
        pytest.param("python -m flows.stages.gate clean; ls", None, id="shell"),
        pytest.param("python -m flows.score", None, id="no stage"),
    ],
)
def test_stages_alone_are_forked(command: str, stage: list[str] | None) -> None:
    assert parse_command(command) == stage


def test_code_is_imported_once_for_several_stages(warm: WarmProcess) -> None:
    """Each is a child of the process that has warmed up, with arguments, environment and exit status of its own."""
    write_stage(STAGE)
    assert [run(warm), run(warm, "x", "y", key="shout@b")] == [0, 2]
    (_, imported), *stages = [line.split() for line in Path("log").read_text().splitlines()]
    assert stages == [[imported, "shout@a"], [imported, "shout@b", "x", "y"]]


def test_changed_code_is_imported_anew(warm: WarmProcess) -> None:
    write_stage("import flows.rule\nraise SystemExit(flows.rule.STATUS)")
    for status in (0, 7):
        Path("flows", "rule.py").write_text(f"STATUS = {status}")
        assert run(warm) == status


def test_an_error_of_a_stage_is_on_stderr(warm: WarmProcess, capfd: pytest.CaptureFixture[str]) -> None:
    write_stage("import flows.gone")
    assert run(warm) == 1
    assert "ModuleNotFoundError: No module named 'flows.gone'" in capfd.readouterr().err


def test_a_killed_stage_does_not_end_the_next_one(warm: WarmProcess) -> None:
    write_stage("import os, signal\nif __name__ == '__main__': os.kill(os.getpid(), signal.SIGKILL)", "dies")
    write_stage(STAGE)
    assert [run(warm, name="dies"), run(warm)] == [-signal.SIGKILL, 0]


def test_a_stage_whose_origin_is_killed_has_failed(warm: WarmProcess) -> None:
    write_stage("import os, signal\nif __name__ == '__main__': os.kill(os.getppid(), signal.SIGKILL)")
    assert run(warm) == -signal.SIGTERM


def test_other_folders_are_left_to_dvc(warm: WarmProcess, tmp_path: Path) -> None:
    assert warm.can_run(str(tmp_path))
    assert not warm.can_run(str(tmp_path / "study"))
