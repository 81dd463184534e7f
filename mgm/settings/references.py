"""Names of tasks and of corpora in params.yaml: which refer to one, which are misspelt, and which ask nothing.

A task that stands in no section `tasks` any more, or whose corpora are switched off, is off, and an entry for it asks nothing:
shipped tasks can be taken out by their lines in `tasks` alone. A name that is unknown because it is misspelt is an error. The two
are told apart by the names themselves: a misspelt name differs in few characters from a valid one that does not stand beside it
(docs/decisions/0001-names-of-tasks-that-are-off.md).
"""

import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, get_args

from pydantic import BaseModel
from rapidfuzz.distance import OSA

_log = logging.getLogger(__name__)

TASK = "task"
TaskName = Annotated[str, TASK]
"""The type of a name of a task among the typed settings, as a key or in a list; `task_mentions` finds them by it."""

MIN_SIMILARITY = 2 / 3
"""Characters that stay, as a share of the longer name, from which on one name may be the other misspelt."""


@dataclass(frozen=True, kw_only=True)
class Mention:
    """A name in params.yaml that refers to another section."""

    place: str
    """The name with the setting in which it stands, for errors."""
    name: str
    beside: frozenset[str]
    """All names of that setting."""


def task_mentions(section: BaseModel, prefix: str = "") -> Iterator[Mention]:
    """Yield every name of a task in a section and the sections in it."""
    for key, field in type(section).model_fields.items():
        yield from _mentions(getattr(section, key), field.annotation, place=f"{prefix}{key}")


def _mentions(value: Any, annotation: Any, *, place: str) -> Iterator[Mention]:
    if isinstance(value, BaseModel):
        yield from task_mentions(value, f"{place}.")
    elif isinstance(value, Mapping):
        key_type, value_type = _arguments(annotation, dict)
        if _names_task(key_type):
            for name in value:
                yield Mention(place=f"{place}.{name}", name=name, beside=frozenset(value))
        for name, item in value.items():
            yield from _mentions(item, value_type, place=f"{place}.{name}")
    elif isinstance(value, list):
        (item_type,) = _arguments(annotation, list)
        if _names_task(item_type):
            for name in value:
                yield Mention(place=f"{place}: {name!r}", name=name, beside=frozenset(value))


def _arguments(annotation: Any, container: type) -> tuple[Any, ...]:
    """Return the types within `dict[...]` or `list[...]`, which may be one of a union."""
    for option in (annotation, *get_args(annotation)):
        if getattr(option, "__origin__", None) is container:
            return get_args(option)
    return (None, None) if container is dict else (None,)


def _names_task(annotation: Any) -> bool:
    return TASK in getattr(annotation, "__metadata__", ())


def find_misspelt(name: str, valid: Iterable[str], *, beside: Iterable[str] = ()) -> str | None:
    """Return the valid name that a name is probably meant to be, None where there is none.

    Args:
        name: a name that is not valid.
        valid: the valid names.
        beside: the names that stand beside it; who wrote the right name there did not mean it here.
    """
    candidates = [other for other in sorted(set(valid) - set(beside)) if _is_misspelling(name, other)]
    return max(candidates, key=lambda other: _similarity(name, other), default=None)


def _is_misspelling(name: str, other: str) -> bool:
    """Return whether few characters differ; names that differ in a number or in a whole word are siblings, as a_en and a_zh."""
    words, others = (re.findall(r"[^\W_]+", text.casefold()) for text in (name, other))
    if len(words) == len(others):
        for word, of in zip(words, others, strict=True):
            is_other_number = word != of and re.sub(r"\d+", "", word) == re.sub(r"\d+", "", of)
            if is_other_number or OSA.distance(word, of) >= max(len(word), len(of)):
                return False
    return _similarity(name, other) >= MIN_SIMILARITY


def _similarity(name: str, other: str) -> float:
    return OSA.normalized_similarity(name.casefold(), other.casefold())


def find_ignored(mentions: Iterable[Mention], tasks: Iterable[str], *, where: str) -> list[Mention]:
    """Return the names of tasks that params.yaml does not have, which ask nothing.

    Raises:
        ValueError: one is misspelt; the error names the task.
    """
    names = set(tasks)
    unknown = [mention for mention in mentions if mention.name not in names]
    for mention in unknown:
        check_spelling(
            mention.name, names, beside=mention.beside, where=f"{where}: {mention.place}", role="task"
        )
    return unknown


def check_spelling(
    name: str, valid: Iterable[str], *, where: str, role: str, beside: Iterable[str] = (), remedy: str = ""
) -> None:
    """Check that an unknown name is none of the valid names misspelt.

    Args:
        name: the name, which is not valid.
        valid: the valid names.
        where: the place that the error names.
        role: the noun for such names in the error, such as "task".
        beside: the names that stand beside it.
        remedy: the end of the error: what to do where the name is right.

    Raises:
        ValueError: it is; the error names the valid one.
    """
    meant = find_misspelt(name, valid, beside=beside)
    if meant is not None:
        raise ValueError(f"{where}: no {role} of this name (did you mean {meant!r}?){remedy}")


@cache
def warn_once(message: str) -> None:
    """Log a warning, once in a process."""
    _log.warning(message)
