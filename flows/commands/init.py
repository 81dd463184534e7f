"""`mgm init`: a new project."""

from pathlib import Path
from typing import Annotated

import typer


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
) -> None:
    """Lay a project into a folder: settings, stages, gates, deployments. Nothing is asked, nothing overwritten."""
    from flows.new_project import create_project

    print(*create_project(folder, data or ()), sep="\n")
