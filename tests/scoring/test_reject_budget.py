"""The budget of a night's rejected documents."""

import pytest

from mgm.corpus.parts import Counts
from mgm.scoring.reject_budget import TooManyRejects, check_rejects
from mgm.settings.gates import RejectBudget


def counts(rejected: int, rows_in: int = 100) -> Counts:
    reasons = {"no_words": rejected} if rejected else {}
    return Counts(rows_in=rows_in, rows_out=rows_in - rejected, rejected=rejected, reasons=reasons)


BUDGET = RejectBudget(reject_warn=0.02, reject_stop=0.5)


@pytest.mark.parametrize(
    ("rejected", "rows_in"), [(0, 0), (0, 100), (2, 100)], ids=["no documents", "none", "as many as allowed"]
)
def test_few_rejects_are_no_warning(rejected: int, rows_in: int) -> None:
    assert check_rejects(counts(rejected, rows_in), BUDGET) == []


@pytest.mark.parametrize("rejected", [3, 50])
def test_a_share_above_the_first_threshold_warns(rejected: int) -> None:
    assert check_rejects(counts(rejected), BUDGET) == [
        f"rejected: {rejected} of 100 documents ({rejected}.00%: no_words {rejected}); expected at most 2.00% "
        "(gates.score.reject_warn)"
    ]


def test_documents_that_a_warning_is_about_are_not_named_again() -> None:
    assert (
        check_rejects(counts(3), BUDGET, num_warned=3) == [] != check_rejects(counts(3), BUDGET, num_warned=2)
    )


def test_a_share_above_the_second_threshold_stops() -> None:
    with pytest.raises(TooManyRejects) as stopped:
        check_rejects(counts(51), BUDGET)
    assert str(stopped.value) == (
        "rejected: 51 of 100 documents (51.00%: no_words 51); expected at most 50.00% (gates.score.reject_stop)"
    )


def test_a_budget_of_all_documents_never_stops() -> None:
    assert check_rejects(counts(100), RejectBudget(reject_stop=1))
