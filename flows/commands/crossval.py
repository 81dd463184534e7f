"""`mgm crossval`: cross-validation."""

from typing import Annotated

import typer


def crossval(
    folds: Annotated[
        int | None,
        typer.Option("--folds", help="Number of folds; default: crossval.folds in params.yaml."),
    ] = None,
) -> None:
    """Cross-validate the joint model on train and valid, and print means and standard deviations; test is not used.

    Finished folds are kept.
    """
    from flows.crossval import run_crossval

    print(*run_crossval(folds), sep="\n")
