"""The index of nights, reports/nights/index.html: documents, rejects, drift, labels and time over the newest dates.

It is written after a night is committed or refused, from what nights leave behind. A night is whole without it, so nothing that goes
wrong here may fail one: it is a warning in the log.
"""

import logging
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from markupsafe import Markup

from flows.errors import message
from flows.night_page import NIGHTS, page_loader
from flows.night_records import NightRecord, NightRecords, read_records
from mgm.files import write_text
from mgm.report.plots import DateMark, daily_plot
from mgm.report.templating import create_environment
from mgm.settings.gates import DriftGate, EffectThreshold
from mgm.settings.scoring import ScoreSettings

INDEX = NIGHTS / "index.html"
MAX_LABELS = 5
"""The most labels of a task, or reasons of rejects, that have a line of their own; the others share one."""
MAX_DATES_SHOWN = 10
OTHERS = "others"
_QUANTILES = {"0.05": "5% quantile", "0.5": "median", "0.95": "95% quantile"}
_log = logging.getLogger(__name__)
_one_at_a_time = threading.Lock()

Values = list[tuple[date, float]]


@dataclass(frozen=True, kw_only=True)
class _Axis:
    """The dates that all plots have in common."""

    days: tuple[date, date]
    marks: list[DateMark]

    def plot(self, title: str, lines: dict[str, Values], **options: Any) -> Markup:
        """Draw lines of values by date."""
        return daily_plot(title, lines, days=self.days, marks=self.marks, **options)


def try_write_index(settings: ScoreSettings, gate: DriftGate) -> None:
    """Write the index; where that fails, log why."""
    try:
        write_index(settings, gate)
    except Exception as error:
        _log.warning(
            "%s: not rewritten, but the nights are not affected: %s", INDEX, message(error) or repr(error)
        )


def write_index(settings: ScoreSettings, gate: DriftGate) -> Path:
    """Write the index, atomically, and return its path.

    Args:
        settings: the places of the table and of the nights' folders.
        gate: the thresholds that drift is drawn with.

    Raises:
        OSError: the table cannot be read, or the page not be written.
    """
    with _one_at_a_time:  # two threads of a backfill would share the temporary file
        write_text(INDEX, render_index(read_records(settings), gate))
    return INDEX


def render_index(records: NightRecords, gate: DriftGate) -> str:
    """Return the index as HTML."""
    environment = create_environment(autoescape=True)
    environment.loader = page_loader()
    nights = records.nights
    sections: list[tuple[str, str, list[Markup]]] = []
    if nights:
        axis = _Axis(days=(nights[0].day, nights[-1].day), marks=_marks(nights))
        sections = [
            ("documents", "Documents", _document_plots(nights, axis)),
            ("drift", "Drift", _drift_plots(nights, axis, gate=gate)),
            ("labels", "Predicted labels", _label_plots(nights, axis)),
            ("time", "Time", _time_plots(nights, axis)),
        ]
    return environment.get_template("nights.html.j2").render(
        title="Nights",
        nights=nights[::-1],
        sections=[(name, heading, [plot for plot in plots if plot]) for name, heading, plots in sections],
        scored=[record.night for record in nights if record.night],
        refused=[record for record in nights if record.refusal],
        missing=_missing_dates([record.day for record in nights]),
        max_dates=MAX_DATES_SHOWN,
        notes=records.notes,
        num_older=records.num_older,
    )


def _marks(nights: Sequence[NightRecord]) -> list[DateMark]:
    """Return the refused nights, and those that another bundle scored than the night before."""
    marks, bundle = [], None
    for record in nights:
        if record.night is not None:
            if bundle not in (None, record.night.bundle):
                marks.append(
                    DateMark(day=record.day, kind="bundle", caption=f"bundle {record.night.bundle[:12]}")
                )
            bundle = record.night.bundle
        if record.refusal is not None:
            marks.append(DateMark(day=record.day, kind="refused", caption=f"refused: {record.refusal}"))
    return marks


def _missing_dates(days: Sequence[date]) -> list[date]:
    """Return the dates between the first and the last of sorted dates that are not among them."""
    if not days:
        return []
    known, num_days = set(days), (days[-1] - days[0]).days
    every = (days[0] + timedelta(days=count) for count in range(num_days))
    return [day for day in every if day not in known]


def _document_plots(nights: Sequence[NightRecord], axis: _Axis) -> list[Markup]:
    scored = [(record.day, record.night) for record in nights if record.night]
    totals: Counter[str] = Counter()
    for _, night in scored:
        totals.update(night.reasons)
    rejected = _with_others([(day, night.reasons) for day, night in scored], totals)
    title = "Rejected documents" + {0: "", 1: f": {next(iter(rejected), '')}"}.get(
        len(rejected), ", by reason"
    )
    return [
        axis.plot("Documents", {"documents": [(day, night.rows_in) for day, night in scored]}),
        axis.plot(title, rejected or {"rejected": [(day, night.rejected) for day, night in scored]}),
    ]


def _drift_plots(nights: Sequence[NightRecord], axis: _Axis, *, gate: DriftGate) -> list[Markup]:
    """Return a plot a statistic, in the order of the settings, with the thresholds of today."""
    plots = []
    for name, limits in gate:
        values = [(record.day, record.drift[name]) for record in nights if name in record.drift]
        if isinstance(limits, EffectThreshold) and values:
            levels = {"warns above": limits.warn, "refuses above": limits.stop}
            title = (DriftGate.model_fields[name].description or name).rstrip(".")
            shown = {caption: level for caption, level in levels.items() if level is not None}
            plots.append(axis.plot(title, {"largest excess": values}, levels=shown))
    return plots


def _label_plots(nights: Sequence[NightRecord], axis: _Axis) -> list[Markup]:
    """Return a plot a task: the shares of its labels, or the quantiles of its values."""
    profiles: dict[str, list[tuple[date, Any]]] = {}
    for record in nights:
        for task, profile in (record.facts.labels if record.facts else {}).items():
            profiles.setdefault(task, []).append((record.day, profile))
    plots = []
    for task, by_day in sorted(profiles.items()):
        mixes = [(day, p["labels"]["counts"]) for day, p in by_day if p.get("labels", {}).get("n")]
        values = [(day, p["values"]["quantiles"]) for day, p in by_day if p.get("values", {}).get("n")]
        if mixes:
            totals: Counter[str] = Counter()
            for _, counts in mixes:
                totals.update(counts)
            sums = {day: sum(counts.values()) for day, counts in mixes}
            shares = {
                label: [(day, n / sums[day]) for day, n in points]
                for label, points in _with_others(mixes, totals).items()
            }
            plots.append(axis.plot(f"{task}: share of labels", shares, y_bounds=(0, 1)))
        if values:
            lines = {
                words: [(day, q[level]) for day, q in values if level in q]
                for level, words in _QUANTILES.items()
            }
            plots.append(axis.plot(f"{task}: values", lines))
    return plots


def _time_plots(nights: Sequence[NightRecord], axis: _Axis) -> list[Markup]:
    measured = [(record.day, record.facts) for record in nights if record.facts]
    speeds = [(day, speed) for day, facts in measured if (speed := facts.documents_per_second) is not None]
    return [
        axis.plot("Seconds", {"seconds": [(day, facts.seconds) for day, facts in measured]}),
        axis.plot("Documents per second", {"documents per second": speeds}),
    ]


def _with_others(counts: Sequence[tuple[date, dict[str, int]]], totals: Counter[str]) -> dict[str, Values]:
    """Return the counts by date of the most frequent names, and of all others together."""
    names = [name for name, _ in sorted(totals.items(), key=lambda item: (-item[1], item[0]))]
    shown, others = names[:MAX_LABELS], names[MAX_LABELS:]
    lines: dict[str, Values] = {
        name: [(day, of_day.get(name, 0)) for day, of_day in counts] for name in shown
    }
    if others:
        lines[OTHERS] = [(day, sum(of_day.get(name, 0) for name in others)) for day, of_day in counts]
    return lines
