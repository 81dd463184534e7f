"""`mgm crossval`: cross-validation."""

from typing import Annotated

import typer


def crossval(
    folds: Annotated[
        int | None,
        typer.Option("--folds", help="Number of folds; crossval.folds of params.yaml by default."),
    ] = None,
) -> None:
    """Cross-validate the joint model over train and valid, and print means and deviations; test is not read.

    Folds that are done are kept.
    """
    from flows.crossval import run_crossval

    print(*run_crossval(folds), sep="\n")
