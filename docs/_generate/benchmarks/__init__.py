"""Tables and figures of the benchmarks' results, a file each, which pages name by a comment such as `<!-- table: quality -->`."""

import re
from importlib import import_module

_PLACE = re.compile(r"<!-- (?:table|figure): (\w+) -->")


def render(name: str) -> str:
    """Return the table or figure of a module of this package."""
    markdown: str = import_module(f"{__name__}.{name}").render()
    return markdown


def with_tables(markdown: str) -> str:
    """Return a page with the tables and figures that it names."""
    return _PLACE.sub(lambda match: render(match[1]), markdown)
