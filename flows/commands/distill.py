"""`mgm distill`: teachers of the joint model."""

from typing import Annotated

import typer


def distill(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="TASK", help="All but tagging tasks by default.")
    ] = None,
    seeds: Annotated[int, typer.Option("--seeds", help="Teachers of each task.", min=1)] = 1,
    *,
    tasks: Annotated[list[str] | None, typer.Option("--tasks", hidden=True)] = None,
) -> None:
    """Train teachers of the joint model, each on one task alone, and print the settings that use them.

    Their scores are kept in data/teachers. What is done is kept.
    """
    from flows.distill import params_lines, train_teachers
    from flows.project import TEACHERS
    from mgm.settings.core import PARAMS

    teachers = train_teachers([*(tasks or []), *(names or [])], seeds)
    print(f"{len(teachers)} teachers in {TEACHERS}; to learn from them, set in {PARAMS} and run `mgm run`:")
    print(params_lines(teachers))
