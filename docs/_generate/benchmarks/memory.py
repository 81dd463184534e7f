"""Memory of the text stages."""

from docs._generate.benchmarks.results import load_result, origin
from docs._generate.markdown import table


def render() -> str:
    """Return the peak memory of each text stage on a large corpus."""
    result = load_result("memory")
    rows = [(stage, f"{numbers['peak_memory_mib']:,}") for stage, numbers in result["stages"].items()]
    return (
        f"{result['gigabytes']:g} GB of text, {result['documents']:,} documents.\n\n"
        + table(["stage", "MiB at most"], rows)
        + "\n"
        + origin(result)
    )
