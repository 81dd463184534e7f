"""The linear model of a task, solved for in memory and from disk."""

from docs._generate.benchmarks.results import has_result, load_result, origin
from docs._generate.markdown import table

COLUMNS = {
    "accuracy": "accuracy",
    "macro_f1": "macro-F1",
    "same_class": "same class",
    "largest_difference": "largest difference of a logit",
    "cpu_seconds": "CPU seconds",
    "megabytes": "MB at most",
}


def render() -> str:
    """Return the metrics, the processor seconds and the memory for each `train.memory`."""
    if not has_result("linear_memory"):
        return "Not measured yet.\n"
    result = load_result("linear_memory")
    rows = [(way, *(f"{numbers[name]:,}" for name in COLUMNS)) for way, numbers in result["ways"].items()]
    documents = next(iter(result["ways"].values()))["documents"]
    return (
        f"Task `{result['task']}` of debian, {documents:,} documents.\n\n"
        + table(["`train.memory`", *COLUMNS.values()], rows)
        + "\n"
        + origin(result)
    )
