"""One page of the LibreOffice help: its text, its interface terms, its title and its paragraphs."""

import re
import textwrap
from dataclasses import dataclass, field

from lxml import html

BLOCKS = frozenset(
    (
        "p",
        "h",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "div",
        "pre",
        "table",
        "thead",
        "tbody",
        "tfoot",
        "tr",
        "td",
        "th",
        "ul",
        "ol",
        "li",
        "dl",
        "dt",
        "dd",
    )
)
SKIPPED = frozenset(("script", "style", "meta", "img", "footer"))
UI_LABELS = frozenset(("menuitem", "literal", "input", "keycode", "emph"))
SWITCHES = frozenset(("switch", "switchinline"))
WHOLE_PARAGRAPH = 0.9  # a span that covers this share of its paragraph marks the paragraph, not a term in it
HTML_BLANKS = re.compile(r"[ \t\r\n\f]+")
PARAGRAPH_ID = re.compile(r"(?:par|hd)_\w+")
MODULE_CLASSES = {  # the class of a switch's alternative for each module; `shared` has none
    "swriter": "WRITER",
    "scalc": "CALC",
    "simpress": "IMPRESS",
    "sdraw": "DRAW",
    "smath": "MATH",
    "schart": "CHART",
    "sdatabase": "BASE",
    "sbasic": "BASIC",
}


@dataclass
class Page:
    """`spans` are (start, end, label), code points of `text`; `paragraphs`: (id, occurrence) to text."""

    title: str | None
    text: str
    spans: list[tuple[int, int, str]]
    paragraphs: dict[tuple[str, int], str]


@dataclass
class _Block:
    text: str
    spans: list[tuple[int, int, str]]
    key: tuple[str, int] | None


@dataclass
class _Reader:
    module: str
    blocks: list[_Block] = field(default_factory=list)
    title: str | None = None
    buffer: str = ""
    found: list[tuple[int, int, str]] = field(default_factory=list)  # inner spans stand before outer ones
    opened: list[tuple[int, str]] = field(default_factory=list)
    keys: list[tuple[str, int] | None] = field(default_factory=lambda: [None])
    seen: dict[str, int] = field(default_factory=dict)
    verbatim: int = 0

    def add(self, text: str | None) -> None:
        if not text:
            return
        if not self.verbatim:
            text = HTML_BLANKS.sub(" ", text)
            if not self.buffer or self.buffer[-1] in " \n":
                text = text.lstrip(" ")
        self.buffer += text

    def flush(self) -> None:
        """End the current block; a span that is still open is cut here and goes on in the next block."""
        spans = self.found + [(start, len(self.buffer), label) for start, label in reversed(self.opened)]
        if self.verbatim and not spans:
            self.buffer = textwrap.dedent(self.buffer)
        text, shift = self.buffer.strip(), len(self.buffer) - len(self.buffer.lstrip())
        if text:
            kept = innermost([(start - shift, end - shift, label) for start, end, label in spans], text)
            self.blocks.append(_Block(text, kept, self.keys[-1]))
        self.buffer, self.found = "", []
        self.opened = [(0, label) for _, label in self.opened]

    def read(self, element: html.HtmlElement) -> None:
        """Read an element and everything inside it; its tail belongs to the parent."""
        tag = element.tag
        if not isinstance(tag, str) or tag in SKIPPED:
            return
        if tag == "br":
            self.buffer = self.buffer.rstrip(" ") + "\n"
            return
        if tag == "h1" and self.title is None:
            self.title = HTML_BLANKS.sub(" ", element.text_content()).strip()
            return
        classes = (element.get("class") or "").split()
        label = next((name for name in classes if tag == "span" and name in UI_LABELS), None)
        if tag in BLOCKS:
            self.flush()
            self.keys.append(self.key_of(element) or self.keys[-1])
        if tag == "pre":
            self.verbatim += 1
        if label:
            self.opened.append((len(self.buffer), label))
        chosen = alternative(element, self.module) if SWITCHES.intersection(classes) else None
        self.add(element.text)
        for child in element:
            if chosen is None or child in chosen:
                self.read(child)
            self.add(child.tail)
        if label:
            start, _ = self.opened.pop()
            self.found.append((start, len(self.buffer), label))
        if tag in BLOCKS:
            self.flush()
            self.keys.pop()
        if tag == "pre":
            self.verbatim -= 1

    def key_of(self, element: html.HtmlElement) -> tuple[str, int] | None:
        name = element.get("id") or ""
        if not PARAGRAPH_ID.fullmatch(name):
            return None
        self.seen[name] = self.seen.get(name, 0) + 1
        return name, self.seen[name]


def alternative(switch: html.HtmlElement, module: str) -> list[html.HtmlElement]:
    """The alternatives of a switch that stay: never macOS; of a switch inside a sentence only one.

    The help's own script shows one alternative of each switch. Inside a sentence this is the page's own
    module's, else the default, else the first. Whole blocks (another module's paragraph) all stay.
    """
    others = [child for child in switch if "MAC" not in (child.get("class") or "").split()]
    if "switch" in (switch.get("class") or "").split():
        return others
    own = [child for child in others if child.get("class") == MODULE_CLASSES.get(module, "")]
    default = [child for child in others if (child.get("id") or "").startswith("default")]
    return (own or default or others)[:1]


def innermost(spans: list[tuple[int, int, str]], text: str) -> list[tuple[int, int, str]]:
    """Trim blanks, drop empty spans and those covering the paragraph, keep the innermost of nested ones."""
    kept: list[tuple[int, int, str]] = []
    for start, end, label in spans:
        start, end = max(start, 0), min(end, len(text))
        inside = text[start:end]
        start, end = start + len(inside) - len(inside.lstrip()), end - len(inside) + len(inside.rstrip())
        if start >= end or end - start >= WHOLE_PARAGRAPH * len(text):
            continue
        if all(end <= other_start or start >= other_end for other_start, other_end, _ in kept):
            kept.append((start, end, label))
    return sorted(kept)


def read_page(source: bytes, module: str) -> Page:
    """Read one page's HTML (UTF-8); raises ValueError where it has no element with the id DisplayArea."""
    document = html.document_fromstring(source, parser=html.HTMLParser(encoding="utf-8"))
    areas = document.xpath('//*[@id="DisplayArea"]')
    if len(areas) != 1:
        raise ValueError(f"expected one element with the id DisplayArea, found {len(areas)}")
    reader = _Reader(module)
    reader.read(areas[0])
    reader.flush()
    text = ""
    spans: list[tuple[int, int, str]] = []
    paragraphs: dict[tuple[str, int], str] = {}
    for block in reader.blocks:
        text += "\n" if text else ""
        spans += [(start + len(text), end + len(text), label) for start, end, label in block.spans]
        text += block.text
        if block.key:
            before = paragraphs.get(block.key)
            paragraphs[block.key] = block.text if before is None else f"{before}\n{block.text}"
    return Page(reader.title or None, text, spans, paragraphs)
