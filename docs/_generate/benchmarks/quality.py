"""Quality of mgm and its peers."""

from typing import Any

from docs._generate.benchmarks.results import METRICS, MODELS, load_result, origin
from docs._generate.markdown import table


def render() -> str:
    """Return the test metrics of every model of every corpus."""
    bundles = load_result("quality")["bundles"]
    parts = []
    for name, bundle in bundles.items():
        models = [model for model in MODELS if model in bundle["models"]]
        rows = [
            (
                f"`{task}`",
                METRICS[metric],
                *(_mean(bundle["models"][model], task, metric) for model in models),
            )
            for task in bundle["classes"]
            for metric in METRICS
            if any(metric in bundle["models"][model].get(task, {}) for model in models)
            and not (
                metric == "accuracy_known" and _same(bundle["models"][models[-1]][task], "accuracy", metric)
            )
        ]
        parts.append(
            f"**{name.replace('+', ', ')}**\n\n{table(['task', 'metric', *(MODELS[model] for model in models)], rows)}\n"
        )
        parts.append(origin(bundle))
    return "\n".join(parts)


def _mean(model: dict[str, Any], task: str, metric: str) -> str:
    value = model.get(task, {}).get(metric)
    if value is None:
        return ""
    deviation = f" ± {value['sd']:.3f}" if value["sd"] is not None else ""
    return f"{value['mean']:.3f}{deviation}"


def _same(metrics: dict[str, Any], one: str, other: str) -> bool:
    return metrics.get(one, {}).get("mean") == metrics.get(other, {}).get("mean")
