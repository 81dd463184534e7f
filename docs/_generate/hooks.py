"""MkDocs hooks: add the generated pages to the site, so that none of them is a file that could go stale."""

import sys
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from docs._generate import benchmarks, commands, gates, reject_reasons, settings, tables

PAGES = {
    "reference/settings.md": settings.page,
    "reference/commands.md": commands.page,
    "reference/tables.md": tables.page,
    "reference/reject-reasons.md": reject_reasons.page,
    "reference/gates.md": gates.page,
}


DECISIONS = "decisions"
DECISION_BOOST = 0.2
"""Somebody who searches wants to do something, and rarely to know why it was decided so."""


def on_config(config: Any) -> Any:
    """Add every decision to the navigation, in the order of their numbers."""
    pages = sorted(path.name for path in (Path(config.docs_dir) / DECISIONS).glob("0*.md"))
    for entry in config.nav:
        if isinstance(entry, dict) and "Decisions" in entry:
            entry["Decisions"] += [f"{DECISIONS}/{page}" for page in pages]
    return config


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that are made from the code."""
    for path, page in PAGES.items():
        files.append(File.generated(config, path, content=page()))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Put the tables of the benchmarks' results into the pages that name them; rank decisions low in the search."""
    if page.url.startswith(DECISIONS):
        page.meta["search"] = {"boost": DECISION_BOOST}
    return benchmarks.with_tables(markdown)
