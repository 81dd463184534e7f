"""Differences on the same documents and in the same resamples."""

import numpy as np
import polars as pl
import pytest

from mgm.evaluation.paired_bootstrap import DifferentDocumentsError, Estimate, PairedBootstrap
from tests.evaluation.paired import MULTI, SINGLE, TASK, TRUE, paired, table, width


def test_other_documents_or_labels_are_a_clear_error() -> None:
    scores = paired(table(MULTI))
    with pytest.raises(
        DifferentDocumentsError, match=r"data/study/x, task t: lacks 2 labelled documents, first 'd4' of c"
    ):
        scores.other(table(SINGLE)[:4], TASK, where="data/study/x")
    more = table([*SINGLE, "cat"], [*TRUE, "cat"])
    with pytest.raises(DifferentDocumentsError, match=r"task t: adds 1 labelled documents, first 'd6' of c"):
        scores.other(more, TASK, where="data/study/x")
    unlabelled = table(SINGLE).with_columns(pl.Series("label:t", [*TRUE[:5], None]))
    with pytest.raises(DifferentDocumentsError, match=r"lacks 1 labelled documents, first 'd5'"):
        scores.other(unlabelled, TASK, where="data/study/x")
    relabelled = table(SINGLE, [*TRUE[:5], "猫"])
    with pytest.raises(
        DifferentDocumentsError,
        match=r"column label:t, doc_id 'd5': found '猫', expected 'rain'.*of different runs",
    ):
        scores.other(relabelled, TASK, where="data/study/x")
    regrouped = table(SINGLE).with_columns(group=pl.Series(["g9", *table(SINGLE)["group"][1:]]))
    with pytest.raises(
        DifferentDocumentsError, match=r"column group, doc_id 'd0': found 'g9', expected 'g0'"
    ):
        scores.other(regrouped, TASK, where="data/study/x")


def test_words_follow_the_interval() -> None:
    def shown(drawn: list[float]) -> str:
        return str(Estimate(0.1, np.array(drawn)).entry("gain")["shown"])

    assert shown([0.1, 0.2, 0.3]) == "better"
    assert shown([-0.1, -0.2, -0.3]) == "worse"
    assert shown([-0.1, 0.2]) == "no difference shown"
    assert shown([]) == "no interval"


def test_one_group_or_no_resamples_gives_no_interval() -> None:
    alone = table(MULTI).with_columns(group=pl.lit("g"))
    scores = paired(alone)
    assert scores.reference(TASK).entry("x") == {
        "x": pytest.approx(0.8222, abs=1e-4),
        "low": None,
        "high": None,
        "shown": "no interval",
    }
    assert paired(table(MULTI), resamples=0).reference(TASK).entry("x")["low"] is None


def test_pairing_narrows_the_interval() -> None:
    """Models that err on the same documents: their difference is surer than their values."""
    luck = np.random.default_rng(2).random(300)
    true = np.array(["x", "y"] * 150)
    wrong = np.where(true == "x", "y", "x")
    rows = [table(np.where(luck < s, true, wrong).tolist(), true.tolist()) for s in (0.75, 0.7)]
    task = TASK.model_copy(update={"labels": ("x", "y")})
    scores = PairedBootstrap({"t": rows[0]}, resamples=1000, seed=1)
    multi, single = scores.reference(task), scores.other(rows[1], task, where="x")
    assert width(multi.minus(single)) < 0.7 * width(multi)
