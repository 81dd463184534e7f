import logging
import os
from pathlib import Path

import polars as pl
import pytest

from mgm.corpus.fetch import debian
from mgm.corpus.fetch.errors import FetchError

PACKAGES = """\
Package: zed
Source: zed-src (1:2.0)
Description: Editor
Description-md5: m1
Tag: works-with::text, role::{program,shared-lib}, special::TODO,
 interface::text-mode, implemented-in::TODO
Section: contrib/editors

Package: aed
Description-md5: m1
Section: libs

Package: bare
Description-md5: m2
Tag: special::TODO

Package: lost
Description-md5: m9
Section: net
"""
TRANSLATIONS = """\
Package: zed
Description-md5: m1
Description-en: Editor: 编辑
 First paragraph.
 .
 Second:
  * item .

Package: bare
Description-md5: m2
Description-en: Bare
"""
LINE = "Packages|Debian|bookworm|main|amd64|$(LANGUAGE)|{folder}/Packages\n"
EN = "Translations|Debian|bookworm|main|$(ARCHITECTURE)|en|{folder}/Translation-en\n"
SECURITY = "Packages|Debian|bookworm-security|main|amd64|$(LANGUAGE)|{folder}/Security\n"


@pytest.fixture
def apt(tmp_path, monkeypatch):
    """Plants an `apt-get` that lists the given targets, alone on the path."""

    def plant(listing: str, code: int = 0) -> Path:
        (tmp_path / "listing").write_text(listing.format(folder=tmp_path))
        command = tmp_path / "bin" / "apt-get"
        command.parent.mkdir()
        command.write_text(f"#!/bin/sh\n/bin/cat {tmp_path}/listing\necho planted failure >&2\nexit {code}\n")
        command.chmod(0o755)
        return tmp_path

    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return plant


def test_one_row_a_description_with_the_first_package_s_labels(caplog):
    with caplog.at_level(logging.WARNING):
        zed, bare = debian.build_rows(PACKAGES, TRANSLATIONS)
    assert zed == {
        "doc_id": "zed",
        "text": "Editor: 编辑\n\nFirst paragraph.\n\nSecond:\n * item .",
        "lang": "en",
        "group": "zed-src",
        "section": "editors",
        "tags": ["interface::text-mode", "role::program", "role::shared-lib", "works-with::text"],
        "role": "role::program",
        "synopsis": "Editor: 编辑",
        "description": "First paragraph.\n\nSecond:\n * item .",
    }
    assert (bare["text"], bare["group"]) == ("Bare", "bare")
    assert (bare["section"], bare["tags"], bare["role"]) == (None, None, None)
    assert "1 of 3 packages have no description in Translation-en (first: lost)" in caplog.text


def test_titles_come_from_the_long_description_alone():
    [title] = debian.build_title_rows(debian.build_rows(PACKAGES, TRANSLATIONS))
    assert (title["doc_id"], title["synopsis"]) == ("zed", "Editor: 编辑")
    assert title["text"] == "First paragraph.\n\nSecond:\n * item ."


@pytest.mark.skipif(not os.access(debian.APT_HELPER, os.X_OK), reason="needs apt")
def test_both_corpora_are_written_from_apt_s_lists(apt):
    folder = apt(SECURITY + LINE + EN)
    (folder / "Packages").write_text(PACKAGES)
    (folder / "Translation-en").write_text(TRANSLATIONS)
    paths = debian.fetch(folder / "out")
    assert [path.name for path in paths] == ["debian.parquet", "debian_titles.parquet"]
    documents, titles = (pl.read_parquet(path) for path in paths)
    assert documents.columns == ["doc_id", "text", "lang", "group", "section", "tags", "role"]
    assert documents["doc_id"].to_list() == ["bare", "zed"]
    assert titles.columns == ["doc_id", "text", "lang", "group", "synopsis"]


@pytest.mark.skipif(not os.access(debian.APT_HELPER, os.X_OK), reason="needs apt")
def test_a_list_that_is_not_utf_8_is_named_with_the_line(tmp_path):
    path = tmp_path / "Packages"
    path.write_bytes(b"Package: a\nTag: \xff\n")
    with pytest.raises(FetchError, match="Packages, line 2: invalid UTF-8"):
        debian.read_index(path)


@pytest.mark.parametrize(
    ("listing", "reason"),
    [
        ("", "no package lists here; run `apt-get -o Acquire::Languages=en update`"),
        (LINE.replace("bookworm", "trixie"), "lists here are of Debian trixie"),
        (LINE.replace("Debian", "Raspbian"), "lists here are of Raspbian bookworm"),
        (SECURITY, "lists here are of Debian bookworm-security"),
        (LINE.replace("amd64", "arm64") + EN, r"no list of main/binary-amd64 \(architectures here: arm64\)"),
        (LINE, "no list main/i18n/Translation-en"),
    ],
)
def test_a_missing_list_says_what_to_do(apt, listing, reason):
    apt(listing)
    with pytest.raises(FetchError, match=reason):
        debian.find_index_files()


def test_without_apt_or_when_it_fails_the_error_says_so(apt):
    with pytest.raises(FetchError, match="apt-get is not on this machine"):
        debian.find_index_files()
    apt("", code=100)
    with pytest.raises(FetchError, match="failed with exit code 100: planted failure"):
        debian.find_index_files()
