"""The frames of the gates after ingest and after cleaning and deduplication: one corpus of documents, never its text.

columns, a row a column that the table must have:
    column, expected            its name and type
    schema_fault                it is missing, or of another type, with the first part where; else null. Where there is a
                                fault the other frames are empty: nothing else could be read, and nothing else is judged
documents, a row a document:
    row, doc_id, lang, split    its number in the table (from 0), and its own columns
    text_characters             length of the text; null where there is no text
    text_blank                  there is a text, but only blanks
    group_splits                number of splits that the document's group is in
    duplicate_of                the first document with the same text, case and blanks aside; null for that first one
    text_also_in                the splits that this text also stands in and that the document must not know: train for
                                valid, train and valid for test; else null
    label_invalid               a blank label or a number that is infinite or NaN, as `task: value`; else null
    raw_characters              length of the raw text of a training document, to compare with the champion's profile;
                                null for others, and for all where no profile holds the corpus, or where chance decides
  after ingest only:
    lang_missing                there is no language, where none is to be detected; else null
  after ingest only, while spans and text have the same offsets, each `task: label [start, end)`, or null:
    span_outside                a span that is empty, or reaches outside the text
    span_blank_ends             a span inside the text that begins or ends with a blank
    span_overlap                a span that begins before the one before it ends
tasks, a row a task, and table, one row: mgm/quality/tasks.py and mgm/quality/table.py list their columns.
A count that can only repeat another fault is null, and expectations skip nulls: rows of a split where the corpus has no
row, labelled rows where the split has none.

Memory: a part, and that of split_overlap.py; the frame `documents` lies on disk, about 60 bytes a document, and is read in blocks.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import polars as pl

from mgm.corpus.contract import DETECT, document_schema
from mgm.corpus.parts import read_manifest, read_part
from mgm.profiling.layout import Profile
from mgm.profiling.paired_counts import NUM_RANGES
from mgm.quality.corpus_output import CorpusOutput
from mgm.quality.frame import Frame
from mgm.quality.rows import narrow_columns
from mgm.quality.spilled_rows import SpilledRows
from mgm.quality.split_overlap import find_cross_split_faults, join_cross_split_faults
from mgm.quality.table import DocumentCounts, clean_table, ingest_table
from mgm.quality.tasks import TaskFrameBuilder
from mgm.settings.gates import GateSettings
from mgm.settings.names import nearest
from mgm.tasks import Task

MAX_NOISE = 0.06
"""If chance alone gives a larger population stability index of lengths, lengths are not compared."""
NO_LENGTHS = [[0, 1]]
EDITS = "edits"


def document_frames(
    output: CorpusOutput,
    *,
    tasks: list[Task],
    gates: GateSettings,
    lang: str,
    reference: Profile | None = None,
) -> dict[str, Frame]:
    """Return the frames of one corpus by name, read part by part.

    Args:
        lang: the corpus's setting; where cleaning detects the language, a document may be without one before.
        reference: the champion's profile of this corpus.

    Raises:
        FileNotFoundError: a table is absent or unfinished.
    """
    expected, faults = document_schema(tasks), dict[str, str]()
    gathered = _Gathered(tasks, gates, after_ingest=output.cleaning is None, detects_language=lang == DETECT)
    for part in read_manifest(output.documents).parts:
        frame = read_part(output.documents, part)
        faults = _schema_faults(output.documents / part.name, frame.schema, expected=expected) | faults
        if not faults:
            gathered.add(frame.select(*expected, *({EDITS} & set(frame.columns))))
    has_columns = not faults
    if not has_columns:
        gathered = _Gathered(
            tasks, gates, after_ingest=output.cleaning is None, detects_language=lang == DETECT
        )
    counts, task_rows = gathered.counts, gathered.task_rows
    if output.cleaning is None:
        table = ingest_table(counts, output, gate=gates.ingest, reference=reference)
        task_frame = task_rows.frame(gates.tasks)
    else:
        table = clean_table(counts, output, gate=gates.clean, reference=reference, declared_lang=lang)
        task_frame = task_rows.frame(gates.tasks, output.cleaning.deduplicated)
    if not has_columns:
        schemas = [pl.concat(frame.blocks()).schema for frame in (table, task_frame)]
        empty = pl.select(pl.lit(None, dtype).alias(name) for name, dtype in schemas[0].items())
        table = Frame(rows=empty, id_column=None)
        task_frame = Frame(rows=schemas[1].to_frame(), id_column="task")
    documents = _DocumentBlocks(
        narrow=gathered.documents,
        faults=find_cross_split_faults(gathered.documents),
        compares_lengths=_can_compare_lengths(counts.by_split["train"], reference),
    )
    return {
        "columns": Frame(rows=_columns(expected, faults), id_column="column"),
        "documents": Frame(rows=documents, id_column="doc_id"),
        "tasks": task_frame,
        "table": table,
    }


def length_reference(reference: Profile | None) -> list[list[int]]:
    """Return the champion's text lengths as [lower bound, count], in about ten ranges of equal share; without a profile, one range."""
    if reference is None or not reference["characters_per_document"]["n"]:
        return NO_LENGTHS
    lengths = reference["characters_per_document"]
    ranges: list[list[int]] = [[0, 0]]
    for low, count in zip([0, *lengths["bounds"]], lengths["counts"], strict=True):
        if ranges[-1][1] >= lengths["n"] / NUM_RANGES:
            ranges.append([low, 0])
        ranges[-1][1] += count
    # A small rest at the end is not a separate range.
    if len(ranges) > 1 and ranges[-1][1] < lengths["n"] / NUM_RANGES / 2:
        ranges[-2][1] += ranges.pop()[1]
    return ranges


class _Gathered:
    """All that the frames need of the documents, gathered part by part."""

    def __init__(
        self, tasks: list[Task], gates: GateSettings, *, after_ingest: bool, detects_language: bool
    ) -> None:
        self._narrow = partial(
            narrow_columns, tasks=tasks, after_ingest=after_ingest, detects_language=detects_language
        )
        empty = self._narrow(document_schema(tasks).to_frame()).with_row_index("row")
        self.documents = SpilledRows(empty.schema)
        """The documents' own columns, and the hashes of their texts and groups."""
        self.counts = DocumentCounts(gates.ingest)
        self.task_rows = TaskFrameBuilder(tasks)

    def add(self, frame: pl.DataFrame) -> None:
        narrow = self._narrow(frame)
        self.documents.add(narrow.with_row_index("row", self.documents.height))
        self.counts.add(narrow)
        self.task_rows.add(frame)


@dataclass(frozen=True, kw_only=True)
class _DocumentBlocks:
    """The rows of the frame `documents`."""

    narrow: SpilledRows
    faults: pl.DataFrame
    """See `find_cross_split_faults`."""
    compares_lengths: bool

    @property
    def columns(self) -> list[str]:
        return self._complete(self.narrow.schema.to_frame()).columns

    @property
    def num_blocks(self) -> int:
        return self.narrow.num_blocks

    def blocks(self) -> Iterator[pl.DataFrame]:
        return map(self._complete, self.narrow.blocks())

    def _complete(self, block: pl.DataFrame) -> pl.DataFrame:
        compared = (pl.col("split") == "train") & self.compares_lengths
        return join_cross_split_faults(block, self.faults).with_columns(
            raw_characters=pl.when(compared).then("raw_characters")
        )


def _can_compare_lengths(n: int, reference: Profile | None) -> bool:
    """Return whether a comparison of the lengths of n documents with the reference is not decided by chance."""
    m = reference["characters_per_document"]["n"] if reference else 0
    return bool(n and m and (len(length_reference(reference)) - 1) * (1 / n + 1 / m) <= MAX_NOISE)


def _schema_faults(path: Path, schema: pl.Schema, *, expected: pl.Schema) -> dict[str, str]:
    """Return the faults of the columns of a part by column."""
    faults: dict[str, str] = {}
    for name, column_type in expected.items():
        if name not in schema:
            faults[name] = f"{path}: column {name!r}: no such column{nearest(name, schema)}"
        elif schema[name] != column_type:
            faults[name] = f"{path}: column {name!r}: {schema[name]}, expected {column_type}"
    return faults


def _columns(expected: pl.Schema, faults: dict[str, str]) -> pl.DataFrame:
    """Return the frame `columns`."""
    rows = [(name, str(column_type), faults.get(name)) for name, column_type in expected.items()]
    frame_schema = dict.fromkeys(("column", "expected", "schema_fault"), pl.String)
    return pl.DataFrame(rows, schema=frame_schema, orient="row")
