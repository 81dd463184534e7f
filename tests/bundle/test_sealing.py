"""Sealed bundles: opened in memory with their key, and with nothing else."""

import shutil
import sys
from pathlib import Path

import pytest

from mgm.bundle.contents import check_contents, open_contents, read_contents, read_listed
from mgm.bundle.format import PROFILE, VOCABULARY, WEIGHTS, bundle_id, verify
from mgm.bundle.load import load_bundle
from mgm.bundle.seal import seal_bundle
from mgm.bundle.sealing import SealingKey, generate_key, open_sealed, seal, write_key
from mgm.bundle.signing import check_signature, sign
from mgm.errors import MissingExtra, MissingKey
from mgm.scoring.scorer import Scorer
from tests import keys, tiny_corpora

pytest.importorskip("pyrage", reason="needs the extra encrypt")


def new_key(name: str = "a key") -> SealingKey:
    return SealingKey.parse(generate_key(), name)


@pytest.fixture(scope="module")
def key() -> SealingKey:
    return new_key()


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_corpora.saved_bundle(tmp_path_factory.mktemp("bundle"))


@pytest.fixture(scope="module")
def sealed_bundle(bundle: Path, key: SealingKey, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sealed") / "bundle"
    seal_bundle(bundle, folder, key=key)
    return folder


@pytest.fixture
def folder(sealed_bundle: Path, tmp_path: Path) -> Path:
    return shutil.copytree(sealed_bundle, tmp_path / "copy")


def test_a_sealed_bundle_scores_as_before(bundle: Path, folder: Path, key: SealingKey) -> None:
    """Its id is the same, and no listed file lies in the clear."""
    assert bundle_id(folder) == bundle_id(bundle)
    assert {path.suffix for path in folder.iterdir() if path.name != "manifest.json"} == {".age"}
    expected, _ = Scorer.load(bundle).score(tiny_corpora.menus(3))
    assert Scorer.load(folder, encryption_key=key).score(tiny_corpora.menus(3))[0].equals(expected)


def test_opening_leaves_no_file(folder: Path, key: SealingKey, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is a temporary folder ever made."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a temporary file")

    before = sorted(path.name for path in folder.iterdir())
    monkeypatch.setattr("tempfile.mkdtemp", refuse)
    monkeypatch.setattr("tempfile.NamedTemporaryFile", refuse)
    load_bundle(folder, key=key)
    assert sorted(path.name for path in folder.iterdir()) == before


def test_without_a_key_it_does_not_open(folder: Path) -> None:
    for read in (load_bundle, verify):
        with pytest.raises(MissingKey, match=r"\.age: sealed, and no key that opens it is set$"):
            read(folder)


def test_another_key_does_not_open_it(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"\.age: sealed with another key than that of another$"):
        load_bundle(folder, key=new_key("another"))


def test_a_key_with_several_identities_opens_and_the_first_seals(folder: Path, key: SealingKey) -> None:
    newer = new_key()
    both = SealingKey(identities=(*newer.identities, *key.identities), source="both")
    assert load_bundle(folder, key=both).id == bundle_id(folder)
    assert open_sealed(seal(b"x", both), newer, path=folder) == b"x"


@pytest.mark.parametrize("place", [0, 150, -1], ids=["header", "nonce or content", "end"])
def test_altered_sealed_bytes_are_refused(folder: Path, key: SealingKey, place: int) -> None:
    path = folder / f"{PROFILE}.age"
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"profile\.json\.age: "):
        load_bundle(folder, key=key)


def test_a_file_that_is_cut_short_is_refused(folder: Path, key: SealingKey) -> None:
    path = folder / f"{WEIGHTS}.age"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ValueError, match=r"weights\.safetensors\.age: not as it was sealed"):
        load_bundle(folder, key=key)


def test_a_sealed_file_is_bound_to_its_name_and_bundle(folder: Path, key: SealingKey) -> None:
    """Neither another file of the bundle nor that of another one, sealed with the same key, takes its place."""
    profile, stopwords = folder / f"{PROFILE}.age", folder / "stopwords.txt.age"
    own = profile.read_bytes()
    for content in (stopwords.read_bytes(), seal(b'{"corpora": {}}', key)):
        profile.write_bytes(content)
        with pytest.raises(ValueError, match=r"profile\.json: altered since the bundle was saved"):
            load_bundle(folder, key=key)
        with pytest.raises(ValueError, match=r"profile\.json: altered since the bundle was saved"):
            read_listed(folder, PROFILE, key=key)
    profile.write_bytes(own)
    assert load_bundle(folder, key=key).id


def test_one_file_is_read_alone(bundle: Path, folder: Path, key: SealingKey) -> None:
    (folder / f"{WEIGHTS}.age").write_bytes(b"")
    assert read_listed(folder, PROFILE, key=key) == (bundle / PROFILE).read_bytes()
    assert read_listed(bundle, PROFILE, key=None) == (bundle / PROFILE).read_bytes()


def test_a_file_in_both_forms_is_refused(bundle: Path, folder: Path, key: SealingKey) -> None:
    shutil.copy(bundle / VOCABULARY, folder)
    with pytest.raises(ValueError, match=r"vocabulary\.parquet: there both in the clear and sealed"):
        load_bundle(folder, key=key)


def test_the_signature_is_of_the_sealed_bytes(folder: Path, key: SealingKey, tmp_path: Path) -> None:
    """Sealed anew for the same content, the signature no longer holds."""
    pytest.importorskip("model_signing", reason="needs the extra sign")
    private = keys.pair(tmp_path / "keys")
    assert sign(folder, private)
    contents = read_contents(folder)
    check_signature(contents, keys.public(private))
    check_contents(open_contents(contents, key))
    path = folder / f"{PROFILE}.age"
    path.write_bytes(seal(open_sealed(path.read_bytes(), key, path=path), key))
    verify(folder, key=key)
    with pytest.raises(ValueError, match=r"profile\.json\.age altered since"):
        Scorer.load(folder, public_key=keys.public(private), encryption_key=key)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "keys.txt: no key in it"),
        ("# a comment\n\n", "keys.txt: no key in it"),
        ("# a comment\nAGE-SECRET-KEY-1SECRET\n", "keys.txt: line 2: expected AGE-SECRET-KEY-1"),
        ("-----BEGIN PRIVATE KEY-----", "keys.txt: line 1: expected AGE-SECRET-KEY-1"),
    ],
    ids=["empty", "a comment", "a damaged key", "a PEM file"],
)
def test_a_key_that_is_none_is_named_and_not_shown(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "keys.txt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=message) as error:
        SealingKey.load(path)
    assert "SECRET\n" not in str(error.value) and "1SECRET" not in str(error.value)


def test_a_key_is_not_printed(key: SealingKey) -> None:
    assert "AGE-SECRET" not in repr(key)


def test_a_new_key_is_its_owners_alone(tmp_path: Path) -> None:
    write_key(tmp_path / "new" / "encryption.key")
    assert (tmp_path / "new" / "encryption.key").stat().st_mode & 0o777 == 0o600
    SealingKey.load(tmp_path / "new" / "encryption.key")
    with pytest.raises(FileExistsError, match="keys are not overwritten"):
        write_key(tmp_path / "new" / "encryption.key")
    with pytest.raises(FileNotFoundError, match="nowhere: no such file; expected a key"):
        SealingKey.load(tmp_path / "nowhere")


def test_without_the_extra_the_error_names_it(
    folder: Path, key: SealingKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyrage", None)
    with pytest.raises(MissingExtra, match="pyrage is not installed") as error:
        load_bundle(folder, key=key)
    assert error.value.extra == "encrypt"
