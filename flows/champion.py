"""The champion: models/champion.json names a folder of models/store. Read here, moved by promotion.py.

No gate lists the champion's profile as a dependency in dvc.yaml, on purpose: a promotion must not make gates, and all that
stands behind them, run again on data that has not changed. What was compared with the champion of its day stays so until
the data changes.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path

from mgm.files import read_json
from mgm.profiling.layout import Profile, read_profiles

CHAMPION = Path("models/champion.json")
STORE = Path("models/store")
PROFILE = "profile.json"


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


def reference(corpus: str | None = None) -> Profile | None:
    """The champion's profile of a corpus, or of all of them by name.

    None where there is nothing to compare with: no champion, its bundle not in the store (`dvc pull` fetches it), a corpus
    that it was not trained on, or profiles of another layout. Of all corpora, those of another layout are left out.

    Raises:
        ValueError: the pointer or the profile is not what it should be.
    """
    if not CHAMPION.is_file():
        return None
    try:
        path = STORE / json.loads(CHAMPION.read_text(encoding="utf-8"))["bundle"] / PROFILE
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise ValueError(f"{CHAMPION}: not a champion's pointer: {error!r}") from error
    if not path.is_file():
        return None
    found = read_profiles(path)
    return (found or None) if corpus is None else found.get(corpus)
