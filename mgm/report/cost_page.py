"""The report's section about cost: the network's parameters, what training took, and what scoring takes."""

from dataclasses import dataclass
from typing import Any

from mgm.evaluation.run_files import Sources


@dataclass(frozen=True)
class CostPage:
    """cost: reports/cost.json; parts: (part, parameters, share of all); epochs: their number, seconds in all, and the most
    memory (MiB) that training held, None where reports/training.json does not say."""

    cost: dict[str, Any]
    parts: list[tuple[str, int, float]]
    epochs: int
    seconds: float | None
    peak_mib: float | None

    @property
    def parameters(self) -> int:
        return sum(count for _, count, _ in self.parts)


def cost_page(sources: Sources) -> CostPage | None:
    """Reads reports/cost.json and reports/training.json; None without the first."""
    cost = sources.json("reports", "cost.json")
    if cost is None:
        return None
    training = sources.json("reports", "training.json", expected=False) or {}
    epochs = [e for e in training.get("epochs", []) if isinstance(e, dict)]
    peaks = [
        e["cost"]["peak_memory_mib"] for e in epochs if e.get("cost", {}).get("peak_memory_mib") is not None
    ]
    total = sum(cost["parameters"].values())
    parts = sorted(cost["parameters"].items(), key=lambda item: (-item[1], item[0]))
    return CostPage(
        cost,
        [(name, count, count / max(total, 1)) for name, count in parts],
        len(epochs),
        training.get("seconds"),
        max(peaks, default=None),
    )
