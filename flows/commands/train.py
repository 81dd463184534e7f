"""`mgm train`: the stages as a Prefect flow."""

from typing import Annotated

import typer


def train(
    workers: Annotated[
        int, typer.Option("--workers", help="Number of stages that run in parallel.", min=1)
    ] = 2,
    promote: Annotated[
        bool,
        typer.Option(
            "--promote", metavar="", help="Promote the candidate afterwards; exit code 1 if it is refused."
        ),
    ] = False,
) -> None:
    """Bring all stages up to date as a Prefect flow, with independent stages in parallel, as the retrain flow does.

    Without PREFECT_API_URL a temporary server is started.
    """
    from flows.results import result_lines
    from flows.train import run_retrain

    run_retrain(workers, promote)
    print(*result_lines(), sep="\n")
