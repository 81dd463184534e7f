"""`mgm distill`: teachers of the joint model."""

from pathlib import Path
from typing import Annotated

import typer


def distill(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="TASK", help="Default: all tasks except tagging.")
    ] = None,
    seeds: Annotated[int, typer.Option("--seeds", help="Number of teachers for each task.", min=1)] = 1,
    *,
    folds: Annotated[
        int,
        typer.Option("--folds", help="Number of parts that are answered by a model of the others.", min=2),
    ] = 5,
    encoder: Annotated[
        Path | None,
        typer.Option(
            "--encoder",
            metavar="FOLDER",
            help="Teach by linear models on the vectors of this pretrained encoder (Hugging Face).",
        ),
    ] = None,
    apply: Annotated[
        bool, typer.Option("--apply", metavar="", help="Write the settings to params.yaml.")
    ] = False,
    tasks: Annotated[list[str] | None, typer.Option("--tasks", hidden=True)] = None,
) -> None:
    """Make teachers of the joint model, and print the settings that use them.

    A teacher answers documents that it has not seen: each task is trained alone, once for each fold. Scores go to data/teachers.
    Finished trainings are kept.
    """
    from flows.project import TEACHERS
    from flows.teacher_files import apply_teachers, params_lines
    from mgm.settings.core import PARAMS

    chosen = [*(tasks or []), *(names or [])]
    if encoder is None:
        from flows.distill import train_teachers

        files = train_teachers(chosen, num_seeds=seeds, num_folds=folds)
    else:
        if seeds != 1:
            raise ValueError(
                f"--seeds: {seeds}: with --encoder there is one teacher for each task; expected 1"
            )
        from flows.distill_encoder import teach_by_encoder

        files = teach_by_encoder(encoder, chosen, num_folds=folds)
    number = sum(map(len, files.values()))
    if apply:
        print(f"{number} teachers in {TEACHERS}; {PARAMS} names them, run `mgm run` to learn from them")
        print(apply_teachers(files).rstrip())
    else:
        print(f"{number} teachers in {TEACHERS}; to learn from them, set in {PARAMS} and run `mgm run`:")
        print(params_lines(files))
