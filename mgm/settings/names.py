"""Settings by their full names, and errors that name the nearest valid name."""

import difflib
from collections.abc import Container, Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

WEIGHTS = "train.weights."
"""The beginning of the full name of a task's weight."""


def nearest(name: str, valid: Iterable[str]) -> str:
    """Return ` (did you mean 'x'?)`, ignoring case, or the valid names where none is near."""
    names = sorted(valid)
    folded = [n.casefold() for n in names]
    matches = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.6)
    if matches:
        return f" (did you mean {names[folded.index(matches[0])]!r}?)"
    return f" (valid: {', '.join(names) or 'none'})"


def check_name(name: str, valid: Iterable[str], *, where: str, role: str) -> None:
    """Check that a name is one of the valid names.

    Args:
        name: the name.
        valid: the valid names.
        where: the place that the error names.
        role: the noun for such names in the error, such as "task".

    Raises:
        ValueError: it is none of them.
    """
    names: Container[str] = valid if isinstance(valid, Container) else set(valid)
    if name not in names:
        raise ValueError(f"{where}: no {role} of this name{nearest(name, valid)}")


def key_path(name: str) -> list[str]:
    """Return the keys that lead to a setting of a full name; a task's name may have dots in it."""
    return ["train", "weights", name.removeprefix(WEIGHTS)] if name.startswith(WEIGHTS) else name.split(".")


def overridden(raw: dict[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return params.yaml as a mapping with other values of some settings, each by its full name; `raw` stays as it is."""
    for name, value in values.items():
        override = value
        for key in reversed(key_path(name)):
            override = {key: override}
        raw = merge_sections({k: v for k, v in raw.items() if v is not None}, override)
    return raw


def flatten_sections(section: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return the values of nested mappings by their full names."""
    flat: dict[str, Any] = {}
    for key, value in section.items():
        name = f"{prefix}{key}"
        flat |= flatten_sections(value, f"{name}.") if isinstance(value, dict) else {name: value}
    return flat


def merge_sections(base: dict[str, Any], override: dict[str, Any]) -> dict[str, Any]:
    """Return nested mappings with the values of `override` in place of those of `base`."""
    return base | {
        key: merge_sections(base[key], value)
        if isinstance(value, dict) and isinstance(base.get(key), dict)
        else value
        for key, value in override.items()
    }


def error_lines(error: ValidationError, model: type[BaseModel], *, where: str) -> str:
    """Return a line for each fault that pydantic found in a section, with its place, its value and the expected value."""
    lines = []
    for problem in error.errors():
        path = [str(part) for part in problem["loc"]]
        key = ".".join(path)
        if problem["type"] == "extra_forbidden":
            lines.append(f"{where}: {key}: unknown key{nearest(path[-1], _keys_at(model, path[:-1]))}")
        elif path[-1] == "[key]":
            place = ".".join(path[:-2])
            lines.append(f"{where}: {place}: {problem['input']!r}: expected a name that is text, in quotes")
        else:
            lines.append(
                f"{where}: {key}: {problem['msg'].removeprefix('Value error, ')}, found {problem['input']!r}"
            )
    return "\n".join(lines)


def _keys_at(model: type[BaseModel], path: list[str]) -> list[str]:
    """Return the valid keys of the section at a path of keys."""
    current: Any = model
    for part in path:
        if isinstance(current, type) and issubclass(current, BaseModel):
            current = current.model_fields[part].annotation
        else:  # dict[str, Section]: `part` is the user's own name
            current = current.__args__[1]
    return list(current.model_fields) if isinstance(current, type) and issubclass(current, BaseModel) else []
