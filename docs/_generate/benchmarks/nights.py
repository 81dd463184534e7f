"""Cost of a night by the number of those before it."""

from docs._generate.benchmarks.results import load_result, origin
from docs._generate.markdown import table


def render() -> str:
    """Return what a night costs by the number of those before it."""
    result = load_result("nights")
    rows = [
        (f"{int(num):,}", f"{seconds:.1f}", f"{result['ratio_to_fewest'][num]:.2f}")
        for num, seconds in result["cpu_seconds"].items()
    ]
    tail = f"The second reading of the input takes {result['share_of_second_reading']:.1%} of a night of {result['documents']:,} documents.\n\n"
    return table(["nights before", "CPU seconds", "ratio"], rows) + "\n" + tail + origin(result)
