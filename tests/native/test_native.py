"""Loading of the compiled kernels, and their going on without."""

import shutil
from pathlib import Path

import pytest

from mgm import native
from tests.kernel_library import kernel_library


def test_the_library_of_the_present_source_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "LIBRARY", kernel_library())
    assert native.why_missing() is None
    assert native.load_kernels() is not None


def test_a_library_of_an_older_source_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an editable installation, for example, whose source was changed by a pull."""
    library = tmp_path / "old.so"
    shutil.copy(kernel_library(), library)
    monkeypatch.setattr(native, "LIBRARY", library)
    monkeypatch.setattr(native, "source_hash", lambda: "of changed sources")
    assert native.load_kernels() is None
    assert str(native.why_missing()).endswith(
        "compiled from other sources than the installed ones; install mgm again"
    )


def test_without_a_library_there_is_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "LIBRARY", tmp_path / "absent.so")
    assert native.load_kernels() is None
    assert "missing, since there was no C compiler" in str(native.why_missing())


def test_a_file_that_is_no_library_has_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "broken.so"
    broken.write_bytes(b"no library")
    monkeypatch.setattr(native, "LIBRARY", broken)
    assert native.load_kernels() is None
    assert str(native.why_missing()).startswith(f"{broken}: no library of kernels: ")


def test_the_switch_turns_the_kernels_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(native.SWITCH, "off")
    monkeypatch.setattr(native, "LIBRARY", tmp_path / "never_opened.so")
    assert native.load_kernels() is None
    assert native.why_missing() == "switched off by MGM_KERNELS=off"


def test_a_status_of_failure_is_an_error() -> None:
    native.check_status(0)
    with pytest.raises(native.KernelError, match="no memory"):
        native.check_status(1)
