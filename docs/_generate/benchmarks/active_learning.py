"""Worth of chosen labels."""

from docs._generate.benchmarks.results import METRICS, load_result, origin
from docs._generate.markdown import table


def render() -> str:
    """Return the gain of labels that are chosen over labels at random, and the flipped labels that are found."""
    result = load_result("active_learning")
    runs = result["next"]
    labels = runs[0]["labels"]
    rows = []
    for metric, gain in result["gains"]["review"].items():
        means = [sum(run[arm][metric] for run in runs) / len(runs) for arm in ("start", "random", "review")]
        interval = f"{100 * gain['mean']:+.1f} ({100 * gain['low']:+.1f} to {100 * gain['high']:+.1f})"
        rows.append((METRICS[metric], *(f"{mean:.3f}" for mean in means), interval))
    names = [
        "metric",
        f"{labels['start']:,} labels",
        f"{labels['more']:,} more of {labels['pool']:,} at random",
        "chosen",
        "difference in points",
    ]
    found = [
        (str(run["seed"]), f"{run['labels']:,}", f"{run['flipped']:,}", f"{run['found']} of {run['reviewed']}", f"{run['times_chance']:.1f}")
        for run in result["errors"]
    ]  # fmt: skip
    heads = ["seed", "labels", "flipped", "flipped among the first", "times chance"]
    made_by = origin(result | {"revision": runs[0]["revision"]})
    return f"{table(names, rows)}\n{table(heads, found)}\n{made_by}"
