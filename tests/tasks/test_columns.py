"""The names of a task's columns, within the pipeline and for users."""

import pytest

from mgm.tasks import TaskColumns
from mgm.tasks.columns import output_names


def test_users_read_the_name_of_the_task() -> None:
    columns = TaskColumns("a:b")
    names = [columns.prediction, columns.score, columns.probs, columns.truncated, columns.of("interval")]
    assert names[:2] == ["prediction:a:b", "score:a:b"]
    users = ["a:b", "a:b_score", "a:b_probs", "a:b_truncated", "a:b_interval"]
    assert list(output_names(["doc_id", *names]).values()) == ["doc_id", *users]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (["score:mood", "prediction:mood_score"], "'mood_score', of task 'mood' and of task 'mood_score'"),
        (["doc_id", "prediction:doc_id"], "'doc_id', of every model and of task 'doc_id'"),
    ],
    ids=["another task", "the id"],
)
def test_an_older_bundle_with_two_columns_of_one_name_is_refused(columns: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        output_names(columns)
