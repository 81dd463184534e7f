"""Pages in a real browser: headless Chromium, without a network."""

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

WIDTHS = (390, 1200)
TITLE = "changed by a label"
HOSTILE = (
    f"<script>document.title='{TITLE}'</script><img src=x onerror=\"document.title='{TITLE}'\">' \" &lt;b>"
)
"""A label or a text that would change the title of a page which does not escape it."""
QUIET = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]


@dataclass(frozen=True)
class Seen:
    """A page at a width of the window: the width that it needs, its characters, what it asked others for, and its title."""

    width: int
    needed: int
    characters: int
    requests: int
    title: str


def look(folder: Path, pages: list[str]) -> list[Seen]:
    """Opens pages of a folder at every width; an error or warning on the console fails."""
    probe = f"""<!doctype html><title>wait</title><body><script>
    Promise.all({json.dumps(pages)}.flatMap(page => {list(WIDTHS)}.map(width => new Promise(done => {{
      const frame = document.createElement("iframe"); frame.width = width; frame.height = 800;
      frame.onload = () => {{ const root = frame.contentDocument.documentElement;
        done([width, root.scrollWidth, root.innerText.length,
        frame.contentWindow.performance.getEntriesByType("resource").length,
        frame.contentDocument.title]); }};
      frame.src = page; document.body.append(frame); }}))))
    .then(found => {{ document.title = JSON.stringify(found); }});</script>"""
    (folder / "probe.html").write_text(probe, encoding="utf-8")
    done = subprocess.run(
        [
            "chromium",
            *QUIET,
            "--allow-file-access-from-files",
            "--enable-logging=stderr",
            "--virtual-time-budget=5000",
            f"--user-data-dir={folder / 'browser'}",
            "--dump-dom",
            (folder / "probe.html").as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert "CONSOLE" not in done.stderr
    title = re.search(r"<title>(.*?)</title>", done.stdout)
    assert title is not None
    return [Seen(*found) for found in json.loads(title[1])]


def print_pdf(folder: Path, page: str) -> bytes:
    """The page as a browser prints it."""
    target = folder / f"{page}.pdf"
    command = ["chromium", *QUIET, f"--user-data-dir={folder / 'browser'}", f"--print-to-pdf={target}"]
    subprocess.run([*command, (folder / page).as_uri()], capture_output=True, timeout=120, check=True)
    return target.read_bytes()


def pages_of(pdf: bytes) -> int:
    """How many sheets."""
    assert pdf.startswith(b"%PDF")
    return len(re.findall(rb"/Type\s*/Page\b", pdf))
