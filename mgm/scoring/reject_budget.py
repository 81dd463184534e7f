"""The budget of a night's rejected documents: above one share the night warns, above another it is not committed."""

from mgm.corpus.parts import Counts
from mgm.settings.gates import RejectBudget


class TooManyRejects(ValueError):
    """More documents of a night are rejected than it may have; nothing is committed."""


def check_rejects(counts: Counts, budget: RejectBudget) -> list[str]:
    """Return the warnings about the documents that a night rejects.

    Raises:
        TooManyRejects: their share is above `budget.reject_stop`.
    """
    share = counts.rejected / counts.rows_in if counts.rows_in else 0.0
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in counts.reasons.items())
    found = f"rejected: {counts.rejected:,} of {counts.rows_in:,} documents ({share:.2%}: {reasons})"
    if share > budget.reject_stop:
        raise TooManyRejects(f"{found}; expected at most {budget.reject_stop:.2%} (gates.score.reject_stop)")
    if share > budget.reject_warn:
        return [f"{found}; expected at most {budget.reject_warn:.2%} (gates.score.reject_warn)"]
    return []
