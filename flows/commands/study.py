"""`mgm study`: trainings beside the joint model."""

from typing import Annotated

import typer


def study(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME",
            help="single, average, ablations, joint_2, single_2, joint_3, single_3 (other seeds), or names such as single/TASK "
            "and ablations/window; all by default.",
        ),
    ] = None,
    only: Annotated[list[str] | None, typer.Option("--only", hidden=True)] = None,
) -> None:
    """Train each task alone, a bag of embeddings and the ablations; the report then compares them with the joint model.

    The expected time is printed first; finished trainings are kept.
    """
    from flows.project import PAGE
    from flows.study import run_study

    run_study([*(only or []), *(names or [])])
    print(f"report: {PAGE}")
