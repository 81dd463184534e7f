"""The rows of several processes: all of them once, as many for each, and the same steps."""

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgm.text.feature_tables import FeatureParts
from mgm.text.features import FeaturePart
from mgm.training.batches import PlannedBatch, split_batches
from mgm.training.data import PartRows
from mgm.training.distributed import DistributedContext
from mgm.training.process_rows import row_range, rows_by_part, share_rows
from mgm.training.sampling import EpochPlan, plan_epoch
from tests.training.team import in_threads

TYPES = pl.DataFrame({"id": [0]})
CORPORA = st.lists(
    st.lists(st.lists(st.integers(1, 90), max_size=9), min_size=1, max_size=4), min_size=1, max_size=3
)
"""The lengths of the documents of each part of each corpus; 30 and more mark a document that is not selected."""


def is_selected(length: int) -> bool:
    return length < 30


def select(parts: Mapping[str, Sequence[FeaturePart]]) -> list[PartRows]:
    """The rows of short documents, as labelled rows are selected."""
    selected = []
    for corpus, of_corpus in parts.items():
        for part in of_corpus:
            length = part.documents["length"].to_numpy()
            rows = np.flatnonzero([is_selected(n) for n in length])
            if len(rows):
                selected.append(PartRows(corpus=corpus, part=part, rows=rows, length=length[rows]))
    return selected


def made_parts(corpora: list[list[list[int]]]) -> dict[str, list[FeaturePart]]:
    """Parts whose documents have a number, unique over all corpora."""
    parts, number = {}, 0
    for place, lengths in enumerate(corpora):
        frames = []
        for of_part in lengths:
            numbers = range(number, number := number + len(of_part))
            frames.append(
                pl.DataFrame({"number": numbers, "length": of_part}, {"number": pl.Int64, "length": pl.Int64})
            )
        parts[f"corpus{place}"] = [FeaturePart(frame, TYPES) for frame in frames]
    return parts


def numbers(plan: EpochPlan, sources: list[PartRows]) -> list[tuple[str, list[int], bool]]:
    """The corpus and the documents of each step, and whether they count for nothing."""
    return [
        (
            sources[b.source].corpus,
            sources[b.source].part.documents["number"][b.rows].to_list(),
            b.is_repeated,
        )
        for b in plan.batches
    ]


def selected_numbers(parts: Mapping[str, Sequence[FeaturePart]]) -> list[int]:
    return [n for s in select(parts) for n in s.part.documents["number"][s.rows].to_list()]


@given(st.integers(0, 200), st.integers(1, 9))
def test_ranges_are_all_rows_once_and_equal(num_rows: int, world_size: int) -> None:
    ranges = [row_range(num_rows, rank=rank, world_size=world_size) for rank in range(world_size)]
    assert [row for rows in ranges for row in rows] == list(range(num_rows))
    assert max(map(len, ranges)) - min(map(len, ranges)) <= 1


@given(CORPORA, st.integers(1, 4))
def test_each_process_opens_the_parts_of_its_own_rows(
    corpora: list[list[list[int]]], world_size: int
) -> None:
    """All rows are in one share, in order; all processes but the main one open as few parts as hold their share."""
    parts = made_parts(corpora)

    def run(processes: DistributedContext) -> tuple[list[PartRows], set[tuple[str, int]]]:
        opened: set[tuple[str, int]] = set()

        def open_part(corpus: str, index: int) -> FeaturePart:
            opened.add((corpus, index))
            return parts[corpus][index]

        lazy = {
            corpus: FeatureParts(len(parts[corpus]), lambda index, corpus=corpus: open_part(corpus, index))
            for corpus in parts
        }
        return share_rows(lazy, select, processes=processes)[1], opened

    results = in_threads(world_size, run)
    shared = [
        (s.corpus, n)
        for local, _ in results
        for s in local
        for n in s.part.documents["number"][s.rows].to_list()
    ]
    assert sorted(n for _, n in shared) == selected_numbers(parts)
    for corpus in parts:
        own = [n for name, n in shared if name == corpus]
        assert own == sorted(own)
    for rank, (local, opened) in enumerate(results):
        with_rows = {(s.corpus, i) for s in local for i, part in enumerate(parts[s.corpus]) if part is s.part}
        assert opened == with_rows or rank == 0


@given(CORPORA, st.integers(2, 3), st.integers(1, 60), st.sampled_from([0.0, 1.0]), st.booleans())
def test_all_processes_take_the_same_steps(
    corpora: list[list[list[int]]], world_size: int, budget: int, tau: float, is_beyond_memory: bool
) -> None:
    """They have as many steps, the same corpus in each, and at tau 1 every row counts once an epoch."""
    labelled = [
        lengths for lengths in corpora if sum(is_selected(n) for part in lengths for n in part) >= world_size
    ]
    parts = made_parts(labelled)
    if not parts:
        return

    def run(processes: DistributedContext, epoch: int = 3) -> list[tuple[str, list[int], bool]]:
        _, local = share_rows(parts, select, processes=processes, is_needed_by_all=True)
        plan = plan_epoch(
            local,
            tokens_per_batch=budget,
            tau=tau,
            seed=1,
            epoch=epoch,
            max_bytes=20 if is_beyond_memory else None,
            processes=processes,
        )
        return numbers(plan, local)

    plans = in_threads(world_size, run)
    assert len({tuple(corpus for corpus, *_ in plan) for plan in plans}) == 1
    assert all(rows for plan in plans for _, rows, _ in plan)
    if tau == 1:
        counted = [n for plan in plans for _, rows, is_repeated in plan if not is_repeated for n in rows]
        assert sorted(counted) == selected_numbers(parts)
    assert in_threads(world_size, run) == plans


def test_a_corpus_with_fewer_rows_than_processes_is_an_error() -> None:
    parts = made_parts([[[1, 2, 40]]])
    with pytest.raises(
        ValueError,
        match=r"corpus 'corpus0': 2 training documents; expected at least one for each of the 3 processes \(train.processes\)",
    ):
        in_threads(3, lambda processes: share_rows(parts, select, processes=processes, is_needed_by_all=True))


@given(st.lists(st.integers(1, 5), min_size=1, max_size=6), st.integers(0, 30))
def test_split_batches_keep_every_row_once(sizes: list[int], more: int) -> None:
    batches = [PlannedBatch(source=i, rows=np.arange(size)) for i, size in enumerate(sizes)]
    split = split_batches(batches, len(batches) + more)
    assert len(split) == len(batches) + more
    assert sorted((b.source, row) for b in split if not b.is_repeated for row in b.rows) == [
        (i, row) for i, size in enumerate(sizes) for row in range(size)
    ]
    if any(b.is_repeated for b in split):
        assert max(len(b.rows) for b in split) == 1
    elif more == 0:
        assert split == batches


def test_rows_by_part_passes_over_parts_without_rows() -> None:
    assert rows_by_part([2, 0, 3, 4], range(1, 6)) == {0: range(1, 2), 2: range(3), 3: range(1)}
