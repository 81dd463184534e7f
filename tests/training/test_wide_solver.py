"""The wide part's weights are solved for on the labelled training rows of each task."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from sklearn.svm import LinearSVC

from mgm.model.collate import collate
from mgm.model.network import Network
from mgm.tasks import Task, with_label_spaces
from mgm.training.data import PartRows, TrainingData, select_labelled_rows
from mgm.training.linear_models import LOGITS_PER_MARGIN
from mgm.training.loop import initialize_from_data
from mgm.training.sparse_rows import Storage
from mgm.training.wide_solver import SolvedTask, select_known_rows, solve_wide
from mgm.training.wide_tuning import WideMethod
from tests import tiny_corpora

CONFIG = tiny_corpora.settings()
FEATURES, VOCABULARY, SPACES = tiny_corpora.prepared(CONFIG, tiny_corpora.corpora())
TASKS = {task.name: task for task in with_label_spaces(CONFIG.active_tasks(), SPACES)}
TRAIN = select_labelled_rows(FEATURES, list(TASKS.values()), splits=["train"])


def solved(
    sources: list[PartRows] = TRAIN,
    labels: dict[str, list[str]] = SPACES,
    storage: Storage | None = None,
    **wide: Any,
) -> tuple[Network, dict[str, SolvedTask]]:
    """By default as a plain machine; `wide`: other settings."""
    torch.manual_seed(1)
    wide = {"c": 1.0, "scaling": "none"} | wide
    model = CONFIG.model.model_copy(update={"wide": CONFIG.model.wide.model_copy(update=wide)})
    tasks = list(TASKS.values())
    made = Network(
        model, tasks, vocabulary_size=len(VOCABULARY), ngram_buckets=CONFIG.text.features.ngram_buckets
    )
    told: list[SolvedTask] = []
    data = TrainingData(tasks=with_label_spaces(tasks, labels), train=sources, validation=[])
    initialize_from_data(made, data, tokens_per_batch=60)
    solve_wide(made, data, tokens_per_batch=60, storage=storage, on_solved=told.append)
    return made.eval(), {own.task: own for own in told}


def known(task: Task, sources: list[PartRows] = TRAIN) -> tuple[PartRows, pl.Series]:
    """The rows of the corpus of a task that have its label, and that."""
    (source,) = [s for s in sources if s.labelled_tasks([task])]
    column = source.part.documents[task.columns.label_ids][source.rows]
    there = column.is_not_null()
    return replace(source, rows=source.rows[there.to_numpy()]), column.filter(there)


def outputs(made: Network, task: Task, source: PartRows) -> np.ndarray:
    with torch.no_grad():
        found = made.wide_outputs(collate(source.part, source.rows))
    return found[task.name].numpy()


def test_each_task_is_solved_on_its_labelled_rows() -> None:
    """Each task of documents is solved for on the rows that have its label."""
    _, told = solved()
    assert sorted(told) == ["dish", "price", "themes"]
    for name, own in told.items():
        assert own.num_documents == len(known(TASKS[name])[1])
        assert own.num_features > 10
    assert told["dish"].num_documents < len(known(TASKS["dish"])[0].part.documents)


def test_what_was_trained_on_lies_on_the_right_side() -> None:
    made, _ = solved(c=1000.0)
    source, dish = known(TASKS["dish"])
    assert (outputs(made, TASKS["dish"], source).argmax(1) == dish.to_numpy()).all()
    source, themes = known(TASKS["themes"])
    found = [set(np.flatnonzero(row > 0)) for row in outputs(made, TASKS["themes"], source)]
    texts = [tuple(words) for words in source.part.documents["word"][source.rows].to_list()]
    truths: dict[tuple[int, ...], set[frozenset[int]]] = {}
    for text, truth in zip(texts, themes.to_list(), strict=True):
        truths.setdefault(text, set()).add(frozenset(truth))
    # some of the same text have no theme: on which side these lie, rounding decides
    right = [own in truths[text] for own, text in zip(found, texts, strict=True) if len(truths[text]) == 1]
    assert len(right) > 10 and all(right)
    source, price = known(TASKS["price"])
    head: Any = made.heads["price"]
    values = outputs(made, TASKS["price"], source) * float(head.deviation) + float(head.mean)
    assert values == pytest.approx(price.to_numpy(), abs=0.15) and price.n_unique() > 5


def test_logits_are_the_margins_of_the_solver_itself() -> None:
    made, _ = solved()
    assert made.wide is not None
    source, dish = known(TASKS["dish"])
    held = made.wide.tfidf_matrix(collate(source.part, source.rows))
    machine = LinearSVC(C=1.0, tol=1e-6, max_iter=100_000).fit(held, dish.to_numpy())
    expected = LOGITS_PER_MARGIN * machine.decision_function(held)
    assert outputs(made, TASKS["dish"], source) == pytest.approx(expected, abs=0.05 * LOGITS_PER_MARGIN)


def test_the_mean_of_both_models_is_one_table() -> None:
    """The outputs with scaling: mean are the mean of those without and with scaled n-grams, for every kind."""
    plain, scaled, both = (solved(scaling=scaling)[0] for scaling in ("none", "nb", "mean"))
    for task in (TASKS["dish"], TASKS["themes"], TASKS["price"]):
        source, _ = known(task)
        first, second = outputs(plain, task, source), outputs(scaled, task, source)
        assert np.abs(first - second).max() > 0.05
        assert outputs(both, task, source) == pytest.approx((first + second) / 2, abs=1e-4)


def test_few_documents_get_the_default_method_and_one_method_is_not_tuned() -> None:
    """Below MIN_DOCUMENTS a choice would be chance."""
    _, tuned = solved(c=None, scaling="tuned")
    assert {own.method for own in tuned.values()} == {WideMethod(c=1.0, scaling="mean")}
    _, fixed = solved(c=0.3, scaling="nb")
    assert {own.method for own in fixed.values()} == {WideMethod(c=0.3, scaling="nb")}


def test_of_two_classes_the_logits_lie_the_margin_apart() -> None:
    task = TASKS["dish"]
    source, dish = known(task)
    two = [replace(source, rows=source.rows[dish.is_in([0, 2]).to_numpy()]), *TRAIN[1:]]
    made, told = solved(two)
    assert made.wide is not None and told["dish"].num_documents == len(two[0].rows)
    held = made.wide.tfidf_matrix(collate(source.part, two[0].rows))
    truth = known(task, two)[1].to_numpy()
    machine = LinearSVC(C=1.0, tol=1e-6, max_iter=100_000).fit(held, truth)
    found = outputs(made, task, two[0])
    assert found[:, 2] - found[:, 0] == pytest.approx(
        LOGITS_PER_MARGIN * machine.decision_function(held), abs=0.05 * LOGITS_PER_MARGIN
    )
    assert (found[:, 1] == -LOGITS_PER_MARGIN).all()  # a class that no document has


@pytest.mark.parametrize("there", [True, False])
def test_where_all_documents_are_alike_every_document_is(there: bool) -> None:
    task = TASKS["dish"]
    source, dish = known(task)
    one = [replace(source, rows=source.rows[(dish == 1).to_numpy()]), *TRAIN[1:]]
    made, _ = solved(one)
    found = outputs(made, task, source)
    assert (found == np.array([-LOGITS_PER_MARGIN, LOGITS_PER_MARGIN, -LOGITS_PER_MARGIN], np.float32)).all()
    themes = TASKS["themes"]
    source, sets = known(themes)
    label = sets.list.first().drop_nulls()[0]
    same = [s for s in TRAIN if s.corpus != source.corpus]
    made, _ = solved(
        [*same, replace(source, rows=source.rows[(sets.list.contains(label) == there).to_numpy()])]
    )
    assert (
        outputs(made, themes, source)[:, label] == (LOGITS_PER_MARGIN if there else -LOGITS_PER_MARGIN)
    ).all()


def test_little_memory_changes_outputs_by_less_than_the_tolerance(tmp_path: Path) -> None:
    """Values that are read from disk in blocks of a few documents give the outputs of those in memory, for every kind."""
    in_memory, told = solved(scaling="mean")
    on_disk, told_again = solved(storage=Storage(max_bytes=8000, folder=tmp_path), scaling="mean")
    assert told == told_again
    for task in (TASKS["dish"], TASKS["themes"], TASKS["price"]):
        source, _ = known(task)
        expected = outputs(in_memory, task, source)
        assert np.ptp(expected) > 0.5
        assert outputs(on_disk, task, source) == pytest.approx(expected, abs=0.03 * LOGITS_PER_MARGIN)


def test_the_sample_does_not_depend_on_parts() -> None:
    """The chosen documents are the same however a corpus is cut."""
    task = TASKS["dish"]
    source, dish = known(task)
    whole = replace(source, length=source.length[: len(dish)])
    cut = [
        replace(whole, rows=whole.rows[own], length=whole.length[own]) for own in (slice(5), slice(5, None))
    ]
    assert len(dish) > 10
    expected = whole.rows[[0, (len(dish) - 1) // 2, -1]].tolist()
    for sources in ([whole], cut):
        chosen = [row for own in select_known_rows(sources, task, max_rows=3) for row in own.rows.tolist()]
        assert chosen == expected
        assert len(select_known_rows(sources, task, max_rows=len(dish))) == len(sources)


def test_without_an_ngram_or_a_label_nothing_is_solved() -> None:
    """Without a known ngram or a label nothing is solved for."""
    made, told = solved([replace(TRAIN[0], rows=TRAIN[0].rows[:1])])  # every n-gram in one document alone
    assert told == {} and made.wide is not None
    assert not made.wide.bias.any() and not made.wide.words.weight.any()
