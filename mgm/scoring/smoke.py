"""The smoke batch: a few documents scored from a bundle's folder alone, as a night would be, and what that takes."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import torch

from mgm.model.predict import prediction_schema
from mgm.scoring.scorer import Scorer
from mgm.tasks import Task

_STATUS = Path("/proc/self/status")


@dataclass(frozen=True)
class Smoke:
    """What was found: `problems` as sentences, milliseconds a document over the repeats, this process's peak memory (MiB).

    None where there was nothing to measure, or no way to.
    """

    documents: int
    problems: list[str]
    p50_ms: float | None = None
    p95_ms: float | None = None
    peak_mib: float | None = None
    threads: int | None = None


def smoke(folder: Path, samples: Mapping[str, pl.DataFrame], tasks: Sequence[Task], repeats: int) -> Smoke:
    """Loads the bundle, scores the samples once to look at the predictions, and `repeats` times to time it.

    samples: corpus to documents (doc_id, text); tasks: those whose predictions are expected, generation tasks too, which a night
    leaves out unless it names them: they have no part in the time. To be called in a process of
    its own, so that the peak memory is that of scoring.
    """
    documents = sum(frame.height for frame in samples.values())
    # Whatever a broken bundle raises, of any kind, is what the smoke batch is there to find.
    try:
        scorer = Scorer.load(folder)
        everything = Scorer(scorer.bundle, [task.name for task in scorer.bundle.tasks])
        problems = _weights(scorer) + _predictions(everything, samples, tasks)
        if problems:
            return Smoke(documents, problems)
        taken = [_milliseconds(scorer, samples) / documents for _ in range(repeats)]
    except Exception as error:
        return Smoke(documents, [f"the bundle cannot score: {type(error).__name__}: {error}"])
    p50, p95 = (round(float(value), 4) for value in np.quantile(taken, [0.5, 0.95]))
    return Smoke(documents, [], p50, p95, peak_mib(), torch.get_num_threads())


def _weights(scorer: Scorer) -> list[str]:
    """A NaN can hide behind an empty list of labels; among the weights it cannot."""
    state = scorer.bundle.network.state_dict()
    odd = [name for name, tensor in state.items() if not torch.isfinite(tensor).all()]
    return [f"{len(odd)} tensors hold numbers that are not finite, first {odd[0]}"] if odd else []


def _predictions(scorer: Scorer, samples: Mapping[str, pl.DataFrame], tasks: Sequence[Task]) -> list[str]:
    problems, predicted = [], 0
    expected = prediction_schema(list(tasks), reconstructs=scorer.bundle.network.reconstructs)
    for corpus, frame in samples.items():
        found, rejected = scorer.score(frame, corpus)
        predicted += found.height
        if dict(found.schema) != expected:
            odd = sorted(set(found.schema.items()) ^ set(expected.items()), key=str)
            names = ", ".join(dict.fromkeys(name for name, _ in odd))
            return [f"the columns of the predictions are not those of the tasks: {names}"]
        if found.height + rejected.height != frame.height:
            problems.append(
                f"{corpus}: {frame.height} documents in, {found.height} predicted and {rejected.height} rejected"
            )
        for task in tasks:
            bad = found.filter(~_finite(task))
            if bad.height:
                problems.append(
                    f"{corpus}: {task.name}: no finite score for {bad.height} documents, first {bad['doc_id'][0]!r}"
                )
    return problems if predicted else [*problems, "no document was predicted"]


def _finite(task: Task) -> pl.Expr:
    if task.kind == "tagging":
        scores = pl.col(task.name).list.eval(pl.element().struct.field("score"))
    else:
        scores = pl.col(task.name if task.kind == "regression" else f"{task.name}_score")
    if task.kind in ("tagging", "multilabel"):
        scores = scores.list.eval(pl.element().is_finite().fill_null(False)).list.all()
    else:
        scores = scores.is_finite()
    return scores.fill_null(False)


def _milliseconds(scorer: Scorer, samples: Mapping[str, pl.DataFrame]) -> float:
    start = time.perf_counter()
    for corpus, frame in samples.items():
        scorer.score(frame, corpus)
    return (time.perf_counter() - start) * 1000


def peak_mib() -> float | None:
    """The most memory that this process held. Not of getrusage, which counts the parent's up to the start as well."""
    if not _STATUS.is_file():
        return None
    lines = dict(
        line.split(":", 1) for line in _STATUS.read_text(encoding="utf-8").splitlines() if ":" in line
    )
    return round(int(lines["VmHWM"].split()[0]) / 1024, 1)
