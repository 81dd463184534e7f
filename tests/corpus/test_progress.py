"""Progress bars: in a terminal, after a while; never elsewhere."""

import io
import sys
from collections.abc import Iterator

import pytest

from mgm.corpus import progress as module
from mgm.corpus.progress import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_quiet_where_there_is_no_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "DELAY", 0)
    assert list(progress(range(3), "clean notes")) == [0, 1, 2]
    assert capsys.readouterr() == ("", "")


def test_in_a_terminal_it_says_how_far_it_is_and_then_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DELAY", 0)
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    assert list(progress("abc", "clean notes", total=3)) == ["a", "b", "c"]
    written = terminal.getvalue()
    assert "clean notes" in written and "/3" in written
    assert written.endswith("\r"), "the bar is wiped"


def test_what_is_short_shows_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    assert list(progress("abc", "clean notes", total=3)) == ["a", "b", "c"]
    assert terminal.getvalue().strip() == ""


def test_items_are_taken_one_by_one_and_an_error_passes() -> None:
    taken = []

    def items() -> Iterator[int]:
        for i in range(3):
            taken.append(i)
            yield i
        raise ValueError("damaged")

    bar = progress(items(), "x")
    assert next(bar) == 0
    assert taken == [0]
    with pytest.raises(ValueError, match="damaged"):
        list(bar)
