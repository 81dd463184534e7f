"""Corrections of a run beside those of the champion."""

from pathlib import Path

from flows.corrections import compare_corrections, keep_corrections
from mgm.files import read_json, write_json

DIGESTS = {"kind": {"a": "1", "b": "2"}}


def write(root: Path, digests: dict[str, dict[str, str]]) -> None:
    write_json(root / "reports/stages/ingest/notes.json", {"corrections": {"digests": digests}})


def test_a_run_without_corrections_says_nothing_of_them(tmp_path: Path) -> None:
    write_json(tmp_path / "reports/stages/ingest/notes.json", {"rows_in": 1})
    assert compare_corrections(["notes", "other"], champion=None, root=tmp_path) is None
    keep_corrections("abc", None, root=tmp_path)
    assert not (tmp_path / "models").exists()


def test_changes_since_the_champion(tmp_path: Path) -> None:
    """Before there is a champion all count; after its promotion those that differ from what it was trained with."""
    write(tmp_path, DIGESTS)
    first = compare_corrections(["notes"], champion=None, root=tmp_path)
    assert first == {"digests": {"notes": DIGESTS}, "since_champion": {"notes": {"kind": 2}}}
    keep_corrections("abc", first, root=tmp_path)
    assert read_json(tmp_path / "models/store/abc.corrections.json") == {"notes": DIGESTS}
    write(tmp_path, {"kind": {"a": "1", "b": "9", "c": "3"}})
    second = compare_corrections(["notes"], champion="abc", root=tmp_path)
    assert second is not None and second["since_champion"] == {"notes": {"kind": 2}}
    write(tmp_path, {})
    withdrawn = compare_corrections(["notes"], champion="abc", root=tmp_path)
    assert withdrawn is not None and withdrawn["since_champion"] == {"notes": {"kind": 2}}
