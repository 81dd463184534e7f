"""Every page is followed as a reader would: its commands and its Python run in their order, in one shell, in a small project.

The project is the one that `mgm init` makes of a file of 240 rows, with a small model; it has a champion, a newer candidate, and
documents for some nights. A block that does not run here has a comment above it that says why, or which test runs it.
"""

import os
import random
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import psutil
import pytest

from tests.docs.pages import BLOCKS, ROOT

SHELLS = ("bash", "python")
PAGES_THAT_RUN = sorted({block.page for block in BLOCKS if block.language in SHELLS and not block.mark})
NIGHTS = [date(2026, 1, 1) + timedelta(days=n) for n in range(3)]
NIGHTS += [date(2026, 11, 1) + timedelta(days=n) for n in range(3)] + [date(2026, 11, 20)]
SOURCES = (
    "mgm",
    "flows",
    "pyproject.toml",
    "setup.py",
    "requirements.lock",
    "README.md",
    "LICENSE",
    "NOTICE",
    "Makefile",
)
"""What a clone has, for the commands that make a wheel of it."""
SMALL = """
text:
  deduplication: {exact: "off", near: "off"}
  features: {min_count: 1, ngram_buckets: 500, subwords: 400}
model:
  width: 16
  fusion_width: 16
  character: {enabled: false}
  sentence: {enabled: false}
  paragraph: {enabled: false}
  document: {enabled: false}
  lead: {enabled: false}
  window: {sizes: [2], width: 8}
  pretrained: {window_pieces: 64}
  wide: {buckets: 512, chinese: {buckets: 300}}
  generation: {width: 32, heads: 2, feedforward_width: 64, encoder_layers: 1, decoder_layers: 1, max_source_subwords: 40, max_length: 6, beam_size: 1}
train: {epochs: 1, threads: 1}
evaluate: {bootstrap: 20}
explain: {documents: 8, bootstrap: 20, faithfulness: 1, cost_documents: 2, steps: 4, max_steps: 8}
verdict: {smoke_documents: 8, smoke_repeats: 1}
tune:
  trials: 2
  startup_trials: 1
  space:
    train.learning_rate: {low: 0.001, high: 0.05}
run_generation: {train.epochs: 1, verdict.smoke_repeats: 1}
score:
  input: incoming/{date}.jsonl
"""
BEFORE = {
    "docs/how-to/read-nights.md": "mgm score --date 2026-11-20",
    "docs/how-to/distil.md": "python -c 'from pathlib import Path; from tests.tiny_encoder import make_encoder; "
    'make_encoder(Path("data/encoders/minilm"))\'',
}
"""What a page takes for granted."""
START = """
set -euo pipefail
mgm() {  # with small settings in a project that it lays
  command mgm "$@" && if [ "${1:-}" = init ]; then
    sed -i '/^# With few rows/d; /^train:/d; /^  epochs:/d; /^  patience:/d' "$2/params.yaml"
    cat "$SMALL_SETTINGS" >> "$2/params.yaml"
  fi
}
python() {  # the environment of the tests in place of an empty one
  if [ "${1:-} ${2:-}" = "-m venv" ]; then rm -rf "$3" && ln -s "$PREPARED" "$3"; else command python "$@"; fi
}
"""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def texts(rows: int, seed: int) -> pl.DataFrame:
    """Return short complaints about two programs, in English and Chinese."""
    names = {
        "scalc": (["the cell", "a formula", "the spreadsheet"], ["单元格", "公式", "工作表"]),
        "swriter": (["the paragraph", "a footnote", "the heading"], ["段落", "脚注", "标题"]),
    }
    endings = {
        "good": ("is easy to change", "容易修改"),
        "bad": ("breaks when it is saved", "保存时出错"),
    }
    draw = random.Random(seed)
    found = []
    for i in range(rows):
        module, polarity, chinese = list(names)[i % 2], list(endings)[i // 2 % 2], i % 3 == 0
        name, ending = draw.choice(names[module][chinese]), endings[polarity][chinese]
        number = draw.randrange(999)
        text = (
            f"{i}：{name}{ending}，第{number}号。" if chinese else f"{i}: {name} {ending}, ticket {number}."
        )
        labels = {"module": module, "polarity": polarity, "heading": name}
        found.append({"doc_id": f"n{i}", "text": text, "lang": "zh" if chinese else "en"} | labels)
    return pl.DataFrame(found)


@pytest.fixture(scope="session")
def environment(commands: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the variables of a shell with mgm installed, in whose environment `pip` installs without an index."""
    installed = tmp_path_factory.mktemp("environment")
    _make_environment(installed)
    (installed / "small.yaml").write_text(SMALL, encoding="utf-8")
    path = os.pathsep.join(
        [str(commands), str(installed / "scripts"), str(Path(sys.executable).parent), os.environ["PATH"]]
    )
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "MGM_"))}
    return kept | {
        "PATH": path,
        "PREPARED": str(installed / "venv"),
        "SMALL_SETTINGS": str(installed / "small.yaml"),
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
        "PIP_NO_INDEX": "1",
        "PIP_NO_DEPS": "1",
        "PIP_NO_BUILD_ISOLATION": "0",  # which is how pip wants this flag set
        "PIP_QUIET": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "NO_COLOR": "1",
        "GIT_AUTHOR_NAME": "a",
        "GIT_AUTHOR_EMAIL": "a@example.org",
        "GIT_COMMITTER_NAME": "a",
        "GIT_COMMITTER_EMAIL": "a@example.org",
    }


def _make_environment(folder: Path) -> None:
    """A virtual environment with the packages of the tests, and a `pip` that works on it."""
    python = folder / "venv" / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "venv")], check=True)
    (packages,) = (folder / "venv").glob("lib/python*/site-packages")
    (packages / "packages_of_the_tests.pth").write_text(
        sysconfig.get_path("purelib") + "\n", encoding="utf-8"
    )
    (folder / "scripts").mkdir()
    pip = folder / "scripts" / "pip"
    pip.write_text(
        f'#!/bin/sh\nunset PYTHONPATH\nexec {sys.executable} -m pip --python {python} "$@"\n',
        encoding="utf-8",
    )
    pip.chmod(0o755)


@pytest.fixture(scope="session")
def project(
    environment: dict[str, str], shared_folder: Callable[[str, Callable[[Path], object]], Path]
) -> Path:
    """Return the folder of the project, which no test may change."""
    return shared_folder("project_of_pages", lambda folder: _make_project(folder, environment))


def _make_project(folder: Path, environment: dict[str, str]) -> None:
    rows = folder.with_name("rows_of_pages")
    rows.mkdir()
    texts(240, 1).write_ndjson(rows / "texts.jsonl")
    follow(f"mgm init {folder} --data {rows / 'texts.jsonl'}", rows, environment)
    params = folder / "params.yaml"
    text = params.read_text(encoding="utf-8")
    params.write_text(
        text.replace("heading: {kind: classification", "heading: {kind: generation"), encoding="utf-8"
    )
    (folder / "incoming").mkdir()
    for number, day in enumerate(NIGHTS):
        night = texts(30, 10 + number).select("doc_id", "text")
        night.write_ndjson(folder / "incoming" / f"{day}.jsonl")
    night.write_ndjson(folder / "in.jsonl")
    (folder / "texts").write_text("The formula is wrong.\n公式出错。\n", encoding="utf-8")
    texts(240, 2).write_csv(folder / "tickets.csv")
    for name in SOURCES:
        if (ROOT / name).is_file():
            shutil.copy(ROOT / name, folder / name)
    # the Makefile's environment depends on what is compiled; a folder without __init__.py hides no installed package
    (folder / "mgm" / "native").mkdir(parents=True)
    shutil.copytree(ROOT / "mgm" / "native" / "sources", folder / "mgm" / "native" / "sources")
    shutil.copy(ROOT / "mgm" / "native" / "build.py", folder / "mgm" / "native" / "build.py")
    (folder / ".venv" / "bin").mkdir(parents=True)
    (folder / ".venv" / "bin" / "activate").touch()
    (folder / ".venv" / ".ready").touch()
    (folder / ".gitignore").open("a", encoding="utf-8").write(
        "/.venv/\n/remote/\n/rows/\n/dist/\n/mgm/\n/flows/\n/build/\n"
    )
    follow(
        "mgm run && mgm promote && sed -i 's/epochs: 1/epochs: 2/' params.yaml && mgm run && git add . && git commit --quiet -m run",
        folder,
        environment,
    )


def follow(script: str, folder: Path, environment: dict[str, str]) -> str:
    """Run a script in a folder to its end, and return what it printed; what it has started in the background ends with it."""
    with (folder / "printed.log").open("w+", encoding="utf-8") as log:
        process = psutil.Popen(
            ["bash", "-c", START + script],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            status = process.wait(500)
        finally:
            _end_background(folder)
        log.seek(0)
        printed = log.read()
    assert status == 0, f"{printed[-8000:]}\nexit status {status}"
    return printed


def _end_background(folder: Path) -> None:
    """End the processes that still work in a folder."""
    left = []
    for process in psutil.process_iter():
        try:
            if Path(process.cwd()).is_relative_to(folder) and process.pid != os.getpid():
                process.kill()
                left.append(process)
        except (psutil.Error, OSError):
            continue
    psutil.wait_procs(left, timeout=10)


def script_of(page: str, folder: Path) -> str:
    """Return the page's blocks as one script; Python that names a file in its first line is written to it."""
    parts = []
    for number, block in enumerate(block for block in BLOCKS if block.page == page):
        if block.mark or block.language not in SHELLS:
            continue
        parts.append(f"echo '--- block {number} of {page}'")
        code = block.code
        if block.language == "python":
            named = re.match(r"# (\S+\.py)\n", code)
            file = folder / (named[1] if named else f"block_{number}.py")
            file.write_text(code, encoding="utf-8")
            code = "" if named else f"python {file}\n"
        parts.append(code)
    return "\n".join(parts)


@pytest.mark.parametrize("page", PAGES_THAT_RUN)
def test_the_page_can_be_followed(
    page: str, project: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "texts"
    shutil.copytree(project, folder, symlinks=True)
    (folder / "remote").mkdir()
    replaced = {
        "/mnt/team/mgm": str(folder / "remote"),
        "<your repository>": str(folder),
        "DOC_ID": "n3",
    }
    script = "\n".join([BEFORE.get(page, ""), script_of(page, folder)])
    for word, value in replaced.items():
        script = script.replace(word, value)
    if "pip wheel" in script:
        for name in ("mgm", "flows"):
            shutil.copytree(
                ROOT / name,
                folder / name,
                ignore=shutil.ignore_patterns("__pycache__"),
                dirs_exist_ok=True,
            )
    follow(script, folder, environment)
