"""Quality of mgm and its peers."""

from typing import Any

from docs._generate.benchmarks.results import METRICS, MODELS, load_result
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
        parts.append(_origins(bundle, models))
    return "\n".join(parts)


def _origins(bundle: dict[str, Any], models: list[str]) -> str:
    """Return the day, processor and revision of each model's results, and the versions of the last of them."""
    lines = []
    for model in models:
        results = [result for seeds in bundle["results"][model].values() for result in seeds.values()]
        made_by = {
            f"{result.get('date') or bundle['machine']['date']}, {result['cpu']}, "
            f"revision {result['revision'][:10]}{result['revision'][40:]}"
            for result in results
        }
        lines.append(f"{MODELS[model]}: {'; '.join(sorted(made_by))}")
    versions = ", ".join(f"{name} {version}" for name, version in bundle["versions"].items())
    return f"<small>{'. '.join(lines)}. {versions}.</small>\n"


def _mean(model: dict[str, Any], task: str, metric: str) -> str:
    value = model.get(task, {}).get(metric)
    if value is None:
        return ""
    deviation = f" ± {value['sd']:.3f}" if value["sd"] is not None else ""
    return f"{value['mean']:.3f}{deviation}"


def _same(metrics: dict[str, Any], one: str, other: str) -> bool:
    return metrics.get(one, {}).get("mean") == metrics.get(other, {}).get("mean")
