"""Speed of the recurrence."""

from docs._generate.benchmarks.results import load_result, origin
from docs._generate.markdown import table


def render() -> str:
    """Return the time of a training step with torch's recurrence, over that with our own."""
    result = load_result("recurrence")
    rows = [
        (name, f"{ratio['median']:.1f}", f"{ratio['least']:.1f} to {ratio['greatest']:.1f}")
        for name in ("full", "sentence")
        for ratio in [result[name]["torch_to_mgm"]]
    ]
    return (
        table(["model", "torch's time over mgm's, median", f"range of {result['rounds']} rounds"], rows)
        + "\n"
        + origin(result)
    )
