"""The report's section about the verdict: the checks of the candidate, and the champion beside it."""

from typing import Any

from mgm.evaluation.run_files import Sources


def verdict_page(sources: Sources) -> dict[str, Any] | None:
    """Reads reports/promotion.json; None where there is none."""
    found: dict[str, Any] | None = sources.json("reports", "promotion.json")
    return found
