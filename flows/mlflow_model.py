"""A bundle as MLflow loads it: `_load_pyfunc` is what its flavour `python_function` looks for in a module.

So nothing is pickled, and a loaded model is the one that `mgm predict` uses. It needs no project, and the same keys in the
environment: a bundle is verified where MGM_VERIFY_KEY is set, and a sealed one needs MGM_ENCRYPTION_KEY.
"""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import polars as pl

from flows import keys
from mgm.inference.model import Model
from mgm.inference.texts import TEXT
from mgm.scoring.answers import AnswerOptions


class BundleModel:
    """A model that predicts a table of pandas."""

    def __init__(self, model: Model) -> None:
        self.model = model

    def predict(self, model_input: pd.DataFrame, params: Mapping[str, Any] | None = None) -> pd.DataFrame:
        """Return the predictions of the column `text`, with the keys of `mgm predict --json`.

        Args:
            model_input: a table with the column `text`.
            params: tasks (none: as `Model.predict`), proba, and corpus (empty: none).

        Raises:
            ValueError: no column `text`, or no such task or corpus.
        """
        given = dict(params or {})
        if TEXT not in model_input.columns:
            raise ValueError(f"found the columns {', '.join(map(str, model_input.columns))}; expected {TEXT}")
        texts = [None if pd.isna(text) else text for text in model_input[TEXT]]
        frame = self.model.predict(
            pl.DataFrame({TEXT: texts}, schema={TEXT: pl.String}),
            tasks=[str(name) for name in given.get("tasks", [])] or None,
            proba=bool(given.get("proba", False)),
            corpus=given.get("corpus") or None,
        )
        # of objects, since a column of numbers would have NaN where a text was rejected
        return pd.DataFrame(frame.drop(TEXT).to_dicts(), columns=frame.drop(TEXT).columns, dtype=object)


def _load_pyfunc(path: str, model_config: Mapping[str, Any] | None = None) -> BundleModel:
    """Return the model of a bundle's folder; `model_config`: `calibrate` and `abstain`, as the section `score` has them."""
    config = dict(model_config or {})
    return BundleModel(
        Model.load(
            path,
            public_key=keys.verify_key(),
            encryption_key=keys.encryption_key(),
            options=AnswerOptions(
                calibrate=bool(config.get("calibrate", False)), abstain=dict(config.get("abstain") or {})
            ),
        )
    )
