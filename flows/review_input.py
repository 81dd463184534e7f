"""The documents that `mgm export review` chooses from: files, a night's input, or a corpus, with the labels that they have."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from flows.dates import parse_date
from flows.scoring_options import PLACEHOLDER, load_settings
from mgm.bundle.bundle import Bundle
from mgm.corpus.readers import Dialect, Source, column_names, read_batches
from mgm.settings.core import PARAMS, CoreSettings
from mgm.settings.corpora import CorpusSettings, FileSettings
from mgm.settings.names import check_name, nearest
from mgm.settings.scoring import ScoreSettings
from mgm.tasks import Task

ROWS = ScoreSettings().rows_per_batch


@dataclass(frozen=True, kw_only=True)
class ReviewInput:
    """Documents with a task's labels, if they have any.

    Attributes:
        sources: files or folders.
        id_column: None: the numbers of the rows from 1 on.
        text_column: the column of texts.
        label_column: None: no document has a label.
        dialect: how text files are written, as far as they do not tell it.
    """

    sources: Sequence[Source]
    id_column: str | None
    text_column: str
    label_column: str | None
    dialect: Dialect

    def frames(self, task: Task) -> Iterator[pl.DataFrame]:
        """Yield the documents in their order: row (from 0 on), doc_id, text, label.

        Raises:
            FileNotFoundError, ValueError: see `read_batches`.
        """
        columns: dict[str, pl.DataType] = {self.text_column: pl.String()}
        if self.id_column is not None:
            columns[self.id_column] = pl.String()
        if self.label_column is not None:
            columns[self.label_column] = task.column_type
        row = 0
        for source in self.sources:
            for frame in read_batches(
                source, columns, rows=ROWS, strict=(self.text_column,), dialect=self.dialect
            ):
                rows = pl.int_range(row, row + frame.height, dtype=pl.Int64, eager=True)
                ids = (rows + 1).cast(pl.String) if self.id_column is None else frame[self.id_column]
                label = (
                    pl.Series([None] * frame.height, dtype=task.column_type)
                    if self.label_column is None
                    else frame[self.label_column]
                )
                yield pl.DataFrame(
                    {"row": rows, "doc_id": ids, "text": frame[self.text_column], "label": label}
                )
                row += frame.height


def find_input(
    sources: Sequence[str], *, night: str | None, corpus: str | None, task: Task, bundle: Bundle
) -> ReviewInput:
    """Return the documents that a command line names.

    Args:
        sources: files or folders; none: those of the night, or of the corpus.
        night: the date of a night, whose input is read.
        corpus: the corpus of the bundle whose columns are used; without sources and night, its documents.
        task: the task whose labels are read.
        bundle: the model's bundle.

    Raises:
        FileNotFoundError: there is no such input.
        ValueError: no input or several are named, there is no such corpus, or a column is missing.
    """
    settings: FileSettings = CorpusSettings()
    prefix = "--"
    if corpus is not None:
        bundle.text_for(corpus)
        settings, prefix = bundle.settings.corpora[corpus], f"corpora.{corpus}."
    if night is not None:
        if sources:
            raise ValueError(f"--night {night}: expected no files beside it, found {sources[0]}")
        score = load_settings().score
        sources = [score.input.replace(PLACEHOLDER, parse_date(night).isoformat())]
        if corpus is None:
            settings, prefix = score.format, "score.format."
    elif not sources:
        if corpus is None:
            raise ValueError("nothing to choose from: expected files, --night DATE or --as-corpus CORPUS")
        enabled = CoreSettings.load(warns=False).enabled
        check_name(corpus, enabled, where=f"{PARAMS}: enabled", role="corpus")
        sources = [enabled[corpus]]
    return _with_columns(sources, settings, prefix=prefix, task=task)


def _with_columns(sources: Sequence[str], settings: FileSettings, *, prefix: str, task: Task) -> ReviewInput:
    places: list[Source] = [source if "://" in source else Path(source) for source in sources]
    dialect = Dialect.of(settings, prefix)
    label = settings.columns.get(task.name, task.name) if isinstance(settings, CorpusSettings) else task.name
    wanted = [settings.id, settings.text_column, label]
    found = [column_names(source, wanted=wanted, dialect=dialect) for source in places]
    for source, names in zip(places, found, strict=True):
        if not names:
            raise ValueError(f"{source}: it is empty; expected at least one row")
        if settings.text_column not in names:
            raise ValueError(
                f"{source}: no column {settings.text_column!r}{nearest(settings.text_column, names)}; --as-corpus names a corpus "
                "with other columns"
            )
    have_id, have_label = (all(column in names for names in found) for column in (settings.id, label))
    return ReviewInput(
        sources=places,
        id_column=settings.id if have_id else None,
        text_column=settings.text_column,
        label_column=label if have_label else None,
        dialect=dialect,
    )
