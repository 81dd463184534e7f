"""What a new snapshot is compared with: the profile in the champion's bundle.

The path is models/champion.json -> models/store/<bundle>/profile.json. No gate lists it as a dependency in dvc.yaml, on
purpose: a promotion must not make gates, and all that stands behind them, run again on data that has not changed. What was
compared with the champion of its day stays so until the data changes.
"""

import json
from pathlib import Path

from mgm.corpus.profile import VERSION, Profile

# Those of flows/score.py, which is not imported: with it would come Prefect and torch, seconds of every gate.
CHAMPION = Path("models/champion.json")
STORE = Path("models/store")
PROFILE = "profile.json"


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
    found = comparable(path)
    return (found or None) if corpus is None else found.get(corpus)


def comparable(path: Path) -> dict[str, Profile]:
    """The profiles of a file such as data/features/profile.json, by corpus, that have this version's layout.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it holds no profiles.
    """
    try:
        corpora = json.loads(path.read_text(encoding="utf-8"))["corpora"]
        return {name: found for name, found in sorted(corpora.items()) if found.get("version") == VERSION}
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path}: no profiles of corpora in it: {error!r}") from error
