"""Speed of the text stages."""

from docs._generate.benchmarks.results import load_result, origin
from docs._generate.markdown import table


def render() -> str:
    """Return documents a second of the text stages."""
    result = load_result("text")
    stages = {name: corpus["stages"]["1 process"] for name, corpus in result["corpora"].items()}
    names = list(next(iter(stages.values())))
    rows = [
        (stage, *(f"{corpus[stage]['documents_per_second']:,}" for corpus in stages.values()))
        for stage in names
    ]
    return (
        table(["stage, one process, documents/s", *(f"`{name}`" for name in stages)], rows)
        + "\n"
        + origin(result)
    )
