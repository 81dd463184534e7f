"""Several processes on one global batch: the curve of one process, resumable, whatever weighs the losses."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import Tensor, nn

from mgm.bundle.load import load_bundle
from mgm.files import read_json
from mgm.training.distributed import DistributedContext, check_process_count
from tests import tiny_corpora
from tests.feature_files import lay

ROOT = Path(__file__).parents[2]
ALONE = ["-m", "tests.training.two_processes"]
TWO = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", *ALONE]


RUNS = ["static", "uncertainty", "random", "famo", "UPGrad", "PCGrad", "taught"]
"""UPGrad has the gradients of the whole batch, PCGrad draws besides."""


def run(commands: Path, *command: str) -> int:
    """Run Python, and torchrun's processes too, with the libraries imported; return the exit status."""
    python = [str(commands / "python"), *command]
    return subprocess.run(python, cwd=ROOT, capture_output=True, text=True, timeout=1_800).returncode


def result(folder: Path, name: str, rank: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / f"{name}.{rank}.json").read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, commands: Path) -> tuple[Path, Path]:
    """What every run comes to, alone and in two processes."""
    alone, two = tmp_path_factory.mktemp("alone"), tmp_path_factory.mktemp("two")
    for folder, command in ((alone, ALONE), (two, TWO)):
        assert run(commands, *command, str(folder), *RUNS) == 0
    return alone, two


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNS)
def test_two_processes_train_as_one_does(name: str, trained: tuple[Path, Path]) -> None:
    """Two processes, each with its own rows, have the losses and the weights of one with the same batches."""
    alone, two = trained
    one, first, second = result(alone, name), result(two, name), result(two, name, 1)
    for all_rows, own_rows in zip(first.pop("rows"), second.pop("rows"), strict=True):
        assert own_rows == (all_rows + 1) // 2 > 2
    assert first == second  # the bytes of the weights too
    for figure in ("losses", "metrics", "weights"):
        for expected, found in zip(one[figure], first[figure], strict=True):
            assert found == pytest.approx(expected, rel=1e-4, abs=1e-5), figure
    assert first["words"] == one["words"]
    expected, found = (torch.load(folder / f"{name}.pt") for folder in trained)
    assert expected["wide_tagging.table.weight"].any() and expected["wide.words.weight"].any()
    for key, weights in expected.items():
        torch.testing.assert_close(found[key], weights, atol=1e-4, rtol=1e-4, msg=key)


@pytest.mark.slow
def test_two_killed_processes_resume_to_the_same_bytes(
    trained: tuple[Path, Path], commands: Path, tmp_path: Path
) -> None:
    """Two processes that are killed go on and end in the same bytes."""
    _, once = trained
    resumable = [*TWO, str(tmp_path), "famo", "--checkpoint", str(tmp_path / "state")]
    assert run(commands, *resumable, "--kill", "2") != 0
    assert not list(tmp_path.glob("famo.*"))
    assert (tmp_path / "state/checkpoint.pt").is_file()
    assert run(commands, *resumable) == 0
    assert result(tmp_path, "famo", 1) == result(once, "famo", 1)


@pytest.mark.slow
def test_the_stage_starts_the_set_number_of_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stage starts as many processes as the settings say, which take part in both fits."""
    monkeypatch.chdir(tmp_path)
    train = tiny_corpora.SETTINGS["train"] | {"epochs": 2, "processes": 2, "refit": "valid"}
    lay(tiny_corpora.SETTINGS | {"train": train})
    done = subprocess.run(  # not from a warm process, which this stage's own processes would leave without a status
        [sys.executable, "-m", "flows.stages.train"],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stderr.splitlines()
    assert [line.partition(":")[0] for line in lines if line.startswith("epoch ")][:2] == [
        "epoch 1/2",
        "epoch 2/2",
    ]
    assert sum(line.startswith("training dish, keys, price, themes: ") for line in lines) == 2
    candidate = load_bundle(Path("models/candidate"))
    assert candidate.settings.train.processes == 2
    assert candidate.has_seen("valid") and not candidate.has_seen("test")
    assert [epoch["epoch"] for epoch in read_json(Path("reports/training.json"))["epochs"]] == [1, 2]
    assert not list(Path("data/checkpoints").glob("*"))


def test_a_team_of_one_changes_nothing() -> None:
    team, loss = DistributedContext.current(), torch.tensor(2.0)
    assert (team, team.is_main_process) == (DistributedContext(0, 1), True)
    shares = team.label_shares({"a": 3, "b": 0}, device=torch.device("cpu"))
    assert shares == {"a": 1.0}
    assert team.reduce_losses({"a": loss}, {}, shares=shares)["a"] is loss
    parameter = nn.Parameter(torch.zeros(2))
    team.average_gradients([parameter])
    assert parameter.grad is None
    assert (team.sum_over_processes(3, 4), team.max_over_processes(3)) == ([3, 4], 3)
    assert (team.broadcast_object("a"), team.gather_objects("a")) == ("a", ["a"])
    team.check_same_epoch(5)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Callable[[list[Tensor]], DistributedContext]:
    """The first of two processes, the other of which adds these numbers to each sum in turn."""

    def make(others: list[Tensor]) -> DistributedContext:
        left = iter(others)
        monkeypatch.setattr(dist, "all_reduce", lambda tensor: tensor.add_(next(left)))
        monkeypatch.setattr(dist, "get_backend", lambda: "gloo")
        return DistributedContext(0, 2)

    return make


def test_the_labels_of_a_batch_are_those_of_all_processes(
    made: Callable[[list[Tensor]], DistributedContext],
) -> None:
    own, device = {"a": 3, "b": 0, "c": 0}, torch.device("cpu")
    team = made([torch.tensor([1, 4, 0])])
    assert team.label_shares(own, device=device) == {"a": 0.75, "b": 0.0}
    # a batch of one row, which each has
    team = made([torch.tensor([3, 0, 0])])
    assert team.label_shares(own, device=device) == {"a": 0.5}


def test_a_task_labelled_elsewhere_has_zero_gradients(
    made: Callable[[list[Tensor]], DistributedContext],
) -> None:
    """A task that others alone have labels of has their loss and zeros as gradients."""
    weight = torch.tensor(2.0, requires_grad=True)
    outputs = {"a": weight * torch.ones(3), "b": weight * torch.ones(3)}
    shares = {"a": 0.75, "b": 0.0}
    losses = made([torch.tensor([1.0, 7.0])]).reduce_losses(
        {"a": outputs["a"].mean()}, outputs, shares=shares
    )
    assert {task: loss.item() for task, loss in losses.items()} == {"a": 0.75 * 2 + 1, "b": 7.0}
    assert torch.autograd.grad(losses["a"], weight, retain_graph=True)[0] == 2 * 0.75
    assert torch.autograd.grad(losses["b"], weight)[0] == 0


def test_a_missing_tensor_counts_as_zeros_in_the_mean(
    made: Callable[[list[Tensor]], DistributedContext],
) -> None:
    """The mean counts what a process lacks as zeros and knows what all lack."""
    own = [torch.tensor([[1.0, 2.0]]), None, None]
    shaped = [torch.zeros(1, 2), torch.zeros(3), torch.zeros(2, 2)]
    team = made([torch.tensor([0, 0, 1]), torch.tensor([0.0, 0.0, 4.0, 5.0, 6.0, 7.0])])
    first, second, third = team.mean_over_processes(own, shaped)
    assert first is not None and first.tolist() == [[0.5, 1.0]]
    assert second is None
    assert third is not None and third.tolist() == [[2.0, 2.5], [3.0, 3.5]]


def test_processes_that_resume_from_different_epochs_stop(
    made: Callable[[list[Tensor]], DistributedContext],
) -> None:
    made([torch.tensor([3])]).check_same_epoch(3)
    with pytest.raises(
        ValueError, match="process 0 of 2 goes on after epoch 3, another one after another epoch"
    ):
        made([torch.tensor([0])]).check_same_epoch(3)


def test_a_wrong_process_count_and_too_few_gpus_stop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another number of processes than the settings say and too few gpus stop."""
    check_process_count(2, {})
    check_process_count(4, {"WORLD_SIZE": "4", "LOCAL_WORLD_SIZE": "2"})
    with pytest.raises(
        ValueError, match="train.processes: 1, but torchrun has started 2; expected the same number"
    ):
        check_process_count(1, {"WORLD_SIZE": "2"})
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    check_process_count(1, {})
    with pytest.raises(
        ValueError, match="train.processes: 2, of which 2 on this machine with 1 GPU; expected a GPU"
    ):
        check_process_count(2, {})
