"""`debian` and `debian_titles`: package descriptions of Debian bookworm, from apt's own lists."""

import logging
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from mgm.corpus.fetch.errors import FetchError
from mgm.corpus.fetch.files import STRING, STRINGS, write_corpus

RELEASE = "bookworm"
ARCHITECTURE = "amd64"
UPDATE = "apt-get -o Acquire::Languages=en update"
# Reads a list in any compression that apt uses.
APT_HELPER = "/usr/lib/apt/apt-helper"
_FORMAT = "$(CREATED_BY)|$(ORIGIN)|$(CODENAME)|$(COMPONENT)|$(ARCHITECTURE)|$(LANGUAGE)|$(FILENAME)"
_TAG = re.compile(r"(?P<facet>[^\s,{}]+)(?:\{(?P<values>[^{}]*)\})?")
_log = logging.getLogger(__name__)


class IndexFiles(NamedTuple):
    """The files of apt's list of packages and of its list of English descriptions."""

    packages: Path
    translations: Path


def fetch(folder: Path) -> list[Path]:
    """Read apt's lists and write `debian.parquet` and `debian_titles.parquet`."""
    files = find_index_files()
    rows = build_rows(read_index(files.packages), read_index(files.translations))
    tasks = {"section": STRING, "tags": STRINGS, "role": STRING}
    return [
        write_corpus(folder / "debian.parquet", rows, tasks=tasks),
        write_corpus(folder / "debian_titles.parquet", build_title_rows(rows), tasks={"synopsis": STRING}),
    ]


def find_index_files() -> IndexFiles:
    """Return the files in which apt keeps bookworm's main/binary-amd64 Packages and main Translation-en.

    Raises:
        FetchError: there is no apt, another release or architecture, or a list is missing; the message has the remedy.
    """
    listed = _run(["apt-get", "-o", "Acquire::Languages=en", "indextargets", "--format", _FORMAT])
    targets = [line.split("|", 6) for line in listed.decode("utf-8").splitlines()]
    if not targets:
        raise FetchError(f"debian: apt has no package lists here; run `{UPDATE}` as root, then fetch again")
    releases = sorted({f"{target[1]} {target[2]}" for target in targets})
    main = [target for target in targets if target[1:4] == ["Debian", RELEASE, "main"]]
    if not main:
        raise FetchError(
            f"debian: this corpus is defined on Debian {RELEASE}'s main archive; apt's lists here are of "
            f"{', '.join(releases)}. Fetch it on a {RELEASE} machine or container (debian:{RELEASE}), or run "
            f"`{UPDATE}` as root if {RELEASE} is among apt's sources but was never updated"
        )
    packages = [target[6] for target in main if target[0] == "Packages" and target[4] == ARCHITECTURE]
    if not packages:
        architectures = ", ".join(sorted({target[4] for target in main if target[0] == "Packages"})) or "none"
        raise FetchError(
            f"debian: apt has no list of main/binary-{ARCHITECTURE} (architectures here: {architectures}); run "
            f"`dpkg --add-architecture {ARCHITECTURE}` and `{UPDATE}` as root, then fetch again"
        )
    translations = [target[6] for target in main if target[0] == "Translations" and target[5] == "en"]
    if not translations:
        raise FetchError(
            f"debian: apt has no list main/i18n/Translation-en, which holds the descriptions (container images "
            f"leave it out); run `{UPDATE}` as root, then fetch again"
        )
    return IndexFiles(Path(packages[0]), Path(translations[0]))


def read_index(path: Path) -> str:
    """Return the text of one of apt's lists, compressed or not.

    Raises:
        FetchError: apt cannot read it, or it is not UTF-8.
    """
    data = _run([APT_HELPER, "cat-file", str(path)])
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise FetchError(
            f"debian: {path}, line {line}: invalid UTF-8 ({error.reason}); run `{UPDATE}`"
        ) from error


def build_rows(packages: str, translations: str) -> list[dict[str, Any]]:
    """Return a row for each distinct description; of packages that share one, the first gives labels and group.

    Besides the corpus's columns a row has `synopsis` and `description`, which the titles are made of.
    """
    described = {
        stanza["Description-md5"]: stanza["Description-en"]
        for stanza in parse_stanzas(translations)
        if "Description-en" in stanza
    }
    first: dict[str, dict[str, str]] = {}
    for stanza in parse_stanzas(packages):
        if "Description-md5" in stanza:
            first.setdefault(stanza["Description-md5"], stanza)
    absent = [stanza["Package"] for md5, stanza in first.items() if md5 not in described]
    if absent:
        _log.warning(
            "debian: %d of %d packages have no description in Translation-en (first: %s) and are left out; run `%s`",
            len(absent), len(first), absent[0], UPDATE,
        )  # fmt: skip
    return [_row(stanza, described[md5]) for md5, stanza in first.items() if md5 in described]


def build_title_rows(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the long descriptions with their synopses as targets; packages without a long one have no row."""
    return [{**row, "text": row["description"]} for row in rows if row["description"].strip()]


def parse_stanzas(text: str) -> Iterator[dict[str, str]]:
    """Yield the fields of every stanza of a Debian control file (deb822); a field's further lines keep their first blank."""
    for stanza in text.split("\n\n"):
        fields: dict[str, str] = {}
        name = ""
        for line in stanza.split("\n"):
            if line.startswith((" ", "\t")):
                fields[name] += f"\n{line}"
            elif line:
                name, _, value = line.partition(":")
                fields[name] = value.strip()
        if fields:
            yield fields


def expand_tags(field: str) -> list[str]:
    """Return the debtags of a Tag field: sorted, then `a::{b,c}` as a::b, a::c, without those that end in TODO."""
    expanded: list[str] = []
    for tag in sorted(match.group() for match in _TAG.finditer(field)):
        facet, brace, values = tag.partition("{")
        expanded += [facet + value.strip() for value in values.rstrip("}").split(",")] if brace else [tag]
    return [tag for tag in dict.fromkeys(expanded) if not tag.endswith("TODO")]


def _row(stanza: dict[str, str], description: str) -> dict[str, Any]:
    synopsis, *lines = description.split("\n")
    long = "\n".join("" if line.strip() == "." else line[1:] for line in lines)
    tags = expand_tags(stanza.get("Tag", ""))
    return {
        "doc_id": stanza["Package"],
        "text": f"{synopsis}\n\n{long}" if long else synopsis,
        "lang": "en",
        "group": stanza.get("Source", stanza["Package"]).partition(" ")[0],
        "section": stanza["Section"].rpartition("/")[2] if "Section" in stanza else None,
        "tags": tags or None,
        "role": next((tag for tag in tags if tag.startswith("role::")), None),
        "synopsis": synopsis,
        "description": long,
    }


def _run(command: list[str]) -> bytes:
    try:
        return subprocess.run(command, capture_output=True, check=True).stdout
    except FileNotFoundError as error:
        raise FetchError(
            f"debian: {command[0]} is not on this machine; the corpus is read from apt's lists, so fetch it on "
            f"Debian {RELEASE} (the container image debian:{RELEASE} will do)"
        ) from error
    except subprocess.CalledProcessError as error:
        stderr = error.stderr.decode("utf-8", "replace").strip()
        raise FetchError(
            f"debian: `{' '.join(command)}` failed with exit code {error.returncode}: {stderr}"
        ) from error
