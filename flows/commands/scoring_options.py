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
        "night's; default: score.input in params.yaml.",
    ),
    Place(),
]
Bundle = Annotated[
    Path | None,
    typer.Option("--bundle", metavar="FOLDER", help="Folder of a bundle; default: the champion's."),
]
AsCorpus = Annotated[
    str | None,
    typer.Option(
        "--as-corpus",
        metavar="CORPUS",
        help="Use the columns and the text settings of this corpus for the documents.",
    ),
]
Like = Annotated[str | None, typer.Option("--like", hidden=True)]
AcceptDrift = Annotated[
    bool,
    typer.Option(
        "--accept-drift",
        metavar="",
        help="Also score documents that have drifted far from the training documents; summary.json records it.",
    ),
]
Rescore = Annotated[
    bool,
    typer.Option(
        "--rescore", metavar="", help="Score a night that is already in the table again, and replace it."
    ),
]
