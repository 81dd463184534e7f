"""The rules of `score.abstain`, apart from the section `score`, so that no stage of training depends on the settings of nights."""

from collections.abc import Mapping

from mgm.settings.names import check_name
from mgm.tasks import TASK_KINDS, TaskSettings


def check_abstentions(abstain: Mapping[str, float], tasks: Mapping[str, TaskSettings], *, where: str) -> None:
    """Check that the tasks of `score.abstain` are there, and of kinds whose labels have probabilities.

    Raises:
        ValueError: one is not; the message names it.
    """
    for name, precision in abstain.items():
        check_name(name, tasks, where=f"{where}.{name}", role="task")
        check_abstention(tasks[name].kind, precision, where=f"{where}.{name}")


def check_abstention(kind: str, precision: float, *, where: str) -> None:
    """Check that a task can abstain below a precision.

    Raises:
        ValueError: its predictions have no probability, or it is none of a share.
    """
    if not TASK_KINDS[kind].has_probabilities:
        able = ", ".join(name for name, spec in TASK_KINDS.items() if spec.has_probabilities)
        raise ValueError(
            f"{where}: a {kind} task has no probabilities to abstain by (kinds that have: {able})"
        )
    if not 0 < precision < 1:
        raise ValueError(f"{where}: {precision}: expected a precision above 0 and below 1, such as 0.95")
