"""Settings by their full names, and names that are not known."""

import difflib
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError


def nearest(name: str, valid: Any) -> str:
    """Return ` (did you mean 'x'?)`, whatever the case, or the valid names where none is near."""
    names = sorted(valid)
    folded = [n.casefold() for n in names]
    near = [
        names[folded.index(n)] for n in difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.6)
    ]
    return f" (did you mean {near[0]!r}?)" if near else f" (valid: {', '.join(names) or 'none'})"


def known(name: str, valid: Any, where: str, what: str) -> None:
    """Raise a ValueError that names the nearest valid name if `name` is not among `valid`; `what` is the kind of name."""
    if name not in valid:
        raise ValueError(f"{where}: no {what} of this name{nearest(name, valid)}")


def path_of(name: str) -> list[str]:
    """Return the keys that lead to a setting of a full name; a task's name may have dots in it."""
    weights = "train.weights."
    return ["train", "weights", name.removeprefix(weights)] if name.startswith(weights) else name.split(".")


def overridden(raw: dict[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return params.yaml as a mapping, with other values of some settings, each by its full name; `raw` stays as it is."""
    for name, value in values.items():
        over = value
        for key in reversed(path_of(name)):
            over = {key: over}
        raw = merge({k: v for k, v in raw.items() if v is not None}, over)
    return raw


def flat(section: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return the values of nested mappings by their full names."""
    found: dict[str, Any] = {}
    for key, value in section.items():
        found |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return found


def merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Return `base` with the values of `over`, mapping by mapping."""
    return base | {
        k: merge(base[k], v) if isinstance(v, dict) and isinstance(base.get(k), dict) else v
        for k, v in over.items()
    }


def explain(error: ValidationError, model: type[BaseModel], where: str) -> str:
    """Return the problems of settings, a line each, with the place, the value and the nearest valid key."""
    lines = []
    for problem in error.errors():
        loc = [str(part) for part in problem["loc"]]
        key = ".".join(loc)
        if problem["type"] == "extra_forbidden":
            lines.append(f"{where}: {key}: unknown key{nearest(loc[-1], _keys_at(model, loc[:-1]))}")
        else:
            lines.append(f"{where}: {key}: {problem['msg']}, found {problem['input']!r}")
    return "\n".join(lines)


def _keys_at(model: type[BaseModel], loc: list[str]) -> list[str]:
    """Return the valid keys of the section at `loc`."""
    current: Any = model
    for part in loc:
        if isinstance(current, type) and issubclass(current, BaseModel):
            current = current.model_fields[part].annotation
        else:  # dict[str, Section]: `part` is the user's own name
            current = current.__args__[1]
    return list(current.model_fields) if isinstance(current, type) and issubclass(current, BaseModel) else []
