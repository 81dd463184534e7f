"""Speed and memory of scoring."""

from docs._generate.benchmarks.results import load_result, origin
from docs._generate.markdown import table


def render(name: str = "scoring") -> str:
    """Return documents a second of mgm and its peers, from the results of this name."""
    result = load_result(name)
    rows = [
        (what, f"{speed['documents_per_second']:,}", f"{speed['peak_memory_mib']:,}")
        for what, speed in result["speeds"].items()
    ]
    head = f"{result['documents']:,} documents of `{result['corpus']}`, preset `{result['preset']}`, medians of {result['rounds']} rounds.\n\n"
    return head + table(["what", "documents/s", "MiB"], rows) + "\n" + origin(result)
