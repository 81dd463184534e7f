"""`mgm tune`: a search for better settings."""

from typing import Annotated

import typer


def tune(
    trials: Annotated[
        int | None, typer.Option("--trials", help="Number of trials; default: tune.trials in params.yaml.")
    ] = None,
    apply: Annotated[
        bool, typer.Option("--apply", metavar="", help="Write the best settings to params.yaml.")
    ] = False,
) -> None:
    """Search for better settings of model and training, and print the best ones as a diff of params.yaml.

    The validation split decides; test is not used. Finished trials are kept.
    """
    from flows.tune import search_settings

    print(search_settings(trials=trials, apply=apply))
