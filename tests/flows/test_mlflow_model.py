"""A bundle as MLflow loads it, without MLflow."""

from pathlib import Path

import pandas as pd
import polars as pl
import pytest

from flows.mlflow_model import BundleModel, _load_pyfunc
from mgm.inference.model import Model
from tests import tiny_corpora

TEXTS = ["Press Enter.", "明月照高楼。", ""]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_corpora.saved_bundle(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def model(bundle: Path) -> BundleModel:
    return _load_pyfunc(str(bundle), {"calibrate": False, "abstain": {}})


def test_answers_are_those_of_the_model(model: BundleModel, bundle: Path) -> None:
    """A rejected text has nulls, and no NaN, which JSON has not."""
    found = model.predict(pd.DataFrame({"text": TEXTS}))
    assert found.to_dict(orient="records") == Model.load(bundle).predict(TEXTS).drop("text").to_dicts()
    assert found["dish_score"][2] is None and found["rejected"][2] == ["text_too_short"]


def test_parameters_are_those_of_predict(model: BundleModel) -> None:
    found = model.predict(
        pd.DataFrame({"text": TEXTS}), {"tasks": ["dish"], "proba": True, "corpus": "menus"}
    )
    assert list(found.columns) == ["dish", "dish_score", "dish_proba", "rejected"]
    assert model.predict(pd.DataFrame({"text": TEXTS}), {"tasks": [], "corpus": ""}).shape == (3, 7)
    with pytest.raises(ValueError, match="task 'dsh': the bundle has no such task"):
        model.predict(pd.DataFrame({"text": TEXTS}), {"tasks": ["dsh"]})


def test_missing_texts_are_rejected(model: BundleModel) -> None:
    found = model.predict(pd.DataFrame({"text": [None, float("nan"), "Press Enter."]}))
    assert found["rejected"].to_list() == [["text_missing"], ["text_missing"], None]
    with pytest.raises(ValueError, match="found the columns document; expected text"):
        model.predict(pd.DataFrame({"document": TEXTS}))


def test_config_of_the_export_is_applied(bundle: Path) -> None:
    with pytest.raises(ValueError, match="score.calibrate: true: bundle .* has no temperatures"):
        _load_pyfunc(str(bundle), {"calibrate": True, "abstain": {}})
    assert isinstance(
        _load_pyfunc(str(bundle)).predict(pl.DataFrame({"text": TEXTS}).to_pandas()), pd.DataFrame
    )
