"""The log: on stderr, by level, for this process and the ones that it starts."""

import logging

import pytest

from flows import logs
from flows.cli import main

_logger = logging.getLogger("flows.tests")


@pytest.fixture(autouse=True)
def without_level(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(logs.LEVEL, "INFO")
    monkeypatch.setenv("PREFECT_LOGGING_LEVEL", "INFO")


def talk() -> None:
    _logger.debug("a detail")
    _logger.info("a step")
    _logger.warning("something odd")


@pytest.mark.parametrize(
    ("level", "lines"),
    [
        ("DEBUG", ["a detail", "a step", "warning: something odd"]),
        ("INFO", ["a step", "warning: something odd"]),
        ("WARNING", ["warning: something odd"]),
    ],
)
def test_levels(
    level: str, lines: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(logs.LEVEL, level)
    with logs.on_stderr():
        talk()
    printed = capsys.readouterr()
    assert printed.err.splitlines() == lines
    assert printed.out == ""


def test_the_level_may_change_while_the_log_is_open(capsys: pytest.CaptureFixture[str]) -> None:
    with logs.on_stderr():
        logs.set_level("WARNING")
        talk()
    assert capsys.readouterr().err == "warning: something odd\n"


def test_nothing_is_left_behind(capsys: pytest.CaptureFixture[str]) -> None:
    logger = logging.getLogger("flows")
    before = (logger.level, logger.propagate, list(logger.handlers))
    with logs.on_stderr():
        talk()
    assert (logger.level, logger.propagate, logger.handlers) == before
    assert capsys.readouterr().err.count("a step") == 1


def test_an_unknown_level_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(logs.LEVEL, "LOUD")
    assert main(["champion"]) == 1
    assert (
        "environment variable MGM_LOG_LEVEL: 'LOUD': expected DEBUG, INFO, WARNING" in capsys.readouterr().err
    )
