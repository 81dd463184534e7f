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
    scorer: Scorer,
    frame: pl.DataFrame,
    *,
    as_corpus: str | None,
    rows_per_batch: int,
    max_failed_documents: int,
) -> ScoredRows:
    """Return the predictions and rejects of a shard, whose batches begin at fixed positions of its rows.

    Args:
        as_corpus: the corpus whose text settings are used; None: the general ones.
        max_failed_documents: the most documents that may break the model; never more than half of them, except for a single document.

    Raises:
        ModelBroken: more documents do.
        MemoryError, OSError: as they come, since no document is at fault.
    """
    scorer.clear_cache()  # the result must not depend on the shards before
    limit = max(1, min(max_failed_documents, frame.height // 2))
    predictions, rejects = [pl.DataFrame(schema=scorer.schema)], [pl.DataFrame(schema=REJECTS)]
    broken: list[str] = []
    pending = list(frame.iter_slices(rows_per_batch))[::-1]
    while pending:
        batch = pending.pop()
        try:
            predicted, rejected = scorer.score(batch, as_corpus)
        except (MemoryError, OSError):
            raise
        except Exception as error:  # any error is the document's fault, unless many documents raise one
            if batch.height > 1:
                middle = batch.height // 2
                pending += [batch[middle:], batch[:middle]]
                continue
            broken.append(f"{batch['doc_id'][0]}: {type(error).__name__}: {error}")
            if len(broken) > limit:
                raise ModelBroken(
                    f"the model fails for {len(broken)} documents of the {frame.height:,} of a shard (score.max_failed_documents: "
                    f"{max_failed_documents}): it is the model that is broken; the first: {broken[0]}"
                ) from error
            predicted, rejected = pl.DataFrame(schema=scorer.schema), _reject(batch)
        predictions.append(predicted)
        rejects.append(rejected)
    return ScoredRows(predictions=pl.concat(predictions), rejects=pl.concat(rejects), broken=broken)


def _reject(row: pl.DataFrame) -> pl.DataFrame:
    values = json.dumps(row.row(0, named=True), ensure_ascii=False)
    return pl.DataFrame(
        {"doc_id": row["doc_id"], "stage": [STAGE], "reasons": [[MODEL_FAILED]], "values": [values]},
        schema=REJECTS,
    )
