"""`mgm export review`: the documents whose labels help most."""

from pathlib import Path
from typing import Annotated

import typer

from flows.project_root import Place


def review(
    sources: Annotated[
        list[str],
        typer.Argument(metavar="FILE", help="Files or folders of documents, as `mgm predict` reads them."),
        Place(),
    ],
    *,
    task: Annotated[str, typer.Option(metavar="TASK", help="The task to label.")],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="FILE", help="The file to write: .jsonl or .csv."),
    ],
    number: Annotated[int, typer.Option("--n", "-n", metavar="N", min=1, help="Number of documents.")] = 200,
    bundle: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Bundle to use; default: the champion, or the candidate if there is none."
        ),
    ] = None,
) -> None:
    """Write the documents that help most when people label them, with the model's predictions."""
    from flows.review import ReviewOptions, export_review

    options = ReviewOptions(sources=sources, task=task, output=output, number=number, bundle=bundle)
    print(*export_review(options), sep="\n")
