"""`mgm init`: a new project."""

from pathlib import Path
from typing import Annotated

import typer

from flows.commands.file_options import Decimal, Encoding, Escape, NullValues, Quote, Separator


def init(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="The project's folder; made where it is missing.")
    ],
    data: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="A file of rows (Parquet, JSONL, CSV, TSV), which is copied; its columns suggest the settings. Repeatable.",
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
    """Lay a project into a folder: settings, stages, gates, deployments. Nothing is asked, nothing overwritten."""
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
