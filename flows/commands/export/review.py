"""`mgm export review`: the documents whose labels help most."""

from pathlib import Path
from typing import Annotated

import typer

from flows.commands.bundle_option import BUNDLE
from flows.project_root import Place

_MEASURES = ("uncertainty", "disagreement", "doubt")
_FORMATS = ("label-studio", "jsonl", "csv")


def review(
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILE",
            help="Files or folders of documents, as `mgm predict` reads them; a column with the task's name holds their labels.",
        ),
        Place(),
    ] = None,
    *,
    task: Annotated[str, typer.Option(metavar="TASK", help="Task to label.")],
    number: Annotated[int, typer.Option("--n", "-n", metavar="N", min=1, help="Number of documents.")] = 200,
    night: Annotated[
        str | None,
        typer.Option(
            metavar="YYYY-MM-DD", help="Choose from the documents of this night (score.input) instead."
        ),
    ] = None,
    as_corpus: Annotated[
        str | None,
        typer.Option(
            metavar="CORPUS",
            help="Use the columns and the text settings of this corpus; without FILE and --night, choose from its documents.",
        ),
    ] = None,
    by: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MEASURE",
            help="Rank by uncertainty, disagreement or doubt alone; repeatable. Default: doubt for documents with a label, the "
            "other two in turn for documents without.",
        ),
    ] = None,
    file_format: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="|".join(_FORMATS),
            help="Format of the output; default: as the name of -o ends, or label-studio.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="File to write: .json, .jsonl or .csv; default: review_TASK.json.",
        ),
    ] = None,
    bundle: Annotated[Path | None, BUNDLE] = None,
) -> None:
    """Write the documents whose labels help most, with the model's predictions, for people to label or correct.

    Documents without a label are chosen where the model is unsure (uncertainty) or its two parts contradict each other (disagreement),
    with places for rare predicted classes and from all clusters of document vectors; documents with a label where models that have not seen the label contradict it (doubt). Near
    copies of a chosen document are left out.
    """
    for value in by or ():
        if value not in _MEASURES:
            raise typer.BadParameter(f"{value!r}; expected {', '.join(_MEASURES)}", param_hint="--by")
    if file_format is not None and file_format not in _FORMATS:
        raise typer.BadParameter(f"{file_format!r}; expected {', '.join(_FORMATS)}", param_hint="--format")
    from flows.review import ReviewOptions, export_review

    options = ReviewOptions(
        task=task,
        sources=sources or (),
        night=night,
        corpus=as_corpus,
        number=number,
        by=by or _MEASURES,
        format=file_format,
        output=output,
        bundle=bundle,
    )
    print(*export_review(options), sep="\n")
