"""`mgm distill`: teachers of the joint model."""

from typing import Annotated

import typer


def distill(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="TASK", help="Default: all tasks except tagging.")
    ] = None,
    seeds: Annotated[int, typer.Option("--seeds", help="Number of teachers for each task.", min=1)] = 1,
    *,
    tasks: Annotated[list[str] | None, typer.Option("--tasks", hidden=True)] = None,
) -> None:
    """Train teachers of the joint model, each on one task alone, and print the settings that use them.

    Their scores go to data/teachers. Finished trainings are kept.
    """
    from flows.distill import params_lines, train_teachers
    from flows.project import TEACHERS
    from mgm.settings.core import PARAMS

    teachers = train_teachers([*(tasks or []), *(names or [])], seeds)
    print(f"{len(teachers)} teachers in {TEACHERS}; to learn from them, set in {PARAMS} and run `mgm run`:")
    print(params_lines(teachers))
