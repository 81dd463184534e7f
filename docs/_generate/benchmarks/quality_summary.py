"""Quality in one line a task, for the README."""

from typing import Any

from docs._generate.benchmarks.results import METRICS, MODELS, PRETRAINED, load_result
from docs._generate.markdown import table


def render() -> str:
    """Return one line a task: mgm beside its best peers, by accuracy or, where there is none, the task's only metric."""
    bundles = load_result("quality")["bundles"]
    rows = []
    for name, bundle in bundles.items():
        for task, metrics in bundle["models"]["mgm-fast"].items():
            metric = next(metric for metric in METRICS if metric in metrics)
            peers = _peers(bundle, task, metric)
            own = {model: value for model, value in peers.items() if model not in PRETRAINED}
            pretrained = {model: value for model, value in peers.items() if model in PRETRAINED}
            if peers:
                corpora, mean = name.replace("+", ", "), f"{metrics[metric]['mean']:.3f}"
                rows.append((f"`{task}`", corpora, METRICS[metric], _best(own), _best(pretrained), mean))
    header = ["task", "corpora", "metric", "best peer", "best pretrained peer", "mgm `fast`"]
    if not any(row[4] for row in rows):
        # no pretrained peer is measured
        header, rows = header[:4] + header[5:], [row[:4] + row[5:] for row in rows]
    return table(header, rows) + "\n" + _origins(bundles)


def _peers(bundle: dict[str, Any], task: str, metric: str) -> dict[str, float]:
    return {
        model: bundle["models"][model][task][metric]["mean"]
        for model in MODELS
        if not model.startswith("mgm") and metric in bundle["models"].get(model, {}).get(task, {})
    }


def _best(peers: dict[str, float]) -> str:
    if not peers:
        return ""
    best = max(peers, key=lambda model: peers[model])
    return f"{peers[best]:.3f} ({MODELS[best]})"


def _origins(bundles: dict[str, Any]) -> str:
    """Return the days and processors of all results."""
    results = [
        (result.get("date") or bundle["machine"]["date"], result["cpu"])
        for bundle in bundles.values()
        for parts in bundle["results"].values()
        for seeds in parts.values()
        for result in seeds.values()
    ]
    # a result of before they had a date has its file's, "or before"
    days = sorted({day[:10] for day, _ in results})
    span = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
    return f"<small>{span}, {' and '.join(sorted({cpu for _, cpu in results}))}; each result's revision is in `benchmarks/results`.</small>\n"
