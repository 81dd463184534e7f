"""Data Docs: static pages of the gates' verdicts, which open without a network.

`<folder>/index.html` lists every gate and corpus; below it lies a page for each of their last runs, and beside each
page a small JSON file:

    index.html
    <gate>/<corpus>/<time>.html, <time>.json        a gate over all corpora: <gate>/<time>.html, <time>.json

The index is written again from those JSON files after every run. The pages are the project's own, since those of Great
Expectations need scripts, styles and fonts from the network, without which they show no status; they show neither severity
nor row ids nor notes, and do not escape values of the data. Its descriptions of expectations are kept (descriptions.py).
"""

import os
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined, Template

from flows.gates.verdict import Verdict
from mgm.files import read_json, to_json, write_text

INDEX = "index.html"
STATUS = ("stopped", "passed with warnings", "passed")
TIME = "%Y%m%dT%H%M%S.%fZ"
LOCK = ".lock"


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run of a gate, as the JSON file beside its page states it."""

    gate: str
    corpus: str | None
    at: str
    """Time in UTC, ISO 8601."""
    status: str
    checks: int
    warnings: int
    failures: int

    @property
    def time(self) -> str:
        """The time as the pages show it."""
        return datetime.fromisoformat(self.at).strftime("%Y-%m-%d %H:%M:%S")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A gate and corpus of the index: its last run and those before it, each with the address of its page."""

    last: tuple[Run, str]
    earlier: list[tuple[Run, str]]


def write_page(folder: Path, verdict: Verdict, *, at: datetime, keep: int) -> Path:
    """Write the page of one run and the index, delete the oldest pages of this gate and corpus, and return the page.

    Processes take turns (the lock ends with its holder), and every file is replaced atomically, so that neither a kill nor
    another gate loses an entry or leaves half an index.

    Args:
        folder: where the pages of all gates lie.
        at: when the gate ran, with its time zone.
        keep: the number of runs of a gate and corpus to keep, at least 1.

    Raises:
        ValueError: `keep` is below 1, or `at` has no time zone.
    """
    if keep < 1:
        raise ValueError(f"data docs: found {keep} pages to keep, expected 1 or more")
    if at.tzinfo is None:
        raise ValueError(f"data docs: the time {at} has no time zone")
    at = at.astimezone(UTC)
    status = STATUS[0] if verdict.failures else STATUS[1] if verdict.warnings else STATUS[2]
    run = Run(
        gate=verdict.gate,
        corpus=verdict.corpus,
        at=at.isoformat(),
        status=status,
        checks=verdict.num_checks,
        warnings=len(verdict.warnings),
        failures=len(verdict.failures),
    )
    place = folder / verdict.gate / verdict.corpus if verdict.corpus else folder / verdict.gate
    place.mkdir(parents=True, exist_ok=True)
    page = place / f"{at.strftime(TIME)}.html"
    with FileLock(folder / LOCK):
        # A page first and its JSON last, and the other way round to delete: the index never names an absent page.
        write_text(page, _render_run(run, verdict, index=Path(os.path.relpath(folder, place), INDEX)))
        write_text(page.with_suffix(".json"), to_json(asdict(run)))
        kept = sorted(place.glob("*.json"))[-keep:]
        for old in set(place.glob("*.json")) - set(kept):
            old.unlink()
        write_text(folder / INDEX, _render_index(folder))
        for old in set(place.glob("*.html")) - {path.with_suffix(".html") for path in kept}:
            old.unlink()
        # A process that was killed leaves its temporary file.
        for temporary in {*place.glob("*.tmp"), *folder.glob("*.tmp")}:
            temporary.unlink()
    return page


def _render_run(run: Run, verdict: Verdict, *, index: Path) -> str:
    """Return the page of a run.

    Args:
        index: the index, relative to the page.
    """
    failed = [o for o in verdict.outcomes if not o.passed]
    warned = [o for o in failed if o.finding.severity != "critical"]
    return _template("run.html.j2").render(
        title=f"{run.gate} gate, {run.corpus or 'all corpora'}",
        run=run,
        index=index.as_posix(),
        failures=[o for o in failed if o.finding.severity == "critical"],
        warnings=[o for o in warned if o.finding in verdict.warnings],
        implied=[o for o in warned if o.finding not in verdict.warnings],
        passed=[o for o in verdict.outcomes if o.passed],
    )


def _render_index(folder: Path) -> str:
    """Return the index of all pages below `folder`: gates that stopped first, then by gate and corpus."""
    runs: dict[tuple[str, str], list[tuple[Run, str]]] = {}
    for path in sorted(folder.glob("**/*.json"), key=lambda p: p.name, reverse=True):
        run = Run(**read_json(path))
        address = path.relative_to(folder).with_suffix(".html").as_posix()
        runs.setdefault((run.gate, run.corpus or ""), []).append((run, address))
    entries = [Entry(last=pages[0], earlier=pages[1:]) for _, pages in sorted(runs.items())]
    entries.sort(key=lambda entry: STATUS.index(entry.last[0].status))
    counts = Counter(entry.last[0].status for entry in entries)
    return _template("index.html.j2").render(
        title="Data gates", entries=entries, counts=counts, statuses=STATUS
    )


def _template(name: str) -> Template:
    loader = ChoiceLoader([PackageLoader("flows.gates", "pages"), PackageLoader("mgm.report", "templates")])
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["tone"] = dict(zip(STATUS, ("bad", "warn", "good"), strict=True)).__getitem__
    return environment.get_template(name)
