"""`mgm keys`: the keys of the bundles' signatures."""

from pathlib import Path
from typing import Annotated

import typer

from flows.commands.json_output import JSON, print_json


def keys(
    generate: Annotated[
        Path | None,
        typer.Option(
            "--generate", metavar="FOLDER", help="Write a new pair of keys into this folder instead."
        ),
    ] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Print which keys sign promoted bundles and check scored ones, and whether they belong together.

    MGM_SIGNING_KEY names the private key's file, MGM_VERIFY_KEY the public one's.

    The keys of --json: signing_key, verify_key (null: not set), pair (whether they belong together; null: one is not set).
    """
    from flows.keys import SIGNING_KEY, VERIFY_KEY, signing_key, verify_key
    from mgm.bundle.signing import generate_keys, is_pair

    if generate is not None:
        private, public = generate / "signing.pem", generate / "verify.pem"
        generate_keys(private, public)
        print(f"export {SIGNING_KEY}={private.resolve()}   # stays with who promotes")
        print(f"export {VERIFY_KEY}={public.resolve()}    # goes to every machine that scores")
        return
    private_key, public_key = signing_key(), verify_key()
    pair = None if private_key is None or public_key is None else is_pair(private_key, public_key)
    if as_json:
        paths = {"signing_key": private_key, "verify_key": public_key}
        print_json({name: path and str(path) for name, path in paths.items()} | {"pair": pair})
        return
    print(f"{SIGNING_KEY}  {private_key or 'not set: promoted bundles are not signed'}")
    print(f"{VERIFY_KEY}   {public_key or 'not set: signatures are not required'}")
    if pair is not None:
        print(
            "they belong together"
            if pair
            else "they do not belong together: what is promoted will not be scored with"
        )
