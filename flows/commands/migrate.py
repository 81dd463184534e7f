"""`mgm migrate`: a params.yaml of an earlier version."""

from pathlib import Path
from typing import Annotated

import typer


def migrate(
    path: Annotated[
        Path | None, typer.Argument(metavar="PARAMS", help="The file; the project's params.yaml by default.")
    ] = None,
) -> None:
    """Give the settings of a params.yaml their present names; comments and order stay."""
    from flows.migrate import migrate as rename_settings
    from mgm.settings.core import PARAMS

    path = path or PARAMS
    print(*(rename_settings(path) or [f"{path}: all names are those of now"]), sep="\n")
