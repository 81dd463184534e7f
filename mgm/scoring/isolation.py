"""Scoring that survives a document which breaks the model: the rows are halved until the document stands alone."""

import json
from typing import NamedTuple

import polars as pl

from mgm.corpus.parts import REJECTS
from mgm.corpus.rejects import MODEL_FAILED
from mgm.scoring.scorer import Scorer

STAGE = "score"


class ModelBroken(RuntimeError):
    """So many documents fail that the fault is the model's. The message names the first with its error."""


class ScoredRows(NamedTuple):
    """The rows of a shard, each in one of two tables."""

    predictions: pl.DataFrame
    rejects: pl.DataFrame
    broken: list[str]
    """A line (id, error) for each document that broke the model."""


def score_rows(
    scorer: Scorer, frame: pl.DataFrame, like: str | None, rows: int, broken_stop: int
) -> ScoredRows:
    """Predictions and rejects of a shard, `rows` rows at a time.

    Where a batch ends follows from a row's position in `frame`.

    Args:
        broken_stop: how many documents may break the model; never more than half of them, one document apart.

    Raises:
        ModelBroken: more do.
        MemoryError, OSError: as they come: no document's fault.
    """
    scorer.forget()  # what comes out must not depend on the shards before
    limit = max(1, min(broken_stop, frame.height // 2))
    predicted, rejected = [pl.DataFrame(schema=scorer.schema)], [pl.DataFrame(schema=REJECTS)]
    broken: list[str] = []
    waiting = list(frame.iter_slices(rows))[::-1]
    while waiting:
        some = waiting.pop()
        try:
            found, dropped = scorer.score(some, like)
        except (MemoryError, OSError):
            raise
        except Exception as error:  # whatever the model raises, it is the document's, unless many raise
            if some.height > 1:
                middle = some.height // 2
                waiting += [some[middle:], some[:middle]]
                continue
            broken.append(f"{some['doc_id'][0]}: {type(error).__name__}: {error}")
            if len(broken) > limit:
                raise ModelBroken(
                    f"the model fails for {len(broken)} documents of the {frame.height:,} of a shard (score.max_failed_documents: "
                    f"{broken_stop}): it is the model that is broken; the first: {broken[0]}"
                ) from error
            found, dropped = pl.DataFrame(schema=scorer.schema), _rejected(some)
        predicted.append(found)
        rejected.append(dropped)
    return ScoredRows(pl.concat(predicted), pl.concat(rejected), broken)


def _rejected(row: pl.DataFrame) -> pl.DataFrame:
    values = json.dumps(row.row(0, named=True), ensure_ascii=False)
    return pl.DataFrame(
        {"doc_id": row["doc_id"], "stage": [STAGE], "reasons": [[MODEL_FAILED]], "values": [values]},
        schema=REJECTS,
    )
