"""Tensors that are views of a file in memory: those that the library reads, and a line for what it would not read."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load, save

from mgm.bundle import tensors
from mgm.bundle.tensors import view_tensors

SAVED = save(
    {
        "table": torch.arange(6.0).reshape(3, 2),
        "bias": torch.tensor(0.5),
        "ids": torch.tensor([1, -2]),
        "flags": torch.tensor([True, False, True]),
        "half": torch.ones(3, dtype=torch.float16),
        "empty": torch.zeros(0, 4),
    },
    metadata={"made by": "a test"},
)


@pytest.mark.parametrize("viewed_bytes", [0, 1 << 20], ids=["views", "copies"])
def test_tensors_are_those_of_the_library(viewed_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tensors, "_VIEWED_BYTES", viewed_bytes)
    content = np.frombuffer(SAVED, np.uint8).copy()
    for read in (view_tensors(content), view_tensors(SAVED)):
        expected = load(SAVED)
        assert read.keys() == expected.keys()
        for name, tensor in expected.items():
            assert read[name].dtype == tensor.dtype
            assert torch.equal(read[name], tensor)
    view_tensors(content)["table"].zero_()
    assert torch.equal(load(content.tobytes())["table"], torch.zeros(3, 2)) is (viewed_bytes == 0)


def test_bytes_that_cannot_be_written_to_are_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tensors, "_VIEWED_BYTES", 0)
    view_tensors(SAVED)["table"].zero_()
    assert load(SAVED)["table"].any()


def written(header: object, data: bytes = bytes(8)) -> bytes:
    content = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(content).to_bytes(8, "little") + content + data


def entry(shape: object = (2,), offsets: object = (0, 8), dtype: object = "F32") -> dict[str, object]:
    return {"a": {"dtype": dtype, "shape": shape, "data_offsets": offsets}}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"", "a header of 0 bytes in 0", id="nothing"),
        pytest.param(b"\xff" * 64, "a header of 18,446,744,073,709,551,615 bytes in 64", id="long header"),
        pytest.param(written(b"{"), "its header is no JSON", id="no JSON"),
        pytest.param(written(b"[" * 100_000), "its header is no JSON", id="deep JSON"),
        pytest.param(written([1]), "its header is list", id="list"),
        pytest.param(written({"a": 1}), "'a': no data_offsets", id="no entry"),
        pytest.param(written(entry(offsets=[0, "8"])), "data_offsets [0, '8']", id="text offset"),
        pytest.param(written(entry(dtype="F99")), "dtype 'F99'; expected one of F64", id="type"),
        pytest.param(written(entry(dtype=[1])), r"dtype [1]; expected one of F64", id="type list"),
        pytest.param(written(entry(shape=[-2])), "shape [-2]", id="negative"),
        pytest.param(written(entry(shape=[True])), "shape [True]", id="boolean"),
        pytest.param(written(entry(shape=[2**60])), "expected 0 to 4,611", id="huge"),
        pytest.param(written(entry(offsets=[4, 12])), "at bytes [4, 12] of 8; expected 0 to 8", id="gap"),
        pytest.param(written(entry(), bytes(4)), "of 4; expected 0 to 8", id="cut short"),
        pytest.param(written(entry(), bytes(9)), "9 bytes of tensors; expected 8", id="more"),
    ],
)
def test_what_is_no_such_file_is_one_line(content: bytes, message: str) -> None:
    with pytest.raises((ValueError, TypeError)) as error:
        view_tensors(content)
    assert message in str(error.value)
    assert len(str(error.value)) < 400
