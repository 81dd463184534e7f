"""`mgm import`: a corpus from the export of an annotation tool."""

from pathlib import Path
from typing import Annotated

import typer

_FORMATS = "conll (also CoNLL-U), iob, spacy (DocBin), label-studio (JSON), doccano (JSONL), hf (folder of a dataset)."


def import_(
    export_format: Annotated[str, typer.Argument(metavar="FORMAT", help=_FORMATS)],
    exports: Annotated[
        list[Path],
        typer.Argument(metavar="FILE", help="Files or folders; doccano exports one file for each annotator."),
    ],
    *,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="FILE", help="File of the corpus; its name ends in .parquet."),
    ],
    task: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Column for labels without a name; default: entities or label."),
    ] = None,
    text_column: Annotated[
        str | None, typer.Option(metavar="NAME", help="Key or column of the text; default: text.")
    ] = None,
    tokens: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="conll, hf: column of tokens; default: the first."),
    ] = None,
    tags: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="conll, hf: column of tags, a number from 1 or a name; default: the last (CoNLL-U: upos).",
        ),
    ] = None,
    annotators: Annotated[
        str,
        typer.Option(
            metavar="majority|rows",
            help="Labels of several annotators: those of more than half of them, or a row for each annotator.",
        ),
    ] = "majority",
    offsets: Annotated[
        str,
        typer.Option(
            metavar="auto|code-points|utf-16",
            help="Unit of offsets; auto: as the texts of the spans show, otherwise the tool's own unit.",
        ),
    ] = "auto",
    join: Annotated[
        str,
        typer.Option(
            metavar="auto|blank|none",
            help="Text between tokens; auto: none in Chinese and Japanese, otherwise a blank.",
        ),
    ] = "auto",
) -> None:
    """Convert an export of an annotation tool or library to a corpus, and print what was dropped and why.

    Offsets are checked against the text and never moved silently. NAME.dropped.jsonl beside the corpus lists what was dropped.
    """
    for name, value, allowed in (
        ("--annotators", annotators, ("majority", "rows")),
        ("--offsets", offsets, ("auto", "code-points", "utf-16")),
        ("--join", join, ("auto", "blank", "none")),
    ):
        if value not in allowed:
            raise typer.BadParameter(f"{value!r}; expected {', '.join(allowed)}", param_hint=name)
    from flows.annotations import import_corpus
    from mgm.corpus.annotations import ImportOptions

    options = ImportOptions(
        task=task,
        text=text_column,
        tokens=tokens,
        tags=tags,
        annotators=annotators,
        offsets=offsets,
        join=join,
    )
    print(*import_corpus(export_format, exports, output=output, options=options), sep="\n")
