"""`mgm lineage`: the origin of a document's predictions."""

from typing import Annotated

import typer

from flows.commands.json_output import JSON, print_json


def lineage(
    doc_id: Annotated[
        str, typer.Argument(metavar="DOC_ID", help="Id of the document, as in the input of the night.")
    ],
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Print the nights and bundles that scored a document, newest first.

    If VACUUM has removed the rows of a replaced revision, it is listed as gone, with its time and bundle.

    The keys of --json, one entry for each revision of a night: date, revision, replaced, at, outcome, reasons, bundle, tasks, input, code,
    dvc_lock, flow_run. outcome: scored, rejected, or gone.
    """
    from flows.lineage import lineage_lines, lineage_records

    if as_json:
        print_json(lineage_records(doc_id))
    else:
        print(*lineage_lines(doc_id), sep="\n")
