"""Why a document is dropped: the stable reason ids, and the parting of a frame by them."""

from collections.abc import Mapping

import polars as pl

TEXT_MISSING = "text_missing"
LABEL_NOT_FINITE = "label_not_finite"
LABEL_EMPTY = "label_empty"
SPAN_OUTSIDE_TEXT = "span_outside_text"
TEXT_TOO_SHORT = "text_too_short"
TEXT_TOO_LONG = "text_too_long"
SPAN_IN_DELETION = "span_in_deletion"
NO_WORDS = "no_words"
EXACT_DUPLICATE = "exact_duplicate"
NEAR_DUPLICATE = "near_duplicate"
MODEL_FAILED = "model_failed"


def split_rejected(
    original: pl.DataFrame, result: pl.DataFrame, reasons: Mapping[str, pl.Series]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Parts the rows by the reasons that hold for them.

    Args:
        original: the rows as they came in, with doc_id.
        result: the rows as they would go out, row-aligned.
        reasons: reason id to a boolean a row.

    Returns:
        The rows of `result` without any reason; and doc_id, reasons (list[str]) and values (the original row as JSON)
        of the others.
    """
    flags = pl.DataFrame({name: flag.alias(name) for name, flag in reasons.items()})
    given = flags.select(
        pl.concat_list(pl.when(pl.col(name)).then(pl.lit(name)) for name in flags.columns).list.drop_nulls()
    ).to_series()
    bad = given.list.len() > 0
    rejected = original.filter(bad).select(
        pl.col("doc_id"),
        reasons=given.filter(bad),
        values=pl.struct(original.columns).struct.json_encode(),
    )
    return result.filter(~bad), rejected
