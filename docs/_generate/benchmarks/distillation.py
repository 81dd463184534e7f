"""Gain of a model that learns from an encoder which it does not carry."""

from statistics import fmean

from docs._generate.benchmarks.results import METRICS, load_result, origin
from docs._generate.markdown import table

MODELS = {
    "plain": "plain",
    "taught_deep": "taught, deep part alone",
    "taught": "taught",
    "vectors": "word vectors of the encoder",
    "both": "taught, with word vectors of the encoder",
}


def render() -> str:
    """Return the first metric of each task and model on valid and on test, means over the seeds."""
    result = load_result("distillation")
    rows = []
    for name, task in result["tasks"].items():
        metric = task["metric"]
        for model, title in MODELS.items():
            runs = list(task["models"].get(model, {}).values())
            if runs:
                valid, test = fmean(run["valid"] for run in runs), fmean(run["test"][metric] for run in runs)
                rows.append(
                    (
                        f"`{name.rsplit('-', 1)[0]}`, {METRICS[metric]}",
                        f"{task['labels']:,} of {task['documents']:,}",
                        title,
                        f"{valid:.3f}",
                        f"{test:.3f}",
                        str(len(runs)),
                    )
                )
    revision = next(run["revision"] for task in result["tasks"].values() for runs in task["models"].values() for run in runs.values())  # fmt: skip
    header = ["task, metric", "labelled documents", "model", "on valid", "on test", "seeds"]
    return table(header, rows) + "\n" + origin(result | {"revision": revision})
