"""The site of documents: it builds without a warning, needs no other host, and answers what people ask."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

QUESTIONS = {
    "How do I train on my own file?": "A first project",
    "How do I add a stopword?": "Add a stopword, or keep one",
    "How do I add Chinese words?": "Add Chinese words",
    "How do I use my own word vectors?": "Use your own word vectors",
    "How do I change a threshold?": "Change a threshold",
    "How do I add a check?": "Add a check",
    "How do I read a night from Spark?": "Read the nights' tables",
    "How do I score a night again?": "Score a night again",
    "How do I run it in Docker?": "Run in containers",
    "How do I register the model in MLflow?": "Hand the model on to MLflow",
    "How do I calibrate scores?": "Calibrate scores",
    "How do I leave out uncertain labels?": "Leave out uncertain labels",
    "How do I train on all labels?": "Train the deployed model on all labels",
    "How do I roll back?": "Promote and roll back",
    "How do I use Ray?": "Use more than one machine",
    "How do I sign a bundle?": "Sign bundles",
    "How do I read from S3?": "Read and write object stores",
    "How do I run it with PostgreSQL?": "PostgreSQL",
    "How do I score every night?": "Nights by schedule",
    "How do I tune?": "Tune",
    "How do I cross-validate?": "Cross-validate",
    "How do I use BERT?": "Use a pretrained encoder",
    "How do I learn from another model?": "Learn from teachers",
    "How do I try a setting without editing a file?": "Try settings without editing files",
    "How do I share data with my team?": "Share data and models",
    "How do I upgrade?": "Upgrade",
    "How do I extract relations?": "Relations, persons and other questions about a part of a text",
    "How do I add a kind of task?": "Add a kind of task, a granularity, a step, a check, a command or a stage",
    "How do I import from Label Studio?": "Import annotations",
    "What should I label next?": "Label what helps most",
    "How do corrected labels come back?": "Bring corrections back",
    "How do I ask the model over HTTP?": "Serve predictions over HTTP",
    "What does a reject reason mean?": "Reject reasons",
    "What does a setting mean?": "Settings",
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the built site."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.slow
def test_every_question_has_a_heading(site: Path) -> None:
    """A page is one click away in the navigation, and a heading of a page a second one."""
    index = json.loads((site / "search" / "search_index.json").read_text(encoding="utf-8"))
    headings = {re.sub(r"<[^>]+>", "", entry["title"]).replace("&#39;", "'") for entry in index["docs"]}
    assert [question for question, heading in QUESTIONS.items() if heading not in headings] == []


@pytest.mark.slow
def test_no_page_loads_anything_from_another_host(site: Path) -> None:
    loads = re.compile(r"<(?:script|img|link|iframe|source)\b[^>]*(?:src|href)=\"?(https?:[^\"\s>]+)")
    loaded = {
        (page.name, url)
        for page in site.rglob("*.html")
        for url in loads.findall(page.read_text(encoding="utf-8"))
    }
    assert loaded == set()


@pytest.mark.slow
def test_every_setting_command_and_reason_has_its_line(site: Path) -> None:
    settings = (site / "reference" / "settings.html").read_text(encoding="utf-8")
    assert "train.epochs" in settings and "text.stopwords.keep" in settings
    assert "mgm score" in (site / "reference" / "commands.html").read_text(encoding="utf-8")
    assert "span_in_deletion" in (site / "reference" / "reject-reasons.html").read_text(encoding="utf-8")


def sentences(page: Path) -> list[str]:
    """Return the sentences of eight words and more, each cell of a table for itself, without code, marks and case."""
    text = re.sub(r"```.*?```|<!--.*?-->", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    text = re.sub(r"\]\([^)]*\)", "]", text)
    plain = (
        " ".join(re.sub(r"[*`#\[\]]", " ", part).split()) for part in re.split(r"\||\n\n|\n(?=- )", text)
    )
    found = [
        sentence.strip(" .:;").lower() for part in plain for sentence in re.split(r"(?<=[.!?:;]) ", part)
    ]
    return [sentence for sentence in found if len(sentence.split()) >= 8]


def test_no_sentence_stands_twice() -> None:
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
    first: dict[str, str] = {}
    repeated = []
    for page in pages:
        for sentence in sentences(page):
            if sentence in first:
                repeated.append((sentence, first[sentence], page.name))
            first[sentence] = page.name
    assert repeated == []
