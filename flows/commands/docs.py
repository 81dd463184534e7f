"""`mgm docs`: the settings."""

from typing import Annotated

import typer


def docs(
    setting: Annotated[
        str | None,
        typer.Argument(metavar="SETTING", help="A setting or a section, such as train.epochs or model.wide."),
    ] = None,
) -> None:
    """Document a setting of params.yaml: meaning, type, default, current value; without an argument, list all sections."""
    from flows.settings_docs import section_lines, setting_lines

    print(*(section_lines() if setting is None else setting_lines(setting)), sep="\n")
