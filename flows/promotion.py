"""The champion: the bundle that scores the nights. Promotion moves a pointer and never overwrites a bundle."""

import shutil
import subprocess
import sys
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flows import keys, pointer_memory
from flows.candidate_validation import judge_candidate
from flows.champion import CHAMPION, STORE, Champion, bundle_folder, checked_out, read_champion
from flows.corrections import keep_corrections
from flows.errors import CommandFailed
from flows.project import CANDIDATE, CARD, FIRST_FIT, PROMOTION
from flows.store_encryption import set_remotes
from mgm.bundle.card import add_card
from mgm.bundle.contents import MANIFEST, SIGNATURE, read_contents
from mgm.bundle.format import bundle_id, verify
from mgm.bundle.load import read_refit
from mgm.bundle.seal import seal_bundle
from mgm.bundle.sealing import SealingKey
from mgm.bundle.signing import check_signature, sign, sign_text
from mgm.evaluation.summary import SPLIT
from mgm.files import read_json, write_json
from mgm.settings.core import PARAMS
from mgm.settings.views.promotion import PromotionSettings

_RETIRED = ".old"
"""The suffix of a bundle's folder while another form of it takes its place."""


class Refused(CommandFailed):
    """The candidate must not become the champion; the message has the reason."""


def promote(root: Path = Path()) -> str:
    """Make the approved candidate the champion, with its model card (reports/card.md) beside the weights; return a line about it.

    Where another bundle was the champion when the verdict was made, the candidate is judged again first. With a private
    key (keys.py) what is stored is signed.

    Raises:
        FileNotFoundError: there is no candidate, no verdict, no model card, or no key where one is named.
        Refused: the verdict is negative, or verdict or card are those of another bundle.
        ValueError: a file of the bundle was altered, or the key cannot be used.
    """
    candidate, verdict, key = root / CANDIDATE, _verdict(root / PROMOTION), _signing_key()
    identity, now = bundle_id(candidate), read_champion(root)
    if verdict["bundle"] != identity:
        raise Refused(
            f"{root / PROMOTION} judged bundle {str(verdict['bundle'])[:12]}, but {candidate} is {identity[:12]}: "
            "run `mgm run`, so that it is judged"
        )
    present = None if now is None else now.bundle
    if present not in (verdict["champion"], identity):
        verdict = judge_candidate(PromotionSettings.load(root / PARAMS), root)
        write_json(root / PROMOTION, verdict)
    if verdict["verdict"] != "approved":
        reasons = "".join(f"\n  {reason}" for reason in verdict["reasons"])
        raise Refused(
            f"{root / PROMOTION}: the verdict on bundle {identity[:12]} is {verdict['verdict']!r}:{reasons}"
        )
    verify(candidate)
    _store_first_fit(candidate, root=root, key=key)
    folder = bundle_folder(identity, root)
    is_newly_signed = _store(candidate, folder, root=root, key=key, card=_card(root / CARD, identity))
    keep_corrections(identity, verdict.get("corrections"), root=root)
    if now is not None and present == identity:
        if key is not None and (is_newly_signed or now.signature is None):
            _point(root, now, after=now)
        return f"bundle {identity[:12]} is the champion already"
    before = [] if now is None else [b for b in (now.bundle, now.previous, *now.earlier) if b is not None]
    _point(root, Champion(identity, _now(), before[0] if before else None, before[1:]), after=now)
    return f"bundle {identity[:12]} is the champion" + (f", after {before[0][:12]}" if before else "")


def rollback(root: Path = Path()) -> str:
    """Make the previous champion the champion again; return a line about it.

    Raises:
        FileNotFoundError: its bundle is neither in the store nor in DVC's cache, or no key where one is named.
        ValueError: there is no previous champion, a file of its bundle was altered, or, with a public key (keys.py), its
            signature does not hold.
    """
    _signing_key()
    now = read_champion(root)
    if now is None:
        raise ValueError(f"{root / CHAMPION}: there is no champion, so there is none to return to")
    if now.previous is None:
        raise ValueError(
            f"{root / CHAMPION}: bundle {now.bundle[:12]} has no champion before it to go back to"
        )
    folder = checked_out(now.previous, root)
    if not folder.is_dir():
        raise FileNotFoundError(
            f"{folder}: the previous champion is not in the store; try `dvc pull {folder}.dvc`"
        )
    _check(folder)
    if public_key := keys.verify_key():
        check_signature(read_contents(folder), public_key)
    _point(root, Champion(now.previous, _now(), next(iter(now.earlier), None), now.earlier[1:]), after=now)
    return f"bundle {now.previous[:12]} is the champion again, in place of {now.bundle[:12]}"


def sign_champion(root: Path = Path()) -> str:
    """Sign the present champion and the pointer to it, whatever signatures they have; return a line about it.

    Raises:
        FileNotFoundError: its bundle is not in the store, or there is no key where one is named.
        ValueError: there is no champion or no signing key, a file of the bundle was altered, or the key cannot be used.
    """
    key, now = _signing_key(), read_champion(root, is_verified=False)
    if key is None:
        raise ValueError(f"environment variable {keys.SIGNING_KEY}: not set; expected the key to sign with")
    if now is None:
        raise ValueError(f"{root / CHAMPION}: there is no champion to sign")
    folder = checked_out(now.bundle, root)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: the champion is not in the store; try `dvc pull {folder}.dvc`")
    _sign_stored(folder, root=root, key=key)
    _point(root, now, after=now)
    return f"bundle {now.bundle[:12]} and the pointer to it are signed"


def rotate_key(old: SealingKey | None = None, root: Path = Path()) -> str:
    """Seal all bundles of the store with the first encryption key (keys.py), and sign those that were signed; return a line about it.

    Args:
        old: opens them so far; None: one of the encryption keys does.
        root: the project's folder.

    Raises:
        FileNotFoundError: no key where one is named.
        ValueError: there is no encryption key, none to sign with where a bundle is signed, or a bundle was altered or does not open.
    """
    key, signing_key = keys.encryption_key(), keys.signing_key()
    if key is None:
        raise ValueError(
            f"environment variable {keys.ENCRYPTION_KEY}: not set; expected the key to seal with"
        )
    opening = key if old is None else replace(key, identities=(*key.identities, *old.identities))
    for retired in (root / STORE).glob(f"*{_RETIRED}"):  # of an earlier call that was killed
        if not (folder := retired.with_suffix("")).exists():
            retired.replace(folder)
    folders = sorted(path.parent for path in (root / STORE).glob(f"*/{MANIFEST}") if not path.parent.suffix)
    for folder in folders:
        checked_out(folder.name, root)
        is_signed = (folder / SIGNATURE).exists()
        if is_signed and signing_key is None:
            raise ValueError(
                f"{folder}: signed, and environment variable {keys.SIGNING_KEY} is not set; a signature is of the sealed files"
            )
        partial, retired = (
            folder.with_name(f"{folder.name}.partial"),
            folder.with_name(f"{folder.name}{_RETIRED}"),
        )
        for stale in (partial, retired):
            shutil.rmtree(stale, ignore_errors=True)
        seal_bundle(folder, partial, key=key, opening=opening)
        folder.replace(retired)
        partial.replace(folder)
        shutil.rmtree(retired)
        _sign_stored(folder, root=root, key=signing_key if is_signed else None, is_changed=True)
    return f"{len(folders)} bundles are sealed with the first key of {key.source}"


def _signing_key() -> Path | None:
    """Return the private key, without which nobody moves a pointer that must be signed."""
    key = keys.signing_key()
    if key is None and keys.verify_key() is not None:
        raise ValueError(
            f"environment variable {keys.SIGNING_KEY}: not set, while {keys.VERIFY_KEY} is: the pointer {CHAMPION} could not be "
            "signed, and would be refused; expected the signing key, or neither"
        )
    return key


def _verdict(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no verdict on the candidate; run `mgm run`")
    verdict = read_json(path)
    missing = {"verdict", "bundle", "champion", "reasons"} - set(verdict)
    if missing:
        raise ValueError(f"{path}: no {', '.join(sorted(missing))} in it; run `mgm run`")
    return verdict


def _card(path: Path, identity: str) -> str:
    """Return the model card that the stage `report` made of this bundle."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no model card of the candidate; run `mgm run`")
    text = path.read_text(encoding="utf-8")
    if identity not in text:
        raise Refused(
            f"{path}: not the model card of bundle {identity[:12]}, which it does not name; run `mgm run`"
        )
    return text


def _store_first_fit(candidate: Path, *, root: Path, key: Path | None) -> None:
    """Store the first fit of a candidate that was fitted on the test split: later candidates are compared with it there."""
    refit = read_refit(candidate)
    if refit is None or SPLIT not in refit.splits:
        return
    first = root / FIRST_FIT
    if bundle_id(first) != refit.first_fit:
        raise Refused(f"{first}: not the first fit of bundle {bundle_id(candidate)[:12]}; run `mgm run`")
    verify(first)
    _store(first, bundle_folder(refit.first_fit, root), root=root, key=key, card=None)


def _store(candidate: Path, folder: Path, *, root: Path, key: Path | None, card: str | None) -> bool:
    """Copy the bundle and its card into the store, whole or not at all, sign it if there is a key, and let DVC version it.

    A bundle that is there already keeps its card.

    Returns:
        Whether it was signed; False: there is no key, or its signature held already.
    """
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial = folder.with_name(f"{folder.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        if opening := keys.encryption_key():
            seal_bundle(candidate, partial, key=opening)
        else:
            shutil.copytree(candidate, partial)
        if card is not None:
            add_card(partial, folder.name, text=card)
        partial.replace(folder)
    return _sign_stored(folder, root=root, key=key)


def _sign_stored(folder: Path, *, root: Path, key: Path | None, is_changed: bool = False) -> bool:
    """Check a bundle of the store, sign it if there is a key, and let DVC version it; return whether it was signed."""
    _check(folder)
    signed = key is not None and sign(folder, key)
    if (root / ".dvc").is_dir() and (
        signed or is_changed or not folder.with_name(f"{folder.name}.dvc").is_file()
    ):
        set_remotes(root)
        command = [
            sys.executable,
            "-m",
            "dvc",
            "--wait-for-lock",
            "add",
            "--quiet",
            str(folder.relative_to(root)),
        ]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True)
        if done.returncode != 0:
            raise ValueError(
                f"{folder}: `dvc add` failed, the champion stays as it was: {done.stderr.strip()}"
            )
    return signed


def _check(folder: Path) -> None:
    """Check that a folder of the store holds the whole bundle that it is named for."""
    if bundle_id(folder) != folder.name:  # verify alone would look at names of real ids only
        raise ValueError(f"{folder}: holds bundle {bundle_id(folder)}, not the one it is named for")
    verify(folder, key=keys.encryption_key())


def _point(root: Path, to: Champion, *, after: Champion | None) -> None:
    """Replace the pointer by one with the next counter, signed if there is a key."""
    public_key, counter = keys.verify_key(), 0 if after is None else after.counter
    if public_key is not None:
        counter = max(counter, pointer_memory.newest_counter(root, public_key=public_key))
    champion = replace(to, counter=counter + 1, signature=None)
    if key := keys.signing_key():
        champion = replace(champion, signature=sign_text(champion.signed_text, key))
    write_json(root / CHAMPION, asdict(champion))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
