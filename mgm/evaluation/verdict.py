"""Whether the candidate may replace the champion: its test metrics against the floors of params.yaml."""

from collections.abc import Mapping
from typing import Any

from mgm.tasks import FIRST_METRIC


def judge(
    metrics: Mapping[str, Mapping[str, Any]], floors: Mapping[str, float], bundle: str
) -> dict[str, Any]:
    """{"verdict": "blessed" or "refused", "bundle", "reasons": one sentence for each floor}.

    metrics: reports/metrics.json; floors: task to the least value of its first metric. A floor whose task
    has no value is not met, nor is any without a single task evaluated.
    """
    refused, met = [], []
    for task, floor in sorted(floors.items()):
        entry = metrics.get(task)
        if entry is None:
            refused.append(f"{task}: floor {floor:g}, but the task was not evaluated")
            continue
        name = FIRST_METRIC[entry["kind"]]
        value = entry.get(name)
        if value is None:
            refused.append(
                f"{task}: floor {floor:g}, but test {name} has no value ({entry['n']} labelled documents)"
            )
        elif value < floor:
            refused.append(f"{task}: test {name} {value:.4f} is below its floor {floor:g}")
        else:
            met.append(f"{task}: test {name} {value:.4f} meets its floor {floor:g}")
    if not metrics:
        refused.append("no task was evaluated")
    if not floors:
        met.append("params.yaml sets no floor (verdict.floors), so nothing was asked of the candidate")
    return {"verdict": "refused" if refused else "blessed", "bundle": bundle, "reasons": refused or met}
