"""`mgm rotate-key`: bundles of the store sealed with another key."""

from typing import Annotated

import typer


def rotate_key(
    opens: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="KEY",
            help="The key that opens them so far: a file, or `command:` and a command; default: any of MGM_ENCRYPTION_KEY.",
        ),
    ] = None,
) -> None:
    """Seal every bundle of models/store with the first key of MGM_ENCRYPTION_KEY, also those that are in the clear.

    Signed bundles are signed anew, with MGM_SIGNING_KEY. The bundles' ids and the champion stay.
    """
    from flows import keys, lock, promotion

    old = None if opens is None else keys.read_encryption_key(opens, "--from")
    with lock.workspace():
        print(promotion.rotate_key(old))
