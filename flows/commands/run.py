"""`mgm run`: the main job."""

from typing import Annotated

import typer


def run(
    stages: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="STAGE",
            help="A stage of dvc.yaml, such as train or ingest@help, with all stages that it needs; default: all stages.",
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", metavar="", help="Also run stages that are up to date.")
    ] = False,
) -> None:
    """Bring all stages up to date, from raw documents to model, verdict and report, as `dvc repro` does; print the results."""
    from flows import lock
    from flows.dvc_command import dvc_repro
    from flows.results import result_lines
    from flows.stage_names import check_stage_names
    from flows.word_lists import check_word_lists

    names = stages or []
    check_stage_names(names)
    check_word_lists()
    with lock.workspace():
        dvc_repro(*names, *(["--force"] if force else []))
    if not names:
        print(*result_lines(), sep="\n")
