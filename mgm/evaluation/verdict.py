"""Whether the candidate may replace the champion: checks of its metrics, of the champion's on the same documents, and of a
smoke batch. One check that fails refuses it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from mgm.settings.evaluation import VerdictSettings
from mgm.tasks import TASK_KINDS


@dataclass(frozen=True)
class Check:
    """One question to the candidate, and `why` it passed or not, as a sentence.

    value: the candidate's; limit: the floor, the champion's value, or the most that is allowed. difference: value less
    the champion's. low, high: the 95% interval, of the difference where there is one, else of the value. n: documents. p: of
    being no worse than the champion, adjusted for the number of tasks; shown: what that and its counterpart say.
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
    bundle: str, champion: str | None, checks: Sequence[Check], measured: Mapping[str, Any]
) -> dict[str, Any]:
    """reports/promotion.json: verdict (blessed or refused), bundle, champion, reasons, checks, measured.

    champion: the id of the bundle that the candidate was compared with; reasons: the sentences of the checks that failed,
    or, where none did, of all; measured: what the smoke batch took.
    """
    failed = [check.why for check in checks if not check.passed]
    return {
        "verdict": "refused" if failed else "blessed",
        "bundle": bundle,
        "champion": champion,
        "reasons": failed or [check.why for check in checks],
        "checks": [asdict(check) for check in checks],
        "measured": dict(measured),
    }


def floor_checks(
    metrics: Mapping[str, Mapping[str, Any]], floors: Mapping[str, float], active: Collection[str]
) -> list[Check]:
    """One check for each floor.

    metrics: reports/metrics.json; floors: task to the least value of its first metric; active: the tasks that are trained.
    A floor whose task has no value is not met, nor is any without a single task evaluated; that of a task which is off,
    since none of its corpora is enabled, says so and asks nothing.
    """
    checks = [
        _floor(task, floor, metrics.get(task))
        if task in active
        else Check("floor", True, f"{task}: its floor is not asked for: none of its corpora is enabled", task)
        for task, floor in sorted(floors.items())
    ]
    if not metrics:
        checks.append(Check("floor", False, "no task was evaluated"))
    if not floors:
        why = "params.yaml sets no floor (verdict.floors), so no metric had to reach one"
        checks.append(Check("floor", True, why))
    return checks


def _floor(task: str, floor: float, entry: Mapping[str, Any] | None) -> Check:
    if entry is None:
        return Check(
            "floor", False, f"{task}: floor {floor:g}, but the task was not evaluated", task, limit=floor
        )
    name = TASK_KINDS[entry["kind"]].first_metric
    value = entry.get(name)
    if value is None:
        why = f"{task}: floor {floor:g}, but test {name} has no value ({entry['n']} labelled documents)"
    elif value < floor:
        why = f"{task}: test {name} {value:.4f} is below its floor {floor:g}"
    else:
        why = f"{task}: test {name} {value:.4f} meets its floor {floor:g}"
    return Check(
        "floor",
        value is not None and value >= floor,
        why,
        task,
        name,
        value,
        floor,
        low=entry.get("low"),
        high=entry.get("high"),
        n=entry.get("n"),
    )


def smoke_checks(measured: Mapping[str, Any], settings: VerdictSettings) -> list[Check]:
    """Whether the smoke batch was scored well, and within the limits that are set.

    measured: documents, problems (sentences), p50_ms, p95_ms (milliseconds a document, over the repeats), peak_mib; null
    where it could not be measured, which meets no limit.
    """
    problems, documents = measured["problems"], measured["documents"]
    if problems:
        return [Check("smoke", False, f"smoke batch: {problem}", n=documents) for problem in problems]
    checks = [Check("smoke", True, f"smoke batch: {documents} documents scored from raw text", n=documents)]
    if settings.max_ms_per_document is not None:
        checks.append(
            _limit("latency", measured["p50_ms"], settings.max_ms_per_document, "ms a document (median)")
        )
    if settings.max_memory_mib is not None:
        checks.append(_limit("memory", measured["peak_mib"], settings.max_memory_mib, "MiB at most"))
    return checks


def _limit(check: Literal["latency", "memory"], value: float | None, limit: float, unit: str) -> Check:
    if value is None:
        why = f"{check}: could not be measured on this system; the limit is {limit:g} {unit}"
        return Check(check, False, why, limit=limit)
    within = value <= limit
    why = f"{check}: {value:g} {unit} {'is within' if within else 'is above'} the limit {limit:g}"
    return Check(check, within, why, value=value, limit=limit)
