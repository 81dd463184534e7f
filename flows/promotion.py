"""The champion: the bundle that scores the nights. Promotion moves a pointer and never overwrites a bundle."""

import shutil
import subprocess
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flows import keys
from flows.candidate_validation import judge_candidate
from flows.champion import CHAMPION, Champion, bundle_folder, checked_out, read_champion
from flows.errors import CommandFailed
from flows.project import CANDIDATE, CARD, PROMOTION
from mgm.bundle import bundle_id, verify
from mgm.bundle.card import add_card
from mgm.bundle.signing import check_signature, sign
from mgm.files import read_json, write_json
from mgm.settings.core import PARAMS
from mgm.settings.views.promotion import PromotionSettings


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
    candidate, verdict, key = root / CANDIDATE, _verdict(root / PROMOTION), keys.signing_key()
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
    _store(candidate, bundle_folder(identity, root), root=root, key=key, card=_card(root / CARD, identity))
    if present == identity:
        return f"bundle {identity[:12]} is the champion already"
    before = [] if now is None else [b for b in (now.bundle, now.previous, *now.earlier) if b is not None]
    _point(root, Champion(identity, _now(), before[0] if before else None, before[1:]))
    return f"bundle {identity[:12]} is the champion" + (f", after {before[0][:12]}" if before else "")


def rollback(root: Path = Path()) -> str:
    """Make the previous champion the champion again; return a line about it.

    Raises:
        FileNotFoundError: its bundle is neither in the store nor in DVC's cache, or no key where one is named.
        ValueError: there is no previous champion, a file of its bundle was altered, or, with a public key (keys.py), its
            signature does not hold.
    """
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
        check_signature(folder, public_key)
    _point(root, Champion(now.previous, _now(), next(iter(now.earlier), None), now.earlier[1:]))
    return f"bundle {now.previous[:12]} is the champion again, in place of {now.bundle[:12]}"


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


def _store(candidate: Path, folder: Path, *, root: Path, key: Path | None, card: str) -> None:
    """Copy the bundle and its card into the store, whole or not at all, sign it if there is a key, and let DVC version it.

    A bundle that is there already keeps its card.
    """
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial = folder.with_name(f"{folder.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(candidate, partial)
        add_card(partial, folder.name, text=card)
        partial.replace(folder)
    _check(folder)
    signed = key is not None and sign(folder, key)
    if (root / ".dvc").is_dir() and (signed or not folder.with_name(f"{folder.name}.dvc").is_file()):
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


def _check(folder: Path) -> None:
    """Check that a folder of the store holds the whole bundle that it is named for."""
    if bundle_id(folder) != folder.name:
        raise ValueError(f"{folder}: holds bundle {bundle_id(folder)}, not the one it is named for")
    verify(folder)


def _point(root: Path, to: Champion) -> None:
    write_json(root / CHAMPION, asdict(to))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
