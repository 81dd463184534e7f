"""Attention within rows, whose time grows with their length, also of a text with a paragraph a word."""

import pytest
import torch

from mgm.model import attention
from mgm.model.attention import SelfAttention, cut_rows
from mgm.model.ragged import Ragged


@pytest.mark.parametrize(
    ("length", "expected"),
    [([0, 3, 4], [0, 3, 4]), ([9], [4, 4, 1]), ([2, 8, 0, 5], [2, 4, 4, 0, 4, 1]), ([], [])],
    ids=["short", "one long row", "mixed", "none"],
)
def test_rows_are_cut(length: list[int], expected: list[int]) -> None:
    assert cut_rows(torch.tensor(length, dtype=torch.int64), 4).tolist() == expected


def test_long_rows_attend_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    layer, items = SelfAttention(4, 2), torch.randn(12, 4)
    monkeypatch.setattr(attention, "MAX_ATTENDED", 5)
    cut = layer(Ragged(items, torch.tensor([12])))
    assert cut.length.tolist() == [12]
    blocks = layer(Ragged(items, torch.tensor([5, 5, 2])))
    assert torch.equal(cut.values, blocks.values)
    monkeypatch.setattr(attention, "MAX_ATTENDED", 12)
    assert not torch.allclose(layer(Ragged(items, torch.tensor([12]))).values, blocks.values)
