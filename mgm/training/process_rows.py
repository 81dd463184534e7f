"""The rows of each of several processes that train together: of every corpus a run of neighbouring rows.

The runs are one behind the other in the order of the parts, so that a process reads whole parts, except for the first and the last.
They are cut by the number of selected rows: however labels are spread over a corpus, each process has as many of them, give or take
one.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from mgm.text.features import FeaturePart
from mgm.training.data import PartRows
from mgm.training.distributed import DistributedContext

Select = Callable[[Mapping[str, Sequence[FeaturePart]]], list[PartRows]]
"""Returns the selected rows of some parts, by corpus."""


def row_range(num_rows: int, *, rank: int, world_size: int) -> range:
    """Return the rows of process `rank`: neighbours, as many as any other process has, give or take one."""
    return range(num_rows * rank // world_size, num_rows * (rank + 1) // world_size)


def rows_by_part(part_rows: Sequence[int], rows: range) -> dict[int, range]:
    """Return the numbers within their part of some rows of a corpus, for each part that has any of them.

    Args:
        part_rows: the number of rows of each part.
        rows: the numbers of the rows, counted over all parts.
    """
    ends = np.cumsum(part_rows, dtype=np.int64).tolist()
    starts = [end - count for end, count in zip(ends, part_rows, strict=True)]
    return {
        index: range(max(rows.start - start, 0), min(rows.stop, end) - start)
        for index, (start, end) in enumerate(zip(starts, ends, strict=True))
        if max(rows.start, start) < min(rows.stop, end)
    }


def share_rows(
    parts: Mapping[str, Sequence[FeaturePart]],
    select: Select,
    *,
    processes: DistributedContext,
    is_needed_by_all: bool = False,
) -> tuple[list[PartRows], list[PartRows]]:
    """Return the selected rows that this process may read, and those of them that its steps are on.

    The main process reads all: it counts them for the others, and does alone what is global. Any other process opens no part but
    those of its own rows, so that both lists are the same.

    Raises:
        ValueError: `is_needed_by_all`, and a corpus has fewer rows than there are processes.
    """
    if processes.world_size == 1:
        selected = select(parts)
        return selected, selected
    whole = {}
    if processes.is_main_process:
        whole = {
            corpus: [select({corpus: [part]}) for part in of_corpus] for corpus, of_corpus in parts.items()
        }
    counts = processes.broadcast_object(
        {corpus: [sum(len(s.rows) for s in selected) for selected in whole[corpus]] for corpus in whole}
    )
    local = []
    for corpus, part_rows in counts.items():
        if is_needed_by_all and 0 < sum(part_rows) < processes.world_size:
            raise ValueError(
                f"corpus {corpus!r}: {sum(part_rows)} training documents; expected at least one for each of the "
                f"{processes.world_size} processes (train.processes)"
            )
        rows = row_range(sum(part_rows), rank=processes.rank, world_size=processes.world_size)
        for index, chosen in rows_by_part(part_rows, rows).items():
            of_part = whole[corpus][index] if whole else select({corpus: [parts[corpus][index]]})
            local += [s.take(np.arange(chosen.start, chosen.stop)) for s in of_part]
    everything = [s for of_corpus in whole.values() for selected in of_corpus for s in selected]
    return everything if processes.is_main_process else local, local
