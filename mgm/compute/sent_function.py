"""A function that is sent to a worker once, for many calls."""

import pickle
from collections.abc import Callable
from typing import Any


class SentFunction:
    """The function that a worker has been sent last, unpickled once, in the folder in which it is called."""

    def __init__(self) -> None:
        self._content = b""
        self._function: Callable[..., Any] | None = None

    def load(self, content: bytes) -> Callable[..., Any]:
        """Return the function of these bytes, which may open files relative to the present folder."""
        if self._function is None or content != self._content:
            self._function, self._content = pickle.loads(content), content
        return self._function
