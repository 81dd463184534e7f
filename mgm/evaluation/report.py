"""reports/report.html: one self-contained page from the files of a run. Every number on it was read from
one of them."""

from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

import polars as pl
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from mgm.evaluation.data_page import LANGUAGES, LEVELS, data_page
from mgm.evaluation.errors import Example, Piece, confident_errors, confused_pairs, confusion, excerpt
from mgm.evaluation.metrics import labelled, per_label
from mgm.evaluation.plots import interval_plot, line_plot
from mgm.evaluation.sources import GATES, Sources
from mgm.evaluation.study import NOT_RUN, Trained, trained
from mgm.evaluation.study_page import study_page
from mgm.evaluation.summary import SPLIT
from mgm.evaluation.variants import SINGLE, variants
from mgm.tasks import Task

MATRIX_CLASSES = 15
"""A confusion matrix is shown up to this many classes; beyond, the most confused pairs."""
LABELS_SHOWN = 15
EXAMPLES = 4
PAIRS = 5


@dataclass(frozen=True)
class Matrix:
    """A confusion matrix: rows are the truth (training's labels, then those it never saw), columns the
    predictions."""

    rows: list[str]
    columns: list[str]
    counts: list[list[int]]

    @property
    def totals(self) -> list[int]:
        return [sum(row) for row in self.counts]


@dataclass(frozen=True)
class TaskView:
    """All that the page says of a task; None or empty where the file was missing."""

    task: Task
    entry: dict[str, Any] | None
    n: int | None
    """Labelled rows of data/predictions; other than the entry's n where the two files are of different
    runs."""
    plot: Markup
    single: Trained
    labels: list[dict[str, Any]]
    worst: list[dict[str, Any]]
    matrix: Matrix | None
    pairs: list[dict[str, Any]]
    examples: list[Example]


def render(sources: Sources, provenance: list[tuple[str, str]]) -> str:
    """The page. `provenance` is what files do not say: (name, value) of revision, versions, hardware,
    time."""
    metrics = sources.json("reports", "metrics.json") or {}
    spaces = sources.json("data", "predictions", "labels.json") or {}
    views = [
        _task_view(sources, task, metrics.get(task.name), spaces.get(task.name, []))
        for task in sources.settings.active_tasks()
    ]
    context = {
        "title": "mgm report",
        "verdict": sources.json("reports", "promotion.json"),
        "views": views,
        "study": study_page(sources),
        "not_run": NOT_RUN,
        "training": _training(sources),
        "data": data_page(sources),
        "gates": _gates(sources),
        "provenance": [*provenance, *_hashes(sources)],
        "idle": [t for t in _listed(sources) if t not in {v.task.name for v in views}],
        "missing": sources.missing,
        "split": SPLIT,
        "length_levels": list(LEVELS.values()),
        "language_heads": [*LANGUAGES, "disagrees"],
        "labels_shown": LABELS_SHOWN,
    }
    return _environment().get_template("report.html.j2").render(context)


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("mgm.evaluation", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["metric"] = lambda value: "–" if value is None else f"{value:.3f}"
    environment.filters["signed"] = lambda value: "–" if value is None else f"{value:+.3f}"
    environment.filters["count"] = lambda value: "–" if value is None else f"{value:,}"
    environment.filters["share"] = lambda value: "–" if value is None else f"{value:.1%}"
    environment.filters["words"] = lambda name: str(name).replace("_", " ")
    return environment


def _task_view(sources: Sources, task: Task, entry: dict[str, Any] | None, space: list[str]) -> TaskView:
    single = trained(sources, variants(sources.settings)[f"{SINGLE}/{task.name}"])
    shown = single.value(task) if single.state == "current" else None
    plot = Markup("")
    if entry is not None:
        plot = interval_plot(entry[task.first_metric], entry["low"], entry["high"], entry["baseline"], shown)
    predictions = sources.predictions(task, SPLIT)
    if predictions is None:
        return TaskView(task, entry, None, plot, single, [], [], None, [], [])
    rows = labelled(predictions, task)
    table = per_label(rows, task, space) if task.kind != "regression" else None
    labels = table.to_dicts() if table is not None else []
    worst = _worst(table).to_dicts() if table is not None else []
    matrix, pairs = None, []
    if task.kind == "classification":
        order = [row["label"] for row in labels]
        pairs = confused_pairs(rows, task, PAIRS).to_dicts()
        if len(order) <= MATRIX_CLASSES:
            matrix = Matrix(order, space, [counts[: len(space)] for counts in confusion(rows, task, order)])
    return TaskView(
        task, entry, rows.height, plot, single, labels, worst, matrix, pairs, _examples(sources, rows, task)
    )


def _worst(table: pl.DataFrame) -> pl.DataFrame:
    return table.filter("seen", pl.col("support") > 0).sort(["f1", "label"]).head(PAIRS)


def _examples(sources: Sources, rows: pl.DataFrame, task: Task) -> list[Example]:
    errors = confident_errors(rows, task, EXAMPLES)
    texts = {
        c: sources.texts(c, errors.filter(corpus=c)["doc_id"].to_list())
        for c in errors["corpus"].unique().sort()
    }
    examples = []
    for error in errors.to_dicts():
        text = texts[error["corpus"]].get(error["doc_id"])
        start, end = error.pop("start"), error.pop("end")
        examples.append(Example(**error, pieces=[Piece("")] if text is None else excerpt(text, start, end)))
    return examples


def _training(sources: Sources) -> dict[str, Any]:
    """Plots of what training logged, one for each first part of a series' name, and the training's own
    facts."""
    families: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for name, points in sources.curves().items():
        family, _, rest = name.partition("/")
        families.setdefault(family, {})[rest or family] = points
    facts = sources.json("reports", "training.json") or {}
    return {
        "plots": [line_plot(family.replace("_", " "), lines) for family, lines in sorted(families.items())],
        "facts": [(name, _plain(value)) for name, value in facts.items() if name not in ("epochs", "tasks")],
    }


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_plain(inner)}" for name, inner in value.items())
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _gates(sources: Sources) -> list[dict[str, Any]]:
    """The verdict of every gate of the enabled corpora; one that stopped the run lies under gates/failed."""
    places = [(gate, corpus) for gate in GATES for corpus in sources.settings.enabled]
    found = []
    for gate, corpus in [*places, ("features", "")]:
        place = (gate, f"{corpus}.json") if corpus else (f"{gate}.json",)
        failed = sources.json("reports", "gates", "failed", *place, expected=False)
        verdict = failed or sources.json("reports", "gates", *place)
        found.append({"gate": gate, "corpus": corpus or "all", "verdict": verdict})
    return found


def _hashes(sources: Sources) -> list[tuple[str, str]]:
    files = [("params.yaml",), ("dvc.lock",), ("models", "candidate", "manifest.json")]
    return [(f"SHA-256 of {'/'.join(f)}", sources.hash_of(*f) or "missing") for f in files]


def _listed(sources: Sources) -> list[str]:
    """Every task of the enabled corpora, trained or not."""
    every = [sources.settings.tasks_for(corpus) for corpus in sources.settings.enabled]
    return sorted({task.name for task in reduce(add, every)})


def provenance_rows(sources: Sources, facts: dict[str, str]) -> list[tuple[str, str]]:
    """Revision, bundle, seed and whatever `facts` adds, in this order."""
    promotion = sources.json("reports", "promotion.json", expected=False) or {}
    return [
        ("bundle", promotion.get("bundle", "missing")),
        ("seed", str(sources.settings.seed)),
        *facts.items(),
    ]
