"""`mgm champion`: the bundle that scores the nights."""

import sys
from dataclasses import asdict
from typing import Annotated

import typer

from flows.commands.json_output import JSON, print_json


def champion(
    sign: Annotated[
        bool,
        typer.Option(
            "--sign",
            help="First sign the champion and the pointer to it with MGM_SIGNING_KEY, whoever signed them before.",
        ),
    ] = False,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Print the champion's bundle, the date of its promotion, and the previous champion.

    The keys of --json: bundle, promoted_at, previous (null: none), earlier (newest first), counter (of promotions and
    rollbacks), signature (null: the pointer is not signed).
    """
    from flows import lock, promotion
    from flows.champion import CHAMPION, read_champion

    if sign:
        with lock.workspace():
            print(promotion.sign_champion(), file=sys.stderr)
    now = read_champion()
    if now is None:
        raise FileNotFoundError(f"{CHAMPION}: there is no champion; run `mgm promote`")
    if as_json:
        print_json(asdict(now))
    else:
        print(
            f"bundle       {now.bundle}\npromoted at  {now.promoted_at}\nprevious     {now.previous or 'none'}\n"
            f"pointer      change {now.counter}, {'signed' if now.signature else 'not signed'}"
        )
