"""Updates of the rows that a batch reads, against AdamW without a first moment on the whole table."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from mgm.model import embedding_table
from mgm.model.embedding_table import EmbeddingTable
from mgm.training import row_optimizer
from mgm.training.averaging import MovingAverage
from mgm.training.row_optimizer import RowOptimizer

ROWS, WIDTH, STEPS = 12, 11, 30
RATE, CLIP, DECAY = 0.01, 0.5, 0.6


@pytest.fixture(params=["kernels", "torch", "autograd"])
def collects(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether gradients are kept by row; by whom, and who updates the rows."""
    if request.param == "torch":
        for module in (embedding_table, row_optimizer):
            monkeypatch.setattr(module, "load_kernels", lambda: None)
    return bool(request.param != "autograd")


def made_table() -> EmbeddingTable:
    torch.manual_seed(0)
    return EmbeddingTable(ROWS, WIDTH)


def reads() -> Iterator[tuple[Tensor, Tensor | None]]:
    """Ids of each step, every other time in bags, of which one is empty; most rows are left out for some steps."""
    for step in range(STEPS):
        ids = torch.tensor([step % 5, 0, step % 7, 0, ROWS - 1 if step == 20 else 1])
        yield ids, torch.tensor([0, 2, 2, 5]) if step % 2 else None


def loss_of(table: EmbeddingTable, ids: Tensor, bounds: Tensor | None) -> Tensor:
    read = table(ids) if bounds is None else table.mean(ids, bounds)
    return (read**2 * torch.arange(1, WIDTH + 1)).sum()


def train(table: EmbeddingTable, optimizer: RowOptimizer, *, collects: bool, last: int = STEPS) -> None:
    for step, (ids, bounds) in enumerate(reads()):
        if step >= last:
            return
        table.weight.grad = None
        if not collects:
            loss_of(table, ids, bounds).backward()
            optimizer.step(RATE, clip=CLIP)
            continue
        with optimizer.collect():
            loss_of(table, ids, bounds).backward()
            assert table.weight.grad is None
            optimizer.step(RATE, clip=CLIP)


def test_rows_move_as_by_adamw_without_first_moment(collects: bool) -> None:
    table, expected = made_table(), made_table()
    optimizer = RowOptimizer([table], weight_decay=0, average_decay=DECAY)
    adamw = torch.optim.AdamW([expected.weight], RATE, betas=(0.0, row_optimizer.BETA), weight_decay=0)
    average = MovingAverage([expected.weight], DECAY)
    for ids, bounds in reads():
        adamw.zero_grad()
        loss_of(expected, ids, bounds).backward()
        assert expected.weight.grad is not None
        expected.weight.grad *= CLIP
        adamw.step()
        average.update()
    train(table, optimizer, collects=collects)
    torch.testing.assert_close(table.weight, expected.weight)
    with optimizer.averages_applied(), average.applied():
        torch.testing.assert_close(table.weight, expected.weight)
    torch.testing.assert_close(table.weight, expected.weight)
    assert torch.equal(table.weight[8], made_table().weight[8]), "no batch has read it"


def test_weights_decay_where_they_are_read(collects: bool) -> None:
    table = made_table()
    optimizer = RowOptimizer([table], weight_decay=0.5, average_decay=0)
    before = table.weight.detach().clone()
    train(table, optimizer, collects=collects, last=1)
    without = made_table()
    train(without, RowOptimizer([without], weight_decay=0, average_decay=0), collects=collects, last=1)
    is_read = (without.weight != before).any(1)
    assert is_read.tolist() == [True, True] + [False] * (ROWS - 2)
    torch.testing.assert_close(table.weight, without.weight - RATE * 0.5 * before * is_read[:, None])


def test_the_square_is_that_of_the_whole_gradient(collects: bool) -> None:
    table = made_table()
    optimizer = RowOptimizer([table], weight_decay=0, average_decay=0)
    ids = torch.tensor([3, 3, 5])
    loss_of(table, ids, None).backward()
    assert table.weight.grad is not None
    expected = float(table.weight.grad.square().sum())
    if not collects:
        assert optimizer.square() == pytest.approx(expected)
        return
    table.weight.grad = None
    with optimizer.collect():
        assert optimizer.square() == 0
        loss_of(table, ids, None).backward()
        assert optimizer.square() == pytest.approx(expected)


def test_a_resumed_training_ends_in_the_same_bytes(collects: bool) -> None:
    whole, table = made_table(), made_table()
    first = RowOptimizer([whole], weight_decay=0.1, average_decay=DECAY)
    train(whole, first, collects=collects)
    begun = RowOptimizer([table], weight_decay=0.1, average_decay=DECAY)
    train(table, begun, collects=collects, last=13)
    resumed = RowOptimizer([table], weight_decay=0.1, average_decay=DECAY)
    resumed.load_state_dict(begun.state_dict())
    for step, (ids, bounds) in enumerate(reads()):
        if step < 13:
            continue
        table.weight.grad = None
        if collects:
            with resumed.collect():
                loss_of(table, ids, bounds).backward()
                resumed.step(RATE, clip=CLIP)
        else:
            loss_of(table, ids, bounds).backward()
            resumed.step(RATE, clip=CLIP)
    assert torch.equal(table.weight, whole.weight)
    with resumed.averages_applied(), first.averages_applied():
        assert torch.equal(table.weight, whole.weight)
