"""Signatures with real keys: what was signed loads, and nothing else does."""

import hashlib
import json
import shutil
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from mgm.bundle.contents import read_contents
from mgm.bundle.format import verify
from mgm.bundle.signing import SIGNATURE, check_signature, sign
from mgm.errors import MissingExtra
from mgm.scoring.scorer import Scorer
from tests import keys, tiny_corpora

pytest.importorskip("model_signing", reason="needs the extra sign")


@pytest.fixture(scope="module")
def private(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return keys.pair(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory, private: Path) -> Path:
    folder = tiny_corpora.saved_bundle(tmp_path_factory.mktemp("signed"))
    assert sign(folder, private)
    return folder


@pytest.fixture
def folder(signed: Path, tmp_path: Path) -> Path:
    """A copy to do harm to; its name is another one, as in the store."""
    return shutil.copytree(signed, tmp_path / "copy")


def relist(folder: Path, name: str, content: bytes) -> None:
    """Write a file and its hash in the manifest, as everybody can."""
    (folder / name).write_bytes(content)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    manifest["files"][name] = hashlib.sha256(content).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


def test_a_signed_bundle_loads(folder: Path, private: Path) -> None:
    scorer = Scorer.load(folder, public_key=keys.public(private))
    assert scorer.score(tiny_corpora.menus(3))[0].height == 3


def test_a_holding_signature_is_left_alone(folder: Path, private: Path) -> None:
    before = (folder / SIGNATURE).read_bytes()
    assert not sign(folder, private)
    assert (folder / SIGNATURE).read_bytes() == before


def test_another_key_signs_anew_and_not_through_a_link(folder: Path, private: Path, tmp_path: Path) -> None:
    """A data cache may share the old file."""
    (tmp_path / "cache").hardlink_to(folder / SIGNATURE)
    before = (folder / SIGNATURE).read_bytes()
    other = keys.pair(tmp_path / "other")
    assert sign(folder, other)
    check_signature(read_contents(folder), keys.public(other))
    assert (tmp_path / "cache").read_bytes() == before


def test_files_that_are_links_count_by_their_content(folder: Path, private: Path, tmp_path: Path) -> None:
    (folder / "weights.safetensors").rename(tmp_path / "cached")
    (folder / "weights.safetensors").symlink_to(tmp_path / "cached")
    check_signature(read_contents(folder), keys.public(private))


def test_altered_weights_are_refused(folder: Path, private: Path) -> None:
    weights = bytearray((folder / "weights.safetensors").read_bytes())
    weights[-1] ^= 1
    (folder / "weights.safetensors").write_bytes(weights)
    with pytest.raises(
        ValueError, match=r"its signature does not hold .*: weights.safetensors altered since"
    ):
        Scorer.load(folder, public_key=keys.public(private))


def test_a_file_altered_together_with_the_manifest_is_refused(folder: Path, private: Path) -> None:
    """The hashes alone would not tell."""
    relist(folder, "profile.json", b"forged")
    verify(folder)
    with pytest.raises(ValueError, match=r"manifest.json, profile.json altered since"):
        Scorer.load(folder, public_key=keys.public(private))


def test_a_file_more_or_less_is_refused(folder: Path, private: Path) -> None:
    """A file of which the manifest says nothing is none of the bundle; one that it was made to list is not signed."""
    (folder / "extra.txt").write_text("x", encoding="utf-8")
    with pytest.raises(ValueError, match=r"extra\.txt: not a file of this bundle"):
        read_contents(folder)
    relist(folder, "extra.txt", b"x")
    with pytest.raises(ValueError, match=r"manifest\.json altered since"):
        check_signature(read_contents(folder), keys.public(private))
    shutil.copy(folder / "extra.txt", folder / "card.json")
    (folder / "extra.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"extra\.txt: missing, although manifest\.json lists it"):
        read_contents(folder)


def test_a_card_that_was_added_later_is_not_signed(folder: Path, private: Path) -> None:
    (folder / "card.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ValueError, match=r"Extra files found .*card\.json"):
        check_signature(read_contents(folder), keys.public(private))


def test_a_bundle_signed_with_another_key_is_refused(folder: Path, tmp_path: Path) -> None:
    other = keys.public(keys.pair(tmp_path / "other"))
    with pytest.raises(ValueError, match=r"its signature does not hold for the key .*: Key mismatch"):
        Scorer.load(folder, public_key=other)


def test_an_unsigned_bundle_is_refused_where_a_key_is_set(folder: Path, private: Path) -> None:
    (folder / SIGNATURE).unlink()
    with pytest.raises(ValueError, match=r"model\.sig: missing: the bundle is not signed"):
        Scorer.load(folder, public_key=keys.public(private))
    Scorer.load(folder)


@pytest.mark.parametrize("content", ["", "{}", "garbage", '{"dsseEnvelope": []}'])
def test_a_forged_signature_is_one_clear_error(folder: Path, private: Path, content: str) -> None:
    (folder / SIGNATURE).write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match="its signature does not hold"):
        check_signature(read_contents(folder), keys.public(private))


def test_keys_that_cannot_be_used_are_named(folder: Path, private: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"key\.pub: expected a private elliptic-curve key"):
        sign(folder, keys.public(private))
    with pytest.raises(ValueError, match=r"key\.pem: expected a public elliptic-curve key"):
        check_signature(read_contents(folder), private)
    with pytest.raises(FileNotFoundError, match=r"nowhere: no such file; expected the public key"):
        check_signature(read_contents(folder), tmp_path / "nowhere")
    locked = tmp_path / "locked.pem"
    locked.write_bytes(
        ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    with pytest.raises(
        ValueError, match=r"locked\.pem: expected a private elliptic-curve key in PEM, without"
    ):
        sign(folder, locked)


def test_without_the_extra_the_error_names_it(
    folder: Path, private: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "model_signing", None)
    for call in (
        lambda: sign(folder, private),
        lambda: check_signature(read_contents(folder), keys.public(private)),
    ):
        with pytest.raises(MissingExtra, match="model-signing is not installed"):
            call()
