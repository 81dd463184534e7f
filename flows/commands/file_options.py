"""The options of commands that read files: what the files do not tell about themselves."""

from typing import Annotated

import typer

Encoding = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="A file's encoding, such as cp1252 or gb18030; default: its mark, or UTF-8."
    ),
]
Separator = Annotated[
    str | None,
    typer.Option(
        metavar="CHARACTER", help="What stands between the cells of CSV and TSV; default: as found."
    ),
]
Quote = Annotated[
    str | None,
    typer.Option(
        metavar="CHARACTER", help='What stands around cells of CSV and TSV; "": nothing, quotes are text.'
    ),
]
Escape = Annotated[
    str | None,
    typer.Option(
        metavar="CHARACTER", help="What makes the next character of a cell text, such as \\ before a quote."
    ),
]
Decimal = Annotated[
    str | None,
    typer.Option(metavar=". | ,", help="The decimal point of numbers of CSV and TSV; default: the point."),
]
NullValues = Annotated[
    list[str] | None,
    typer.Option(
        "--null-values",
        metavar="CELL",
        help="A cell of CSV and TSV that is a missing value, such as NA. Repeatable.",
    ),
]
