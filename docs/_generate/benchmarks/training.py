"""Speed of training."""

from docs._generate.benchmarks.results import load_result, origin
from docs._generate.markdown import table


def render() -> str:
    """Return words a second of training."""
    result = load_result("training")
    rows = [
        (
            preset,
            precision,
            f"{speed['words_per_second']:,}",
            f"{speed['documents_per_second']:,}",
            f"{speed['loading_share']:.0%}",
        )
        for preset in ("fast", "full")
        for precision in ("fp32", "bf16")
        for speed in [result["cpu"][preset][precision]]
    ]
    return (
        table(["preset", "precision", "words/s", "documents/s", "time spent waiting for a batch"], rows)
        + "\n"
        + origin(result)
    )
