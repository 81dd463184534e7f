"""Scoring that survives a document which breaks the model: the rows are halved until the document stands alone."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
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
    budget = FailureBudget(max_failed_documents, num_rows=frame.height)
    parts = independent_parts(scorer, frame, rows_per_batch=rows_per_batch)
    return join_parts(
        [
            score_part(scorer, part, as_corpus=as_corpus, rows_per_batch=rows_per_batch, budget=budget)
            for part in parts
        ],
        budget,
    )


@dataclass(frozen=True)
class FailureBudget:
    """The documents of a shard that may break the model: `score.max_failed_documents`, at most half, and one at least."""

    max_failed_documents: int
    num_rows: int
    """The documents of the shard."""

    def check(self, broken: Sequence[str]) -> None:
        """Check that these documents are not too many.

        Raises:
            ModelBroken: they are.
        """
        if len(broken) > max(1, min(self.max_failed_documents, self.num_rows // 2)):
            raise ModelBroken(
                f"the model fails for {len(broken)} documents of the {self.num_rows:,} of a shard (score.max_failed_documents: "
                f"{self.max_failed_documents}): it is the model that is broken; the first: {broken[0]}"
            )


def independent_parts(scorer: Scorer, frame: pl.DataFrame, *, rows_per_batch: int) -> list[pl.DataFrame]:
    """Return the parts of a shard that may be scored anywhere and in any order: its batches, or the whole.

    A torch network keeps states of words, whose last bits may depend on the batches before.
    """
    if frame.is_empty() or not scorer.has_independent_batches:
        return [frame]
    return list(frame.iter_slices(rows_per_batch))


def score_part(
    scorer: Scorer, part: pl.DataFrame, *, as_corpus: str | None, rows_per_batch: int, budget: FailureBudget
) -> ScoredRows:
    """Return the predictions and rejects of a part of a shard (`independent_parts`).

    Raises:
        ModelBroken: its documents exceed the budget of the shard.
        MemoryError, OSError: as they come, since no document is at fault.
    """
    scorer.clear_cache()  # the result must not depend on the parts before
    predictions, rejects = [pl.DataFrame(schema=scorer.schema)], [pl.DataFrame(schema=REJECTS)]
    broken: list[str] = []
    pending = list(part.iter_slices(rows_per_batch))[::-1]
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
            budget.check(broken)
            predicted, rejected = pl.DataFrame(schema=scorer.schema), _reject(batch)
        predictions.append(predicted)
        rejects.append(rejected)
    return ScoredRows(predictions=pl.concat(predictions), rejects=pl.concat(rejects), broken=broken)


def join_parts(parts: Sequence[ScoredRows], budget: FailureBudget) -> ScoredRows:
    """Return the rows of a shard from those of its parts, in their order.

    Raises:
        ModelBroken: together they exceed the shard's budget.
    """
    broken = [line for part in parts for line in part.broken]
    budget.check(broken)
    return ScoredRows(
        predictions=pl.concat([part.predictions for part in parts]),
        rejects=pl.concat([part.rejects for part in parts]),
        broken=broken,
    )


def _reject(row: pl.DataFrame) -> pl.DataFrame:
    values = json.dumps(row.row(0, named=True), ensure_ascii=False)
    return pl.DataFrame(
        {"doc_id": row["doc_id"], "stage": [STAGE], "reasons": [[MODEL_FAILED]], "values": [values]},
        schema=REJECTS,
    )
