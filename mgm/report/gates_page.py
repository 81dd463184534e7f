"""The report's section about the gates."""

from typing import Any

from mgm.evaluation.run_files import GATES, Sources


def gates_page(sources: Sources) -> list[dict[str, Any]]:
    """The verdict of every gate of the enabled corpora; one that stopped the run lies under gates/failed."""
    places = [(gate, corpus) for gate in GATES for corpus in sources.settings.enabled]
    found = []
    for gate, corpus in [*places, ("features", "")]:
        place = (gate, f"{corpus}.json") if corpus else (f"{gate}.json",)
        failed = sources.json("reports", "gates", "failed", *place, expected=False)
        verdict = failed or sources.json("reports", "gates", *place)
        found.append({"gate": gate, "corpus": corpus or "all", "verdict": verdict})
    return found
