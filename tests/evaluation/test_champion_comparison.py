"""Candidate against champion on made predictions: what is worse, what is noise, and what cannot be compared."""

from typing import Any

import numpy as np
import polars as pl
import pytest

from mgm.evaluation.champion_comparison import ModelPredictions, champion_checks
from mgm.evaluation.verdict import Check
from mgm.tasks import Task

LABELS = ["cat", "rain", "猫"]


def classes(name: str, labels: list[str] = LABELS) -> Task:
    return Task(name=name, kind="classification", corpora=["c"], labels=tuple(labels))


TASK, OTHER = classes("t"), classes("u")


def predict(true: list[str], share: float, seed: int) -> list[str]:
    """Return the predictions of a model that is right on this share of the documents."""
    generator = np.random.default_rng(seed)
    wrong = [LABELS[(LABELS.index(label) + 1) % 3] for label in true]
    right = generator.random(len(true)) < share
    return [t if ok else w for t, w, ok in zip(true, wrong, right, strict=True)]


def table(task: str, true: list[Any], predicted: list[Any]) -> pl.DataFrame:
    n = len(true)
    return pl.DataFrame(
        {
            "corpus": ["c"] * n,
            "doc_id": [f"d{i}" for i in range(n)],
            "group": [f"g{i // 2}" for i in range(n)],
            "lang": ["en"] * n,
            "split": ["test"] * n,
            f"prediction:{task}": predicted,
            f"label:{task}": true,
        }
    )


TRUE = [LABELS[i % 3] for i in range(300)]


def compare(
    candidate: dict[str, list[str]],
    champion: dict[str, list[str]],
    tasks: list[Task] | None = None,
    *,
    champion_tasks: list[Task] | None = None,
    resamples: int = 300,
    margin: float = 0.0,
) -> dict[str, Check]:
    """Return the checks by task, of the predicted labels of both models."""
    tasks = tasks or [TASK, OTHER][: len(candidate)]
    if champion_tasks is None:
        champion_tasks = [classes(name) for name in champion if name in ("t", "u", "v")]
    predicted = table("x", TRUE, TRUE).select("corpus", "doc_id").with_columns(**_series(champion))
    checks = champion_checks(
        ModelPredictions(
            tasks=tasks, tables={name: table(name, TRUE, column) for name, column in candidate.items()}
        ),
        ModelPredictions(tasks=champion_tasks, tables=dict.fromkeys(champion, predicted)),
        resamples=resamples,
        seed=1,
        margin=margin,
    )
    return {str(check.task): check for check in checks}


def check_one(
    rows: pl.DataFrame, champion: pl.DataFrame, task: Task, champion_task: Task | None = None
) -> Check:
    """Return the check of a task, of both models' tables."""
    (check,) = champion_checks(
        ModelPredictions(tasks=[task], tables={"t": rows}),
        ModelPredictions(
            tasks=[champion_task or task], tables={"t": champion.select("corpus", "doc_id", "prediction:t")}
        ),
        resamples=50,
        seed=1,
    )
    return check


def _series(columns: dict[str, list[str]]) -> dict[str, pl.Series]:
    return {f"prediction:{name}": pl.Series(values) for name, values in columns.items()}


def test_one_worse_task_fails_and_the_other_passes() -> None:
    checks = compare(
        {"t": predict(TRUE, 0.6, 1), "u": predict(TRUE, 0.8, 2)},
        {"t": predict(TRUE, 0.8, 3), "u": predict(TRUE, 0.8, 5)},
    )
    assert not checks["t"].passed
    assert checks["t"].high is not None
    assert checks["t"].high < 0
    assert "is worse than the champion's" in checks["t"].why
    assert checks["u"].passed
    assert (checks["t"].shown, checks["u"].shown) == ("worse", "no difference shown")
    assert checks["t"].p is not None
    assert checks["t"].p < 0.001


def test_a_better_task_is_reported() -> None:
    checks = compare({"t": predict(TRUE, 0.9, 1)}, {"t": predict(TRUE, 0.7, 2)})
    assert (checks["t"].passed, checks["t"].shown, checks["t"].p) == (True, "better", 1.0)


def test_p_values_are_corrected_for_the_number_of_tasks() -> None:
    """What is worse alone (p below 0.05, above 0.05 / 8) is not beside seven tasks in which nothing differs."""
    names = ["t", "u", *(f"v{i}" for i in range(6))]
    tasks = [classes(name) for name in names]
    champion = {name: predict(TRUE, 0.8, 10 + i) for i, name in enumerate(names)}
    candidate = dict(champion) | {"t": predict(TRUE, 0.73, 3)}
    alone = compare({"t": candidate["t"]}, {"t": champion["t"]})["t"]
    assert alone.p is not None
    assert 0.05 / 8 < alone.p < 0.05
    assert not alone.passed
    beside = compare(candidate, champion, tasks, champion_tasks=tasks)["t"]
    assert beside.passed
    assert beside.p == pytest.approx(8 * alone.p, abs=2e-3)


def test_an_equally_good_model_is_rarely_refused() -> None:
    """Eight tasks, in which both models are right on as many documents, each on its own; 5% and two and a half standard
    errors of 24 trials. Without the correction about 18% are refused."""
    names = [f"t{i}" for i in range(8)]
    tasks = [classes(name) for name in names]
    refused, uncorrected, trials = 0, 0, 24
    for trial in range(trials):
        models = [
            {name: predict(TRUE, 0.8, 10_000 * side + 8 * trial + i) for i, name in enumerate(names)}
            for side in (1, 2)
        ]
        checks = compare(models[0], models[1], tasks, champion_tasks=tasks, resamples=100).values()
        refused += any(not check.passed for check in checks)
        uncorrected += any(check.high is not None and check.high < 0 for check in checks)
    assert refused <= 0.05 * trials + 2.5 * (0.05 * 0.95 * trials) ** 0.5
    assert uncorrected > 0.1 * trials


def test_an_equal_model_passes_with_no_difference() -> None:
    check = compare({"t": predict(TRUE, 0.8, 1)}, {"t": predict(TRUE, 0.8, 1)})["t"]
    assert check.passed
    assert (check.difference, check.low, check.high) == (0.0, 0.0, 0.0)
    assert check.value == check.limit
    assert check.n == 300


def test_a_little_worse_within_noise_passes() -> None:
    champion = predict(TRUE, 0.8, 1)
    candidate = list(champion)
    changed = [i for i in range(300) if champion[i] == TRUE[i]][:2]
    for i in changed:
        candidate[i] = LABELS[(LABELS.index(TRUE[i]) + 1) % 3]
    mended = [i for i in range(300) if champion[i] != TRUE[i]][:1]
    for i in mended:
        candidate[i] = TRUE[i]
    check = compare({"t": candidate}, {"t": champion})["t"]
    assert check.passed
    assert check.difference is not None
    assert check.difference < 0
    assert "not shown to be worse" in check.why


def test_a_loss_within_the_margin_passes() -> None:
    models = {"t": predict(TRUE, 0.7, 1)}, {"t": predict(TRUE, 0.85, 2)}
    assert not compare(*models)["t"].passed
    assert compare(*models, margin=0.3)["t"].passed


def test_new_tasks_and_those_switched_off_pass_and_are_named() -> None:
    checks = compare({"t": TRUE, "u": TRUE}, {"t": TRUE, "v": TRUE})
    assert all(check.passed for check in checks.values())
    assert checks["u"].why == "u: new, the champion has no such task"
    assert "v: a task of the champion that the candidate" in checks["v"].why
    other_kind = compare(
        {"t": TRUE}, {"t": TRUE}, champion_tasks=[Task(name="t", kind="multilabel", corpora=["c"])]
    )
    assert other_kind["t"].why == "t: new, the champion has no such task"


def test_a_label_unseen_by_one_model_counts_as_wrong_for_it() -> None:
    narrow = ["cat" if label == "猫" else label for label in TRUE]
    limit = compare({"t": TRUE}, {"t": narrow}, champion_tasks=[classes("t", ["cat", "rain"])])["t"].limit
    assert limit == pytest.approx((2 / 3 + 1 + 0) / 3, abs=1e-4)
    check = check_one(table("t", TRUE, narrow), table("t", TRUE, TRUE), classes("t", ["cat", "rain"]), TASK)
    assert not check.passed
    assert check.value == pytest.approx((2 / 3 + 1 + 0) / 3, abs=1e-4)


def test_documents_unread_by_the_champion_are_left_out() -> None:
    check = check_one(table("t", TRUE, TRUE), table("t", TRUE, predict(TRUE, 0.8, 1))[:200], TASK)
    assert check.n == 200
    assert "100 documents that the champion cannot read are left out" in check.why


def test_without_an_interval_the_difference_itself_decides() -> None:
    """One group: nothing can be resampled."""
    for predicted, passed in ((TRUE, True), (predict(TRUE, 0.7, 1), False)):
        rows = table("t", TRUE, predicted).with_columns(group=pl.lit("g"))
        check = check_one(rows, table("t", TRUE, predict(TRUE, 0.9, 2)), TASK)
        assert check.passed is passed
        assert "no interval" in check.why


def test_a_task_without_a_labelled_document_passes() -> None:
    task = Task(name="t", kind="regression", corpora=["c"])
    empty = table("t", [None] * 4, [0.5] * 4).with_columns(pl.col("label:t").cast(pl.Float32))
    check = check_one(empty, empty, task)
    assert check.passed
    assert "(no value)" in check.why
