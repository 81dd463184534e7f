from collections.abc import Callable

import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from mgm.model.ragged import Ragged, gather_max, gather_mean, sum_runs

lengths = st.lists(st.integers(0, 9), min_size=1, max_size=8)
quick = settings(max_examples=40)


def ragged(length: list[int], *shape: int) -> Ragged:
    torch.manual_seed(sum(length))
    return Ragged(torch.randn(sum(length), *shape, dtype=torch.double), torch.tensor(length))


def rows(items: Ragged) -> list[torch.Tensor]:
    return list(items.values.split(items.length.tolist()))


@quick
@given(lengths)
def test_pools_equal_those_of_each_row_alone(length: list[int]) -> None:
    """Pools equal those of each row alone and an empty row gives zeros."""
    items = ragged(length, 3)
    for name in ("sum", "mean", "max"):
        expected = [
            getattr(r, name)(0) if len(r) else torch.zeros(3, dtype=torch.double) for r in rows(items)
        ]
        expected = [e.values if name == "max" and not isinstance(e, torch.Tensor) else e for e in expected]
        torch.testing.assert_close(getattr(items, f"{name}_pool")(), torch.stack(expected))


@quick
@given(lengths, st.booleans())
def test_a_maximum_is_the_same_by_blocks_of_one_length(length: list[int], by_length: bool) -> None:
    length = sorted(length * 3) if by_length else length
    items = ragged(length, 3)
    expected = items.max_pool()
    with torch.no_grad():
        assert torch.equal(items.max_pool(), expected)
        table = torch.randn(7, 3)
        index = Ragged(torch.arange(sum(length)) % 7, items.length)
        assert torch.equal(gather_max(table, index), Ragged(table[index.values], index.length).max_pool())
    assert torch.equal(gather_max(table, index), Ragged(table[index.values], index.length).max_pool())


@quick
@given(lengths, st.booleans())
def test_the_gradient_of_a_maximum_is_that_of_torch(length: list[int], often: bool) -> None:
    """The same bits, also where an item is in several rows, and of ties the first one has the gradient."""
    items = ragged(length, 3)
    index = torch.arange(sum(length)) % (3 if often else sum(length) + 1)
    table = torch.randn(max(sum(length), 3), 3).round(decimals=1)

    def gradient(pool: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
        leaf = table.clone().requires_grad_()
        pooled = pool(leaf)
        (pooled * torch.arange(1.0, 1 + pooled.numel()).view_as(pooled).sqrt()).sum().backward()
        assert leaf.grad is not None
        return leaf.grad

    expected = gradient(lambda leaf: F.embedding_bag(index, leaf, items.start, mode="max"))
    assert torch.equal(gradient(lambda leaf: gather_max(leaf, Ragged(index, items.length))), expected)
    if not often:
        pooled = gradient(lambda leaf: Ragged(leaf[: sum(length)], items.length).max_pool())
        assert torch.equal(pooled, expected)


@quick
@given(lengths, st.lists(st.integers(0, 7), max_size=9))
def test_rows_can_be_taken_in_any_order_and_often(length: list[int], chosen: list[int]) -> None:
    items = ragged(length, 2)
    chosen = [i % len(length) for i in chosen]
    found = items.take(torch.tensor(chosen, dtype=torch.int64))
    assert found.length.tolist() == [length[i] for i in chosen]
    expected = [rows(items)[i] for i in chosen]
    assert torch.equal(found.values, torch.cat(expected) if expected else items.values[:0])


@quick
@given(lengths)
def test_runs_of_whole_numbers_are_summed(length: list[int]) -> None:
    values = torch.arange(sum(length))
    runs = values.split(length)
    assert sum_runs(values, torch.tensor(length)).tolist() == [int(run.sum()) for run in runs]


@quick
@given(lengths)
def test_softmax_sums_to_one_in_each_row_that_has_items(length: list[int]) -> None:
    items = ragged(length)
    weight = Ragged(items.softmax() * 1.0, items.length)
    torch.testing.assert_close(weight.values, torch.cat([r.softmax(0) for r in rows(items)]))


@quick
@given(lengths)
def test_padding_marks_real_items_and_can_be_undone(length: list[int]) -> None:
    items = ragged(length, 2)
    padded, mask = items.pad()
    assert mask.sum(1).tolist() == length
    assert torch.equal(padded[mask], items.values)
    assert padded[~mask].eq(0).all()


@quick
@given(lengths)
def test_length_classes_hold_every_item_once(length: list[int]) -> None:
    """Length classes hold every item once and at most double when padded."""
    items = ragged(length, 2)
    places = []
    for place, part in items.by_length():
        places += place.tolist()
        assert torch.equal(items.values[place], part.values)
        assert part.pad()[1].numel() <= 2 * part.values.shape[0]
    assert sorted(places) == list(range(sum(length)))


@quick
@given(lengths)
def test_select_keeps_rows_and_drops_items(length: list[int]) -> None:
    items = ragged(length, 1)
    keep = items.values[:, 0] > 0
    kept = items.select(keep)
    for before, after in zip(rows(items), rows(kept), strict=True):
        assert torch.equal(before[before[:, 0] > 0], after)


@quick
@given(lengths)
def test_time_major_holds_step_after_step_and_leads_back(length: list[int]) -> None:
    items = ragged(length)
    layout = items.time_major
    assert layout.steps == [sum(n > t for n in length) for t in range(max(length))]
    assert torch.equal(items.values[layout.item][layout.slot], items.values)
    assert torch.equal(items.values[layout.item_reversed][layout.slot_reversed], items.values)
    position = items.position[layout.item]
    assert torch.equal(position, position.sort().values)
    if sum(length):
        before = layout.item[layout.previous()]
        assert torch.equal(before, layout.item[layout.steps[0] :] - 1)


def test_mean_of_named_rows() -> None:
    table = torch.tensor([[1.0], [3.0], [8.0]])
    index = Ragged(torch.tensor([0, 1, 2]), torch.tensor([2, 0, 1]))
    assert gather_mean(table, index).tolist() == [[2.0], [0.0], [8.0]]


def test_of_no_rows_there_is_no_maximum() -> None:
    none = torch.zeros(0, dtype=torch.int64)
    with torch.no_grad():
        assert Ragged(torch.zeros(0, 3), none).max_pool().shape == (0, 3)
        assert gather_max(torch.zeros(2, 3), Ragged(none, none)).shape == (0, 3)
