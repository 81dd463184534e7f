"""Write the files of the project template from those of the repository: `python -m flows.project_template` (`--check`: only compare).

A project made by `mgm init` has no code of its own. Its stages are those of the repository's dvc.yaml, with three differences: they
depend on no source file; a first stage writes the installed version and all settings, defaults included, to one file; and every
stage reads its settings, and the version, from that file. So params.yaml needs to hold only what differs from the defaults, and
stages run again exactly when their settings or the installed version change. Its gates read the project's own suites.
"""

import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from flows.generated_files import update_files
from flows.project import RESOLVED_SETTINGS, SUITES

TEMPLATE = Path("flows/template")
_SETTINGS_STAGE = f"""\
  # All settings, with their defaults, and the installed version: the stages below read theirs from this file.
  settings:
    cmd: python -m flows.stages.settings
    always_changed: true
    deps:
      - params.yaml
    outs:
      - {RESOLVED_SETTINGS}:
          cache: false

"""
_PACKAGED_SUITES = "flows/gates/suites"
_CODE = re.compile(r"- (?:mgm|flows)/\S+")
_ENTRYPOINT = re.compile(r"(entrypoint: )(\w+)/(\w+)\.py:(\w+)")


def project_stages(text: str) -> str:
    """Return the text of a project's main dvc.yaml, from that of the repository."""
    head, line, stages = text.partition("stages:\n")
    return head + line + _SETTINGS_STAGE + further_stages(stages)


def further_stages(text: str) -> str:
    """Return the text of stages that depend on the installed version in place of code."""
    lines: list[str] = []
    params_indent: int | None = None
    for line in text.splitlines():
        item, indent = line.strip(), len(line) - len(line.lstrip())
        if params_indent is not None and not (item.startswith("- ") and indent > params_indent):
            params_indent = None
        if not item.startswith("- ") and lines and re.fullmatch(r"deps:( &\S+)?", lines[-1].strip()):
            lines.pop()  # it named code alone
        if params_indent is not None:
            lines.append(f"{'': <{params_indent + 6}}{item}")
        elif re.fullmatch(r"params:( &\S+)?", item):
            params_indent = indent
            lines += [line, f"{'': <{indent + 2}}- {RESOLVED_SETTINGS}:", f"{'': <{indent + 6}}- version"]
        elif item == f"- {_PACKAGED_SUITES}":
            lines.append(line.replace(_PACKAGED_SUITES, SUITES.as_posix()))
        elif not _CODE.fullmatch(item):
            lines.append(line)
    return "\n".join(lines) + "\n"


def project_deployments(text: str) -> str:
    """Return the text of a project's prefect.yaml, from that of the repository: its flows are modules that are installed."""
    return _ENTRYPOINT.sub(r"\1\2.\3.\4", text)


def _as_it_is(text: str) -> str:
    return text


PACKAGED_NAMES = {"dvc.yaml": "stages.yaml", "study/dvc.yaml": "study/stages.yaml"}
"""Files that have another name in the template: DVC would read a dvc.yaml there, and in an environment within a project, as one."""

FILES: dict[str, Callable[[str], str]] = {
    "dvc.yaml": project_stages,
    "study/dvc.yaml": further_stages,
    "prefect.yaml": project_deployments,
    "prefect.toml": _as_it_is,
    "data/resources/README.md": _as_it_is,
    "data/corrections/README.md": _as_it_is,
    "data/teachers/README.md": _as_it_is,
    "data/encoders/README.md": _as_it_is,
    "reports/README.md": _as_it_is,
}
"""The files of the template that have a counterpart in the repository, at the same place, with the change that makes them."""


def wanted_files(root: Path = Path()) -> dict[Path, str]:
    """Return the files of the template with the text that follows from the repository's files of now."""
    return {
        root / TEMPLATE / PACKAGED_NAMES.get(name, name): change((root / name).read_text(encoding="utf-8"))
        for name, change in FILES.items()
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code: with `--check` 1 where a file is not as it should be."""
    return update_files(wanted_files, "flows.project_template", arguments=arguments)


if __name__ == "__main__":
    sys.exit(main())
