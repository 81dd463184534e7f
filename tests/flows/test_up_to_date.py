"""What DVC says is out of date, in a real repository; the hash of code."""

import subprocess
from pathlib import Path

import pytest
import yaml

import mgm
from flows import up_to_date


@pytest.fixture
def chain(repository: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """first -> second, neither run yet."""
    monkeypatch.chdir(repository)
    Path("raw").write_text("a", encoding="utf-8")
    graph = {
        "stages": {
            "first": {"cmd": "cp raw middle", "deps": ["raw"], "outs": ["middle"]},
            "second": {"cmd": "cp middle end", "deps": ["middle"], "outs": ["end"]},
        }
    }
    Path("dvc.yaml").write_text(yaml.safe_dump(graph), encoding="utf-8")
    return repository


def test_what_was_never_made_has_changed_or_is_gone_is_named(chain: Path) -> None:
    with pytest.raises(ValueError, match=r"not made yet: first, second; run: dvc repro second"):
        up_to_date.require(["second"])
    subprocess.run(["dvc", "repro", "-q"], check=True)
    up_to_date.require(["second"])
    Path("end").unlink()
    with pytest.raises(ValueError, match=r"not made yet: second; run"):
        up_to_date.require(["second"])
    subprocess.run(["dvc", "checkout", "-q"], check=True)
    Path("raw").write_text("b", encoding="utf-8")
    with pytest.raises(ValueError, match=r"not made yet: first; run"):
        up_to_date.require(["second"])


def test_where_dvc_cannot_say_that_is_the_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        ValueError,
        match=r"DVC cannot say whether vectors and pretrain and teachers and gate_features are up to date: ",
    ):
        up_to_date.require()


def test_the_stages_that_must_be_done_are_in_the_graph() -> None:
    graph = yaml.safe_load((Path(__file__).parents[2] / "dvc.yaml").read_text(encoding="utf-8"))
    assert set(up_to_date.FEATURES) <= graph["stages"].keys()
    read = {d for d in graph["stages"]["train"]["deps"] if d.startswith(("data", "reports"))}
    made = {
        next(iter(out)) if isinstance(out, dict) else out
        for name in ("features", *up_to_date.FEATURES)
        for out in graph["stages"][name].get("outs", []) + graph["stages"][name].get("metrics", [])
    }
    assert read <= made


def test_the_hash_of_code_is_that_of_its_rooms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for room in ("model", "report"):
        (tmp_path / room).mkdir()
        (tmp_path / room / "a.py").write_text("1", encoding="utf-8")
    monkeypatch.setattr(mgm, "__file__", str(tmp_path / "__init__.py"))
    before = up_to_date.code_sha256("model")
    (tmp_path / "report" / "a.py").write_text("2", encoding="utf-8")
    assert up_to_date.code_sha256("model") == before
    (tmp_path / "model" / "a.py").write_text("2", encoding="utf-8")
    assert up_to_date.code_sha256("model") != before
