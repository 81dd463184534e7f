"""Changes to params.yaml as text: comments, order and all else stay."""

import difflib
import io
from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.representer import RoundTripRepresenter
from ruamel.yaml.util import load_yaml_guess_indent

from mgm.settings.core import PARAMS
from mgm.settings.names import key_path, overridden
from mgm.settings.yaml_file import load_yaml

_NO_WRAPPING = 1 << 16


def set_values(text: str, values: Mapping[str, Any]) -> str:
    """Return the file's text with other values of some settings, each by its full name; a setting that is not there is added.

    Raises:
        ValueError: the settings cannot be changed without others changing too (one that stands under an anchor).
    """
    _, indent, sequence_offset = load_yaml_guess_indent(text)
    writer = YAML()
    writer.Representer = _Representer
    writer.preserve_quotes, writer.width = True, _NO_WRAPPING
    step = indent or 2
    writer.indent(mapping=step, sequence=step + (sequence_offset or 0), offset=sequence_offset or 0)
    document = writer.load(text)
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


class _Representer(RoundTripRepresenter):
    """The representation of null by its name."""

    def null(self, _: None) -> Any:
        """Write `null`; ruamel's default is to write nothing, which would change other lines too."""
        return self.represent_scalar("tag:yaml.org,2002:null", "null")


_Representer.add_representer(type(None), _Representer.null)
