"""Speed of answers over HTTP."""

from docs._generate.benchmarks.results import load_result, origin
from docs._generate.markdown import table


def render() -> str:
    """Return how many texts a second the server answers, and the same model in one process."""
    result = load_result("serving")
    speeds = result["texts_per_second"]
    fastest = max(speeds.values())
    rows = [(name, f"{speed:,.0f}", f"{speed / fastest:.2f}") for name, speed in speeds.items()]
    return table(["how", "texts/s", "of the fastest"], rows) + "\n" + origin(result)
