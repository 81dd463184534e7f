"""The champion: the bundle that scores the nights. Promotion moves a pointer and never overwrites a bundle."""

import json
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flows.score import CHAMPION, STORE
from flows.stages._common import CANDIDATE, read_json, write_json
from mgm.model.bundle import bundle_id, verify

VERDICT = Path("reports/promotion.json")


class Refused(RuntimeError):
    """The candidate is not to be the champion. The message says why."""


@dataclass(frozen=True)
class Champion:
    """models/champion.json: bundle ids (the store's folders); `earlier`: those before `previous`, newest first."""

    bundle: str
    promoted_at: str
    previous: str | None = None
    earlier: list[str] = field(default_factory=list)


def champion(root: Path = Path()) -> Champion | None:
    """The present champion, or None before the first promotion.

    Raises:
        ValueError: models/champion.json is not one.
    """
    path = root / CHAMPION
    if not path.is_file():
        return None
    try:
        content = read_json(path)
        return Champion(**content)
    except (json.JSONDecodeError, TypeError) as error:
        raise ValueError(
            f"{path}: not a champion's pointer (bundle, promoted_at, previous): {error}"
        ) from error


def promote(root: Path = Path()) -> str:
    """Makes the blessed candidate the champion; says so in one line.

    Raises:
        FileNotFoundError: there is no candidate or no verdict.
        Refused: the verdict says no, or judged another bundle.
        ValueError: a file of the bundle was altered.
    """
    candidate, verdict = root / CANDIDATE, _verdict(root / VERDICT)
    identity = bundle_id(candidate)
    if verdict["verdict"] != "blessed":
        reasons = "".join(f"\n  {reason}" for reason in verdict["reasons"])
        raise Refused(
            f"{root / VERDICT}: the verdict on bundle {identity[:12]} is {verdict['verdict']!r}:{reasons}"
        )
    if verdict["bundle"] != identity:
        raise Refused(
            f"{root / VERDICT} judged bundle {str(verdict['bundle'])[:12]}, but {candidate} is {identity[:12]}: "
            "run `dvc repro`, so that it is judged"
        )
    verify(candidate)
    now = champion(root)
    if now is not None and now.bundle == identity:
        return f"bundle {identity[:12]} is the champion already"
    _store(candidate, root / STORE / identity, root)
    before = [] if now is None else [b for b in (now.bundle, now.previous, *now.earlier) if b is not None]
    _point(root, Champion(identity, _now(), before[0] if before else None, before[1:]))
    return f"bundle {identity[:12]} is the champion" + (f", after {before[0][:12]}" if before else "")


def rollback(root: Path = Path()) -> str:
    """Makes the previous champion the champion again; says so in one line.

    Raises:
        FileNotFoundError: its bundle is not in the store.
        ValueError: there is no previous champion, or a file of its bundle was altered.
    """
    now = champion(root)
    if now is None:
        raise ValueError(f"{root / CHAMPION}: there is no champion, so there is none to go back to")
    if now.previous is None:
        raise ValueError(
            f"{root / CHAMPION}: bundle {now.bundle[:12]} has no champion before it to go back to"
        )
    folder = root / STORE / now.previous
    if not folder.is_dir():
        raise FileNotFoundError(
            f"{folder}: the previous champion is not in the store; try `dvc pull {folder}.dvc`"
        )
    _check(folder)
    _point(root, Champion(now.previous, _now(), next(iter(now.earlier), None), now.earlier[1:]))
    return f"bundle {now.previous[:12]} is the champion again, in place of {now.bundle[:12]}"


def _verdict(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no verdict on the candidate; run `dvc repro`")
    verdict = read_json(path)
    missing = {"verdict", "bundle", "reasons"} - set(verdict)
    if missing:
        raise ValueError(f"{path}: no {', '.join(sorted(missing))} in it")
    return verdict


def _store(candidate: Path, folder: Path, root: Path) -> None:
    """Copies the bundle into the store, all of it or nothing, and has DVC version it."""
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial = folder.with_name(f"{folder.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(candidate, partial)
        partial.replace(folder)
    _check(folder)
    if (root / ".dvc").is_dir() and not folder.with_name(f"{folder.name}.dvc").is_file():
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
    """The store's folder is named by the bundle's id, and holds that bundle whole."""
    if bundle_id(folder) != folder.name:
        raise ValueError(f"{folder}: holds bundle {bundle_id(folder)}, not the one it is named for")
    verify(folder)


def _point(root: Path, to: Champion) -> None:
    write_json(root / CHAMPION, asdict(to))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
