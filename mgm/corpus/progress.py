"""A progress bar, shown after five seconds and only in a terminal."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")

DELAY = 5.0  # seconds


def progress(
    items: Iterable[T], description: str, *, total: int | None = None, unit: str = " parts"
) -> Iterator[T]:
    """Yield the items, and show the number of those taken."""
    yield from tqdm(items, desc=description, total=total, unit=unit, delay=DELAY, disable=None, leave=False)
