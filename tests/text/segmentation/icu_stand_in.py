"""A stand-in for icu4py, which is an extra: it registers as the library does, and cuts every three characters."""

import sys
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from types import ModuleType

import pytest


class WordBreaker:
    """Cuts a text before and after line breaks, and every three characters between them."""

    def __init__(self, text: str, locale: str) -> None:
        self.text = text

    def __iter__(self) -> Iterator[str]:
        for number, line in enumerate(self.text.split("\n")):
            yield from ["\n"] if number else []
            yield from (line[at : at + 3] for at in range(0, len(line), 3))


def install_icu(monkeypatch: pytest.MonkeyPatch, version: str = "78.3") -> None:
    """Put the stand-in in place of the library for a test."""
    library, breakers = ModuleType("icu4py"), ModuleType("icu4py.breakers")
    library.__spec__ = ModuleSpec("icu4py", None)
    library.icu_version = version  # type: ignore[attr-defined]
    breakers.WordBreaker = WordBreaker  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "icu4py", library)
    monkeypatch.setitem(sys.modules, "icu4py.breakers", breakers)


def remove_icu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the library for a test."""
    monkeypatch.setitem(sys.modules, "icu4py", None)
