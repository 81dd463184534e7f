"""Write the settings' documentation into params.yaml, as the comment at the end of each setting's line.

`python -m flows.params_comments`; `--check` only compares.

The comment is the first line of the documentation in mgm/settings, and the values of a setting that has a few. Comments on
separate lines stay, and so do those of names that users choose: corpora, tasks and the entries of mappings.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo
from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode

from flows.errors import exit_status
from flows.generated_files import update_files
from mgm.settings.core import PARAMS, CoreSettings
from mgm.settings.section import Section
from mgm.settings.settings import Settings

COLUMN = 28
"""The column where comments begin, if the setting leaves room."""


def commented(text: str) -> str:
    """Return the text of a params.yaml with the documentation of its settings as comments."""
    lines = text.split("\n")
    document = YAML(typ="safe", pure=True).compose(text)
    for key, value, field in _documented(document, Settings):
        number = key.start_mark.line
        if isinstance(value, ScalarNode) or value.flow_style:
            if value.end_mark.line != number:
                continue
            setting = lines[number][: value.end_mark.column]
        else:
            setting = lines[number].partition(" #")[0].rstrip()
        if comment := _comment(field):
            lines[number] = f"{setting.ljust(COLUMN - 2)}  # {comment}"
    return "\n".join(lines)


def _documented(
    node: Node | None, section: type[Section]
) -> Iterator[tuple[ScalarNode, ScalarNode | MappingNode, FieldInfo]]:
    """Yield the keys of a mapping, and of the sections in it, that are settings, with their values and fields."""
    if not isinstance(node, MappingNode) or node.flow_style:
        return
    for key, value in node.value:
        field = section.model_fields.get(key.value)
        if field is None or (
            section is Settings and key.value in CoreSettings.model_fields.keys() - {"train"}
        ):
            continue
        yield key, value, field
        if (inner := _section_of(field)) is not None:
            yield from _documented(value, inner)


def _comment(field: FieldInfo) -> str:
    documentation = field.description
    if documentation is None and (section := _section_of(field)) is not None:
        documentation = section.__doc__
    first = (documentation or "").strip().partition("\n")[0].removesuffix(".")
    choices = _choices(field.annotation)
    return f"{first} ({' | '.join(choices)})" if choices else first


def _choices(annotation: Any) -> list[str]:
    return [str(value) for value in get_args(annotation)] if get_origin(annotation) is Literal else []


def _section_of(field: FieldInfo) -> type[Section] | None:
    annotation: Any = field.annotation
    return annotation if isinstance(annotation, type) and issubclass(annotation, Section) else None


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code: with `--check` 1 where a file is not as it should be."""
    return exit_status(
        lambda: update_files(
            lambda: {Path(PARAMS): commented(PARAMS.read_text(encoding="utf-8"))},
            "flows.params_comments",
            arguments=arguments,
        )
    )


if __name__ == "__main__":
    sys.exit(main())
