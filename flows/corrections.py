"""The corrected labels that a candidate was trained with, beside those of the champion.

What a bundle was trained with is kept beside it in models/store when it is promoted; a champion without such a file had no corrections.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from flows.champion import STORE
from flows.project import STAGES
from mgm.corpus.corrections.layer import count_changes
from mgm.files import read_json, write_json

Digests = dict[str, dict[str, dict[str, str]]]
"""Corpus to task to the hash of each corrected document and of its label."""


def compare_corrections(
    corpora: Iterable[str], *, champion: str | None, root: Path = Path()
) -> dict[str, Any] | None:
    """Return the corrections of a run, and how many labels differ from the champion's; None where neither has any.

    Args:
        corpora: the enabled corpora.
        champion: the id of the champion's bundle; None: there is none, and every correction counts.
        root: the project's folder.

    Returns:
        digests, and since_champion: corpus to task to the number of labels.
    """
    now = {corpus: digests for corpus in corpora if (digests := _of_run(corpus, root))}
    before: Digests = {}
    if champion is not None and (path := _record(champion, root)).is_file():
        before = read_json(path)
    if not now and not before:
        return None
    since = {
        corpus: count_changes(now.get(corpus, {}), before.get(corpus, {}))
        for corpus in sorted(now.keys() | before.keys())
    }
    return {"digests": now, "since_champion": since}


def keep_corrections(bundle: str, compared: dict[str, Any] | None, *, root: Path = Path()) -> None:
    """Write what a promoted bundle was trained with beside it.

    Args:
        bundle: its id.
        compared: the result of `compare_corrections` in its verdict.
        root: the project's folder.
    """
    if compared is not None and compared["digests"]:
        write_json(_record(bundle, root), compared["digests"])


def _of_run(corpus: str, root: Path) -> dict[str, dict[str, str]]:
    path = root / STAGES / "ingest" / f"{corpus}.json"
    corrections = read_json(path).get("corrections") if path.is_file() else None
    digests: dict[str, dict[str, str]] = (corrections or {}).get("digests", {})
    return digests


def _record(bundle: str, root: Path) -> Path:
    return root / STORE / f"{bundle}.corrections.json"
