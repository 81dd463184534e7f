"""What a training tells: the console's lines, the live metrics, training.json."""

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from flows.stages import train
from flows.training_run import Console, epoch_line, facts
from mgm.tasks import with_label_spaces
from mgm.training.callbacks import EpochReport
from mgm.training.cost import EpochCost
from mgm.training.fit import fit, plan_training
from tests import tiny_corpora

REPORT = EpochReport(
    epoch=2,
    losses={"dish": 1.0, "themes": 5.0},
    weights={"dish": 1.0, "themes": 0.1234},
    metrics={"dish": 0.5, "themes": 0.25},
    score=0.375,
    is_best=True,
    learning_rate=0.001,
    passes={"menus": 1.0, "verses": 1.5},
    task_passes={"dish": 2.0, "themes": 3.0},
    cost=EpochCost(
        words=8_000,
        documents=100,
        seconds=5.0,
        training_seconds=4.0,
        loading_seconds=0.2,
        peak_memory_mib=1_234,
    ),
)


def test_the_line_of_an_epoch_and_the_passes_of_the_first(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "flows")
    assert epoch_line(REPORT, 6) == (
        "epoch 2/6: loss dish 1.000, themes 5.000 x0.123 | valid dish 0.500, themes 0.250 | mean 0.3750* | "
        "2,000 words/s, 25 documents/s, 5% loading, 1,234 MiB, rate 0.00100, 5.0 s"
    )
    Console(6).on_epoch(replace(REPORT, epoch=1))
    first, second = caplog.messages
    assert first == (
        "passes an epoch: over the rows of menus 1.00, verses 1.50; over the labels of dish 2.00, themes 3.00"
    )
    assert second.startswith("epoch 1/6: ")


def test_what_is_logged_live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also in a Git repository that has no commit yet."""
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    (tmp_path / ".dvc").mkdir()
    monkeypatch.chdir(tmp_path)
    with train.TrainingLog(str(tmp_path), save_dvc_exp=False, dvcyaml=None, report=None) as live:
        train._log(live, REPORT)
        train._log(live, replace(REPORT, epoch=3))
    found = json.loads((tmp_path / "metrics.json").read_text())
    found.pop("step")
    assert found == {
        "loss": {"dish": 1.0, "themes": 5.0},
        "weight": {"dish": 1.0, "themes": 0.1234},
        "valid": {"dish": 0.5, "themes": 0.25},
        "valid_mean": 0.375,
        "passes": {"dish": 2.0, "themes": 3.0},
        "learning_rate": 0.001,
        "words_per_second": 2_000.0,
        "documents_per_second": 25.0,
        "loading_share": pytest.approx(0.05),
        "peak_memory_mib": 1_234,
    }
    series = (tmp_path / "plots" / "metrics" / "weight" / "themes.tsv").read_text().split()
    assert series == ["step", "themes", "0", "0.1234", "1", "0.1234"]


def test_the_facts_of_a_training() -> None:
    config = tiny_corpora.settings(epochs=2, weighting="uncertainty")
    features, vocabulary, spaces = tiny_corpora.prepared(config, tiny_corpora.corpora())
    made = plan_training(
        config,
        with_label_spaces(config.active_tasks(), spaces),
        parts=features,
        vocabulary_size=len(vocabulary),
    )
    found = facts(made, fit(made, config), settings=config)
    assert (found["precision"], found["weighting"]) == ("fp32", "uncertainty")
    assert found["model"]["preset"] == "full"
    assert found["weights"] == found["epochs"][-1]["weights"]
    assert 0 < found["loading_share"] < 1
    assert found["words_per_second"] > found["documents_per_second"] > 0
    assert found["epochs"][1]["task_passes"]["dish"] == 2.0
    json.dumps(found)
