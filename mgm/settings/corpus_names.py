"""The names that a corpus may have: each is part of the names of files, folders, stages and settings."""

import unicodedata
from collections.abc import Iterable

MAX_BYTES = 200
"""Bytes of a name in UTF-8: file systems take 255 for the name of a file, which is longer than that of its corpus."""

_RULE = "expected letters, digits, _ and -, with no - at the beginning"


def corpus_name(text: str) -> str:
    """Return a valid name of a corpus that is like a text, such as `news_2024` for `News 2024`."""
    characters = "".join(c if _is_allowed(c) else " " for c in text.lower())
    name = "_".join(characters.split()).strip("_-")
    return name.encode()[:MAX_BYTES].decode(errors="ignore") or "corpus"


def check_corpus_names(names: Iterable[str], where: str) -> None:
    """Check that all names of corpora are valid, and that no two differ in case alone.

    Args:
        names: the names.
        where: the place that the error names.

    Raises:
        ValueError: some are not; the error has a line for each.
    """
    problems: list[str] = []
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(unicodedata.normalize("NFKC", name).casefold(), name)
        if not name or name.startswith("-") or not all(map(_is_allowed, name)):
            problems.append(f"{where}: {name!r}: {_RULE} (such as {corpus_name(name)!r})")
        elif len(name.encode()) > MAX_BYTES:
            problems.append(f"{where}: {name!r}: expected at most {MAX_BYTES} bytes in UTF-8")
        elif other != name:
            problems.append(
                f"{where}: {name!r}: expected a name that differs from {other!r} in more than case"
            )
    if problems:
        raise ValueError("\n".join(problems))


def _is_allowed(character: str) -> bool:
    # marks belong to the letters before them, as in Hindi and Thai
    return character in "_-" or character.isalnum() or unicodedata.category(character) in ("Mn", "Mc")
