"""`mgm tune`: a search for better settings."""

from typing import Annotated

import typer


def tune(
    trials: Annotated[
        int | None, typer.Option("--trials", help="Trials in all; tune.trials of params.yaml by default.")
    ] = None,
    apply: Annotated[
        bool, typer.Option("--apply", metavar="", help="Put the winner into params.yaml.")
    ] = False,
) -> None:
    """Search for better settings of model and training, and print the winner as a diff of params.yaml.

    It goes by the validation split; test is not read. What is done is kept.
    """
    from flows.tune import search_settings

    print(search_settings(trials=trials, apply=apply))
