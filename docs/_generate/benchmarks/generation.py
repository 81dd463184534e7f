"""Quality of generated texts."""

from docs._generate.benchmarks.results import load_result, origin
from docs._generate.markdown import table

BASELINES = ("lead", "copy", "memory", "fuzzy")


def render() -> str:
    """Return chrF, BLEU and ROUGE-L of the written texts."""
    parts = []
    for name, corpus in load_result("generation")["corpora"].items():
        if "models" not in corpus:
            continue
        rows = []
        for task, baselines in corpus["baselines"].items():
            candidates = {key: baselines[key] for key in BASELINES if key in baselines}
            candidates |= {
                model: tests[task]["beam 4"]
                for model, tests in corpus["models"].items()
                if "beam 4" in tests.get(task, {})
            }
            rows += [
                (f"`{task}`", model, *(interval(metrics[metric]) for metric in ("chrf", "bleu", "rougeL")))
                for model, metrics in candidates.items()
            ]
        parts.append(
            f"**{name.replace('+', ', ')}**, {corpus['epochs']} epochs\n\n"
            + table(["task", "model", "chrF", "BLEU", "ROUGE-L"], rows)
            + "\n"
            + origin(corpus)
        )
    return "\n".join(parts)


def interval(metric: dict[str, float]) -> str:
    return f"{metric['value']:.3f} [{metric['low']:.3f}, {metric['high']:.3f}]"
