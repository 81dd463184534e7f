"""The page of all settings, from the typed settings."""

import json
from typing import Any, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from docs._generate.markdown import table
from mgm.settings.core import SECTIONS
from mgm.settings.corpora import CorpusSettings
from mgm.settings.gates import TaskGate
from mgm.settings.section import Section
from mgm.settings.settings import Settings
from mgm.tasks import TaskSettings

INTRODUCTION = """\
# Settings

This page lists every setting of `params.yaml` by section. A setting that is not in the file has its default. `mgm docs NAME` shows
a setting in the terminal. The preset of the model changes some defaults of `model`.

"""


ENTRIES: dict[str, type[Any]] = {"corpora": CorpusSettings, "tasks": TaskSettings, "gates.tasks": TaskGate}
"""The settings of which each corpus or task has its own."""


def page() -> str:
    """Return the page as Markdown."""
    parts = [INTRODUCTION]
    for name in SECTIONS:
        parts.append(f"## {name}\n\n")
        field = Settings.model_fields[name]
        parts.append(_described(name, field))
    parts += [
        f"\n## One entry of `{name}`\n\n{(settings.__doc__ or '').strip()}\n\n{_table(f'{name}.NAME', settings)}"
        for name, settings in ENTRIES.items()
    ]
    return "".join(parts)


def _described(path: str, field: FieldInfo) -> str:
    section = _section_of(field)
    if section is None:
        text = (field.description or "").strip()
        return f"{text}\n\nDefault: {_default(field)}\n\n" if text else f"Default: {_default(field)}\n\n"
    documentation = (field.description or section.__doc__ or "").strip()
    return f"{documentation}\n\n{_table(path, section)}\n"


def _table(path: str, section: type[Any]) -> str:
    rows = list(_rows(path, section))
    return table(["setting", "default", "meaning"], rows) if rows else ""


def _rows(path: str, section: type[Any]) -> list[tuple[str, str, str]]:
    rows: list[tuple[str, str, str]] = []
    for name, field in section.model_fields.items():
        full = f"{path}.{name}" if path else name
        inner = _section_of(field)
        if inner is not None:
            rows += _rows(full, inner)
            continue
        meaning = " ".join((field.description or "").split())
        if choices := _choices(field.annotation):
            meaning += f" One of: {', '.join(f'`{choice}`' for choice in choices)}."
        rows.append((f"`{full}`", _default(field), meaning))
    return rows


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True)
    if value is PydanticUndefined:
        return "required"
    if isinstance(value, Section):
        value = value.model_dump()
    return f"`{json.dumps(value, ensure_ascii=False, default=list)}`"


def _choices(annotation: Any) -> list[str]:
    return (
        [str(value) for value in get_args(annotation)]
        if get_origin(annotation) is not None and str(annotation).startswith("typing.Literal")
        else []
    )


def _section_of(field: FieldInfo) -> type[Section] | None:
    annotation: Any = field.annotation
    return annotation if isinstance(annotation, type) and issubclass(annotation, Section) else None
