"""The option `--json` of commands whose answer a script may read, and how it is printed."""

import json
from typing import Any

import typer

JSON = typer.Option("--json", metavar="", help="Print JSON for scripts.")


def print_json(content: Any) -> None:
    """Print an answer as indented JSON."""
    print(json.dumps(content, indent=2, ensure_ascii=False))
