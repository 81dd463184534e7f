"""The budget of a night's rejected documents: above one share the night warns, above another it is not committed."""

from mgm.corpus.parts import Counts
from mgm.settings.gates import RejectBudget


class TooManyRejects(ValueError):
    """More documents of a night are rejected than it may have; nothing is committed."""


def check_rejects(counts: Counts, budget: RejectBudget, *, num_warned: int = 0) -> list[str]:
    """Return the warnings about the documents that a night rejects.

    Args:
        counts: the night's.
        budget: the shares that it may have.
        num_warned: the documents that a warning is about already; where no others are rejected, a second one says nothing new.

    Raises:
        TooManyRejects: their share is above `budget.reject_stop`.
    """
    share = counts.rejected / counts.rows_in if counts.rows_in else 0.0
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in counts.reasons.items())
    found = f"rejected: {counts.rejected:,} of {counts.rows_in:,} documents ({share:.2%}: {reasons})"
    if share > budget.reject_stop:
        raise TooManyRejects(f"{found}; expected at most {budget.reject_stop:.2%} (gates.score.reject_stop)")
    if share > budget.reject_warn and counts.rejected > num_warned:
        return [f"{found}; expected at most {budget.reject_warn:.2%} (gates.score.reject_warn)"]
    return []
