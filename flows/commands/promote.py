"""`mgm promote`: from candidate to champion."""

import sys
from typing import Annotated

from flows.commands.json_output import JSON, print_json
from flows.exit_codes import DONE, FAILED


def promote(as_json: Annotated[bool, JSON] = False) -> int:
    """Make the approved candidate the champion; exit code 1 if it is refused.

    The keys of --json: promoted (true or false), champion (its bundle; null: none), previous, message.
    """
    from flows import lock, promotion
    from flows.champion import read_champion

    with lock.workspace():
        try:
            promoted, message = True, promotion.promote()
        except promotion.Refused as error:
            promoted, message = False, str(error)
        now = read_champion()
    if as_json:
        print_json(
            {
                "promoted": promoted,
                "champion": None if now is None else now.bundle,
                "previous": None if now is None else now.previous,
                "message": message,
            }
        )
    elif promoted:
        print(message)
    if not promoted:
        print(f"refused: {message}", file=sys.stderr)
    return DONE if promoted else FAILED
