"""`mgm keys`: a new pair, and whether two belong together."""

import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.cli import main
from mgm.bundle.contents import read_contents
from mgm.bundle.signing import check_signature, sign
from tests import keys as key_pairs


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("MGM_SIGNING_KEY", "MGM_VERIFY_KEY"):
        monkeypatch.delenv(name, raising=False)


def test_a_new_pair_signs_and_verifies(
    capsys: pytest.CaptureFixture[str], make_bundle: Callable[[Path, str], str]
) -> None:
    assert main(["keys", "--generate", "secret"]) == 0
    private, public = Path("secret/signing.pem"), Path("secret/verify.pem")
    assert f"export MGM_SIGNING_KEY={private.resolve()}" in capsys.readouterr().out
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    make_bundle(Path("bundle"), "{}")
    assert sign(Path("bundle"), private)
    check_signature(read_contents(Path("bundle")), public)
    before = private.read_bytes()
    assert main(["keys", "--generate", "secret"]) == 1
    assert "signing.pem: is there already" in capsys.readouterr().err
    assert private.read_bytes() == before


def test_which_keys_are_set(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"signing_key": None, "verify_key": None, "pair": None}
    private = key_pairs.pair(Path("one"))
    monkeypatch.setenv("MGM_SIGNING_KEY", str(private))
    for public, belongs in (
        (key_pairs.public(private), True),
        (key_pairs.public(key_pairs.pair(Path("two"))), False),
    ):
        monkeypatch.setenv("MGM_VERIFY_KEY", str(public))
        assert main(["keys", "--json"]) == 0
        shown = json.loads(capsys.readouterr().out)
        assert shown == {"signing_key": str(private), "verify_key": str(public), "pair": belongs}
    monkeypatch.setenv("MGM_VERIFY_KEY", str(private))
    assert main(["keys"]) == 1
    assert "key.pem: expected a public key in PEM" in capsys.readouterr().err
