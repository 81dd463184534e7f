import pytest
import torch

from mgm.training import precision
from mgm.training.precision import resolve_precision

CPU, GPU = torch.device("cpu"), torch.device("cuda")


def test_auto_is_bf16_on_a_gpu_that_has_it_and_never_on_a_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    for has in (True, False):
        monkeypatch.setattr(precision, "has_bf16", lambda device, has=has: has)
        assert resolve_precision("auto", GPU) == ("bf16" if has else "fp32")
        assert resolve_precision("auto", CPU) == "fp32"
        assert resolve_precision("fp32", GPU) == "fp32"


def test_bf16_where_it_would_be_emulated_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "has_bf16", lambda device: True)
    assert resolve_precision("bf16", CPU) == "bf16"
    monkeypatch.setattr(precision, "has_bf16", lambda device: False)
    with pytest.raises(ValueError, match="train.precision: bf16, but this cpu has no bf16 instructions"):
        resolve_precision("bf16", CPU)
