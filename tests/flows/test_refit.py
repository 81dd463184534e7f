"""The second fit of `train.refit`: what it learns from, which fit each number is of, and that a kill changes nothing."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from flows.candidate_fits import fit_again, fit_first
from flows.project import CANDIDATE, FEATURES, FIRST_FIT, METRICS, PREDICTIONS, TRAINING
from flows.stages import evaluate, train
from flows.study import run_study
from flows.unseen_fit import load_fits
from mgm.bundle.bundle import Refit
from mgm.bundle.load import load_bundle, read_refit
from mgm.bundle.save import save_bundle
from mgm.corpus.parts import read_table
from mgm.errors import StaleInput
from mgm.files import read_json
from mgm.settings.names import merge_sections
from mgm.text.feature_tables import read_feature_parts
from mgm.training import wide_solver
from mgm.training.checkpoint import Checkpoint
from mgm.training.wide_tuning import WideMethod
from tests import feature_files, tiny_corpora


def settings(refit: str) -> dict[str, Any]:
    """Settings of two tasks, which train in a moment."""
    tasks = {name: tiny_corpora.SETTINGS["tasks"][name] for name in ("dish", "themes")}
    train = tiny_corpora.SETTINGS["train"] | {"refit": refit, "epochs": 2, "tokens_per_batch": 400}
    model = merge_sections(
        tiny_corpora.SETTINGS["model"], {"preset": "fast", "window": {"sizes": [2], "width": 8}}
    )
    return tiny_corpora.SETTINGS | {
        "tasks": tasks,
        "train": train,
        "model": model,
        "evaluate": {"bootstrap": 20},
    }


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """Return a project by value of `train.refit`, each trained and evaluated."""
    folders = {}
    with pytest.MonkeyPatch.context() as patch:
        for refit in ("none", "valid", "all"):
            folders[refit] = tmp_path_factory.mktemp(refit)
            patch.chdir(folders[refit])
            feature_files.lay(settings(refit))
            train.main()
            evaluate.main()
        yield folders


def weights(bundle: Path) -> bytes:
    return (bundle / "weights.safetensors").read_bytes()


def test_the_first_fit_is_the_one_without_another(runs: dict[str, Path]) -> None:
    alone = runs["none"] / CANDIDATE
    assert read_refit(alone) is None
    assert [path.name for path in (runs["none"] / FIRST_FIT).iterdir()] == ["README.md"]
    seen = {"valid": ("train", "valid"), "all": ("train", "valid", "test")}
    for refit, splits in seen.items():
        again = read_refit(runs[refit] / CANDIDATE)
        assert again is not None
        assert (again.splits, again.first_fit) == (splits, load_bundle(runs[refit] / FIRST_FIT).id)
        assert weights(runs[refit] / FIRST_FIT) == weights(alone) != weights(runs[refit] / CANDIDATE)
    assert weights(runs["valid"] / CANDIDATE) != weights(runs["all"] / CANDIDATE)


def test_the_second_fit_decides_as_the_first_was_tuned_to(runs: dict[str, Path]) -> None:
    first, second = (load_bundle(runs["all"] / folder) for folder in (FIRST_FIT, CANDIDATE))
    assert first.thresholds == second.thresholds != {}
    assert first.calibrations == second.calibrations != {}
    facts = read_json(runs["all"] / TRAINING)
    labelled = sum(
        read_feature_parts(runs["all"] / FEATURES / corpus)[0].documents[f"label:{task}"].count()
        for corpus, task in (("menus", "dish"), ("verses", "themes"))
    )
    assert facts["refit"]["rows"] == labelled > facts["rows"]
    assert facts["refit"]["epochs"] == facts["best_epoch"]


def test_the_wide_part_is_solved_for_as_in_the_first_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the first fit was resumed: its weight, thresholds and adjustment were tuned with that method."""
    monkeypatch.chdir(tmp_path)
    config = feature_files.lay(settings("valid"))
    chosen = iter([WideMethod(c=3.0, scaling="nb"), WideMethod(c=0.3, scaling="none")])
    monkeypatch.setattr(wide_solver, "tune_method", lambda *_, **__: next(chosen))
    tasks = config.active_tasks()
    fit_first(config, tasks)
    first = fit_first(config, tasks)
    second = fit_again(config, tasks, first=first)
    assert second is not None
    methods = second.result.training.wide_methods
    assert methods == {"dish": WideMethod(c=3.0, scaling="nb"), "themes": WideMethod(c=0.3, scaling="none")}


def test_no_number_is_of_documents_that_were_learned(runs: dict[str, Path]) -> None:
    def predicted(refit: str, split: str) -> pl.DataFrame:
        tables = (
            read_table(runs[refit] / PREDICTIONS / corpus, ["doc_id", "split", f"probs:{task}"])
            for corpus, task in (("menus", "dish"), ("verses", "themes"))
        )
        return pl.concat(
            table.filter(split=split).select("doc_id", pl.last()).rename({table.columns[-1]: "probs"})
            for table in tables
        )

    assert predicted("valid", "valid").equals(predicted("none", "valid"))
    assert not predicted("valid", "test").equals(predicted("none", "test"))
    for split in ("valid", "test"):
        assert predicted("all", split).equals(predicted("none", split))


def test_metrics_say_which_fit_they_are_of(
    runs: dict[str, Path], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone, valid, every = (read_json(runs[refit] / METRICS) for refit in ("none", "valid", "all"))
    assert "fits" not in alone["dish"]
    assert valid["dish"]["fits"] == {"bundle": ["train", "valid"], "measured": ["train", "valid"]}
    fits = {"bundle": ["train", "valid", "test"], "measured": ["train"]}
    assert every == {task: entry | {"fits": fits} for task, entry in alone.items()}
    monkeypatch.chdir(runs["all"])
    caplog.set_level("INFO", "flows")
    evaluate.main()
    assert "fitted again on train, valid and test: every number is of the fit before it" in caplog.text


@pytest.mark.parametrize(
    ("name", "saved"), [("train", 1), ("refit", 1)], ids=["in the first", "in the second"]
)
def test_a_killed_fit_goes_on_to_the_same_bytes(
    runs: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    name: str,
    saved: int,
) -> None:
    """No epoch of either fit is trained twice."""
    for part in ("data", "params.yaml"):
        source, target = runs["all"] / part, tmp_path / part
        shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
    monkeypatch.chdir(tmp_path)
    save, epochs = Checkpoint.save, []

    def dies(self: Checkpoint, state: dict[str, Any]) -> None:
        save(self, state)
        epochs.append((self.folder.name, state["epoch"]))
        if epochs[-1] == (name, saved) and len(epochs) == len(set(epochs)):
            raise KeyboardInterrupt

    monkeypatch.setattr(Checkpoint, "save", dies)
    with pytest.raises(KeyboardInterrupt):
        train.main()
    caplog.set_level("INFO", "flows")
    train.main()
    assert "resumed after epoch" in caplog.text
    assert len(epochs) == len(set(epochs))
    for folder in (CANDIDATE, FIRST_FIT):
        assert load_bundle(Path(folder)).id == load_bundle(runs["all"] / folder).id
    assert not list(Path("data/checkpoints").glob("*"))


def test_a_first_fit_of_another_candidate_is_an_error(
    runs: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    candidate = load_bundle(runs["all"] / CANDIDATE)
    save_bundle(Path(CANDIDATE), candidate)
    save_bundle(Path(FIRST_FIT), candidate)
    with pytest.raises(StaleInput, match=r"models/first_fit: bundle \w{12}, but the first fit of"):
        load_fits()


def test_an_id_that_is_no_bundle_is_refused(tmp_path: Path) -> None:
    bundle = replace(tiny_corpora.bundle(), refit=Refit(splits=("train", "valid"), first_fit="../../etc"))
    save_bundle(tmp_path / "bundle", bundle)
    with pytest.raises(ValueError, match=r"refit: first_fit: '\.\./\.\./etc': expected the id of a bundle"):
        load_bundle(tmp_path / "bundle")


def test_a_study_refuses_a_joint_model_with_more_documents(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    feature_files.lay(settings("valid"))
    with pytest.raises(ValueError, match=r"train\.refit: valid: .* expected none or all"):
        run_study()
