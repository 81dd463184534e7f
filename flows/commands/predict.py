"""`mgm predict`: what the model says about texts."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from flows.commands.file_options import Encoding, Escape, Quote, Separator
from flows.commands.json_output import JSON
from flows.project_root import Place


def predict(
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TEXT | FILE",
            help="Texts, or files or folders of Parquet, JSONL, CSV or TSV (.gz, .zst), or .txt of one document each; - or "
            "nothing: the lines of standard input.",
        ),
        Place(if_exists=True, unless="all_texts"),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Write .parquet, .jsonl, .csv or .tsv (.gz, .zst) instead of printing; lists in .csv and .tsv are JSON.",
        ),
    ] = None,
    *,
    bundle: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="The bundle; default: the champion's, without one the candidate's."
        ),
    ] = None,
    tasks: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TASK",
            help="Predict these tasks alone: --tasks a --tasks b, or --tasks a,b; default: all, those that generate text only "
            "where there are no others.",
        ),
    ] = None,
    proba: Annotated[
        bool, typer.Option("--proba", metavar="", help="Also give the probability of every label.")
    ] = False,
    explain: Annotated[
        bool,
        typer.Option("--explain", metavar="", help="Also give the words that count; slow, for a few texts."),
    ] = False,
    as_corpus: Annotated[
        str | None,
        typer.Option(metavar="CORPUS", help="Read with this corpus's columns and text settings."),
    ] = None,
    id_column: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="A file's ids; default: doc_id, or without it the rows' numbers."),
    ] = None,
    text_column: Annotated[
        str | None, typer.Option(metavar="NAME", help="A file's texts; default: text.")
    ] = None,
    encoding: Encoding = None,
    separator: Separator = None,
    quote: Quote = None,
    escape: Escape = None,
    all_texts: Annotated[
        bool,
        typer.Option("--text", metavar="", help="Take every argument as a text, even the name of a file."),
    ] = False,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Predict texts with the champion, without one with the candidate, or with another bundle.

    An argument is a file where one of this name exists; a name with the suffix of a file that does not exist is an error. A text that
    cannot be predicted stays in the output, with the reasons in `rejected`, and is no failure.

    The keys of --json, a line a text, are the columns of -o: text, or doc_id of files; of each task TASK and TASK_score, TASK_proba
    (--proba), TASK_explained (--explain); rejected.
    """
    if as_json and output is not None:
        raise typer.BadParameter("expected one of the two, found both", param_hint="--json, --output")
    if all_texts and not arguments:
        raise typer.BadParameter("expected a text", param_hint="--text")
    if not arguments and sys.stdin.isatty():
        raise typer.BadParameter("expected a text, a file, or texts on standard input", param_hint="TEXT")
    from flows.file_format import FileFormat
    from flows.prediction import PredictionOptions
    from flows.prediction import predict as predict_texts

    predict_texts(
        PredictionOptions(
            arguments=arguments or (),
            all_texts=all_texts,
            output=output,
            bundle=bundle,
            tasks=tasks or (),
            proba=proba,
            explain=explain,
            as_json=as_json,
            as_corpus=as_corpus,
            id_column=id_column,
            text_column=text_column,
            format=FileFormat(encoding=encoding, separator=separator, quote=quote, escape=escape),
        )
    )
