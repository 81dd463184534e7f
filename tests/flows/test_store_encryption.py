"""One setting asks S3 to encrypt: what it sets for tables and for DVC's remotes, and what a server of S3 was then asked for."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from flows.scoring_options import load_settings
from flows.store_encryption import ALGORITHM, KEY, read_remotes, set_remotes
from mgm.settings.views.scoring import ScoringSettings
from tests import object_store
from tests.object_store import BUCKET

PARAMS = "enabled: {a: a.jsonl}\ntasks: {t: {kind: classification, corpora: [a]}}\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current folder, a project whose setting asks for a key of KMS."""
    monkeypatch.chdir(tmp_path)
    for name in (ALGORITHM, KEY):
        monkeypatch.setenv(name, "as the user had it")
    write(tmp_path, "{encryption: 'aws:kms', kms_key: our-key}")
    return tmp_path


def write(folder: Path, storage: str) -> None:
    (folder / "params.yaml").write_text(f"{PARAMS}storage: {storage}\n", encoding="utf-8")


def dvc(*arguments: str) -> str:
    command = [sys.executable, "-m", "dvc", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_setting_becomes_the_variables_of_tables(project: Path) -> None:
    load_settings()
    assert (os.environ[ALGORITHM], os.environ[KEY]) == ("aws:kms", "our-key")
    write(project, "{encryption: AES256}")
    load_settings()
    assert os.environ[ALGORITHM] == "AES256" and KEY not in os.environ


def test_without_the_setting_the_variables_stay(project: Path) -> None:
    write(project, "{}")
    load_settings()
    assert os.environ[ALGORITHM] == "as the user had it"


@pytest.mark.parametrize(
    ("storage", "message"),
    [
        pytest.param(
            "{encryption: AES256, kms_key: k}", "expected encryption: aws:kms, found AES256", id="key"
        ),
        pytest.param("{encryption: aws}", "'AES256' or 'aws:kms'", id="algorithm"),
        pytest.param("{encrypt: AES256}", "encrypt", id="name"),
        pytest.param(
            "{encryption: AES256}\ncompute: {ray: {storage: 's3://b/p'}}",
            "compute.ray.storage 's3://b/p': storage.encryption 'AES256' is not asked for there",
            id="parts of workers",
        ),
    ],
)
def test_a_wrong_setting_is_named(project: Path, storage: str, message: str) -> None:
    write(project, storage)
    with pytest.raises(ValueError, match=message):
        ScoringSettings.load()


@pytest.mark.slow
def test_what_dvc_pushes_is_encrypted_and_comes_back(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Remotes of S3, committed or not, get the setting, and lose a key that it no longer names; others are left alone."""
    pytest.importorskip("dvc_s3", reason="the extra s3 is not installed")
    dvc("init", "--no-scm", "--quiet")
    dvc("remote", "add", "--default", "--local", "far", f"s3://{BUCKET}/dvc")
    dvc("remote", "add", "disk", "/mnt/none")
    (project / "weights").write_text("a text that was learnt")
    dvc("add", "--quiet", "weights")
    with object_store.running() as store:
        object_store.use(store, monkeypatch)
        set_remotes()
        assert {r.name: r.options for r in read_remotes()} == {
            "disk": (None, None),
            "far": ("aws:kms", "our-key"),
        }
        dvc("push", "--quiet")
        assert store.encryption("dvc/") == {("aws:kms", "our-key")}
        shutil.rmtree(".dvc/cache")
        Path("weights").unlink()
        dvc("pull", "--quiet")
        assert Path("weights").read_text() == "a text that was learnt"
    write(project, "{encryption: AES256}")
    set_remotes()
    assert [r.options for r in read_remotes() if r.is_local] == [("AES256", None)]
