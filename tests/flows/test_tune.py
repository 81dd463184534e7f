"""The search for settings on the features of the tiny corpora: what it tries, keeps, resumes, writes and refuses."""

import copy
import json
from pathlib import Path
from typing import Any

import optuna
import pytest
import yaml

from flows import cli, lock, training_run, tune
from mgm.settings.names import overridden
from mgm.settings.settings import PARAMS, Settings
from mgm.training.callbacks import EpochReport
from tests import tiny_corpora
from tests.feature_files import lay

SPACE = {
    "train.learning_rate": {"low": 0.00001, "high": 0.01, "log": True},
    "model.window.sizes": {"choices": [[2], [2, 3]]},
    "train.tokens_per_batch": {"low": 40, "high": 80},
}


def raw(**tuning: Any) -> dict[str, Any]:
    """Settings that learn next to nothing, so that the search finds better ones."""
    found = copy.deepcopy(tiny_corpora.SETTINGS)
    found["train"] |= {"epochs": 2, "learning_rate": 0.00001, "ema": 0.5}
    found["model"] |= {"preset": "fast", "wide": {"enabled": False}}
    return found | {"tune": {"trials": 3, "startup_trials": 2, "space": SPACE} | tuning}


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project folder whose features are up to date."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tune, "require_up_to_date", lambda: None)


def results() -> dict[str, Any]:
    """reports/tune.json without times."""
    found: dict[str, Any] = json.loads(tune.RESULTS.read_text(encoding="utf-8"))
    for trial in found["trials"]:
        del trial["seconds"]
    return found


def test_it_finds_better_settings_and_applies_them_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    lay(raw(), rows=45)
    PARAMS.write_text("# ours\n" + PARAMS.read_text(encoding="utf-8"), encoding="utf-8")
    before = PARAMS.read_text(encoding="utf-8")
    assert cli.main(["tune"]) == 0
    found, trials = results(), results()["trials"]
    assert trials[0]["settings"] == {
        "train.learning_rate": 0.00001,
        "model.window.sizes": [2],
        "train.tokens_per_batch": 60,
    }
    assert [trial["trial"] for trial in trials] == [1, 2, 3]
    assert trials[0]["state"] == "complete"
    best = trials[found["best"] - 1]
    assert best["score"] == max(t["score"] for t in trials if t["state"] == "complete") > trials[0]["score"]
    assert best["score"] == max(best["epochs"].values())
    assert best["valid"].keys() == {"dish", "keys", "price", "themes"}
    assert PARAMS.read_text(encoding="utf-8") == before
    diff = tune.DIFF.read_text(encoding="utf-8")
    wanted = f"  learning_rate: {best['settings']['train.learning_rate']}"
    assert {"-  learning_rate: 1.0e-05", f"+{wanted}"} <= set(diff.splitlines())
    assert diff in capsys.readouterr().out
    assert not (training_run.CHECKPOINTS / "tune").exists()
    assert not Path("models").exists()

    assert cli.main(["tune", "--apply"]) == 0
    assert "3 of them done already" in capsys.readouterr().err
    after = PARAMS.read_text(encoding="utf-8")
    assert after.startswith("# ours\n")
    assert yaml.safe_load(after) == overridden(yaml.safe_load(before), best["settings"])

    assert cli.main(["tune"]) == 0  # the same search: what has changed is within its space
    printed = capsys.readouterr()
    assert "3 of them done already" in printed.err
    assert "the settings of params.yaml are the best that was found" in printed.out


def test_the_score_is_that_of_the_training_itself(capsys: pytest.CaptureFixture[str]) -> None:
    settings = lay(raw())
    assert cli.main(["tune", "--trials", "1"]) == 0
    tasks = settings.active_tasks()
    alone = tune.fit(tune.prepare(settings, tasks), settings).training
    (trial,) = results()["trials"]
    assert trial["score"] == pytest.approx(alone.best_score, abs=1e-6)
    assert trial["best_epoch"] == alone.best_epoch


class Killed(BaseException):
    """What no handler of the search takes for a failed trial, as no handler sees a SIGKILL."""


def kill_after(epochs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ends the next search in its n-th epoch, before that epoch's checkpoint."""
    told = 0

    class Console(training_run.Console):
        def _print_epoch(self, report: EpochReport) -> None:
            nonlocal told
            told += 1
            super()._print_epoch(report)
            if told == epochs:
                raise Killed

    monkeypatch.setattr(tune, "Console", Console)


THREE_EPOCHS = raw() | {"train": raw()["train"] | {"epochs": 3}}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a search of THREE_EPOCHS finds that nothing ends early."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("undisturbed"))
        patch.setattr(tune, "require_up_to_date", lambda: None)
        lay(THREE_EPOCHS, rows=15)
        assert cli.main(["tune"]) == 0
        return results()


@pytest.mark.parametrize("epochs", [1, 4], ids=["in the first trial", "in the second trial"])
def test_a_killed_search_ends_as_an_uninterrupted_one(
    epochs: int,
    undisturbed: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    lay(THREE_EPOCHS, rows=15)
    with monkeypatch.context() as patch, pytest.raises(Killed):
        kill_after(epochs, patch)
        cli.main(["tune"])
    capsys.readouterr()
    assert cli.main(["tune"]) == 0
    assert results() == undisturbed
    out = capsys.readouterr().err
    assert f"{epochs // 3} of them done already" in out
    assert ("resumed after epoch" in out) == (epochs % 3 > 1)


def test_a_trial_below_the_median_is_stopped_early(capsys: pytest.CaptureFixture[str]) -> None:
    settings = raw(trials=8, startup_trials=1)
    settings["train"] |= {"epochs": 3, "learning_rate": 0.05}
    settings["tune"]["space"] = {"train.learning_rate": {"low": 0.00001, "high": 0.05, "log": True}}
    lay(settings, rows=15)
    assert cli.main(["tune"]) == 0
    stopped = [trial for trial in results()["trials"] if trial["state"] == "pruned"]
    assert stopped
    assert all(len(trial["epochs"]) < 3 for trial in stopped)
    assert "below the median of the trials before it" in capsys.readouterr().err
    assert results()["best"] not in {trial["trial"] for trial in stopped}


def test_a_trial_that_fails_is_set_aside_with_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    settings = raw(trials=2, space={"train.learning_rate": {"low": 0.00001, "high": 1e30}})
    lay(settings, rows=15)
    assert cli.main(["tune"]) == 0
    first, second = results()["trials"]
    assert (first["state"], second["state"]) == ("complete", "fail")
    assert "lower train.learning_rate" in second["error"]
    assert results()["best"] == 1
    assert cli.main(["tune"]) == 0
    assert "2 of them done already" in capsys.readouterr().err


def test_untrainable_settings_are_an_error_and_no_trial(
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings = raw(space={"train.learning_rate": {"low": 0.1, "high": 1e30}})
    settings["train"]["learning_rate"] = 1e30
    lay(settings, rows=15)
    assert cli.main(["tune"]) == 1
    assert "the training loss of epoch 1 is" in capsys.readouterr().err
    assert not tune.RESULTS.exists()


def test_other_settings_or_features_are_another_search(capsys: pytest.CaptureFixture[str]) -> None:
    lay(raw(), rows=15)
    names = {tune.open_search(PARAMS.read_text(encoding="utf-8")).study.study_name}
    lay(raw(trials=9), rows=15)
    names.add(tune.open_search(PARAMS.read_text(encoding="utf-8")).study.study_name)
    assert len(names) == 1
    for change, rows in [({"model": raw()["model"] | {"dropout": 0.3}}, 15), ({"seed": 2}, 15), ({}, 18)]:
        lay(raw() | change, rows)
        names.add(tune.open_search(PARAMS.read_text(encoding="utf-8")).study.study_name)
    assert len(names) == 4
    assert set(optuna.get_all_study_names(f"sqlite:///{tune.STORAGE}")) == names


def test_without_validation_labels_there_is_nothing_to_search_by(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiny_corpora, "_SPLITS", ["train", "train", "train", "train", "test"])
    lay(raw())
    assert cli.main(["tune"]) == 1
    assert "no row of split valid carries a label" in capsys.readouterr().err


def test_one_run_at_a_time_and_a_sensible_number(capsys: pytest.CaptureFixture[str]) -> None:
    lay(raw(), rows=15)
    assert cli.main(["tune", "--trials", "0"]) == 1
    assert "--trials: found 0, expected at least 1" in capsys.readouterr().err
    with lock.workspace():
        assert cli.main(["tune"]) == 1
    assert "another run (process" in capsys.readouterr().err


def test_features_that_are_out_of_date_end_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise ValueError("out of date: features")

    monkeypatch.setattr(tune, "require_up_to_date", refuse)
    lay(raw(), rows=15)
    assert cli.main(["tune"]) == 1
    assert capsys.readouterr().err == "error: out of date: features\n"
    assert not tune.STORAGE.exists()


def test_params_that_change_meanwhile_are_not_overwritten(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lay(raw(trials=2), rows=15)
    written = tune.Search.write

    def edit(search: tune.Search) -> None:
        written(search)
        PARAMS.write_text(search.text + "# mine\n", encoding="utf-8")

    monkeypatch.setattr(tune.Search, "write", edit)
    assert cli.main(["tune", "--apply"]) == 1
    assert "params.yaml has changed meanwhile" in capsys.readouterr().err
    assert PARAMS.read_text(encoding="utf-8").endswith("# mine\n")
    Settings.load()
