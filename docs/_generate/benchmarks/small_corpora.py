"""Wins and losses on small corpora."""

from typing import Any

from docs._generate.benchmarks.results import METRICS, load_result, origin
from docs._generate.markdown import table


def render() -> str:
    """Return each small corpus: the linear model, mgm, and the difference with its interval."""
    result = load_result("small_corpora")
    rows = []
    for name, corpus in result["corpora"].items():
        task, labels, seed = name.rsplit("-", 2)
        metric = next(metric for metric in METRICS if metric in corpus["mgm"])
        gain = {key: 100 * value for key, value in corpus["difference"].items()}
        outcome = "win" if gain["low"] > 0 else "loss" if gain["high"] < 0 else "tie"
        rows.append(
            (
                f"`{task}`",
                labels,
                seed,
                str(corpus["classes"] or ""),
                METRICS[metric],
                f"{corpus['linear'][metric]:.3f}",
                f"{corpus['mgm'][metric]:.3f}",
                f"{gain['mean']:+.1f} [{gain['low']:+.1f}, {gain['high']:+.1f}]",
                outcome,
                _epochs(corpus),
                corpus["revision"][:10],
            )
        )
    summary = result["summary"]
    header = ["task", "labels", "seed", "classes", "metric", "linear", "mgm", "difference", "outcome", "epochs", "revision"]  # fmt: skip
    counts = ", ".join(f"{name} {summary[name]}" for name in ("wins", "losses", "ties"))
    return (
        f"{table(header, rows)}\n\n{counts.capitalize()}; mean difference {100 * summary['mean']:+.1f} points.\n\n"
        + origin(result)
    )


def _epochs(corpus: dict[str, Any]) -> str:
    """Return the best epoch of those that were allowed; nothing for rows that did not keep them."""
    return f"{corpus['best_epoch']} of {corpus['train']['epochs']}" if "train" in corpus else ""
