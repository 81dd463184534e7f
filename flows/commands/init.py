"""`mgm init`: a new project."""

from pathlib import Path
from typing import Annotated

import typer

from flows.commands.file_options import Decimal, Encoding, Escape, NullValues, Quote, Separator


def init(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder of the project; created if it is missing.")
    ],
    data: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="File of rows (Parquet, JSONL, CSV, TSV), which is copied; the settings are proposed from its columns. Repeatable.",
        ),
    ] = None,
    *,
    encoding: Encoding = None,
    separator: Separator = None,
    quote: Quote = None,
    escape: Escape = None,
    decimal: Decimal = None,
    null_values: NullValues = None,
) -> None:
    """Create a project in a folder: settings, stages, gates, deployments. Asks no questions and overwrites no file."""
    from flows.file_format import FileFormat
    from flows.new_project import create_project

    written = FileFormat(
        encoding=encoding,
        separator=separator,
        quote=quote,
        escape=escape,
        decimal=decimal,
        null_values=null_values or None,
    )
    print(*create_project(folder, data or (), written=written), sep="\n")
