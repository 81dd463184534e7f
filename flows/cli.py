"""The command `mgm`: one line here for each command of `flows/commands`."""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Any

import typer
from typer.main import get_command

from flows import logs
from flows.commands.backfill import backfill
from flows.commands.champion import champion
from flows.commands.crossval import crossval
from flows.commands.distill import distill
from flows.commands.docs import docs
from flows.commands.doctor import doctor
from flows.commands.export.mlflow import mlflow
from flows.commands.export.review import review
from flows.commands.fetch import fetch
from flows.commands.generate import generate
from flows.commands.import_annotations import import_
from flows.commands.init import init
from flows.commands.keys import keys
from flows.commands.lineage import lineage
from flows.commands.migrate import migrate
from flows.commands.predict import predict
from flows.commands.promote import promote
from flows.commands.results import results
from flows.commands.rollback import rollback
from flows.commands.rotate_key import rotate_key
from flows.commands.run import run
from flows.commands.score import score
from flows.commands.serve import serve
from flows.commands.study import study
from flows.commands.tables.optimize import optimize
from flows.commands.tables.vacuum import vacuum
from flows.commands.train import train
from flows.commands.tune import tune
from flows.errors import exit_status
from flows.exit_codes import DONE, INTERRUPTED, MEANINGS, MISUSED
from flows.project_root import in_project

COMMANDS: dict[str, tuple[Callable[..., Any], ...]] = {
    "A project": (init, import_, fetch, doctor, docs, migrate),
    "Train": (run, results, train, study, tune, crossval, distill, generate),
    "Promote": (promote, rollback, champion, keys, rotate_key),
    "Score": (predict, serve, score, backfill, lineage),
}
"""The commands by the heading under which `mgm --help` lists them."""


@dataclass(frozen=True, kw_only=True)
class Group:
    """Commands of two words, such as `mgm export review`.

    Attributes:
        heading: the heading under which `mgm --help` lists the group.
        about: the sentence that it shows.
        commands: the functions of the second words.
    """

    heading: str
    about: str
    commands: tuple[Callable[..., Any], ...]


GROUPS = {
    "export": Group(
        heading="A project",
        about="Hand on to other tools: documents to annotate, the model.",
        commands=(mlflow, review),
    ),
    "tables": Group(
        heading="Score",
        about="Maintain the tables of predictions and rejects.",
        commands=(optimize, vacuum),
    ),
}
"""The groups by their first word."""

OUTSIDE_OF_PROJECTS = (init,)
"""The commands that work in the folder where the user stands; all others work in that of the project that it belongs to."""

_EPILOG = "Exit codes: " + "; ".join(f"{code} {meaning}" for code, meaning in MEANINGS.items()) + "."
_GLOBAL_OPTIONS = ("-v", "--verbose", "-q", "--quiet", "--version")


def _print_version(wanted: bool) -> None:
    if wanted:
        try:
            print(f"mgm {version('mgm')}")
        except PackageNotFoundError:
            print("mgm (not installed)")
        raise typer.Exit


def _options(
    verbose: Annotated[bool, typer.Option("--verbose", "-v", metavar="", help="Log more.")] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", metavar="", help="Log only warnings and errors.")
    ] = False,
    *,
    _: Annotated[
        bool,
        typer.Option(
            "--version", metavar="", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Train one model for many tasks on a team's text corpora, and score new documents with it."""
    if verbose and quiet:
        raise typer.BadParameter("expected one of the two, found both", param_hint="--verbose, --quiet")
    if verbose or quiet:
        logs.set_level("DEBUG" if verbose else "WARNING")


def command_name(function: Callable[..., Any]) -> str:
    """Return the name of a command; the function of one that is a word of Python has `_` behind it."""
    return function.__name__.rstrip("_").replace("_", "-")


def build_app() -> typer.Typer:
    """Return the app with all commands."""
    app = typer.Typer(
        callback=_options,
        epilog=_EPILOG,
        pretty_exceptions_enable=False,
        rich_markup_mode="markdown",
        context_settings={"help_option_names": ["--help", "-h"]},
    )
    for heading, functions in COMMANDS.items():
        for function in functions:
            works_here = function in OUTSIDE_OF_PROJECTS
            app.command(command_name(function), rich_help_panel=heading)(
                function if works_here else in_project(function)
            )
    for name, group in GROUPS.items():
        below = typer.Typer(rich_markup_mode="markdown", no_args_is_help=True)
        for function in group.commands:
            below.command(command_name(function))(in_project(function))
        app.add_typer(below, name=name, help=group.about, rich_help_panel=group.heading)
    return app


def command_words() -> Iterator[tuple[str, ...]]:
    """Yield the words of each command, such as (run) and (export, review)."""
    for functions in COMMANDS.values():
        yield from ((command_name(function),) for function in functions)
    for name, group in GROUPS.items():
        yield from ((name, command_name(function)) for function in group.commands)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    return exit_status(lambda: _run(sys.argv[1:] if arguments is None else list(arguments)))


def _run(arguments: list[str]) -> int:
    command = get_command(build_app())
    try:
        with logs.on_stderr():
            status = command.main(args=arguments or ["--help"], prog_name="mgm", standalone_mode=False)
    except typer.TyperException as error:
        print(_usage_message(error), file=sys.stderr)
        return MISUSED
    if status == INTERRUPTED:
        print("interrupted; the same command continues", file=sys.stderr)
    return (status or DONE) if arguments else MISUSED


def _usage_message(error: typer.TyperException) -> str:
    """Return what is wrong with the command line, and where its help is."""
    message = f"error: {error.format_message()}"
    context: typer.Context | None = getattr(error, "ctx", None)
    if context is None:
        return message
    option = getattr(error, "option_name", None)
    if option in _GLOBAL_OPTIONS:
        message += f"; it stands before the command: mgm {option} {context.info_name}"
    return f"{message}\n{context.get_usage()}\nmore: {context.command_path} --help"


if __name__ == "__main__":
    sys.exit(main())
