"""The options of commands that read files: what the files do not tell about themselves."""

from typing import Annotated

import typer

Encoding = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Encoding of the files, such as cp1252 or gb18030; default: from the byte order mark, or UTF-8.",
    ),
]
Separator = Annotated[
    str | None,
    typer.Option(metavar="CHARACTER", help="Character between the cells of CSV and TSV; default: detected."),
]
Quote = Annotated[
    str | None,
    typer.Option(
        metavar="CHARACTER", help='Character around cells of CSV and TSV; "" means that quotes are text.'
    ),
]
Escape = Annotated[
    str | None,
    typer.Option(metavar="CHARACTER", help="Escape character in cells, such as \\ before a quote."),
]
Decimal = Annotated[
    str | None,
    typer.Option(metavar=". | ,", help="Decimal point of numbers in CSV and TSV; default: a point."),
]
NullValues = Annotated[
    list[str] | None,
    typer.Option(
        "--null-values",
        metavar="CELL",
        help="Cell of CSV and TSV that is a missing value, such as NA. Repeatable.",
    ),
]
