"""The scoring command, from files to files."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from flows import keys
from flows.score import score
from mgm.corpus.parts import read_manifest, read_table
from mgm.model.signing import sign
from mgm.settings import ScoreSettings
from tests import keys as key_pairs
from tests import tiny

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.saved_bundle(tmp_path_factory.mktemp("models"))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def hashes(folder: Path) -> dict[str, str]:
    return {
        p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


def test_rows_in_are_predictions_plus_rejects(tmp_path: Path, bundle: Path) -> None:
    documents = pl.concat(
        [tiny.menus().select("doc_id", "text"), pl.DataFrame({"doc_id": ["x"], "text": [" "]})]
    )
    documents.write_ndjson(tmp_path / "in.jsonl")
    small = ScoreSettings(rows_per_batch=8)
    summary = score(tmp_path / "in.jsonl", tmp_path / "out", bundle, settings=small)
    assert summary == json.loads((tmp_path / "out" / "summary.json").read_text())
    assert (summary["rows_in"], summary["predictions"], summary["rejected"]) == (31, 30, 1)
    assert summary["reasons"] == {"text_too_short": 1}
    predictions = read_table(tmp_path / "out" / "predictions")
    assert predictions["doc_id"].to_list() == documents["doc_id"].to_list()[:-1]
    assert [p.rows for p in read_manifest(tmp_path / "out" / "predictions").parts] == [8, 8, 8, 6]
    assert read_table(tmp_path / "out" / "rejects")["doc_id"].to_list() == ["x"]


def test_the_same_documents_give_the_same_files(tmp_path: Path, bundle: Path) -> None:
    documents = tiny.menus().select("doc_id", "text")
    documents.write_parquet(tmp_path / "in.parquet")
    (tmp_path / "split").mkdir()
    documents[:11].write_ndjson(tmp_path / "split" / "a.jsonl")
    documents[11:].write_parquet(tmp_path / "split" / "b.parquet")
    score(tmp_path / "in.parquet", tmp_path / "one", bundle)
    score(tmp_path / "split", tmp_path / "two", bundle)
    assert hashes(tmp_path / "one") == hashes(tmp_path / "two")


def test_a_refused_input_leaves_no_finished_output(tmp_path: Path, bundle: Path) -> None:
    tiny.menus().select("doc_id", "text").write_parquet(tmp_path / "in.parquet")
    pl.DataFrame({"doc_id": ["a", "a"], "text": ["x", "y"]}).write_parquet(tmp_path / "twice.parquet")
    with pytest.raises(ValueError, match="'a' stands already in"):
        score(tmp_path / "twice.parquet", tmp_path / "out", bundle)
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["gate_refused.json"]
    with pytest.raises(ValueError, match="corpus 'menu': this bundle was not trained on it"):
        score(tmp_path / "in.parquet", tmp_path / "out", bundle, like="menu")


def test_without_a_champion_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(
        FileNotFoundError, match="no champion; run `mgm promote`, or pass --bundle models/candidate"
    ):
        score(tmp_path, tmp_path / "out")


def test_the_champion_is_the_bundle_that_the_pointer_names(tmp_path: Path, bundle: Path) -> None:
    (tmp_path / "models" / "store").mkdir(parents=True)
    bundle.rename(tmp_path / "models" / "store" / "abc")
    (tmp_path / "models" / "champion.json").write_text(
        '{"bundle": "abc", "promoted_at": "", "previous": null}'
    )
    tiny.menus().select("doc_id", "text").write_parquet("in.parquet")
    try:
        assert score(Path("in.parquet"), Path("out"))["predictions"] == 30
    finally:
        (tmp_path / "models" / "store" / "abc").rename(bundle)


@pytest.mark.slow
def test_the_command_line_says_what_it_did_and_fails_with_a_code(tmp_path: Path, bundle: Path) -> None:
    tiny.menus().select("doc_id", "text").write_csv(tmp_path / "in.csv")

    def command(source: str) -> subprocess.CompletedProcess[str]:
        arguments = ["--input", source, "--output", str(tmp_path / "out"), "--bundle", str(bundle)]
        return subprocess.run(
            [sys.executable, "-m", "flows.score", *arguments],
            env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    done = command(str(tmp_path / "in.csv"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("scored 30 of 30 documents in ")
    failed = command(str(tmp_path / "nothing.csv"))
    assert failed.returncode == 1
    assert "nothing.csv: no such file or folder" in failed.stderr
    assert "Traceback" not in failed.stderr


def test_with_a_public_key_only_what_it_verifies_scores(
    tmp_path: Path, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("model_signing", reason="needs the extra sign")
    private = key_pairs.pair(tmp_path / "keys")
    monkeypatch.setenv(keys.VERIFY_KEY, str(key_pairs.public(private)))
    tiny.menus().select("doc_id", "text").write_parquet(tmp_path / "in.parquet")
    copy = shutil.copytree(bundle, tmp_path / "bundle")
    with pytest.raises(ValueError, match="the bundle is not signed"):
        score(tmp_path / "in.parquet", tmp_path / "out", copy)
    assert not (tmp_path / "out").exists()
    sign(copy, private)
    assert score(tmp_path / "in.parquet", tmp_path / "out", copy)["predictions"] == 30
