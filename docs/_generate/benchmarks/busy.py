"""Training beside busy processes."""

from docs._generate.benchmarks.results import has_result, load_result, origin
from docs._generate.markdown import table


def render() -> str:
    """Return the words/s beside busy processes, and the slowdown over that of the fair share."""
    if not has_result("busy"):
        return "Not measured yet.\n"
    result = load_result("busy")
    rows = [
        (f"`{name}`", told["threads"], busy, f"{n['words_per_second']:,}", f"{n['over_fair_share']:.2f}")
        for name, told in result["train.threads"].items()
        for busy, n in told["beside_busy"].items()
    ]
    head = ["`train.threads`", "threads", "busy processes", "words/s", "slowdown over the fair share's"]
    return table(head, rows) + "\n" + origin(result)
