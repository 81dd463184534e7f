"""YAML as params.yaml is written: version 1.2, in which an unquoted `no` or `off` is text."""

import io
from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

__all__ = ["YAMLError", "dump_yaml", "dump_yaml_line", "load_yaml"]


def load_yaml(text: str) -> Any:
    """Return the content of a YAML document in plain Python types.

    Raises:
        YAMLError: it is not YAML, or a mapping has a key twice.
    """
    try:
        return YAML(typ="safe").load(text)  # by libyaml, where it is installed
    except MarkedYAMLError as error:  # its own text has many lines, and an address
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise YAMLError(f"{line}{error.problem}") from error


def dump_yaml(content: Any) -> str:
    """Return plain Python types as a YAML document that `load_yaml` reads as they were, keys in their order."""
    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style = False
    writer.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    stream = io.StringIO()
    writer.dump(content, stream)
    return stream.getvalue()


def dump_yaml_line(content: Mapping[str, Any]) -> str:
    """Return a mapping as one line of YAML without the outer braces, such as `a: {b: [1, 2]}, c: d`."""
    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style, writer.width = True, 1 << 16
    writer.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    stream = io.StringIO()
    writer.dump(content, stream)
    return stream.getvalue().strip()[1:-1]
