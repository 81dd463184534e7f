"""The reasons for which documents are dropped, by stable ids, and the split of a frame by them."""

from collections.abc import Mapping

import polars as pl

TEXT_MISSING = "text_missing"
"""ingest, night: the text is null."""
LABEL_NOT_FINITE = "label_not_finite"
"""ingest: a number is infinite or not a number."""
LABEL_EMPTY = "label_empty"
"""ingest: a label, or a target text, is blank."""
SPAN_OUTSIDE_TEXT = "span_outside_text"
"""ingest: a span is empty, ends before it begins, or reaches beyond the text."""
CORRECTION_UNKNOWN = "correction_unknown"
"""ingest: a correction is for an id that no document of the corpus has, and has no text that would make it a new document."""
CORRECTION_OUTDATED = "correction_outdated"
"""ingest: a correction was made for another text than the one that the document has now; the document keeps its labels."""
TEXT_TOO_SHORT = "text_too_short"
"""clean, night: after cleaning the text has fewer characters than the corpus's `min_chars`."""
TEXT_TOO_LONG = "text_too_long"
"""clean, night: the text has more characters than `text.cleaning.max_chars`."""
SPAN_IN_DELETION = "span_in_deletion"
"""clean: the whole text of a labelled span is removed by cleaning."""
NO_WORDS = "no_words"
"""tokenize, night: no words are left after cleaning."""
EXACT_DUPLICATE = "exact_duplicate"
"""deduplicate: another document has the same text, except for case, blanks and punctuation."""
NEAR_DUPLICATE = "near_duplicate"
"""deduplicate: another document has nearly the same text, and unless `near` is `drop` the same sentences."""
MODEL_FAILED = "model_failed"
"""night: the model raised an error for this document."""


def split_rejected(
    original: pl.DataFrame, result: pl.DataFrame, *, reasons: Mapping[str, pl.Series]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Split rows into those without any reason to reject them and the others.

    Args:
        original: the rows as they came in, with doc_id.
        result: the rows as they would go out, row-aligned.
        reasons: reason id to a boolean for each row.

    Returns:
        The rows of `result` without any reason; and doc_id, reasons (list[str]) and values (the original row as JSON)
        of the others.
    """
    if not any(flag.any() for flag in reasons.values()):
        columns = {"doc_id": pl.String(), "reasons": pl.List(pl.String), "values": pl.String()}
        return result, pl.DataFrame(schema=pl.Schema(columns))
    flags = pl.DataFrame({name: flag.alias(name) for name, flag in reasons.items()})
    row_reasons = flags.select(
        pl.concat_list(pl.when(pl.col(name)).then(pl.lit(name)) for name in flags.columns).list.drop_nulls()
    ).to_series()
    bad = row_reasons.list.len() > 0
    rejected = original.filter(bad).select(
        pl.col("doc_id"),
        reasons=row_reasons.filter(bad),
        values=pl.struct(original.columns).struct.json_encode(),
    )
    return result.filter(~bad), rejected
