"""The page of all commands, from the command line itself."""

from collections.abc import Iterator
from typing import Any

from typer.main import get_command

from docs._generate.markdown import table
from flows.cli import build_app

INTRODUCTION = """\
# Commands

`mgm --help` lists the commands, and `mgm COMMAND --help` the options of one. `mgm --install-completion` sets up completion in the shell.

A command works on the project that contains the current folder: it looks for the nearest `params.yaml` upwards. Paths on the command
line are relative to the current folder; paths in the output are relative to the project.

"""


def page() -> str:
    """Return the page as Markdown."""
    group: Any = get_command(build_app())
    parts = [INTRODUCTION, "## For every command\n\n", _options(group)]
    if group.epilog:
        parts.append(f"\n{group.epilog.strip()}\n")
    for name, command in _leaves(group):
        arguments = "".join(
            f" {_argument(each)}" for each in command.params if each.param_type_name == "argument"
        )
        parts.append(f"\n## mgm {name}\n\n{(command.help or '').strip()}\n\n")
        parts.append(f"```text\nmgm {name} [OPTIONS]{arguments}\n```\n\n{_options(command)}")
    return "".join(parts)


def _leaves(group: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the commands with their words; those of a group, such as `export review`, in its place."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _leaves(command, f"{prefix}{name} ")
        else:
            yield prefix + name, command


def _argument(argument: Any) -> str:
    name = argument.metavar or argument.name.upper()
    name += "..." if argument.nargs == -1 else ""
    return name if argument.required else f"[{name}]"


def _options(command: Any) -> str:
    rows = [
        (", ".join(f"`{name}`" for name in option.opts + option.secondary_opts), option.help or "")
        for option in command.params
        if option.param_type_name == "option" and not option.hidden
    ]
    return table(["option", "meaning"], rows) if rows else ""
