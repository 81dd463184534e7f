"""Every kind of task has a presentation."""

import pytest

from mgm.report.kinds import TASK_PRESENTATIONS
from mgm.tasks import TASK_KINDS


@pytest.mark.parametrize("kind", sorted(TASK_KINDS))
def test_presentation_of_a_kind(kind: str) -> None:
    presentation = TASK_PRESENTATIONS[kind]
    assert presentation.first_metric
    assert bool(presentation.answer) != TASK_KINDS[kind].has_label_space
    assert all(presentation.baselines.values())


def test_unknown_kind_is_named() -> None:
    with pytest.raises(KeyError, match="task kind 'sorting': no presentation in the report is registered"):
        TASK_PRESENTATIONS["sorting"]
