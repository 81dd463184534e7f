"""Files of the repository that are written from its code: `python -m flows.SCRIPT` writes them, `--check` only compares."""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer


def stale_files(wanted: Mapping[Path, str]) -> dict[Path, str]:
    """Return the files that have not the text that they should have, with that text."""
    return {
        path: text
        for path, text in wanted.items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    }


def update_files(
    wanted: Callable[[], Mapping[Path, str]], script: str, *, arguments: Sequence[str] | None = None
) -> int:
    """Run the command line of a script, and return the exit code: with `--check` 1 where a file is not as it should be.

    Args:
        wanted: returns each file with the text that it should have.
        script: the module that writes the files.
        arguments: those of the command line; None: this process's.
    """

    def write(
        check: Annotated[
            bool,
            typer.Option(
                "--check", metavar="", help="Change nothing; exit code 1 where a file would change."
            ),
        ] = False,
    ) -> None:
        """Write the files that the code decides."""
        stale = stale_files(wanted())
        for path, text in stale.items():
            if check:
                print(f"{path}: out of date; run python -m {script}", file=sys.stderr)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
                print(f"{path}: updated")
        if check and stale:
            raise typer.Exit(1)

    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(write)
    try:
        app(args=None if arguments is None else list(arguments), prog_name=f"python -m {script}")
    except SystemExit as end:
        return int(end.code or 0)
    return 0
