"""Separation of documents unlike those of training."""

from docs._generate.benchmarks.results import load_result, origin
from docs._generate.markdown import table


def render() -> str:
    """Return how well the reconstruction error tells other documents from the test split."""
    result = load_result("separation")
    rows = [
        (
            name,
            f"{test['n']:,}",
            f"{test['auroc']:.3f} [{test['low']:.3f}, {test['high']:.3f}]",
            f"{test['median']:.2f}",
        )
        for name, test in result["foreign"].items()
    ]
    return table(["other documents", "number", "AUROC", "median error"], rows) + "\n" + origin(result)
