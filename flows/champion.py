"""The champion: models/champion.json names a folder of models/store. Read here, moved by promotion.py.

No gate lists the champion's profile as a dependency in dvc.yaml, on purpose: a promotion must not make gates, and all stages
behind them, run again on data that has not changed. A comparison with the champion of its day stays until
the data changes.
"""

import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from mgm.files import read_json
from mgm.profiling.layout import Profile, read_profiles

CHAMPION = Path("models/champion.json")
STORE = Path("models/store")
PROFILE = "profile.json"


@dataclass(frozen=True)
class Champion:
    """The content of models/champion.json: bundle ids (the store's folders)."""

    bundle: str
    promoted_at: str
    previous: str | None = None
    earlier: list[str] = field(default_factory=list)
    """The champions before `previous`, newest first."""


def read_champion(root: Path = Path()) -> Champion | None:
    """Return the present champion, or None before the first promotion.

    Raises:
        ValueError: models/champion.json is not a champion's pointer.
    """
    path = root / CHAMPION
    if not path.is_file():
        return None
    try:
        return Champion(**read_json(path))
    except (json.JSONDecodeError, TypeError) as error:
        raise ValueError(
            f"{path}: not a champion's pointer (bundle, promoted_at, previous): {error}"
        ) from error


def bundle_folder(bundle: str, root: Path = Path()) -> Path:
    """Return the folder of a bundle in the store."""
    return root / STORE / bundle


def checked_out(bundle: str, root: Path = Path()) -> Path:
    """Return the folder of a bundle in the store, made from DVC's cache where it is missing and the cache has it.

    It is missing in a workspace that DVC makes for a queued experiment, where only what the stages name is checked out.
    """
    folder = bundle_folder(bundle, root)
    versioned = folder.with_name(f"{folder.name}.dvc").relative_to(root)
    if not folder.is_dir() and (root / versioned).is_file():
        command = [sys.executable, "-m", "dvc", "--wait-for-lock", "checkout", "--quiet", str(versioned)]
        subprocess.run(command, cwd=root, capture_output=True, check=False)
    return folder


def champion_folder() -> Path:
    """Return the folder of the present champion's bundle.

    Raises:
        FileNotFoundError: there is no champion, or its bundle is not in the store.
        ValueError: models/champion.json is not a champion's pointer.
    """
    champion = read_champion()
    if champion is None:
        raise FileNotFoundError(
            f"{CHAMPION}: there is no champion; run `mgm promote`, or pass --bundle models/candidate"
        )
    folder = checked_out(champion.bundle)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: the champion is not in the store; try `dvc pull {folder}.dvc`")
    return folder


def champion_profiles() -> dict[str, Profile] | None:
    """Return the champion's profiles by corpus, without those of another layout; None: there is no champion.

    They are empty where there is nothing to compare with: the champion's bundle is neither in the store nor in DVC's cache, or
    its profiles are of another layout.

    Raises:
        ValueError: the pointer or the profile is malformed.
    """
    champion = read_champion()
    if champion is None:
        return None
    path = checked_out(champion.bundle) / PROFILE
    return read_profiles(path) if path.is_file() else {}


def champion_profile(corpus: str) -> Profile | None:
    """Return the champion's profile of a corpus; None where no comparable one exists.

    Raises:
        ValueError: the pointer or the profile is malformed.
    """
    return (champion_profiles() or {}).get(corpus)
