"""`mgm champion`: the bundle that scores the nights."""

from dataclasses import asdict
from typing import Annotated

from flows.commands.json_output import JSON, print_json


def champion(as_json: Annotated[bool, JSON] = False) -> None:
    """Print which bundle is the champion, since when, and which one was before it.

    The keys of --json: bundle, promoted_at, previous (null: none), earlier (newest first).
    """
    from flows.champion import CHAMPION, read_champion

    now = read_champion()
    if now is None:
        raise FileNotFoundError(f"{CHAMPION}: there is no champion; run `mgm promote`")
    if as_json:
        print_json(asdict(now))
    else:
        print(
            f"bundle       {now.bundle}\npromoted at  {now.promoted_at}\nprevious     {now.previous or 'none'}"
        )
