"""The documentation of the settings of params.yaml, as the typed settings have it: `mgm docs train.epochs`."""

import inspect
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MinLen
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from mgm.settings.core import PARAMS
from mgm.settings.names import key_path, nearest
from mgm.settings.settings import Settings
from mgm.settings.yaml_file import YAMLError, load_yaml

_TYPES = {
    int: "whole number",
    float: "number",
    str: "text",
    bool: "true or false",
    Path: "path",
    Any: "any value",
    NoneType: "null",
}
_LIMITS = {Ge: ("ge", "at least"), Gt: ("gt", "above"), Le: ("le", "at most"), Lt: ("lt", "below")}


@dataclass(frozen=True, kw_only=True)
class Documentation:
    """A setting's or a section's documentation."""

    name: str
    text: str
    type: str
    default: str | None
    """As YAML would have it; None: it has no default, or is a section."""
    settings: dict[str, str]
    """The names of a section's settings with the first line of each."""


def section_lines() -> list[str]:
    """Return a line for each section of params.yaml."""
    names = {name: _first_line(_text(field)) for name, field in Settings.model_fields.items()}
    return _table(names)


def setting_lines(name: str, params: Path = PARAMS) -> list[str]:
    """Return the documentation of a setting or section of a full name, such as train.epochs, with the present value.

    Args:
        params: the project's settings, where there are any.

    Raises:
        ValueError: there is no such setting; the message has the nearest.
    """
    found = find_setting(name)
    facts = {"type": found.type}
    if found.default is not None:
        facts["default"] = found.default
    if not found.settings and (present := present_value(name, params)) is not None:
        facts["now"] = present
    lines = [found.name, *(f"  {line}".rstrip() for line in found.text.splitlines()), ""]
    if found.settings:
        return [*lines, *_table({f"{name}.{key}": text for key, text in found.settings.items()})]
    return [*lines, *(f"  {key:<8} {value}" for key, value in facts.items())]


def find_setting(name: str) -> Documentation:
    """Return the documentation of a setting or section.

    A name that users choose, as that of a corpus, may be any: corpora.help.text_column.

    Raises:
        ValueError: there is no such setting; the message has the nearest.
    """
    annotation: Any = Settings
    field: FieldInfo | None = None
    parts = key_path(name)
    for number, part in enumerate(parts):
        place = ".".join(parts[:number])
        section, values = _section_of(annotation), _mapping_values(annotation)
        if section is not None:
            field = section.model_fields.get(part)
            if field is None:
                raise ValueError(_unknown(name, place, part=part, section=section))
            annotation = field.annotation
        elif values is not None:
            field, annotation = None, values
        else:
            raise ValueError(f"{name}: {place} is a setting, not a section; it has no {part!r}")
    section = _section_of(annotation)
    return Documentation(
        name=name,
        text=_text(field, annotation),
        type=_type_text(annotation, field),
        default=None if section is not None or field is None else _default_text(field),
        settings=_settings_of(annotation),
    )


def present_value(name: str, params: Path) -> str | None:
    """Return the value in the project's settings as YAML has it; None: there is no such file, or it has not this setting."""
    if not params.is_file():
        return None
    try:
        value: Any = load_yaml(params.read_text(encoding="utf-8"))
    except (YAMLError, UnicodeDecodeError):
        return f"{params} cannot be read"
    for part in key_path(name):
        if not isinstance(value, Mapping) or part not in value:
            return f"not in {params}, so the default"
        value = value[part]
    return f"{_value_text(value)} ({params})"


def _unknown(name: str, place: str, *, part: str, section: type[BaseModel]) -> str:
    """Return that there is no such setting, with the nearest of the section, or a setting of this name elsewhere."""
    elsewhere = [path for path in all_names() if path.rpartition(".")[2] == part]
    if elsewhere:
        hint = f" (did you mean {', '.join(map(repr, elsewhere[:3]))}?)"
    else:
        hint = nearest(part, section.model_fields)
    return f"{name}: no setting {part!r} in {place or PARAMS}{hint}"


def all_names(section: type[BaseModel] = Settings, prefix: str = "") -> list[str]:
    """Return the full names of all settings and sections, without those below names that users choose."""
    names = []
    for key, field in section.model_fields.items():
        names.append(f"{prefix}{key}")
        if (inner := _section_of(field.annotation)) is not None:
            names += all_names(inner, f"{prefix}{key}.")
    return names


def _settings_of(annotation: Any) -> dict[str, str]:
    """Return a section's settings, or those of each entry of a mapping of sections, with the first lines of their texts."""
    if (section := _section_of(annotation)) is not None:
        return {key: _first_line(_text(field)) for key, field in section.model_fields.items()}
    if (entry := _section_of(_mapping_values(annotation))) is not None:
        return {f"NAME.{key}": _first_line(_text(field)) for key, field in entry.model_fields.items()}
    return {}


def _text(field: FieldInfo | None, annotation: Any = None) -> str:
    """Return a field's documentation, or that of the section that it holds."""
    if field is not None:
        annotation = field.annotation
        if field.description:
            return inspect.cleandoc(field.description)
    section = _section_of(annotation) or _section_of(_mapping_values(annotation))
    return inspect.cleandoc((section.__doc__ if section is not None else None) or "")


def _first_line(text: str) -> str:
    return text.partition("\n")[0]


def _section_of(annotation: Any) -> type[BaseModel] | None:
    """Return the section that an annotation names, also beside null."""
    for option in _options(annotation):
        if isinstance(option, type) and issubclass(option, BaseModel):
            return option
    return None


def _mapping_values(annotation: Any) -> Any:
    """Return the annotation of a mapping's values; None: it is no mapping."""
    for option in _options(annotation):
        if get_origin(option) is dict:
            return get_args(option)[1]
    return None


def _options(annotation: Any) -> tuple[Any, ...]:
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    return get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)


def _type_text(annotation: Any, field: FieldInfo | None) -> str:
    metadata = list(field.metadata if field is not None else [])
    if get_origin(annotation) is Annotated:
        metadata += [m for info in get_args(annotation)[1:] for m in getattr(info, "metadata", [info])]
    choices = _registered_names(field)
    text = " | ".join(choices) if choices else " or ".join(map(_option_text, _options(annotation)))
    limits = [
        f"{words} {getattr(limit, attribute):g}"
        for limit in metadata
        for kind, (attribute, words) in _LIMITS.items()
        if isinstance(limit, kind)
    ]
    lengths = [f"{limit.min_length} entries or more" for limit in metadata if isinstance(limit, MinLen)]
    return ", ".join([text, *limits, *lengths])


def _registered_names(field: FieldInfo | None) -> list[str]:
    """Return the names of a registry that a setting takes its values from, which its JSON schema has as an enumeration."""
    schema: dict[str, Any] = {}
    if field is not None and callable(field.json_schema_extra):
        field.json_schema_extra(schema)
    return list(map(str, schema.get("enum", [])))


def _option_text(option: Any) -> str:
    origin, arguments = get_origin(option), get_args(option)
    if origin is Literal:
        return " | ".join(map(_value_text, arguments))
    if origin is dict:
        return f"mapping of names to {_many(_type_text(arguments[1], None))}"
    if origin in (list, tuple):
        return f"list of {_many(_type_text(arguments[0], None))}"
    if isinstance(option, type) and issubclass(option, BaseModel):
        return "section"
    return _TYPES.get(option, getattr(option, "__name__", str(option)))


def _many(text: str) -> str:
    return f"{text}s" if text in ("whole number", "number", "section", "path") else text


def _default_text(field: FieldInfo) -> str | None:
    value = field.get_default(call_default_factory=True)
    return None if value is PydanticUndefined else _value_text(value)


def _value_text(value: Any) -> str:
    """Return a value as it may stand in params.yaml, in one line."""
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json")
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False, default=str)


def _table(rows: Mapping[str, str]) -> list[str]:
    width = max(map(len, rows), default=0)
    return [f"{name:<{width}}  {text}".rstrip() for name, text in rows.items()]
