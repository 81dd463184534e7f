"""Write each stage's code dependencies into dvc.yaml and study/dvc.yaml: `python -m flows.stage_dependencies` (`--check`: only compare).

A stage depends on the module that its command runs and on every module of mgm and flows that this one imports, directly or not,
or by the name that a string literal `module:attribute` has; one entry a module. A package's `__init__.py` counts where it has code.
It depends also on the data that lies in a package (suites, templates): a file, or a folder without Python code, that one of those
modules names in a string literal, beside the module itself or in a package that the module names in another literal. All other
dependencies, comments and the order of the file stay.
"""

import ast
import re
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import grimp
from ruamel.yaml import YAML
from ruamel.yaml.nodes import Node

from flows.generated_files import update_files

FILES = (Path("dvc.yaml"), Path("study/dvc.yaml"))
ROOTS = ("mgm", "flows")
_ENTRY_POINT = re.compile(r"((?:mgm|flows)(?:\.\w+)+):\w+")


def code_dependencies(module: str) -> list[str]:
    """Return the sorted paths of the code and package data that running a module uses."""
    files = {path for name in _used_modules(module) if _has_code(path := _path(name))}
    return sorted(path.as_posix() for path in files | {data for file in files for data in package_data(file)})


@cache
def import_graph() -> grimp.ImportGraph:
    """Return the graph of all imports within mgm and flows, also those inside of functions."""
    return grimp.build_graph(*ROOTS, exclude_type_checking_imports=True, cache_dir=None)


@cache
def package_data(file: Path) -> frozenset[Path]:
    """Return the data files and folders of packages that a module names in its string literals."""
    literals = {
        node.value
        for node in ast.walk(_parse(file))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    packages = {Path(*name.split(".")) for name in literals if name.partition(".")[0] in ROOTS}
    folders = {file.parent, *(package for package in packages if package.is_dir())}
    return frozenset(
        path for folder in folders for path in folder.iterdir() if path.name in literals and _is_data(path)
    )


def updated(text: str) -> str:
    """Return the text of a dvc.yaml whose stages depend on the code that they use."""
    lines = text.splitlines(keepends=True)
    edits: dict[int, list[str]] = {}
    for command, dependencies in _stages(text):
        starts = [(node.start_mark.line, str(node.value)) for node in dependencies.value]
        code = [line for line, path in starts if path.partition("/")[0] in ROOTS]
        edits |= {line: [] for line in code}
        indent = " " * (dependencies.value[0].start_mark.column - 2)
        new = [f"{indent}- {path}\n" for path in code_dependencies(command.split()[2])]
        # the code stays where it was among the other dependencies, or follows them
        if code:
            edits[code[0]] = new
        else:
            last = starts[-1][0]
            edits[last] = [lines[last], *new]
    return "".join(line for number, old in enumerate(lines) for line in edits.get(number, [old]))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code: with `--check` 1 where a file is not as it should be."""
    return update_files(
        lambda: {file: updated(file.read_text(encoding="utf-8")) for file in FILES},
        "flows.stage_dependencies",
        arguments=arguments,
    )


def _stages(text: str) -> Iterator[tuple[str, Node]]:
    """Yield the command and the node of `deps` of every stage; dependencies under an alias once."""
    file = YAML(typ="safe", pure=True).compose(text)
    assert file is not None, "a dvc.yaml has stages"
    seen = set()
    for _, stage in _entry(file, "stages").value:
        body = next((value for key, value in stage.value if key.value == "do"), stage)
        dependencies = _entry(body, "deps")
        if id(dependencies) not in seen:
            seen.add(id(dependencies))
            yield str(_entry(body, "cmd").value), dependencies


def _entry(mapping: Node, key: str) -> Node:
    return next(value for name, value in mapping.value if name.value == key)


def _used_modules(module: str) -> set[str]:
    """Return a module, all that it imports, and the packages that Python imports on the way there, except the roots."""
    graph = import_graph()
    used: set[str] = set()
    pending = {module}
    while pending:
        used |= pending | {name for start in pending for name in graph.find_upstream_modules(start)}
        packages = {name.rpartition(".")[0] for name in used} - {"", *ROOTS}
        by_name = {name for user in used - set(ROOTS) for name in _loaded_by_name(_path(user))}
        pending = (packages | by_name) - used
    return used - set(ROOTS)


@cache
def _loaded_by_name(file: Path) -> frozenset[str]:
    """Return the modules that a module may import by name: its string literals of the form `module:attribute`."""
    literals = (node.value for node in ast.walk(_parse(file)) if isinstance(node, ast.Constant))
    matches = (_ENTRY_POINT.fullmatch(value) for value in literals if isinstance(value, str))
    return frozenset(match[1] for match in matches if match)


def _path(module: str) -> Path:
    folder = Path(*module.split("."))
    return folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")


def _has_code(file: Path) -> bool:
    """Return whether a module holds more than its docstring."""
    return any(not isinstance(node, ast.Expr) for node in _parse(file).body)


@cache
def _parse(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def _is_data(path: Path) -> bool:
    return path.suffix != ".py" if path.is_file() else not any(path.rglob("*.py"))


if __name__ == "__main__":
    sys.exit(main())
