"""Course of the training of generation."""

from typing import Any

from docs._generate.benchmarks.generation import BASELINES, interval
from docs._generate.benchmarks.results import load_result, origin
from docs._generate.markdown import table


def render() -> str:
    """Return the course of trainings until their curve is flat, and the baselines and flat models on test documents."""
    course, tested, made_by = [], [], ""
    for task, entry in load_result("generation_curve")["tasks"].items():
        valid, made_by = entry["baselines"]["valid"], origin(entry)
        for model, found in entry["models"].items():
            epochs = found["epochs"]
            minutes = sum(epoch["cpu_seconds"] for epoch in epochs) / len(epochs) / 60
            best = max(epochs, key=lambda epoch: epoch["chrf"])
            course.append(
                (
                    f"`{task}`",
                    model,
                    f"{entry['pairs']:,}",
                    f"{len(epochs)}{'' if found['is_flat'] else ', not flat yet'}",
                    f"{minutes:.1f}",
                    ", ".join(
                        f"{epoch['chrf']:.3f}" for epoch in epochs if epoch["epoch"] in _shown_epochs(epochs)
                    ),
                    f"{best['chrf']:.3f}",
                    *(f"{valid[name]['chrf']['value']:.3f}" for name in ("lead", "memory", "fuzzy")),
                )
            )
        candidates = {name: entry["baselines"]["test"][name] for name in BASELINES}
        candidates |= {model: found["beam 4"] for model, found in entry["models"].items() if found["is_flat"]}
        tested += [
            (f"`{task}`", name, *(interval(metrics[metric]) for metric in ("chrf", "bleu", "rougeL")))
            for name, metrics in candidates.items()
        ]
    header = [
        "task",
        "model",
        "pairs",
        "epochs",
        "CPU minutes an epoch",
        "chrF by epoch",
        "best",
        "lead",
        "memory",
        "fuzzy",
    ]
    return "\n".join(
        [
            "Validation documents, greedy:\n\n" + table(header, course),
            "Test documents, beam of 4:\n\n" + table(["task", "model", "chrF", "BLEU", "ROUGE-L"], tested),
            made_by,
        ]
    )


def _shown_epochs(epochs: list[dict[str, Any]]) -> set[int]:
    """Return the numbers of at most about ten epochs, evenly over all, with the last."""
    step = -(-len(epochs) // 10)
    return {len(epochs), *range(1, len(epochs) + 1, step)}
