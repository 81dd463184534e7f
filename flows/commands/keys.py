"""`mgm keys`: the keys that sign and seal bundles."""

from pathlib import Path
from typing import Annotated

import typer

from flows.commands.json_output import JSON, print_json


def keys(
    generate: Annotated[
        Path | None,
        typer.Option(
            "--generate", metavar="FOLDER", help="Instead, write a new pair of keys to this folder."
        ),
    ] = None,
    *,
    encryption: Annotated[
        bool, typer.Option("--encryption", help="With --generate: write a key that encrypts bundles.")
    ] = False,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Print the keys that sign promoted bundles, verify scored ones and encrypt the store, and whether the first two match.

    MGM_SIGNING_KEY is the path of the private key, MGM_VERIFY_KEY that of the public key. MGM_ENCRYPTION_KEY is the path of an age
    key, or `command:` and a command that prints the key.

    The keys of --json: signing_key, verify_key (null: not set), pair (whether they match; null: one is not set),
    encryption_key (where it was read; null: not set).
    """
    from flows.keys import (
        ENCRYPTION_KEY,
        SIGNING_KEY,
        VERIFY_KEY,
        encryption_key,
        signing_key,
        verify_key,
    )
    from mgm.bundle.signing import generate_keys, is_pair

    if encryption and generate is None:
        raise typer.BadParameter("expected with --generate", param_hint="--encryption")
    if generate is not None and encryption:
        from mgm.bundle.sealing import write_key

        path = generate / "encryption.key"
        write_key(path)
        print(
            f"export {ENCRYPTION_KEY}={path.resolve()}   # goes to who promotes and to every machine that scores"
        )
        return
    if generate is not None:
        private, public = generate / "signing.pem", generate / "verify.pem"
        generate_keys(private, public)
        print(f"export {SIGNING_KEY}={private.resolve()}   # stays with who promotes")
        print(f"export {VERIFY_KEY}={public.resolve()}    # goes to every machine that scores")
        return
    private_key, public_key, opening = signing_key(), verify_key(), encryption_key()
    pair = None if private_key is None or public_key is None else is_pair(private_key, public_key)
    if as_json:
        paths = {"signing_key": private_key, "verify_key": public_key}
        source = None if opening is None else opening.source
        shown = {name: path and str(path) for name, path in paths.items()}
        print_json(shown | {"pair": pair, "encryption_key": source})
        return
    print(f"{SIGNING_KEY}  {private_key or 'not set: promoted bundles are not signed'}")
    print(f"{VERIFY_KEY}   {public_key or 'not set: signatures are not required'}")
    print(f"{ENCRYPTION_KEY}  {opening.source if opening else 'not set: promoted bundles are in the clear'}")
    if pair is not None:
        print(
            "they belong together"
            if pair
            else "they do not belong together: what is promoted will not be scored with"
        )
