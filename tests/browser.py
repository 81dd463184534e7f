"""Pages in a real browser: headless Chromium, without a network."""

import json
import re
import subprocess
from collections import Counter
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

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


ELSEWHERE = "elsewhere.example"
_ATTACK = """<!doctype html><title>wait</title><body><script>
const outcomes = {}, forms = [], body = "{}", credentials = "include";
async function attempt(name, url, options) {
  try { const answer = await fetch(url, {method: "POST", credentials, ...options});
    outcomes[name] = `${answer.type} ${answer.status}`;
  } catch (error) { outcomes[name] = "blocked"; }
}
function submit(url, enctype) {
  const frame = document.createElement("iframe"), form = document.createElement("form"), input = document.createElement("input");
  frame.name = `frame${forms.length}`; input.name = '{"a": "'; input.value = '"}';
  Object.assign(form, {method: "POST", action: url, enctype, target: frame.name});
  form.append(input); document.body.append(frame, form);
  forms.push(new Promise(done => { frame.onload = done; setTimeout(done, 3000); }));
  form.submit();
}
async function attack(name, url, read) {
  await attempt(`${name}: JSON`, url, {body, headers: {"Content-Type": "application/json"}});
  await attempt(`${name}: text`, url, {body, mode: "no-cors"});
  await attempt(`${name}: untyped`, url, {body: new Blob([body]), mode: "no-cors"});
  await attempt(`${name}: fields`, url, {body: new URLSearchParams({a: "b"}), mode: "no-cors"});
  await attempt(`${name}: read`, read, {method: "GET"});
  navigator.sendBeacon(url, body);
  for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]) submit(url, type);
}
(async () => {
  for (const [name, [url, read]] of Object.entries(TARGETS)) await attack(name, url, read);
  await Promise.all(forms);
  document.title = JSON.stringify(outcomes);
})();</script>"""


def attack(folder: Path, url: str, *, readable: str) -> tuple[dict[str, str], Counter[str]]:
    """Opens a page of another origin, which posts to `url` and reads `readable` in all ways that need no user.

    Returns what the page was told, and the content types of what it sent to a server that refuses nothing, in the same ways.
    """
    sent = Counter[str]()
    targets = {"server": [url, readable]}

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(_ATTACK.replace("TARGETS", json.dumps(targets)))

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            sent[self.headers.get("Content-Type", "none").partition(";")[0]] += 1
            self._answer("")

        def _answer(self, text: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        open_to_all = f"http://127.0.0.1:{server.server_port}/open"
        targets["open"] = [open_to_all, open_to_all]
        command = [
            "chromium",
            *QUIET,
            "--no-proxy-server",
            f"--host-resolver-rules=MAP {ELSEWHERE} 127.0.0.1",
            "--virtual-time-budget=10000",
            f"--user-data-dir={folder / 'browser'}",
            "--dump-dom",
            f"http://{ELSEWHERE}:{server.server_port}/",
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
        server.shutdown()
    title = re.search(r"<title>(.*?)</title>", done.stdout)
    assert title is not None
    return json.loads(title[1].replace("&quot;", '"')), sent
