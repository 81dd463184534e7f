"""Names of tasks: which are taken by columns of the outputs, and which name is free instead.

Within the pipeline a task's columns have a namespace of their own (mgm/tasks/columns.py), so that its name may be anybody's word.
The tables that users read have it as it is: the nights' tables, `Model.predict` and what is made of it.
"""

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping

RECONSTRUCTION = "reconstruction_error"
"""The column of the predictions that measures how far a document is from the training documents."""
OUTPUT_COLUMNS = ("date", "doc_id", RECONSTRUCTION, "rejected", "text")
"""The columns of outputs beside those of tasks."""
OUTPUT_SUFFIXES = ("_calibrated", "_explained", "_proba", "_probs", "_score", "_truncated")
"""The ends of the further columns that outputs have of a task."""
MAX_BYTES = 120
"""Length of a name in UTF-8: file names are made of it."""
NAME_RULE = (
    "letters, digits, _, - and . with a letter, a digit or _ at both ends, "
    f"of at most {MAX_BYTES} bytes in UTF-8"
)

_FURTHER = "_label"


def invalid_names(names: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield every name that no task can have beside the others, with the rule that it breaks and a name that is free."""
    every = {_folded(name): name for name in reversed(list(names))}
    spelled: dict[str, str] = {}
    for name in names:
        if fault := _fault(name, every, spelled=spelled):
            taken = [other for other in names if other != name]
            yield name, f"{fault}; expected another name, such as {free_name(name, taken)!r}"
        spelled.setdefault(_folded(name), name)


def free_name(name: str, taken: Collection[str]) -> str:
    """Return a name made of another one that a task may have beside tasks of these names: itself where it may."""
    candidate = name if _keeps_rule(name) else _spelled_by_rule(name)
    spelled = {_folded(other): other for other in taken}
    while _fault(candidate, spelled, spelled=spelled):
        candidate = _spelled_by_rule(candidate, room=len(_FURTHER)) + _FURTHER
    return candidate


def _fault(name: str, every: Mapping[str, str], *, spelled: Mapping[str, str]) -> str | None:
    """Return the rule that a name breaks; `every`: all names by their forms without case, `spelled`: those before it."""
    key = _folded(name)
    if not _keeps_rule(name):
        return f"file names and columns are made of a task's name: {NAME_RULE}"
    if key in OUTPUT_COLUMNS:
        return f"tables of predictions have a column {key!r} of their own"
    if key in spelled:
        return f"the name differs from {spelled[key]!r} in case or form alone, and tables of nights have columns without case"
    for suffix in OUTPUT_SUFFIXES:
        if key.endswith(suffix) and (other := every.get(key.removesuffix(suffix))):
            return f"tables of predictions have a column {other + suffix!r} for the task {other!r}"
    return None


def _keeps_rule(name: str) -> bool:
    return (
        all(c in "-." or _is_of_words(c) for c in name)
        and _is_of_words(name[:1])
        and _is_of_words(name[-1:])
        and not _is_mark(name[0])
        and len(name.encode()) <= MAX_BYTES
    )


def _is_of_words(character: str) -> bool:
    return character == "_" or character.isalnum() or _is_mark(character)


def _is_mark(character: str) -> bool:
    """Return whether a character is a mark on the one before it, as vowels are in Devanagari and Thai."""
    return character != "" and unicodedata.category(character).startswith("M")


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _spelled_by_rule(name: str, room: int = 0) -> str:
    """Return a name without what the rule does not allow, and with room for some more bytes."""
    words = "".join(c if _is_of_words(c) else "_" for c in name)
    if words != name:
        words = re.sub("_{2,}", "_", words).strip("_")
    words = words.encode()[: MAX_BYTES - room].decode(errors="ignore")
    return words if words and not _is_mark(words[0]) else f"task{words}"
