"""The verdict: whether the candidate may replace the champion.

It follows from checks of the candidate's metrics, of the champion's on the same documents, and of a smoke batch. One check that
fails refuses the candidate.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from mgm.settings.evaluation import VerdictSettings
from mgm.tasks import TASK_KINDS


@dataclass(frozen=True, kw_only=True)
class Check:
    """A check of the candidate.

    Attributes:
        check: the name of the check.
        passed: whether the candidate passed.
        why: the reason, as a sentence.
        task: the task, if it is about one.
        metric: the task's first metric.
        value: the candidate's value.
        limit: the floor, the champion's value, or the most that is allowed.
        difference: the candidate's value less the champion's.
        low: the lower end of the 95% interval, of the difference where there is one, else of the value.
        high: the upper end of the same interval.
        n: the number of documents.
        p: the p-value of being no worse than the champion, adjusted for the number of tasks.
        shown: the conclusion from `p` and the p-value of being no better.
    """

    check: Literal["floor", "champion", "smoke", "latency", "memory"]
    passed: bool
    why: str
    task: str | None = None
    metric: str | None = None
    value: float | None = None
    limit: float | None = None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    n: int | None = None
    p: float | None = None
    shown: Literal["better", "worse", "no difference shown"] | None = None


def judge(
    bundle: str,
    champion: str | None,
    *,
    checks: Sequence[Check],
    measured: Mapping[str, Any],
    fits: str | None = None,
) -> dict[str, Any]:
    """Return the content of reports/promotion.json.

    Args:
        bundle: the candidate's id.
        champion: the id of the bundle that the candidate was compared with.
        checks: all checks.
        measured: the measures of the smoke batch; see `smoke_checks`.
        fits: which fit the metrics are of, as a sentence, where the candidate was fitted again.

    Returns:
        verdict (approved or refused), bundle, champion, reasons (the sentences of the checks that failed or, where none did,
        of all), checks, measured, and fits where it is given.
    """
    failed = [check.why for check in checks if not check.passed]
    return {
        "verdict": "refused" if failed else "approved",
        "bundle": bundle,
        "champion": champion,
        "reasons": failed or [check.why for check in checks],
        "checks": [asdict(check) for check in checks],
        "measured": dict(measured),
        **({} if fits is None else {"fits": fits}),
    }


def floor_checks(
    metrics: Mapping[str, Mapping[str, Any]], *, floors: Mapping[str, float], active: Collection[str]
) -> list[Check]:
    """Return a check for each floor.

    A floor whose task has no value is not met; nor is any where no task was evaluated. The floor of a task that is off (none
    of its corpora is enabled, or it is none of `tasks`) passes.

    Args:
        metrics: reports/metrics.json.
        floors: the least value of the first metric by task.
        active: the tasks that are trained.
    """
    checks = [
        _floor_check(task, floor, entry=metrics.get(task))
        if task in active
        else Check(
            check="floor",
            passed=True,
            why=f"{task}: its floor does not apply: the task is off",
            task=task,
        )
        for task, floor in sorted(floors.items())
    ]
    if not metrics:
        checks.append(Check(check="floor", passed=False, why="no task was evaluated"))
    if not floors:
        why = "params.yaml sets no floor (verdict.floors), so no metric had to reach one"
        checks.append(Check(check="floor", passed=True, why=why))
    return checks


def _floor_check(task: str, floor: float, *, entry: Mapping[str, Any] | None) -> Check:
    if entry is None:
        why = f"{task}: floor {floor:g}, but the task was not evaluated"
        return Check(check="floor", passed=False, why=why, task=task, limit=floor)
    name = TASK_KINDS[entry["kind"]].first_metric
    value = entry.get(name)
    if value is None:
        why = f"{task}: floor {floor:g}, but test {name} has no value ({entry['n']} labelled documents)"
    elif value < floor:
        why = f"{task}: test {name} {value:.4f} is below its floor {floor:g}"
    else:
        why = f"{task}: test {name} {value:.4f} meets its floor {floor:g}"
    return Check(
        check="floor",
        passed=value is not None and value >= floor,
        why=why,
        task=task,
        metric=name,
        value=value,
        limit=floor,
        low=entry.get("low"),
        high=entry.get("high"),
        n=entry.get("n"),
    )


def smoke_checks(measured: Mapping[str, Any], settings: VerdictSettings) -> list[Check]:
    """Return whether the smoke batch was scored without problems, and within the limits that are set.

    Args:
        measured: documents, problems (sentences), p50_ms, p95_ms (milliseconds a document, over the repeats), peak_mib; null
            where it could not be measured, which meets no limit.
        settings: the section `verdict`.
    """
    problems, n = measured["problems"], measured["documents"]
    if problems:
        return [
            Check(check="smoke", passed=False, why=f"smoke batch: {problem}", n=n) for problem in problems
        ]
    checks = [Check(check="smoke", passed=True, why=f"smoke batch: {n} documents scored from raw text", n=n)]
    if settings.max_ms_per_document is not None:
        unit = "ms a document (median)"
        checks.append(
            _limit_check("latency", measured["p50_ms"], limit=settings.max_ms_per_document, unit=unit)
        )
    if settings.max_memory_mib is not None:
        checks.append(
            _limit_check("memory", measured["peak_mib"], limit=settings.max_memory_mib, unit="MiB at most")
        )
    return checks


def _limit_check(
    check: Literal["latency", "memory"], value: float | None, *, limit: float, unit: str
) -> Check:
    if value is None:
        why = f"{check}: could not be measured on this system; the limit is {limit:g} {unit}"
        return Check(check=check, passed=False, why=why, limit=limit)
    passed = value <= limit
    why = f"{check}: {value:g} {unit} {'is within' if passed else 'is above'} the limit {limit:g}"
    return Check(check=check, passed=passed, why=why, value=value, limit=limit)
