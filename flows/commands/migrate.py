"""`mgm migrate`: a params.yaml of an earlier version."""

from pathlib import Path
from typing import Annotated

import typer


def migrate(
    path: Annotated[
        Path | None, typer.Argument(metavar="PARAMS", help="The file; default: the project's params.yaml.")
    ] = None,
) -> None:
    """Rename the settings of an older params.yaml to their current names; comments and order stay."""
    from flows.migrate import migrate as rename_settings
    from mgm.settings.core import PARAMS

    path = path or PARAMS
    print(*(rename_settings(path) or [f"{path}: all names are those of now"]), sep="\n")
