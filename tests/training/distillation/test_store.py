"""The table of teachers' predictions beside the features."""

from pathlib import Path

import numpy as np
import pytest

from mgm.errors import AlteredInput, StaleInput
from mgm.files import read_json, write_json
from mgm.tasks import Task
from mgm.training.distillation.store import FACTS, check_store, save_facts, save_teacher_predictions

FEATURES = {"menus": "5e"}


def saved_store(folder: Path, name: str) -> Path:
    """Return the only part of a store with the predictions for one task."""
    task = Task(name=name, kind="classification", corpora=("menus",))
    predictions = np.full((3, 2), 0.5, dtype=np.float32)
    save_teacher_predictions(folder, task, corpus="menus", predictions=predictions, part_rows=[3])
    save_facts(folder, {"features": FEATURES, "tasks": {name: {}}})
    (part,) = folder.rglob("*.arrow")
    return part


@pytest.mark.parametrize("name", ["taste", FACTS, "parts"])
def test_any_name_of_a_task_has_a_place(name: str, tmp_path: Path) -> None:
    saved_store(tmp_path, name)
    check_store(tmp_path, features=FEATURES, tasks=[name])


def test_a_part_that_is_not_the_one_written_is_an_error(tmp_path: Path) -> None:
    part = saved_store(tmp_path, "taste")
    content = part.read_bytes()
    part.write_bytes(content[:-20] + b"?" * 20)
    with pytest.raises(AlteredInput, match=r"part-00000.arrow: altered since .* SHA-256 \w{12}; expected"):
        check_store(tmp_path, features=FEATURES, tasks=["taste"])
    check_store(tmp_path, features=FEATURES, tasks=[])
    part.unlink()
    with pytest.raises(AlteredInput, match=r"part-00000.arrow: gone; expected SHA-256"):
        check_store(tmp_path, features=FEATURES, tasks=["taste"])


def test_a_store_of_an_earlier_version_is_made_anew(tmp_path: Path) -> None:
    saved_store(tmp_path, "taste")
    write_json(tmp_path / FACTS, {k: v for k, v in read_json(tmp_path / FACTS).items() if k != "parts"})
    with pytest.raises(StaleInput, match="of an earlier version") as error:
        check_store(tmp_path, features=FEATURES, tasks=["taste"])
    assert error.value.made_by == "teachers"
