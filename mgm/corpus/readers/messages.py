"""Errors of one line, whatever the names and values in them are."""

from collections.abc import Iterator
from contextlib import contextmanager

_MAX_CHARACTERS = 600


@contextmanager
def clear_errors() -> Iterator[None]:
    """Raise an error of a reader again on one line, with what cannot be printed escaped, and not at any length."""
    try:
        yield
    except ValueError as error:
        message = str(error)
        clear = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in message)
        if len(clear) > _MAX_CHARACTERS:
            clear = f"{clear[:_MAX_CHARACTERS]}..."
        if clear == message:
            raise
        raise ValueError(clear) from error
