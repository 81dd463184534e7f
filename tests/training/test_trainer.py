import hashlib
import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import save

from mgm.model.network import Network
from mgm.settings import Settings
from mgm.training.checkpoint import Checkpoint
from mgm.training.fit import fit, plan
from mgm.training.trainer import EpochReport, Listener, learning_rate
from mgm.training.weighting import StaticWeights
from tests import tiny

FRAMES = tiny.corpora()
FEATURES, VOCABULARY, SPACES = tiny.prepared(tiny.settings(), FRAMES)


class Killed(Exception):
    pass


def run(
    config: Settings, checkpoint: Checkpoint | None = None, kill_after: int | None = None
) -> tuple[str, list[EpochReport]]:
    """The hash of the trained weights, and the epochs' reports."""
    reports: list[EpochReport] = []

    def on_epoch(report: EpochReport) -> None:
        if kill_after is not None and report.epoch > kill_after:
            raise Killed
        reports.append(report)

    made = plan(config, config.active_tasks(), SPACES, FEATURES, len(VOCABULARY))
    fitted = fit(made, config, checkpoint, Listener(on_epoch=on_epoch))
    return digest(fitted.network), reports


def digest(network: Network) -> str:
    return hashlib.sha256(save({k: v.contiguous() for k, v in network.state_dict().items()})).hexdigest()


def without_time(reports: list[EpochReport]) -> list[dict[str, object]]:
    return [{k: v for k, v in vars(r).items() if k != "seconds"} for r in reports]


def test_it_learns_every_task_and_the_same_seed_gives_the_same_bytes() -> None:
    weights, reports = run(tiny.settings(epochs=10))
    first, last = reports[0], reports[-1]
    assert set(last.losses) == {"dish", "keys", "price", "themes"}
    assert all(last.losses[task] < first.losses[task] for task in last.losses)
    assert last.score > 0.8
    again, repeated = run(tiny.settings(epochs=10))
    assert again == weights
    assert without_time(repeated) == without_time(reports)
    assert run(tiny.settings(epochs=10).model_copy(update={"seed": 2}))[0] != weights


def test_a_task_with_more_weight_is_learned_sooner() -> None:
    light, heavy = (run(tiny.settings(epochs=2, weights={"keys": weight}))[1] for weight in (0.1, 8.0))
    assert heavy[-1].losses["keys"] < 0.9 * light[-1].losses["keys"]


@pytest.mark.parametrize("kill_after", [1, 3])
def test_a_killed_run_goes_on_to_the_same_bytes(tmp_path: Path, kill_after: int) -> None:
    config = tiny.settings()
    weights, reports = run(config)
    checkpoint = Checkpoint(tmp_path / "state", "these facts")
    with pytest.raises(Killed):
        run(config, checkpoint, kill_after)
    resumed, told = run(config, checkpoint)
    assert resumed == weights
    assert without_time(told) == without_time(reports)
    checkpoint.remove()
    assert not (tmp_path / "state").exists()


def test_the_state_of_another_training_is_not_resumed(tmp_path: Path) -> None:
    Checkpoint(tmp_path, "one").save({"epoch": 3})
    assert Checkpoint(tmp_path, "two").load(torch.device("cpu")) is None
    found = Checkpoint(tmp_path, "one").load(torch.device("cpu"))
    assert found is not None
    assert found["epoch"] == 3


def test_early_stopping_keeps_the_best_epoch() -> None:
    config = tiny.settings(epochs=40, patience=2)
    made = plan(config, config.active_tasks(), SPACES, FEATURES, len(VOCABULARY))
    trained = fit(made, config).trained
    assert len(trained.history) == trained.best + 2 < 40
    assert trained.score == max(r.score for r in trained.history)


def test_a_task_can_be_trained_alone() -> None:
    config = tiny.settings(epochs=1)
    tasks = [t for t in config.active_tasks() if t.name == "themes"]
    made = plan(config, tasks, SPACES, FEATURES, len(VOCABULARY))
    assert [s.corpus for s in made.sources] == ["verses"]
    assert set(fit(made, config).thresholds) == {"themes"}


def test_a_loss_that_is_no_number_names_the_task() -> None:
    config = tiny.settings(learning_rate=1e30, clip=1e30)
    with pytest.raises(
        ValueError, match=r"task '\w+': the training loss of epoch 1 is nan; lower train.learning_rate"
    ):
        run(config)


def test_nothing_to_train_on_is_an_error() -> None:
    config = tiny.settings()
    tasks = [t for t in config.active_tasks() if t.name == "price"]
    made = plan(config, tasks, SPACES, {"verses": FEATURES["verses"]}, len(VOCABULARY))
    with pytest.raises(ValueError, match="no row of split train carries a label of price"):
        fit(made, config)


def test_the_rate_warms_up_and_decays_to_nothing() -> None:
    config = tiny.settings(learning_rate=1.0, warmup=0.2).train
    assert learning_rate(config, 0.1) == pytest.approx(0.5)
    assert learning_rate(config, 0.2) == pytest.approx(1.0)
    assert learning_rate(config, 0.6) == pytest.approx(0.5)
    assert learning_rate(config, 1.0) == pytest.approx(0.0)


def test_static_weights() -> None:
    losses = {"a": torch.tensor(2.0), "b": torch.tensor(3.0)}
    assert StaticWeights()(losses).item() == 5.0
    assert StaticWeights({"b": 0.5})(losses).item() == 3.5
    assert math.isclose(StaticWeights({"a": 0.0})(losses).item(), 3.0)
