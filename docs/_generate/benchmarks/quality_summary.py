"""Quality in one line a task, for the README."""

from docs._generate.benchmarks.results import METRICS, MODELS, load_result, origin
from docs._generate.markdown import table


def render() -> str:
    """Return one line a task: mgm beside its best peer, by accuracy or, where there is none, the task's only metric."""
    rows = []
    for name, bundle in load_result("quality")["bundles"].items():
        for task, metrics in bundle["models"]["mgm-fast"].items():
            metric = next(metric for metric in METRICS if metric in metrics)
            peers = {
                MODELS[model]: bundle["models"][model][task][metric]["mean"]
                for model in MODELS
                if not model.startswith("mgm") and metric in bundle["models"].get(model, {}).get(task, {})
            }
            if not peers:
                continue
            best = max(peers, key=lambda model: peers[model])
            rows.append(
                (
                    f"`{task}`",
                    name.replace("+", ", "),
                    METRICS[metric],
                    f"{peers[best]:.3f} ({best})",
                    f"{metrics[metric]['mean']:.3f}",
                )
            )
    made_by = origin(next(iter(load_result("quality")["bundles"].values())))
    return table(["task", "corpora", "metric", "best peer", "mgm `fast`"], rows) + "\n" + made_by
