"""Speed of scoring in one process and in two, for the README."""

from docs._generate.benchmarks.results import load_result, origin
from docs._generate.markdown import table


def render() -> str:
    """Return documents a second of mgm and its peers in one process and in two."""
    result = load_result("scoring")
    rows = [
        (
            name,
            *(
                f"{result['speeds'][f'{key}, {count}']['documents_per_second']:,}"
                for count in ("1 process", "2 processes")
            ),
        )
        for key, name in (("mgm", "mgm `fast`"), ("linear", "linear"), ("fasttext", "fastText"))
    ]
    return table(["model", "one process", "two processes"], rows) + "\n" + origin(result)
