"""The report's section about documents of elsewhere: does the reconstruction error tell them from the test documents?"""

from typing import Any

from mgm.evaluation.out_of_distribution import PLACE
from mgm.evaluation.run_files import Sources


def unfamiliar_page(sources: Sources) -> dict[str, Any] | None:
    """Reads what evaluate found; None where the fusion reconstructs nothing or no other documents were given."""
    content: dict[str, Any] | None = sources.json(*PLACE, expected=False)
    return content
