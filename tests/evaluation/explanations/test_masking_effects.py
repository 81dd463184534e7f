import polars as pl
import pytest
from sklearn.metrics import f1_score

from mgm.evaluation.explanations.held_out_sample import choose, sample_held_out
from mgm.evaluation.explanations.masking import NOTHING, masked_outcomes, mean_vectors
from mgm.evaluation.explanations.masking_effects import PredictionsByMask, add_predictions, masking_effects
from mgm.text.features import FeaturePart
from tests.evaluation.explanations.conftest import Made


def test_the_change_is_the_masked_metric_less_the_unmasked(made: Made) -> None:
    part, tasks = made.parts["menus"], made.of("menus")
    rows: PredictionsByMask = {}
    outcomes = masked_outcomes(
        made.network, part, tasks=tasks, means=mean_vectors(made.network, [part], tasks=tasks)
    )
    for half in (part.documents[:11], part.documents[11:]):  # two parts, as a corpus has them
        some = masked_outcomes(
            made.network,
            FeaturePart(half, part.types),
            tasks=tasks,
            means=mean_vectors(made.network, [part], tasks=tasks),
        )
        add_predictions(rows, some, documents=half, corpus="menus", tasks=tasks, thresholds={})
    found = masking_effects(rows, tasks, resamples=50, seed=1)
    assert set(found) == {"dish", "price", "keys"}
    space, known = made.labels["dish"], part.documents["label:dish"].is_not_null()
    assert found["dish"]["n"] == known.sum()

    def macro_f1(mask: str) -> float:
        predicted = [space[i] for i in outcomes[mask]["dish"].argmax(1)]  # type: ignore[union-attr]
        both = pl.DataFrame({"predicted": predicted, "true": part.documents["label:dish"]}).filter(known)
        return float(
            f1_score(both["true"].to_list(), both["predicted"].to_list(), average="macro", zero_division=0.0)
        )

    assert found["dish"]["value"] == pytest.approx(macro_f1(NOTHING), abs=1e-4)
    for mask, entry in found["dish"]["masks"].items():
        assert entry["change"] == pytest.approx(macro_f1(mask) - macro_f1(NOTHING), abs=2e-4)
        assert entry["low"] <= entry["high"]
    assert any(entry["change"] for task in found.values() for entry in task["masks"].values())


def test_a_split_is_thinned_out_the_same_way_each_time(made: Made) -> None:
    part = made.parts["menus"]
    halves = [FeaturePart(part.documents[:15], part.types), FeaturePart(part.documents[15:], part.types)]
    every = [
        i
        for p in sample_held_out(halves, "test", at_most=99, seed=1, stream="menus")
        for i in p.documents["doc_id"]
    ]
    assert every == part.documents.filter(pl.col("split") == "test")["doc_id"].to_list()
    few = [
        i
        for p in sample_held_out(halves, "test", at_most=3, seed=1, stream="menus")
        for i in p.documents["doc_id"]
    ]
    assert few == [
        i
        for p in sample_held_out(halves, "test", at_most=3, seed=1, stream="menus")
        for i in p.documents["doc_id"]
    ]
    assert len(few) == 3
    assert [i for i in every if i in few] == few
    assert sample_held_out(halves, "nowhere", at_most=3, seed=1, stream="menus") == []
    assert choose(5, at_most=5, seed=1, stream="x").tolist() == [0, 1, 2, 3, 4]


def test_without_a_task_to_explain_there_is_nothing() -> None:
    assert masking_effects({}, [], resamples=10, seed=1) == {}
