"""The Jinja environments of the page and of the card."""

from collections.abc import Callable
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

PACKAGE, FOLDER = "mgm.report", "templates"
NO_VALUE = "–"


def create_environment(*, autoescape: bool) -> Environment:
    """Return the environment of the report's templates, with the filters that format numbers and names."""
    environment = Environment(
        loader=PackageLoader(PACKAGE, FOLDER),
        autoescape=autoescape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=not autoescape,
    )
    environment.filters |= {
        "metric": _formatter("{:.3f}"),
        "signed": _formatter("{:+.3f}"),
        "count": _formatter("{:,}"),
        "share": _formatter("{:.1%}"),
        "whole_share": _formatter("{:.0%}"),
        "chance": lambda p: "<0.001" if p < 0.001 else f"{p:.3f}",
        "words": lambda name: str(name).replace("_", " "),
    }
    return environment


def _formatter(pattern: str) -> Callable[[Any], str]:
    return lambda value: NO_VALUE if value is None else pattern.format(value)
