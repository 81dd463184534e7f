"""The hash of code."""

from pathlib import Path

import pytest

import mgm.files
from flows.revision import code_sha256


def test_the_hash_of_code_is_of_its_rooms_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for room in ("model", "report"):
        (tmp_path / room).mkdir()
        (tmp_path / room / "a.py").write_text("1", encoding="utf-8")
    monkeypatch.setattr(mgm.files, "__file__", str(tmp_path / "__init__.py"))
    before = code_sha256("model")
    (tmp_path / "report" / "a.py").write_text("2", encoding="utf-8")
    assert code_sha256("model") == before
    (tmp_path / "model" / "a.py").write_text("2", encoding="utf-8")
    assert code_sha256("model") != before
