"""The frames of the gates after ingest and after cleaning and deduplication: one corpus of documents, never its text.

columns, a row a column that the table must have:
    column, expected            its name and type
    schema_fault                it is missing, or of another type, with the first part where; else null. Where there is a
                                fault the other frames are empty: nothing else could be read, and nothing else is judged
documents, a row a document:
    row, doc_id, lang, split    its number in the table (from 0), and its own columns
    text_characters             length of the text; null where there is no text
    text_blank                  there is a text, but only blanks
    group_splits                how many splits the document's group stands in
    duplicate_of                the first document with the same text, case and blanks aside; null for that first one
    text_also_in                the splits that this text also stands in and that the document must not know: train for
                                valid, train and valid for test; else null
    label_invalid               a blank label or a number that is none, as `task: value`; else null
    raw_characters              length of the raw text of a training document, to compare with the champion's profile;
                                null for others, and for all where no profile knows the corpus, or with too few to tell
  after ingest only:
    lang_missing                there is no language, where none is to be detected; else null
  after ingest only, while spans and text have the same offsets, each `task: label [start, end)`, or null:
    span_outside                a span that is empty, or reaches outside the text
    span_blank_ends             a span inside the text that begins or ends with a blank
    span_overlap                a span that begins before the one before it ends
tasks, a row a task, and table, one row: task_frames.py and table_frame.py say their columns.
A count that can only repeat another fault is null, and expectations skip nulls: rows of a split where the corpus has no
row, labelled rows where the split has none.

Memory: about 0.1 GB a million documents, and a copy for Great Expectations.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from mgm.corpus.contract import DETECT, document_schema
from mgm.corpus.parts import read_manifest
from mgm.profiling.layout import Profile
from mgm.quality.frame import Frame
from mgm.quality.rows import narrow
from mgm.quality.split_overlap import add_cross_split_columns
from mgm.quality.table import clean_table, ingest_table
from mgm.quality.tasks import TaskCounts
from mgm.settings.gates import GateSettings
from mgm.settings.names import nearest
from mgm.tasks import Task

RANGES = 10  # of a histogram, as the thresholds of the population stability index suppose
NOISE = 0.06  # what chance adds to that index; above it, the index decides nothing
NOTHING = [[0, 1]]
EDITS = "edits"


@dataclass(frozen=True)
class Cleaning:
    """What cleaning and deduplication left beside their table: the copies that were dropped, and their statistics."""

    copies: Path
    cleaned: Mapping[str, Any]
    deduplicated: Mapping[str, Any]


def document_frames(
    folder: Path,
    rejects: Path,
    tasks: list[Task],
    gates: GateSettings,
    lang: str,
    reference: Profile | None = None,
    cleaning: Cleaning | None = None,
) -> dict[str, Frame]:
    """The frames of one corpus, read part by part.

    Args:
        rejects: the rejected rows, which count against the budget; copies do not.
        lang: the corpus's setting; where cleaning detects the language, a document may be without one before.
        reference: the champion's profile of this corpus.
        cleaning: None after ingest.

    Raises:
        FileNotFoundError: a table is absent or unfinished.
    """
    columns = _columns(folder, tasks)
    sound = columns["schema_fault"].null_count() == columns.height
    counts, documents = TaskCounts(tasks), []
    for frame in _parts(folder, tasks) if sound else [document_schema(tasks).to_frame()]:
        documents.append(narrow(frame, tasks, cleaning is None, languages_follow=lang == DETECT))
        counts.add(frame)
    rows = add_cross_split_columns(pl.concat(documents).with_row_index("row"))
    if cleaning is None:
        table = ingest_table(rows, rejects, gates.ingest, reference)
        task_frame = counts.frame(gates.tasks)
    else:
        found = (cleaning.copies, gates.clean, reference, cleaning.cleaned, cleaning.deduplicated, lang)
        table = clean_table(rows, rejects, *found)
        task_frame = counts.frame(gates.tasks, cleaning.deduplicated)
    if not sound:
        empty = table.rows.select(
            pl.lit(None, dtype).alias(name) for name, dtype in table.rows.schema.items()
        )
        table, task_frame = Frame(empty, None), Frame(task_frame.rows.clear(), "task")
    return {
        "columns": Frame(columns, "column"),
        "documents": Frame(_comparable(rows, reference), "doc_id"),
        "tasks": task_frame,
        "table": table,
    }


def length_reference(reference: Profile | None) -> list[list[int]]:
    """The champion's lengths as [lower bound, count], in about ten ranges of equal share; of no profile, one range."""
    if reference is None or not reference["characters_per_document"]["n"]:
        return NOTHING
    known = reference["characters_per_document"]
    ranges: list[list[int]] = [[0, 0]]
    for low, count in zip([0, *known["bounds"]], known["counts"], strict=True):
        if ranges[-1][1] >= known["n"] / RANGES:
            ranges.append([low, 0])
        ranges[-1][1] += count
    # What is left at the end is no range of its own.
    if len(ranges) > 1 and ranges[-1][1] < known["n"] / RANGES / 2:
        ranges[-2][1] += ranges.pop()[1]
    return ranges


def _comparable(rows: pl.DataFrame, reference: Profile | None) -> pl.DataFrame:
    """Leaves `raw_characters` where a comparison with the reference means something."""
    n = int((rows["split"] == "train").sum())
    m = reference["characters_per_document"]["n"] if reference else 0
    tells = n and m and (len(length_reference(reference)) - 1) * (1 / n + 1 / m) <= NOISE
    compared = (pl.col("split") == "train") & bool(tells)
    return rows.with_columns(raw_characters=pl.when(compared).then("raw_characters"))


def _columns(folder: Path, tasks: list[Task]) -> pl.DataFrame:
    """The frame `columns`."""
    expected = document_schema(tasks)
    faults: dict[str, str] = {}
    for part in read_manifest(folder).parts:
        found = pl.read_parquet_schema(folder / part.name)
        for name, kind in expected.items():
            fault = None
            if name not in found:
                fault = f"no such column{nearest(name, found)}"
            elif found[name] != kind:
                fault = f"{found[name]}, expected {kind}"
            if fault:
                faults.setdefault(name, f"{folder / part.name}: column {name!r}: {fault}")
    rows = [(name, str(kind), faults.get(name)) for name, kind in expected.items()]
    schema = dict.fromkeys(("column", "expected", "schema_fault"), pl.String)
    return pl.DataFrame(rows, schema=schema, orient="row")


def _parts(folder: Path, tasks: list[Task]) -> Iterator[pl.DataFrame]:
    for part in read_manifest(folder).parts:
        path = folder / part.name
        columns = [*document_schema(tasks), *({EDITS} & set(pl.read_parquet_schema(path)))]
        yield pl.read_parquet(path, columns=columns)
