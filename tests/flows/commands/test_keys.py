"""`mgm keys`: a new pair, and whether two belong together."""

import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.cli import main
from flows.keys import encryption_key
from mgm.bundle.contents import read_contents
from mgm.bundle.signing import check_signature, sign
from tests import keys as key_pairs


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("MGM_SIGNING_KEY", "MGM_VERIFY_KEY", "MGM_ENCRYPTION_KEY"):
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
    assert json.loads(capsys.readouterr().out) == {
        "signing_key": None,
        "verify_key": None,
        "pair": None,
        "encryption_key": None,
    }
    private = key_pairs.pair(Path("one"))
    monkeypatch.setenv("MGM_SIGNING_KEY", str(private))
    for public, belongs in (
        (key_pairs.public(private), True),
        (key_pairs.public(key_pairs.pair(Path("two"))), False),
    ):
        monkeypatch.setenv("MGM_VERIFY_KEY", str(public))
        assert main(["keys", "--json"]) == 0
        shown = json.loads(capsys.readouterr().out)
        paths = {"signing_key": str(private), "verify_key": str(public), "encryption_key": None}
        assert shown == paths | {"pair": belongs}
    monkeypatch.setenv("MGM_VERIFY_KEY", str(private))
    assert main(["keys"]) == 1
    assert "key.pem: expected a public key in PEM" in capsys.readouterr().err


def test_a_new_encryption_key_is_read_from_a_file_and_a_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A command is how secret stores give their keys."""
    pytest.importorskip("pyrage", reason="needs the extra encrypt")
    assert main(["keys", "--generate", "secret", "--encryption"]) == 0
    path = Path("secret/encryption.key")
    assert f"export MGM_ENCRYPTION_KEY={path.resolve()}" in capsys.readouterr().out
    keys = []
    for value in (str(path), f"command:cat '{path}'"):
        monkeypatch.setenv("MGM_ENCRYPTION_KEY", value)
        key = encryption_key()
        assert key is not None
        keys.append(key.identities)
    assert keys[0] == keys[1]
    assert main(["keys"]) == 0
    shown = capsys.readouterr().out
    assert "the output of \"cat 'secret/encryption.key'\"" in shown and keys[0][0] not in shown


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("nowhere.key", "nowhere.key: no such file; expected a key of age, or command: and a command"),
        ("command:false", "'false': exit code 1; expected a key of age on stdout"),
        ("command:", "'': cannot be run"),
        ("command:no-such-program --key", "'no-such-program --key': cannot be run"),
        ("command:echo 'unclosed", '"echo \'unclosed": cannot be run: No closing quotation'),
        ("command:echo a key", "the output of 'echo a key': line 1: expected AGE-SECRET-KEY-1"),
        ("command:true", "the output of 'true': no key in it"),
    ],
    ids=["no file", "exit code", "no command", "no program", "quotes", "no key", "no output"],
)
def test_an_encryption_key_that_cannot_be_read_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], value: str, text: str
) -> None:
    pytest.importorskip("pyrage", reason="needs the extra encrypt")
    monkeypatch.setenv("MGM_ENCRYPTION_KEY", value)
    assert main(["keys"]) == 1
    error = capsys.readouterr().err
    assert f"environment variable MGM_ENCRYPTION_KEY: {text}" in error
    assert error.count("\n") == 1
