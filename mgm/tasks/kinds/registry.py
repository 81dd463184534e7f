"""Registries by kind of task, one for each part of the library that depends on the kind.

Every room that treats kinds differently has one `KindRegistry`, filled by one module a kind. A package outside this project adds
a kind by registering it in `TASK_KINDS` and in each of those registries; it is found by the entry point group `mgm.kinds`.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import entry_points
from typing import Generic, TypeVar

T = TypeVar("T")

ENTRY_POINTS = "mgm.kinds"


@cache
def load_plugins() -> None:
    """Import the modules that installed packages declare in the entry point group `mgm.kinds`; each registers its kinds."""
    for entry_point in entry_points(group=ENTRY_POINTS):
        entry_point.load()


class KindRegistry(Mapping[str, T], Generic[T]):
    """Implementations by the name of a kind.

    Args:
        role: the noun for an implementation in errors, such as "prediction head".
    """

    def __init__(self, role: str) -> None:
        self.role = role
        self._implementations: dict[str, T] = {}

    def register(self, kind: str, implementation: T) -> T:
        """Add the implementation of a kind.

        Raises:
            ValueError: the kind has one already.
        """
        if kind in self._implementations:
            raise ValueError(f"task kind {kind!r}: its {self.role} is registered already")
        self._implementations[kind] = implementation
        return implementation

    def __getitem__(self, kind: str) -> T:
        """Return the implementation of a kind.

        Raises:
            KeyError: there is none.
        """
        if kind not in self._implementations:
            load_plugins()
        if kind not in self._implementations:
            raise KeyError(
                f"task kind {kind!r}: no {self.role} is registered (registered: {', '.join(self)})"
            )
        return self._implementations[kind]

    def __contains__(self, kind: object) -> bool:
        if kind not in self._implementations:
            load_plugins()
        return kind in self._implementations

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._implementations))

    def __len__(self) -> int:
        return len(self._implementations)
