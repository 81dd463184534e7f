"""Time and memory of gates."""

from docs._generate.benchmarks.results import load_result, origin
from docs._generate.markdown import table


def render() -> str:
    """Return seconds and memory of a gate on a large corpus."""
    result = load_result("gates")
    rows = [
        (f"{gate}, {name}", f"{case[gate]['seconds']:g}", f"{case[gate]['peak_memory_mib']:,}")
        for name, case in result["cases"].items()
        for gate in ("ingest", "clean")
    ]
    return (
        f"{result['documents']:,} documents.\n\n"
        + table(["gate, rows", "seconds", "MiB"], rows)
        + "\n"
        + origin(result)
    )
