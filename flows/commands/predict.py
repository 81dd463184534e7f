"""`mgm predict`: what the model says about texts."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from flows.commands.bundle_option import BUNDLE
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
    bundle: Annotated[Path | None, BUNDLE] = None,
    tasks: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TASK",
            help="Predict only these tasks: --tasks a --tasks b, or --tasks a,b; default: all, but generation tasks only "
            "where there are no others.",
        ),
    ] = None,
    proba: Annotated[
        bool, typer.Option("--proba", metavar="", help="Also output the probability of every label.")
    ] = False,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain", metavar="", help="Also output the words that mattered; slow, for a few texts."
        ),
    ] = False,
    as_corpus: Annotated[
        str | None,
        typer.Option(metavar="CORPUS", help="Use the columns and the text settings of this corpus."),
    ] = None,
    id_column: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Column of ids in files; default: doc_id, or the row numbers if there is none.",
        ),
    ] = None,
    text_column: Annotated[
        str | None, typer.Option(metavar="NAME", help="Column of texts in files; default: text.")
    ] = None,
    encoding: Encoding = None,
    separator: Separator = None,
    quote: Quote = None,
    escape: Escape = None,
    all_texts: Annotated[
        bool,
        typer.Option("--text", metavar="", help="Treat every argument as a text, even the name of a file."),
    ] = False,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Predict texts with the champion, with the candidate if there is no champion, or with another bundle.

    An argument is a file if a file of this name exists; the name of a missing file, such as in.csv, is an error. A text that
    cannot be predicted stays in the output, with the reasons in `rejected`, and is not an error.

    The keys of --json, one line for each text, are the columns of -o: text, or doc_id of files; of each task TASK and TASK_score, TASK_proba
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
