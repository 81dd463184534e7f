"""A params.yaml of an earlier version, rewritten with the present names of settings: `mgm migrate params.yaml`."""

import re
from collections.abc import Iterator
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode

from mgm.files import write_text
from mgm.settings.renamed import MOVED, renamed_key
from mgm.settings.yaml_file import YAMLError

_ALIGNED_COMMENT = re.compile(r"""([^#"'\n]*?)( {2,})(?=#)""")


def migrate(path: Path) -> list[str]:
    """Rename the old keys of a file; all else stays: comments, order and quotes, but for the blanks that align a comment.

    Returns:
        A line for each key that was renamed; none where the file has no old key, and is left alone.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not YAML, or has a setting by its old name and by its new one.
    """
    migrated, lines = migrated_text(path.read_bytes().decode("utf-8"), str(path))
    if lines:
        write_text(path, migrated)
    return lines


def migrated_text(text: str, where: str) -> tuple[str, list[str]]:
    """Return the text of a file with its old keys renamed, and a line for each; `where` names the file. See `migrate`."""
    try:
        document = YAML(typ="safe", pure=True).compose(text)
    except YAMLError as error:
        raise ValueError(f"{where}: not valid YAML: {error}") from error
    renamed: dict[
        tuple[int, int], tuple[list[str], str]
    ] = {}  # the content of an anchor is in the text only once
    for key, path, siblings in _keys(document, []):
        new = renamed_key(path)
        if new is None:
            continue
        if new in siblings:
            raise ValueError(
                f"{where}: {'.'.join(path)}: {new} is there, too; expected the new name alone: take the old one out"
            )
        renamed.setdefault((key.start_mark.index, key.end_mark.index), (path, new))
    lines = [
        f"{where}: {'.'.join(path)} is {'.'.join([*path[:-1], new])} now"
        for _, (path, new) in sorted(renamed.items())
    ]
    for (start, end), (path, new) in sorted(renamed.items(), reverse=True):
        key_text = text[start:end].replace(path[-1], new)  # the key may be in quotes
        text = text[:start] + key_text + _realigned(text[end:], len(new) - len(path[-1]))
    for old, new in MOVED.items():
        text, is_moved = _move_section(text, old, new=new, where=where)
        lines += [f"{where}: {old} is {new} now"] * is_moved
    return text, lines


def _move_section(text: str, old: str, *, new: str, where: str) -> tuple[str, bool]:
    """Return the text with the lines of a section at the end, below its new parent, and whether there was one.

    Raises:
        ValueError: its lines hold more than it, or its new parent is there.
    """
    document = YAML(typ="safe", pure=True).compose(text)
    sections = {tuple(path): key for key, path, _ in _keys(document, [])}
    key = sections.get(tuple(old.split(".")))
    if key is None:
        return text, False
    parent = new.rpartition(".")[0]
    lines, first, indent = text.splitlines(keepends=True), key.start_mark.line, key.start_mark.column
    below = [k.start_mark.line for path, k in sections.items() if path[:2] == tuple(old.split("."))]
    if lines[first][:indent].strip() or (parent,) in sections:
        raise ValueError(f"{where}: {old}: this section has moved; expected {new}, by hand")
    last = max(below) + 1
    moved = [line[indent:] for line in lines[first:last]]
    rest = "".join(lines[:first] + lines[last:]).rstrip("\n")
    return f"{rest}\n\n{parent}:\n{''.join('  ' + line for line in moved).rstrip()}\n", True


def _realigned(rest: str, growth: int) -> str:
    """Return the text after a key that has grown, with a comment of its line where it was, as far as there is room."""
    match = _ALIGNED_COMMENT.match(rest)
    if match is None:
        return rest
    value, blanks = match.groups()
    return value + " " * max(len(blanks) - growth, 1) + rest[match.end() :]


def _keys(node: Node | None, above: list[str]) -> Iterator[tuple[ScalarNode, list[str], set[str]]]:
    """Yield every key with its path and the keys of its mapping."""
    if not isinstance(node, MappingNode):
        return
    siblings = {str(key.value) for key, _ in node.value}
    for key, value in node.value:
        if key.tag == "tag:yaml.org,2002:merge":
            yield from _keys(value, above)
            continue
        path = [*above, str(key.value)]
        yield key, path, siblings
        yield from _keys(value, path)
