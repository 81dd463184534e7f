"""`mgm train`: the stages as a Prefect flow."""

from typing import Annotated

import typer


def train(
    workers: Annotated[int, typer.Option("--workers", help="Stages that run at once.", min=1)] = 2,
    promote: Annotated[
        bool,
        typer.Option(
            "--promote", metavar="", help="Then promote the candidate; a refused one is exit code 1."
        ),
    ] = False,
) -> None:
    """Bring all stages up to date as the retrain flow does: with Prefect, independent stages at once.

    Without PREFECT_API_URL a temporary server runs meanwhile.
    """
    from flows.results import result_lines
    from flows.train import run_retrain

    run_retrain(workers, promote)
    print(*result_lines(), sep="\n")
