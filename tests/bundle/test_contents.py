"""A bundle's files in memory: what is no file of the bundle is refused, and what was hashed is what is loaded."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mgm.bundle.contents import check_contents, read_contents
from mgm.bundle.format import bundle_id
from mgm.bundle.load import load_bundle
from tests import tiny_corpora

FORGED = b'{"corpora": {"forged": {}}}'
EXCHANGES = 1000
_EXCHANGE = """
import os, sys
good, forged, place, times = sys.argv[1:]
for number in range(int(times)):
    copy = f"{place}.{number}"
    os.link((good, forged)[number % 2], copy)
    os.replace(copy, place)
"""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_corpora.saved_bundle(tmp_path_factory.mktemp("bundle"))


@pytest.fixture
def folder(bundle: Path, tmp_path: Path) -> Path:
    return shutil.copytree(bundle, tmp_path / "copy")


def list_file(folder: Path, name: str, sha256: object = "0" * 64) -> None:
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    manifest["files"][name] = sha256
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


@pytest.mark.parametrize(
    "name",
    ["../secret.txt", "/etc/passwd", "deeper/file.txt", "..", "", "a\0b", "back\\slash", "manifest.json"],
)
def test_an_entry_that_leaves_the_folder_is_refused(folder: Path, name: str) -> None:
    (folder.parent / "secret.txt").write_text("secret", encoding="utf-8")
    list_file(folder, name, hashlib.sha256(b"secret").hexdigest())
    with pytest.raises(ValueError, match=r"manifest\.json: files: .*: expected the name of a file in"):
        load_bundle(folder)


@pytest.mark.parametrize("sha256", ["", "0" * 63, "G" * 64, 7, None], ids=str)
def test_an_entry_without_a_hash_is_refused(folder: Path, sha256: object) -> None:
    list_file(folder, "profile.json", sha256)
    with pytest.raises(ValueError, match=r"files: profile\.json: .*: expected a SHA-256 in hexadecimal"):
        load_bundle(folder)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[]", "not the manifest of a bundle"),
        ("[" * 100_000, "not the manifest of a bundle"),
        ('{"format": 4, "files": []}', "files: list: expected the hashes of files by name"),
        ('{"format": 4}', "files: NoneType: expected the hashes"),
        (" " * ((1 << 20) + 1), "1,048,577 bytes; expected at most 1,048,576"),
    ],
    ids=["a list", "deep JSON", "a list of files", "no files", "a large file"],
)
def test_a_manifest_that_is_none_is_one_line(folder: Path, content: str, message: str) -> None:
    (folder / "manifest.json").write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=rf"manifest\.json: {message}") as error:
        load_bundle(folder)
    assert "\n" not in str(error.value)


def replace_by_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def replace_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def replace_by_device(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("replace", [replace_by_pipe, replace_by_folder, replace_by_device])
def test_what_is_no_regular_file_is_not_waited_for(folder: Path, replace: Callable[[Path], None]) -> None:
    replace(folder / "profile.json")
    with pytest.raises(ValueError, match=r"profile\.json: not a regular file"):
        load_bundle(folder)


def test_a_file_that_nothing_lists_is_refused(folder: Path) -> None:
    (folder / "run_me.py").write_text("", encoding="utf-8")
    with pytest.raises(ValueError, match=r"run_me\.py: not a file of this bundle: manifest\.json does not"):
        load_bundle(folder)


def test_a_folder_that_is_named_for_another_bundle_is_refused(bundle: Path, tmp_path: Path) -> None:
    """An older bundle cannot take the place of a newer one in the store."""
    own = shutil.copytree(bundle, tmp_path / bundle_id(bundle))
    assert load_bundle(own).id == own.name
    other = own.rename(tmp_path / ("a" * 64))
    with pytest.raises(ValueError, match=r"a{64}: holds bundle [0-9a-f]{64}, not the one it is named for"):
        load_bundle(other)


def test_an_exchange_between_check_and_load_is_caught(folder: Path, tmp_path: Path) -> None:
    """A process exchanges a file 1,000 times meanwhile; what passes the check is never the forged one."""
    good, forged, place = tmp_path / "good", tmp_path / "forged", folder / "profile.json"
    shutil.copy(place, good)
    forged.write_bytes(FORGED)
    arguments = [str(good), str(forged), str(tmp_path / "moving"), str(EXCHANGES)]
    (tmp_path / "moving").write_bytes(good.read_bytes())
    place.unlink()
    place.symlink_to(tmp_path / "moving")  # so that no other name ever lies in the bundle's folder
    passed, refused = 0, 0
    with subprocess.Popen([sys.executable, "-S", "-c", _EXCHANGE, *arguments]) as exchanger:
        while exchanger.poll() is None:
            contents = read_contents(folder)
            try:
                check_contents(contents)
            except ValueError as error:
                assert "profile.json: altered" in str(error)
                assert contents.files["profile.json"] == FORGED
                refused += 1
            else:
                assert contents.files["profile.json"] == good.read_bytes()
                passed += 1
    assert exchanger.returncode == 0
    assert passed and refused
