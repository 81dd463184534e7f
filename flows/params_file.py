"""Changes to params.yaml as text: comments, order and all else stay."""

import difflib
import io
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.representer import RoundTripRepresenter

from mgm.settings.core import PARAMS
from mgm.settings.names import key_path, overridden
from mgm.settings.yaml_file import load_yaml

_NO_WRAPPING = 1 << 16
_NULL = re.compile(r"^\s*[^\s#{]+: null\b", re.MULTILINE)


def set_values(text: str, values: Mapping[str, Any]) -> str:
    """Return the file's text with other values of some settings, each by its full name; a setting that is not there is added.

    Raises:
        ValueError: the settings cannot be changed without others changing too (one that stands under an anchor).
    """
    writer = YAML()
    if _NULL.search(text):
        writer.Representer = _NullRepresenter
    writer.preserve_quotes, writer.width = True, _NO_WRAPPING
    document = writer.load(text)
    steps = dict(_indentation(document))
    offset = steps.get(CommentedSeq, 0)
    writer.indent(mapping=steps.get(CommentedMap, 2), sequence=offset + 2, offset=offset)
    for name, value in values.items():
        *parents, last = key_path(name)
        section = document
        for key in parents:
            if section.get(key) is None:
                section[key] = {}
            section = section[key]
        section[last] = value
    stream = io.StringIO()
    writer.dump(document, stream)
    if load_yaml(stream.getvalue()) != overridden(load_yaml(text), values):
        expected = ", ".join(f"{name}: {value}" for name, value in values.items())
        raise ValueError(
            f"{PARAMS}: cannot be edited without changing other settings too; set by hand: {expected}"
        )
    return stream.getvalue()


def unified_diff(before: str, after: str) -> str:
    """Return the changes of the file as a unified diff that `git apply` and `patch` take; empty where there are none."""
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    return "".join(difflib.unified_diff(old, new, f"a/{PARAMS}", f"b/{PARAMS}"))


def _indentation(section: CommentedMap) -> Iterator[tuple[type, int]]:
    """Yield the columns by which the mappings and lists of a file are indented, each with its type."""
    for key, value in section.items():
        if isinstance(value, CommentedMap | CommentedSeq) and value and not value.fa.flow_style():
            yield type(value), value.lc.col - section.lc.key(key)[1]
            if isinstance(value, CommentedMap):
                yield from _indentation(value)


class _NullRepresenter(RoundTripRepresenter):
    """The representation of null by its name, for files where it is written so."""

    def null(self, _: None) -> Any:
        """Write `null`; ruamel's default is to write nothing, as DVC does."""
        return self.represent_scalar("tag:yaml.org,2002:null", "null")


_NullRepresenter.add_representer(type(None), _NullRepresenter.null)
