"""The pointer to the champion: models/champion.json names a folder of models/store. Read here, moved by promotion.py."""

import json
from dataclasses import dataclass, field
from pathlib import Path

from flows.gates.reference import CHAMPION
from flows.stages._common import read_json


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
