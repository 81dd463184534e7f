"""The options that `mgm score` and `mgm backfill` share."""

from pathlib import Path
from typing import Annotated

import typer

from flows.project_root import Place

Input = Annotated[
    str | None,
    typer.Option(
        "--input",
        metavar="SOURCE",
        help="File, folder or s3://bucket/prefix: Parquet, JSONL, CSV or TSV with doc_id and text, or .txt; {date} in it is the "
        "night's; score.input of params.yaml by default.",
    ),
    Place(),
]
Bundle = Annotated[
    Path | None,
    typer.Option("--bundle", metavar="FOLDER", help="Folder of a bundle; the champion's by default."),
]
AsCorpus = Annotated[
    str | None,
    typer.Option(
        "--as-corpus",
        metavar="CORPUS",
        help="Read the documents with this corpus's columns and text settings.",
    ),
]
Like = Annotated[str | None, typer.Option("--like", hidden=True)]
AcceptDrift = Annotated[
    bool,
    typer.Option(
        "--accept-drift",
        metavar="",
        help="Also score documents that are far from those of training; summary.json notes it.",
    ),
]
Rescore = Annotated[
    bool,
    typer.Option("--rescore", metavar="", help="Score a night that is in the table again, and replace it."),
]
