"""Predictions of texts on the command line: read part by part, predicted, and printed or written."""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
from tqdm import tqdm

from flows import keys
from flows.champion import champion_folder, read_champion
from flows.file_format import FileFormat
from flows.prediction_inputs import STDIN, frames_of_lines, frames_of_source, split_arguments
from flows.prediction_lines import prediction_lines
from flows.project import CANDIDATE
from mgm.corpus.parts import Counts
from mgm.corpus.writers import Write, output_suffix, writing_table
from mgm.inference.model import REJECTED, Model
from mgm.inference.texts import to_frame
from mgm.scoring.answers import AnswerOptions, without_missing
from mgm.scoring.isolation import ModelBroken
from mgm.settings.core import PARAMS
from mgm.settings.views.scoring import ScoringSettings

if TYPE_CHECKING:
    from mgm.evaluation.explanations.single_document import Explanation

EXPLAINED_WORDS = 10
"""The words of an explanation that is printed or written."""
_EXPLAINED = pl.Struct(
    {
        "label": pl.String,
        "target": pl.String,
        "words": pl.List(
            pl.Struct({"word": pl.String, "start": pl.Int64, "end": pl.Int64, "contribution": pl.Float64})
        ),
    }
)


@dataclass(frozen=True, kw_only=True)
class PredictionOptions:
    """The options of `mgm predict`.

    Attributes:
        arguments: texts or sources; none, or `-`: the lines of standard input.
        all_texts: whether every argument is a text, even where a file has this name.
        output: the file to write; None: predictions are printed.
        bundle: a bundle's folder; None: the champion's, or the candidate's where there is no champion yet.
        tasks: names of tasks, or several joined by commas; none: as `Model.predict`.
        proba: whether to give the probability of every label.
        explain: whether to give the words that count.
        as_json: whether lines of JSON are printed.
        as_corpus: a corpus of the bundle whose columns and text settings are used.
        id_column, text_column: the columns of files; None: those of the corpus, or doc_id and text.
        format: what files do not tell about themselves, where it is not as the corpus has it.
    """

    arguments: Sequence[str] = ()
    all_texts: bool = False
    output: Path | None = None
    bundle: Path | None = None
    tasks: Sequence[str] = ()
    proba: bool = False
    explain: bool = False
    as_json: bool = False
    as_corpus: str | None = None
    id_column: str | None = None
    text_column: str | None = None
    format: FileFormat = field(default_factory=FileFormat)


def predict(options: PredictionOptions) -> None:
    """Predict texts, and print or write the predictions.

    Raises:
        FileNotFoundError, ValueError: a fault of an option, the bundle or the input; an output is written whole or not at all.
    """
    if options.output is not None:
        output_suffix(options.output)
    arguments = list(options.arguments)
    is_stdin = not options.all_texts and arguments in ([], [STDIN])
    texts, sources = (arguments, []) if options.all_texts or is_stdin else split_arguments(arguments)
    if options.output is not None and options.output.exists() and _is_among(options.output, sources):
        raise ValueError(f"{options.output}: it is an input; expected another file for the output")
    encoding = options.format.dialect().encoding
    model = load_model(options.bundle)
    if is_stdin:
        frames = frames_of_lines(encoding=encoding)
    else:
        frames = _frames_of_sources(sources, model, options=options) if sources else iter([to_frame(texts)])
    try:
        with _destination(model, options, has_sources=bool(sources)) as write:
            counts = _predict_frames(model, frames, write=write, options=options)
    except ModelBroken as error:
        raise ValueError(str(error)) from error
    if options.output is not None:
        print(f"{options.output}: {counts.rows_in:,} rows", file=sys.stderr)
    if counts.rejected:
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in counts.reasons.items())
        print(f"{counts.rejected:,} of {counts.rows_in:,} texts rejected: {reasons}", file=sys.stderr)


def load_model(bundle: Path | None) -> Model:
    """Return the model of a bundle, the default one where None is given, which answers as the project's nights do.

    Raises:
        FileNotFoundError, ValueError: a fault of the bundle, its signature or the settings.
    """
    model = Model.load(
        bundle or default_bundle(), public_key=keys.verify_key(), encryption_key=keys.encryption_key()
    )
    if PARAMS.is_file():
        score = ScoringSettings.load().score
        options = AnswerOptions(calibrate=score.calibrate, abstain=score.abstain)
        model.answer_by(without_missing(options, model.bundle.tasks))
    return model


def default_bundle() -> Path:
    """Return the champion's folder, or the candidate's where nothing was ever promoted, which a line on stderr says."""
    if read_champion() is None and CANDIDATE.is_dir():
        print(f"there is no champion yet; using {CANDIDATE}", file=sys.stderr)
        return CANDIDATE
    return champion_folder()


def _is_among(output: Path, sources: Sequence[str]) -> bool:
    paths = [Path(source) for source in sources if Path(source).exists()]
    return any(path.samefile(output) or path.resolve() in output.resolve().parents for path in paths)


def _frames_of_sources(
    sources: Sequence[str], model: Model, *, options: PredictionOptions
) -> Iterator[pl.DataFrame]:
    id_column, text_column, corpus = options.id_column, options.text_column or "text", None
    if options.as_corpus is not None:
        model.bundle.text_for(options.as_corpus)
        corpus = model.bundle.settings.corpora[options.as_corpus]
        id_column, text_column = id_column or corpus.id, options.text_column or corpus.text_column
    dialect = options.format.dialect(corpus)
    for source in sources:
        yield from frames_of_source(source, id_column=id_column, text_column=text_column, dialect=dialect)


def _predict_frames(
    model: Model, frames: Iterator[pl.DataFrame], *, write: Write, options: PredictionOptions
) -> Counts:
    """Predict and write frames one after another, and return the numbers of rows."""
    tasks = [name.strip() for names in options.tasks for name in names.split(",")]
    counts = Counts()
    is_shown = options.output is not None and sys.stderr.isatty()
    with tqdm(unit=" documents", disable=not is_shown, leave=False) as bar:
        for frame in frames:
            predictions = model.predict(
                frame, tasks=tasks or None, proba=options.proba, corpus=options.as_corpus
            )
            if options.explain:
                predictions = predictions.with_columns(
                    _explanations(model, predictions, as_corpus=options.as_corpus)
                )
            write(predictions)
            is_rejected = predictions[REJECTED].is_not_null()
            rejected = predictions.filter(is_rejected).select(reasons=REJECTED)
            counts.add(frame.height, predictions.filter(~is_rejected), rejected=rejected)
            bar.update(frame.height)
    if not counts.rows_in:
        raise ValueError("standard input is empty; expected one text in each line")
    return counts


def _explanations(model: Model, predictions: pl.DataFrame, *, as_corpus: str | None) -> list[pl.Series]:
    """Return `<task>_explained` of each task whose predictions are explained; null where nothing is predicted."""
    columns = []
    for task in model.explainable_tasks:
        if task in predictions.columns:
            explained = [
                None
                if value is None or value == []
                else _explanation(model.explain(text, task, corpus=as_corpus))
                for text, value in predictions.select("text", task).iter_rows()
            ]
            columns.append(pl.Series(f"{task}_explained", explained, dtype=_EXPLAINED))
    return columns


def _explanation(explanation: "Explanation") -> dict[str, Any]:
    return {
        "label": explanation.label,
        "target": explanation.target,
        "words": explanation.top(EXPLAINED_WORDS).to_dicts(),
    }


@contextmanager
def _destination(model: Model, options: PredictionOptions, *, has_sources: bool) -> Iterator[Write]:
    """Yield the function that takes predictions; those of files have ids in place of texts, unless a reader is to see them."""
    left_out = ["text"] if has_sources else []
    if options.output is not None:
        with writing_table(options.output) as write:
            yield lambda predictions: write(predictions.drop(left_out))
        return
    try:
        if options.as_json:
            yield lambda predictions: _print_json(predictions.drop(left_out))
        else:
            yield lambda predictions: _print_lines(predictions, list(model.tasks))
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None


def _print_json(predictions: pl.DataFrame) -> None:
    for row in predictions.iter_rows(named=True):
        print(json.dumps(row, ensure_ascii=False))


def _print_lines(predictions: pl.DataFrame, tasks: Sequence[str]) -> None:
    predicted = [task for task in tasks if task in predictions.columns]
    for row in predictions.iter_rows(named=True):
        print(*prediction_lines(row, predicted), sep="\n")
