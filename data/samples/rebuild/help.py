"""Rebuild help.parquet, help_pairs_en.parquet and help_pairs_zh.parquet from Debian's LibreOffice help.

python data/samples/rebuild/help.py [--debs FOLDER]   (needs dpkg, and apt-get or a folder of .deb files)
"""

import argparse
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
from help_page import Page, read_page
from sample_table import write_sample

PACKAGES = {"en-US": "libreoffice-help-en-us", "zh-CN": "libreoffice-help-zh-cn"}
LANGS = {"en-US": "en", "zh-CN": "zh"}
UPSTREAM_VERSION = "7.4.7"
HELP_ROOT = Path("usr/share/libreoffice/help")
LATIN_TO_HAN = 9  # more Latin letters than this for each Han character: mostly English
HAN = re.compile(r"[\u3400-\u9fff]")
SPAN = pa.struct([("start", pa.int32()), ("end", pa.int32()), ("label", pa.string())])


def fetch(folder: Path) -> None:
    """Download the two packages into `folder` with apt-get; raises RuntimeError where that is impossible."""
    if shutil.which("apt-get") is None:
        raise RuntimeError("no apt-get on this machine: fetch the .deb files elsewhere, pass --debs FOLDER")
    subprocess.run(["apt-get", "download", *PACKAGES.values()], cwd=folder, check=True)


def unpack(debs: Path, package: str, target: Path) -> None:
    """Unpack PACKAGE_*.deb; raises ValueError where it is missing or of another LibreOffice version."""
    found = sorted(debs.glob(f"{package}_*.deb"))
    if len(found) != 1:
        raise ValueError(f"{debs}: expected one {package}_*.deb, found {[path.name for path in found]}")
    version = subprocess.run(
        ["dpkg-deb", "-f", str(found[0]), "Version"], check=True, capture_output=True, text=True
    ).stdout.strip()
    if version.split(":")[-1].split("-")[0] != UPSTREAM_VERSION:
        raise ValueError(f"{found[0].name}: version {version}, expected LibreOffice {UPSTREAM_VERSION}")
    print(f"{package} {version}")
    subprocess.run(["dpkg", "-x", str(found[0]), str(target)], check=True)


def read_edition(root: Path, edition: str) -> dict[str, Page]:
    """All pages of an edition by their path without it (text/MODULE/.../NAME.html)."""
    folder = root / HELP_ROOT / edition
    pages: dict[str, Page] = {}
    for path in sorted((folder / "text").rglob("*.html")):
        name = path.relative_to(folder).as_posix()
        try:
            pages[name] = read_page(path.read_bytes(), module_of(name))
        except ValueError as error:
            raise ValueError(f"{edition}/{name}: {error}") from error
    return pages


def module_of(name: str) -> str:
    return name.split("/")[1]


def help_rows(edition: str, pages: dict[str, Page]) -> list[dict[str, Any]]:
    """One row a page."""
    return [
        {
            "doc_id": f"{edition}/{name}",
            "text": page.text,
            "lang": LANGS[edition],
            "group": name,
            "module": module_of(name),
            "ui_terms": [{"start": start, "end": end, "label": label} for start, end, label in page.spans],
            "title": page.title,
        }
        for name, page in pages.items()
    ]


def paragraph_pairs(english: dict[str, Page], chinese: dict[str, Page]) -> list[tuple[str, str, str, str]]:
    """(page, paragraph id, English, Chinese) of the translated paragraphs, equal pairs once."""
    pairs: dict[tuple[str, str], tuple[str, str, str, str]] = {}
    total = untranslated = 0
    for name in sorted(english.keys() & chinese.keys()):
        for (paragraph, occurrence), source in english[name].paragraphs.items():
            target = chinese[name].paragraphs.get((paragraph, occurrence))
            if target is None:
                continue
            total += 1
            if source == target or not HAN.search(target):
                untranslated += 1
                continue
            identifier = paragraph if occurrence == 1 else f"{paragraph}.{occurrence}"
            pairs.setdefault((source, target), (name, identifier, source, target))
    print(f"paragraphs in both editions: {total}; not translated: {untranslated}; unique pairs: {len(pairs)}")
    return list(pairs.values())


def pair_rows(pairs: list[tuple[str, str, str, str]], edition: str) -> list[dict[str, Any]]:
    """One row a paragraph: `edition` gives the text, the other edition the target."""
    from_english = edition == "en-US"
    return [
        {
            "doc_id": f"{edition}/{name}#{paragraph}",
            "text": english if from_english else chinese,
            "lang": LANGS[edition],
            "group": name,
            "translate_zh" if from_english else "translate_en": chinese if from_english else english,
        }
        for name, paragraph, english, chinese in pairs
    ]


def report(edition: str, pages: dict[str, Page]) -> None:
    """Print the counts that the documentation quotes."""
    han = [len(HAN.findall(page.text)) for page in pages.values()]
    latin = [len(re.findall(r"[A-Za-z]", page.text)) for page in pages.values()]
    print(
        f"{edition}: {len(pages)} pages, {len({module_of(name) for name in pages})} modules, "
        f"{sum(len(page.text) < 20 for page in pages.values())} below 20 characters, "
        f"{sum(page.title is None for page in pages.values())} without h1, "
        f"{sum(len(page.spans) for page in pages.values())} interface terms, "
        f"{sum(LATIN_TO_HAN * h < a for h, a in zip(han, latin, strict=True))} mostly English"
    )


def main() -> None:
    """Fetch, read, pair and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--debs", type=Path, help="a folder with the two .deb files; without it apt-get fetches them"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        debs = arguments.debs or Path(scratch)
        if arguments.debs is None:
            fetch(debs)
        root = Path(scratch) / "root"
        editions = {}
        for edition, package in PACKAGES.items():
            unpack(debs, package, root)
            editions[edition] = read_edition(root, edition)
            report(edition, editions[edition])
    rows = [row for edition, pages in editions.items() for row in help_rows(edition, pages)]
    fields = [
        pa.field("module", pa.string()),
        pa.field("ui_terms", pa.list_(SPAN)),
        pa.field("title", pa.string()),
    ]
    write_sample("help", rows, fields)
    pairs = paragraph_pairs(editions["en-US"], editions["zh-CN"])
    write_sample("help_pairs_en", pair_rows(pairs, "en-US"), [pa.field("translate_zh", pa.string())])
    write_sample("help_pairs_zh", pair_rows(pairs, "zh-CN"), [pa.field("translate_en", pa.string())])


if __name__ == "__main__":
    main()
