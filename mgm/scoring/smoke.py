"""The smoke test: a few documents scored from a bundle's folder alone, as a night would be, with its time and memory."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import torch

from mgm.model.predict import prediction_schema
from mgm.scoring.memory import peak_mib
from mgm.scoring.scorer import Scorer
from mgm.tasks import Task
from mgm.tasks.columns import output_names


@dataclass(frozen=True, kw_only=True)
class SmokeResult:
    """The problems as sentences, milliseconds a document over the repeats, and this process's peak memory (MiB).

    None where nothing was measured.
    """

    documents: int
    problems: list[str]
    p50_ms: float | None = None
    p95_ms: float | None = None
    peak_mib: float | None = None
    threads: int | None = None


def run_smoke_test(
    folder: Path, samples: Mapping[str, pl.DataFrame], *, tasks: Sequence[Task], repeats: int
) -> SmokeResult:
    """Load the bundle, score the samples once to check the predictions, and `repeats` times to measure the time.

    To be called in a separate process, so that the peak memory is that of scoring.

    Args:
        samples: corpus to documents (doc_id, text).
        tasks: those whose predictions are expected. Tasks that generate text, which a night leaves out unless it names them,
            are checked but have no part in the time.
    """
    documents = sum(frame.height for frame in samples.values())
    # a broken bundle may raise an exception of any kind, which is then the problem
    try:
        scorer = Scorer.load(folder)
        all_tasks = Scorer(scorer.bundle, tasks=[task.name for task in scorer.bundle.tasks])
        problems = _check_weights(scorer) + _check_predictions(all_tasks, samples, tasks=tasks)
        if problems:
            return SmokeResult(documents=documents, problems=problems)
        times = [_milliseconds(scorer, samples) / documents for _ in range(repeats)]
    except Exception as error:
        problem = f"the bundle cannot score: {type(error).__name__}: {error}"
        return SmokeResult(documents=documents, problems=[problem])
    p50, p95 = (round(float(value), 4) for value in np.quantile(times, [0.5, 0.95]))
    return SmokeResult(
        documents=documents,
        problems=[],
        p50_ms=p50,
        p95_ms=p95,
        peak_mib=peak_mib(),
        threads=torch.get_num_threads(),
    )


def _check_weights(scorer: Scorer) -> list[str]:
    """Return a problem where a weight is not finite, which an empty list of labels would not show."""
    state = scorer.bundle.network.state_dict()
    names = [name for name, tensor in state.items() if not torch.isfinite(tensor).all()]
    return [f"{len(names)} tensors hold numbers that are not finite, first {names[0]}"] if names else []


def _check_predictions(
    scorer: Scorer, samples: Mapping[str, pl.DataFrame], *, tasks: Sequence[Task]
) -> list[str]:
    problems, num_predicted = [], 0
    expected = prediction_schema(list(tasks), reconstructs=scorer.bundle.network.reconstructs)
    for corpus, frame in samples.items():
        predictions, rejects = scorer.predict(frame, corpus)
        num_predicted += predictions.height
        if dict(predictions.schema) != expected:
            different = sorted(set(predictions.schema.items()) ^ set(expected.items()), key=str)
            names = ", ".join(output_names(name for name, _ in different).values())
            return [f"the columns of the predictions are not those of the tasks: {names}"]
        if predictions.height + rejects.height != frame.height:
            problems.append(
                f"{corpus}: {frame.height} documents in, {predictions.height} predicted and {rejects.height} rejected"
            )
        for task in tasks:
            bad = predictions.filter(~_all_finite(prediction_schema([task], reconstructs=False)))
            if bad.height:
                problems.append(
                    f"{corpus}: {task.name}: no finite score for {bad.height} documents, first {bad['doc_id'][0]!r}"
                )
    return problems if num_predicted else [*problems, "no document was predicted"]


def _all_finite(schema: Mapping[str, pl.DataType]) -> pl.Expr:
    """Return whether every number of the columns is there and finite: numbers, lists of them, and scores of spans."""
    checks = [pl.lit(True)]
    for name, dtype in schema.items():
        if dtype.is_float():
            checks.append(pl.col(name).is_finite())
        elif isinstance(dtype, pl.List) and dtype.inner == pl.Struct:
            checks.append(_all_items_finite(name, pl.element().struct.field("score")))
        elif isinstance(dtype, pl.List) and dtype.inner.is_float():
            checks.append(_all_items_finite(name, pl.element()))
    return pl.all_horizontal(check.fill_null(False) for check in checks)


def _all_items_finite(name: str, item: pl.Expr) -> pl.Expr:
    return pl.col(name).list.eval(item.is_finite().fill_null(False)).list.all()


def _milliseconds(scorer: Scorer, samples: Mapping[str, pl.DataFrame]) -> float:
    start = time.perf_counter()
    for corpus, frame in samples.items():
        scorer.score(frame, corpus)
    return (time.perf_counter() - start) * 1000
