"""`mgm lineage`: the origin of a document's predictions."""

from typing import Annotated

import typer

from flows.commands.json_output import JSON, print_json


def lineage(
    doc_id: Annotated[
        str, typer.Argument(metavar="DOC_ID", help="The document's id, as the night's input gave it.")
    ],
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Print the nights and bundles that scored a document, the newest first.

    Where VACUUM has removed the rows of a replaced revision, it is named as gone, with when and by what it was scored.

    The keys of --json, one entry a night's revision: date, revision, replaced, at, outcome, reasons, bundle, tasks, input, code,
    dvc_lock, flow_run. outcome: scored, rejected, or gone.
    """
    from flows.lineage import lineage_lines, lineage_records

    if as_json:
        print_json(lineage_records(doc_id))
    else:
        print(*lineage_lines(doc_id), sep="\n")
