"""The frame `table` of the per-corpus gates: one row of counts and shares of the whole corpus.

    rows, rejected, copies      copies: those that deduplication dropped, which are no rejected rows
    reject_share                rejected / (rows + rejected + copies)
    train_rows, valid_rows, test_rows
    rows_ratio                  rows / rows of the champion's profile; null where it does not know the corpus
  after ingest only:
    short_share, long_share     texts of fewer, or more, characters than params.yaml says
  after cleaning and deduplication only:
    copies_share                copies / (rows + copies)
    straddling_exact_share, straddling_near_share    held-out rows with such a copy in train (only a near one), of all
                                held-out rows; null where such copies were not looked for
    mixed_or_other_share        documents in neither English nor Chinese alone; null where the corpus declares just that
    language_disagrees_share    documents whose detected language is not the declared one
    language_mix_warned, language_mix_stopped    the languages of train are mixed otherwise than the champion's: what is,
                                and the threshold; null where they are not, or where there are too few to tell
A count that can only repeat another fault is null, and expectations skip nulls.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from mgm.corpus.contract import SPLITS
from mgm.corpus.parts import read_manifest, read_parts
from mgm.profiling.category_mix import compare_mixes
from mgm.profiling.layout import Profile
from mgm.quality.frame import SHOWN_ROWS, Frame
from mgm.settings.gates import CleanGate, IngestGate

UNCLEAR = ("mixed", "other")


def ingest_table(rows: pl.DataFrame, rejects: Path, gate: IngestGate, reference: Profile | None) -> Frame:
    """The table frame after ingest; `rows` is the frame `documents`."""
    texts = rows.filter(pl.col("text_characters").is_not_null())
    short = texts.filter(pl.col("text_characters") < gate.short_characters)
    long = texts.filter(pl.col("text_characters") > gate.long_characters)
    values = _common(rows, rejects, 0, reference) | {
        "short_share": _share(short.height, texts.height),
        "long_share": _share(long.height, texts.height),
    }
    examples = {"short_share": _ids(short), "long_share": _ids(long), "reject_share": _rejected_ids(rejects)}
    return _frame(values, examples)


def clean_table(
    rows: pl.DataFrame,
    rejects: Path,
    copies: Path,
    gate: CleanGate,
    reference: Profile | None,
    cleaned: Mapping[str, Any],
    deduplicated: Mapping[str, Any],
    declared: str,
) -> Frame:
    """The table frame after cleaning and deduplication.

    Args:
        rows: the frame `documents`.
        copies: the rows that deduplication dropped.
        cleaned, deduplicated: the statistics of the two stages.
        declared: the corpus's setting `lang`.
    """
    dropped = read_manifest(copies).rows
    unclear = rows.filter(pl.col("lang").is_in(UNCLEAR))
    held_out = int(rows["split"].is_in(["valid", "test"]).sum())
    straddling = deduplicated.get("straddling", {})
    values = _common(rows, rejects, dropped, reference) | {
        "copies_share": _share(dropped, rows.height + dropped),
        **{f"straddling_{kind}_share": _share(straddling.get(kind), held_out) for kind in ("exact", "near")},
        "mixed_or_other_share": None if declared in UNCLEAR else _share(unclear.height, rows.height),
        "language_disagrees_share": _share(cleaned["language_disagrees"], cleaned["rows_out"]),
        **_language_mix(rows, gate, reference),
    }
    ids = deduplicated.get("straddling_rows", {})
    examples = {
        "reject_share": _rejected_ids(rejects),
        "copies_share": _rejected_ids(copies),
        "mixed_or_other_share": _ids(unclear),
        **{f"straddling_{kind}_share": ids.get(kind, []) for kind in ("exact", "near")},
    }
    return _frame(values, examples)


def _common(rows: pl.DataFrame, rejects: Path, dropped: int, reference: Profile | None) -> dict[str, Any]:
    rejected = read_manifest(rejects).rows
    before = sum(reference["rows"].values()) if reference else 0
    return {
        "rows": rows.height,
        "rejected": rejected,
        "copies": dropped,
        "reject_share": _share(rejected, rows.height + rejected + dropped) or 0.0,
        **{f"{split}_rows": int((rows["split"] == split).sum()) if rows.height else None for split in SPLITS},
        "rows_ratio": _share(rows.height, before) if rows.height else None,
    }


def _language_mix(rows: pl.DataFrame, gate: CleanGate, reference: Profile | None) -> dict[str, str | None]:
    found: dict[str, str | None] = {"language_mix_warned": None, "language_mix_stopped": None}
    train = rows.filter(pl.col("split") == "train")["lang"].drop_nulls()
    if reference is None:
        return found
    moved = compare_mixes(
        reference["languages"]["counts"], dict(train.value_counts(name="n").sort("lang").iter_rows())
    )
    for how, most, least in (
        ("stop", gate.language_mix_stop, gate.drift_rows_stop),
        ("warn", gate.language_mix_warn, gate.drift_rows_warn),
    ):
        if moved and moved.n >= least and moved.excess > most:
            where = f"above {most:g} (params.yaml: gates.clean.language_mix_{how})"
            found[f"language_mix_{how}{'ped' if how == 'stop' else 'ed'}"] = f"{moved}, {where}"
            break
    return found


def _share(n: int | None, of: int) -> float | None:
    return n / of if n is not None and of else None


def _frame(values: Mapping[str, Any], examples: Mapping[str, list[str]]) -> Frame:
    types = {
        name: pl.Float64
        if name.endswith(("_share", "_ratio"))
        else pl.String
        if name.startswith("language_mix")
        else pl.Int64
        for name in values
    }
    return Frame(pl.DataFrame([values], schema=types), None, examples)


def _ids(rows: pl.DataFrame) -> list[str]:
    return [str(doc_id) for doc_id in rows["doc_id"].head(SHOWN_ROWS)]


def _rejected_ids(rejects: Path) -> list[str]:
    """The first rejected rows with their reasons."""
    shown: list[str] = []
    for frame in read_parts(rejects, ["doc_id", "reasons"]):
        first = frame.head(SHOWN_ROWS - len(shown))
        shown += [
            f"{doc_id or '(no id)'} ({', '.join(reasons)})"
            for doc_id, reasons in zip(first["doc_id"].to_list(), first["reasons"].to_list(), strict=True)
        ]
        if len(shown) == SHOWN_ROWS:
            break
    return shown
