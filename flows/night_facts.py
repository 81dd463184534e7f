"""The facts of a scored night that its commit does not hold: its time, and the mix of its predicted labels.

They are a file beside the night's page, reports/nights/<date>.json. The index of nights shows them; nothing else reads them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl

from flows.night_page import NIGHTS
from mgm.files import read_json, write_json
from mgm.profiling.kinds import LABEL_PROFILES, LabelProfile
from mgm.profiling.layout import Profile
from mgm.tasks import Task


@dataclass(frozen=True, kw_only=True)
class NightFacts:
    """The facts of one revision of a night.

    Attributes:
        date: the night.
        revision: the revision that the facts are of.
        seconds: the time from the start of the run that committed it to the commit, with judging and the loading of the model.
        num_scored: the documents that this run scored; an earlier try may have scored others.
        labels: the profile of the predicted labels by task (mgm/profiling/layout.py); of a task of texts there is none.
    """

    date: str
    revision: int
    seconds: float
    num_scored: int
    labels: Mapping[str, Profile]

    @property
    def documents_per_second(self) -> float | None:
        """The speed of the run; None where it scored nothing."""
        return self.num_scored / self.seconds if self.num_scored and self.seconds > 0 else None


def facts_path(day: str) -> Path:
    """Return the path of the facts of a date."""
    return NIGHTS / f"{day}.json"


def write_facts(facts: NightFacts) -> None:
    """Write the facts, atomically."""
    write_json(facts_path(facts.date), asdict(facts))


def read_facts(path: Path) -> NightFacts:
    """Return the facts of a file.

    Raises:
        OSError: it cannot be read.
        ValueError: it holds something else, such as the facts of another version.
    """
    content: Any = read_json(path)
    try:
        return NightFacts(**content)
    except TypeError as error:
        raise ValueError(f"{path}: no facts of a night as this version writes them: {error}") from error


def label_columns(tasks: Sequence[Task]) -> list[str]:
    """Return the columns of predictions that `profile_labels` reads."""
    return [task.name for task in tasks if task.kind in LABEL_PROFILES]


def profile_labels(tasks: Sequence[Task], frames: Iterable[pl.DataFrame]) -> dict[str, Profile]:
    """Return the profile of the predicted labels by task, gathered frame by frame."""
    profiles: dict[str, LabelProfile] = {
        task.name: LABEL_PROFILES[task.kind](task.kind) for task in tasks if task.kind in LABEL_PROFILES
    }
    for frame in frames:
        for name, profile in profiles.items():
            profile.add(frame[name])
    return {name: profile.result() for name, profile in profiles.items()}
