"""The comparison of recipes: what is trained, against what, and that it is trained once."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks.peers import summary
from benchmarks.peers.protocol import preset_settings
from mgm.settings.settings import Settings
from mgm.tasks import Task
from tests import tiny_corpora
from tests.benchmarks.loading import load_benchmark
from tests.benchmarks.workspace import make

FILE = Path(__file__).parents[2] / "benchmarks" / "recipes.py"


@pytest.fixture(scope="module")
def recipes() -> Any:
    return load_benchmark(FILE)


SHIPPED = yaml.safe_load(FILE.with_suffix(".yaml").read_text(encoding="utf-8"))


def test_the_recipes_that_are_shipped_are_settings_and_each_differs_from_the_plain_one(recipes: Any) -> None:
    raw = recipes.protocol(SHIPPED)
    made = {name: preset_settings(Settings.load(), raw, name) for name in raw["presets"]}
    sections = [json.dumps(s.training_sections(), sort_keys=True) for s in made.values()]
    assert len(set(sections)) == len(sections) > 15
    plain = made["plain"]
    assert (plain.train.weighting, plain.model.sharing, plain.train.augmentation.model_dump(exclude_defaults=True)) == (
        "static", "hard", {},
    )  # fmt: skip
    budget = [(s.train.epochs, s.train.tokens_per_batch, s.train.learning_rate) for s in made.values()]
    assert len(set(budget)) == 1


def test_the_plain_recipe_always_comes_first_and_unknown_ones_are_named(recipes: Any) -> None:
    assert recipes.chosen(SHIPPED, ["ple", "famo"]) == ["plain", "famo", "ple"]
    assert len(recipes.chosen(SHIPPED, [])) == len(SHIPPED["recipes"])
    with pytest.raises(ValueError, match=r"--only: no recipe 'upgrad' \(did you mean 'UPGrad'\?\)"):
        recipes.chosen(SHIPPED, ["upgrad"])
    with pytest.raises(ValueError, match=r"recipes.a: no key 'trian' \(did you mean 'train'\?\)"):
        recipes.protocol(SHIPPED | {"recipes": {"a": {"trian": {}}}})


def test_seeds_are_whole_numbers(recipes: Any) -> None:
    assert recipes.quality.seeds_of("1,3") == [1, 3]
    for text, found in (("1,a", "'a'"), ("1.5", "'1.5'"), ("", "none")):
        with pytest.raises(ValueError, match=f"--seeds: found {found}, expected whole numbers"):
            recipes.quality.seeds_of(text)


def test_differences_are_relative_and_seed_by_seed() -> None:
    task = Task(name="dish", kind="classification", corpora=["menus"])
    base = {"1": {"dish": {"macro_f1": 0.5}}, "2": {"dish": {"macro_f1": 0.4}}}
    model = {
        "1": {"dish": {"macro_f1": 0.6}},
        "2": {"dish": {"macro_f1": 0.4}},
        "3": {"dish": {"macro_f1": 0.9}},
    }
    found = summary.differences(model, base, [task])
    assert found["tasks"]["dish"]["values"] == [0.2, 0.0]
    assert found["mean"] == 0.1
    assert summary.differences(model, {}, [task]) == {"tasks": {}, "mean": None}


def test_time_is_of_whole_trainings_of_the_same_seed(recipes: Any) -> None:
    plain = {"1": {"seconds": 10.0}, "2": {"seconds": 20.0}, "3": {"seconds": None}}
    own = {"1": {"seconds": 20.0}, "3": {"seconds": 9.0}, "4": {"seconds": 9.0}}
    assert recipes.time(own, plain) == 2.0
    assert recipes.time({"3": {"seconds": 9.0}}, plain) is None


@pytest.mark.slow
def test_it_trains_each_recipe_once_and_writes_a_table(tmp_path: Path) -> None:
    make(tmp_path)
    own = {
        "base": {"model": tiny_corpora.SETTINGS["model"] | {"preset": "fast"}, "train": {"epochs": 1}},
        "minutes": 0.1,
        "recipes": {"plain": {}, "famo": {"train": {"weighting": "famo"}, "cost": 2}, "mmoe": {"model": {"sharing": "mmoe"}}},
    }  # fmt: skip
    (tmp_path / "recipes.yaml").write_text(yaml.safe_dump(own), encoding="utf-8")
    (tmp_path / "benchmarks/results").mkdir(parents=True)
    commit = [
        "git",
        "-c",
        "user.name=t",
        "-c",
        "user.email=t@t",
        "commit",
        "-q",
        "--allow-empty",
        "-m",
        "one",
    ]
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    subprocess.run(commit, cwd=tmp_path, check=True)

    def run(*options: str) -> str:
        command = [sys.executable, str(FILE), "--settings", "recipes.yaml", "--seeds", "1", *options]
        environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(FILE.parents[1])}
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    first = run("--few", "6", "--only", "famo")
    assert "mgm-famo: 1 results, 0 known, 1 fits to do" in first
    assert re.search(r"^mgm-famo .*, seed 1$", first, re.MULTILINE) and "mmoe" not in first
    again = run("--few", "6")
    assert "mgm-famo: 1 results, 1 known, 0 fits to do" in again
    assert [line.split(" | ")[0] for line in again.splitlines() if line.startswith("| ")] == [
        "| recipe", "| ---", "| plain", "| famo", "| mmoe",
    ]  # fmt: skip
    few_of_them = run("--few", "6", "--only", "famo")
    assert [line for line in few_of_them.splitlines() if line.startswith("| mmoe")]  # still known
    written = json.loads((tmp_path / "benchmarks/results/recipes-few6.json").read_text())["bundles"][
        "menus+verses"
    ]
    assert set(written) == {"labelled_rows", "recipes", "results", "machine", "versions", "revision"}
    assert "torchjd" in written["versions"]
    plain = written["recipes"]["plain"]
    assert plain["test_against_plain"]["mean"] == 0
    assert set(plain["test"]) == set(plain["valid"]) == {"dish", "keys", "price", "themes"}
    assert written["recipes"]["famo"]["settings"]["train"]["weighting"] == "famo"
