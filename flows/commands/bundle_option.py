"""The option that names the bundle of commands that ask a model."""

import typer

BUNDLE = typer.Option(
    metavar="FOLDER", help="Bundle to use; default: the champion, or the candidate if there is none."
)
