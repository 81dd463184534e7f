"""The documents whose labels help most, written for annotators (`mgm export review`).

The input is read twice: once to measure every document, once for the texts of the candidates. Memory: some numbers a document, and of
documents that have a label what `LabelledDocuments` keeps.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from tqdm import tqdm

from flows import keys
from flows.prediction import default_bundle
from flows.review_input import ReviewInput, find_input
from mgm.active_learning.kinds import TASK_ACQUISITIONS
from mgm.active_learning.labelled import LabelledDocuments
from mgm.active_learning.measures import Measured, MeasuredModel
from mgm.active_learning.ranking import DOUBT, rank
from mgm.active_learning.selection import candidates, select
from mgm.corpus.annotations.label_studio_tasks import Suggestion, label_studio_task, labelling_interface
from mgm.corpus.writers import writing_table
from mgm.files import write_text
from mgm.inference.prediction_columns import readable_predictions
from mgm.scoring.scorer import Scorer
from mgm.settings.names import nearest
from mgm.tasks import Task
from mgm.text.features import FeaturePart

LABEL_STUDIO, JSONL, CSV = "label-studio", "jsonl", "csv"
SUFFIXES = {LABEL_STUDIO: ".json", JSONL: ".jsonl", CSV: ".csv"}
"""The suffix of a file of each format."""


@dataclass(frozen=True, kw_only=True)
class ReviewOptions:
    """The options of `mgm export review`.

    Attributes:
        task: the task to label.
        sources: files or folders of documents.
        night: the date of a night whose documents are read.
        corpus: a corpus whose columns and text settings are used.
        number: the number of documents to choose.
        by: the measures to rank by.
        format: a key of `SUFFIXES`; None: by the suffix of `output`.
        output: the file to write; None: review_<task>.<suffix>.
        bundle: a bundle's folder; None: the champion's, or the candidate's where there is no champion yet.
    """

    task: str
    sources: Sequence[str] = ()
    night: str | None = None
    corpus: str | None = None
    number: int = 200
    by: Sequence[str]
    format: str | None = None
    output: Path | None = None
    bundle: Path | None = None

    def destination(self) -> tuple[str, Path]:
        """Return the format and the file.

        Raises:
            ValueError: the file's name does not fit the format, or none.
        """
        if self.output is None:
            name = self.format or LABEL_STUDIO
            return name, Path(f"review_{self.task}{SUFFIXES[name]}")
        suffix = self.output.suffix.lower()
        name = self.format or next((name for name, end in SUFFIXES.items() if end == suffix), "")
        if SUFFIXES.get(name) != suffix:
            expected = SUFFIXES[self.format] if self.format else ", ".join(SUFFIXES.values())
            raise ValueError(f"{self.output}: expected a name that ends in {expected}")
        return name, self.output


def export_review(options: ReviewOptions) -> list[str]:
    """Write the documents that are worth the most labels, and return lines about them and what to do next.

    Raises:
        FileNotFoundError, ValueError: a fault of an option, the bundle or the input; an output is written whole or not at all.
    """
    name, path = options.destination()
    scorer = Scorer.load(
        options.bundle or default_bundle(),
        public_key=keys.verify_key(),
        encryption_key=keys.encryption_key(),
    )
    task = _task(scorer, options.task)
    scorer = Scorer(scorer.bundle, tasks=[task.name], word_states=scorer.word_states)
    source = find_input(
        options.sources, night=options.night, corpus=options.corpus, task=task, bundle=scorer.bundle
    )
    review = _Review(scorer, MeasuredModel.of(scorer.bundle, task), source=source, corpus=options.corpus)
    chosen, lines = review.choose(options.number, by=options.by)
    if name == LABEL_STUDIO:
        interface = path.with_suffix(".xml")
        _write_label_studio(chosen, path, task=task, model=f"mgm {scorer.bundle.id[:12]}")
        write_text(interface, labelling_interface(task, task.labels))
        lines.append(f"{interface}: the labelling interface (Settings, Labeling Interface, Code)")
    else:
        with writing_table(path) as write:
            write(chosen)
    return [f"{path}: {lines[0]}", *lines[1:], *_next_steps(name, path, corpus=options.corpus, task=task)]


def _task(scorer: Scorer, name: str) -> Task:
    """Return the task of this name, whose kind has acquisition functions.

    Raises:
        ValueError: there is none, or its documents cannot be ranked.
    """
    tasks = {task.name: task for task in scorer.bundle.tasks}
    if name not in tasks:
        raise ValueError(f"--task {name!r}: the bundle has no such task{nearest(name, tasks)}")
    task = tasks[name]
    if task.kind not in TASK_ACQUISITIONS:
        raise ValueError(
            f"--task {name!r}: documents of {task.kind} tasks are not ranked; expected one of {', '.join(TASK_ACQUISITIONS)}"
        )
    if task.spec.has_label_space and not task.labels:
        raise ValueError(f"--task {name!r}: it has no labels, since training had none for it")
    return task


class _Review:
    """A choice of documents in the making."""

    def __init__(
        self, scorer: Scorer, model: MeasuredModel, *, source: ReviewInput, corpus: str | None
    ) -> None:
        self.scorer, self.model, self.source, self.corpus = scorer, model, source, corpus
        self.num_rows = 0
        self.num_rejected = 0

    def choose(self, number: int, *, by: Sequence[str]) -> tuple[pl.DataFrame, list[str]]:
        """Return the chosen documents as a table for annotators, the most valuable first, and lines about them.

        Raises:
            ValueError: no document can be ranked.
        """
        task = self.model.task
        measured, labels, doubts = self._measure()
        ranked = rank(measured, labels.is_not_null(), doubts=doubts, by=by)
        if not ranked:
            raise ValueError(
                f"task {task.name!r}: no document can be ranked by {', '.join(by)}: {self.num_rows:,} read, "
                f"{self.num_rejected:,} rejected, {labels.len() - labels.null_count():,} with a label"
            )
        proposed = candidates(ranked, number)
        input_rows = measured["input_row"].gather(proposed).to_list()
        found = self._read_again(input_rows)
        place = {row: at for at, row in enumerate(found["row"].to_list())}
        places = {row: place[input_row] for row, input_row in zip(proposed, input_rows, strict=True)}
        vectors = np.array(found["vector"].to_list(), np.float32)
        chosen = select(
            ranked,
            number,
            texts=lambda rows: found["text"].gather([places[row] for row in rows]).to_list(),
            vectors=lambda rows: vectors[[places[row] for row in rows]],
            deduplication=self.scorer.bundle.text_for(self.corpus).deduplication,
            seed=self.scorer.bundle.settings.seed,
        )
        table = self._table(chosen, measured, labels=labels, ranked=ranked, found=found, places=places)
        return table, self._lines(chosen, labels=labels, doubts=doubts, ranked=ranked)

    def _measure(self) -> tuple[pl.DataFrame, pl.Series, pl.DataFrame | None]:
        """Return the measures of all documents with the row of each in the input, their labels, and the doubts about these."""
        labelled = LabelledDocuments(self.model)
        tables, labels = [], []
        with tqdm(unit=" documents", desc="measuring", disable=not sys.stderr.isatty(), leave=False) as bar:
            for frame in self.source.frames(self.model.task):
                part, rows, rejected = self._featurize(frame)
                of_part = frame["label"].gather(rows - frame["row"][0])
                measured: Measured = self.model.measure(part)
                labelled.add(part, measured, labels=of_part)
                tables.append(measured.table.with_columns(input_row=rows))
                labels.append(of_part)
                self.num_rows += frame.height
                self.num_rejected += rejected
                bar.update(frame.height)
        if not tables:
            raise ValueError(f"{self.source.sources[0]}: it is empty; expected at least one row")
        return pl.concat(tables), pl.concat(labels), labelled.doubts()

    def _featurize(self, frame: pl.DataFrame) -> tuple[FeaturePart, pl.Series, int]:
        """Return the features of the documents that can be read, the row of each, and the number of the others."""
        documents = frame.select(pl.col("row").cast(pl.String).alias("doc_id"), "text")
        part, rejects = self.scorer.featurize(documents, self.corpus)
        return part, part.documents["doc_id"].cast(pl.Int64), rejects.height

    def _read_again(self, rows: list[int]) -> pl.DataFrame:
        """Return some documents: row, doc_id, text, vector."""
        wanted = pl.Series(rows, dtype=pl.Int64)
        found = []
        for frame in self.source.frames(self.model.task):
            some = frame.filter(pl.col("row").is_in(wanted.implode()))
            if some.height:
                part, numbers, _ = self._featurize(some)
                vectors = pl.DataFrame({"row": numbers, "vector": self.model.vectors(part).tolist()})
                found.append(some.drop("label").join(vectors, on="row", how="inner", maintain_order="left"))
        return pl.concat(found)

    def _table(
        self,
        chosen: pl.DataFrame,
        measured: pl.DataFrame,
        *,
        labels: pl.Series,
        ranked: dict[str, pl.DataFrame],
        found: pl.DataFrame,
        places: dict[int, int],
    ) -> pl.DataFrame:
        """Return the table that is written."""
        task = self.model.task
        rows = chosen["row"]
        documents = found.select("doc_id", "text")[[places[row] for row in rows]]
        predictions = readable_predictions(measured.select("doc_id", *self._prediction_columns(measured)), [task])  # fmt: skip
        predictions = predictions[rows.to_list()].drop("doc_id").rename(self._names(), strict=False)
        value = pl.concat(
            [table.select("row", reason=pl.lit(name), value="value") for name, table in ranked.items()]
        )
        why = chosen.join(value, on=["row", "reason"], how="left", maintain_order="left")
        return pl.concat(
            [
                documents,
                labels.gather(rows).alias(task.name).to_frame(),
                predictions,
                why.select(
                    pl.col("reason").alias(f"{task.name}_reason"),
                    pl.col("value").round(4).alias(f"{task.name}_measure"),
                ),
            ],
            how="horizontal",
        )

    def _prediction_columns(self, measured: pl.DataFrame) -> list[str]:
        return [name for name in self._names() if name in measured.columns]

    def _names(self) -> dict[str, str]:
        columns, name = self.model.task.columns, self.model.task.name
        return {columns.prediction: f"{name}_predicted", columns.score: f"{name}_score"}

    def _lines(
        self,
        chosen: pl.DataFrame,
        *,
        labels: pl.Series,
        doubts: pl.DataFrame | None,
        ranked: dict[str, pl.DataFrame],
    ) -> list[str]:
        counts = dict(chosen["reason"].value_counts(sort=True).iter_rows())
        reasons = ", ".join(f"{name} {count:,}" for name, count in counts.items())
        lines = [f"{chosen.height:,} of {self.num_rows:,} documents ({reasons})"]
        if self.num_rejected:
            lines.append(f"{self.num_rejected:,} documents cannot be read by the model and are left out")
        if doubts is not None and DOUBT in ranked:
            lines.append(
                f"labels that are suspected to be wrong: {doubts['is_suspected'].sum():,} of "
                f"{labels.len() - labels.null_count():,}"
            )
        return lines


def _write_label_studio(chosen: pl.DataFrame, path: Path, *, task: Task, model: str) -> None:
    tasks: list[dict[str, Any]] = []
    for row in chosen.iter_rows(named=True):
        about = {
            "reason": row[f"{task.name}_reason"],
            "measure": row[f"{task.name}_measure"],
            "label": row[task.name],
        }
        score = row.get(f"{task.name}_score")
        tasks.append(
            label_studio_task(
                Suggestion(
                    doc_id=row["doc_id"],
                    text=row["text"],
                    predicted=row[f"{task.name}_predicted"],
                    score=score if isinstance(score, float) else None,
                    about=about,
                ),
                task,
                model=model,
            )
        )
    write_text(path, json.dumps(tasks, ensure_ascii=False, indent=1) + "\n")


def _next_steps(name: str, path: Path, *, corpus: str | None, task: Task) -> list[str]:
    corpus = corpus or task.corpora[0]
    if name == LABEL_STUDIO:
        first = "next: import it into a project, correct the predictions, export JSON"
    else:
        first = f"next: correct or fill the column {task.name}; a row where it is empty is no correction"
    return [f"{first}; put the result into data/corrections/{corpus}"]
