"""The frame `table` of the per-corpus gates: one row of counts and shares of the whole corpus.

    rows, rejected, copies      copies: those that deduplication dropped, which are no rejected rows
    reject_share                rejected / (rows + rejected + copies)
    train_rows, valid_rows, test_rows
    rows_ratio                  rows / rows of the champion's profile; null where that has no such corpus
  after ingest only:
    short_share, long_share     texts of fewer, or more, characters than the limits of params.yaml
    split_column_unused         why a column named `split` does not decide the splits; null where it does, or there is none
  after cleaning and deduplication only:
    copies_share                copies / (rows + copies)
    labelled_copies_warned      many labelled documents of a split were dropped as copies: by split, in words with the threshold
    split_overlap_exact_share, split_overlap_near_share    held-out rows with an exact (only a near) copy in train, of all
                                held-out rows; null where such copies were not searched for
    mixed_or_other_share        documents in neither English nor Chinese alone; null where the corpus declares just that
    language_disagrees_share    documents whose detected language is not the declared one
    language_mix_warned, language_mix_stopped    the mix of the languages of train differs from the champion's, in words with
                                the threshold; null where it does not, or where documents are too few to tell
A count that can only repeat another fault is null, and expectations skip nulls.
"""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from mgm.corpus.contract import SPLITS
from mgm.corpus.parts import read_manifest, read_parts
from mgm.profiling.category_mix import compare_mixes
from mgm.profiling.layout import Profile
from mgm.quality.corpus_output import CorpusOutput
from mgm.quality.frame import SHOWN_ROWS, CountedRows, Frame
from mgm.quality.task_faults import SEVERITIES, format_share
from mgm.settings.gates import CleanGate, IngestGate

UNCLEAR = ("mixed", "other")
TEXTS = ("language_mix_warned", "language_mix_stopped", "split_column_unused", "labelled_copies_warned")
"""The columns that are a fault in words, or null."""


class DocumentCounts:
    """Counts the documents of a corpus part by part."""

    def __init__(self, gate: IngestGate) -> None:
        """Begin without any document."""
        self._gate = gate
        self.num_rows = self.num_texts = 0
        self.by_split = Counter[str | None]()
        self.train_languages = Counter[str]()
        self.short, self.long, self.unclear = CountedRows(), CountedRows(), CountedRows()

    def add(self, rows: pl.DataFrame) -> None:
        """Add a part: doc_id, lang, split, text_characters."""
        self.num_rows += rows.height
        self.num_texts += rows.height - rows["text_characters"].null_count()
        self.by_split.update(dict(rows["split"].value_counts().iter_rows()))
        languages = rows.filter(pl.col("split") == "train")["lang"].drop_nulls()
        self.train_languages.update(dict(languages.value_counts().iter_rows()))
        self.short.add(rows.filter(pl.col("text_characters") < self._gate.short_characters))
        self.long.add(rows.filter(pl.col("text_characters") > self._gate.long_characters))
        self.unclear.add(rows.filter(pl.col("lang").is_in(UNCLEAR)))


def ingest_table(
    counts: DocumentCounts, output: CorpusOutput, *, gate: IngestGate, reference: Profile | None
) -> Frame:
    """Return the frame after ingest.

    Args:
        reference: the champion's profile of the corpus.
    """
    values = _count_rows(counts, output.rejects, num_copies=0, reference=reference) | {
        "short_share": _share(counts.short.count, counts.num_texts),
        "long_share": _share(counts.long.count, counts.num_texts),
        "split_column_unused": output.split_column_unused,
    }
    examples = {
        "short_share": counts.short.ids,
        "long_share": counts.long.ids,
        "reject_share": _rejected_ids(output.rejects),
    }
    return _frame(values, examples)


def clean_table(
    counts: DocumentCounts,
    output: CorpusOutput,
    *,
    gate: CleanGate,
    reference: Profile | None,
    declared_lang: str,
) -> Frame:
    """Return the frame after cleaning and deduplication.

    Args:
        reference: the champion's profile of the corpus.
        declared_lang: the corpus's setting `lang`.
    """
    assert output.cleaning is not None
    report = output.cleaning
    num_copies = read_manifest(report.copies).rows
    held_out = counts.by_split["valid"] + counts.by_split["test"]
    overlap = report.deduplicated.get("split_overlap", {})
    values = _count_rows(counts, output.rejects, num_copies=num_copies, reference=reference) | {
        "copies_share": _share(num_copies, counts.num_rows + num_copies),
        "labelled_copies_warned": _labelled_copies(report.deduplicated, gate),
        **{f"split_overlap_{kind}_share": _share(overlap.get(kind), held_out) for kind in ("exact", "near")},
        "mixed_or_other_share": None
        if declared_lang in UNCLEAR
        else _share(counts.unclear.count, counts.num_rows),
        "language_disagrees_share": _share(report.cleaned["language_disagrees"], report.cleaned["rows_out"]),
        **_language_mix(counts.train_languages, gate, reference=reference),
    }
    ids = report.deduplicated.get("split_overlap_ids", {})
    examples = {
        "reject_share": _rejected_ids(output.rejects),
        "copies_share": _rejected_ids(report.copies),
        "labelled_copies_warned": _rejected_ids(report.copies),
        "mixed_or_other_share": counts.unclear.ids,
        **{f"split_overlap_{kind}_share": ids.get(kind, []) for kind in ("exact", "near")},
    }
    return _frame(values, examples)


def _count_rows(
    counts: DocumentCounts, rejects: Path, *, num_copies: int, reference: Profile | None
) -> dict[str, Any]:
    rejected = read_manifest(rejects).rows
    num_rows = counts.num_rows
    num_before = sum(reference["rows"].values()) if reference else 0
    return {
        "rows": num_rows,
        "rejected": rejected,
        "copies": num_copies,
        "reject_share": _share(rejected, num_rows + rejected + num_copies) or 0.0,
        **{f"{split}_rows": counts.by_split[split] if num_rows else None for split in SPLITS},
        "rows_ratio": _share(num_rows, num_before) if num_rows else None,
    }


def _labelled_copies(deduplicated: Mapping[str, Any], gate: CleanGate) -> str | None:
    """Return the labelled documents that were dropped as copies, by their split, where they are many in any split."""
    dropped = [
        (split, deduplicated["labelled_copies"][split], deduplicated["labelled"][split]) for split in SPLITS
    ]
    if all((_share(n, total) or 0.0) <= gate.labelled_copies_warn for _, n, total in dropped):
        return None
    shares = ", ".join(f"{split} {format_share(n, total)}" for split, n, total in dropped if n)
    limit = f"above {gate.labelled_copies_warn:g} (params.yaml: gates.clean.labelled_copies_warn)"
    return f"labelled documents dropped as copies: {shares}, {limit}"


def _language_mix(
    train: Mapping[str, int], gate: CleanGate, *, reference: Profile | None
) -> dict[str, str | None]:
    faults: dict[str, str | None] = {"language_mix_warned": None, "language_mix_stopped": None}
    if reference is None:
        return faults
    change = compare_mixes(reference["languages"]["counts"], dict(sorted(train.items())))
    for ending, max_excess, min_rows in (
        ("stop", gate.language_mix_stop, gate.drift_rows_stop),
        ("warn", gate.language_mix_warn, gate.drift_rows_warn),
    ):
        if change and change.n >= min_rows and change.excess > max_excess:
            limit = f"above {max_excess:g} (params.yaml: gates.clean.language_mix_{ending})"
            faults[f"language_mix_{SEVERITIES[ending]}"] = f"{change}, {limit}"
            break
    return faults


def _share(n: int | None, total: int) -> float | None:
    return n / total if n is not None and total else None


def _frame(values: Mapping[str, Any], examples: Mapping[str, list[str]]) -> Frame:
    types = {
        name: pl.Float64 if name.endswith(("_share", "_ratio")) else pl.String if name in TEXTS else pl.Int64
        for name in values
    }
    return Frame(rows=pl.DataFrame([values], schema=types), id_column=None, examples=examples)


def _rejected_ids(rejects: Path) -> list[str]:
    """Return the first rejected rows with their reasons."""
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
