"""What `mgm generate` says of its training: by the last run's measurements, or that there are none."""

from pathlib import Path
from typing import Any

import pytest

from flows import generation_outlook
from flows.project import METRICS, TRAINING
from mgm.files import write_json
from mgm.settings.training import TrainSettings


def run(folder: Path, course: list[float], **entry: Any) -> list[str]:
    """The lines after a training with these validation scores, of 90 s an epoch."""
    epochs = [{"metrics": {"title": value}, "cost": {"seconds": 90.0}} for value in course]
    write_json(folder / TRAINING, {"tasks": ["title"], "words_per_second": 4321, "epochs": epochs})
    measured = {"kind": "generation", "chrf": 0.3, "low": 0.28, "baseline": 0.29, "against": "memory"}
    write_json(folder / METRICS, {"title": measured | entry})
    return generation_outlook.lines_after(folder)


def test_before_a_first_training_no_time_is_told(tmp_path: Path) -> None:
    lines = generation_outlook.lines_before(tmp_path, TrainSettings(epochs=3))
    assert lines[0].startswith("3 epochs from scratch") and "No training has been timed here yet" in lines[1]
    assert generation_outlook.lines_after(tmp_path) == []


def test_the_time_is_that_of_the_last_training(tmp_path: Path) -> None:
    lines = run(tmp_path, [0.1, 0.2])
    assert lines[-1].startswith(
        "An epoch takes 90 s here (4,321 words a second): 20 epochs would take 30 minutes"
    )
    assert lines[-1].endswith("(params.yaml: run_generation: train.epochs: 20).")
    before = generation_outlook.lines_before(tmp_path, TrainSettings(epochs=100))
    assert before[1] == "The last training here took 90 s an epoch: about 2.5 hours."


@pytest.mark.parametrize(
    "chrf, course",
    [
        ([0.1, 0.2], "0.100, 0.200 on validation: still rising"),
        ([0.3, 0.2], "0.300, 0.200 on validation: no longer rising"),
    ],
    ids=["rising", "flat"],
)
def test_the_course_of_validation_is_told(tmp_path: Path, chrf: list[float], course: str) -> None:
    assert run(tmp_path, chrf)[1] == f"title: by epoch {course}"


@pytest.mark.parametrize(
    "entry, judged",
    [
        ({}, "not shown to be better than"),
        ({"low": 0.295}, "better than"),
        ({"chrf": 0.2, "low": None}, "not shown to be better than"),
    ],
    ids=["within the interval", "above", "below"],
)
def test_texts_are_judged_by_the_best_baseline(tmp_path: Path, entry: dict[str, Any], judged: str) -> None:
    line = run(tmp_path, [0.1], **entry)[0]
    assert line.endswith(f"{judged} the best baseline, memory, with 0.290")
