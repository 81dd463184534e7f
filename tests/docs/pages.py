"""The pages of the documents, and the blocks of code on them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
_FENCE = re.compile(
    r"^( *)(?:<!-- (not run|run by): ([^>]+) -->\n+ *)?```(\w*)[^\n]*\n(.*?)^\1```$", re.MULTILINE | re.DOTALL
)


class Block(NamedTuple):
    """A fenced block of code.

    A comment above it may say why no test runs it (`not run`), or which test does so in the place of that of its page (`run by`).
    """

    page: str
    language: str
    code: str
    mark: str | None
    reason: str | None


def blocks() -> Iterator[Block]:
    """Yield the blocks of all pages, in their order."""
    for page in PAGES:
        name = page.relative_to(ROOT).as_posix()
        for indent, mark, reason, language, code in _FENCE.findall(page.read_text(encoding="utf-8")):
            plain = re.sub(rf"^{indent}", "", code, flags=re.MULTILINE)
            yield Block(name, language, plain, mark or None, reason or None)


BLOCKS = list(blocks())
