"""Cross-validation on the features of the tiny corpora: honest, resumable, without the test split."""

import copy
import json
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from flows import cli, crossval, lock, training_run
from mgm.corpus.parts import write_manifest
from mgm.text.feature_tables import write_feature_part
from mgm.text.features import FeaturePart
from mgm.training.callbacks import EpochReport
from tests import tiny_corpora
from tests.feature_files import lay


def raw(**more: Any) -> dict[str, Any]:
    found = copy.deepcopy(tiny_corpora.SETTINGS)
    found["train"] |= {"epochs": 2}
    found["model"] |= {"preset": "fast", "wide": {"enabled": False}}
    return found | {"crossval": {"folds": 2, "validation_share": 0.3}} | more


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project folder whose features are up to date."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(crossval, "require_up_to_date", lambda: None)


def results() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(crossval.RESULTS.read_text(encoding="utf-8"))
    return found


def test_every_row_is_held_out_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lay(raw(), rows=60)
    assert cli.main(["crossval"]) == 0
    found = results()
    assert [fold["fold"] for fold in found["folds"]] == [1, 2]
    pool = {
        corpus: training_run.read_features(corpus)[0].documents.filter(pl.col("split") != "test")
        for corpus in ("menus", "verses")
    }
    labelled = (
        pool["menus"]["label:dish"].drop_nulls().len() + pool["verses"]["label:themes"].drop_nulls().len()
    )
    for fold in found["folds"]:
        assert sum(fold["rows"].values()) == labelled
        assert all(fold["rows"].values())
        assert fold["metrics"].keys() == {"dish", "keys", "price", "themes"}
    assert sum(fold["rows"]["held_out"] for fold in found["folds"]) == labelled
    assert (
        sum(f["metrics"]["dish"]["n"] for f in found["folds"])
        == pool["menus"]["label:dish"].drop_nulls().len()
    )
    first, second = (fold["metrics"]["themes"]["micro_f1"] for fold in found["folds"])
    entry = found["tasks"]["themes"]["metrics"]["micro_f1"]
    assert entry["mean"] == pytest.approx((first + second) / 2, abs=1e-4)
    assert entry["deviation"] == pytest.approx(abs(first - second) / 2**0.5, abs=1e-4)
    assert entry["folds"] == 2
    printed = capsys.readouterr()
    assert "crossval: 2 folds, 0 of them done already" in printed.err
    lines = [line.split() for line in printed.out.splitlines()]
    assert ["task", "metric", "mean", "sd", "folds"] in lines
    assert ["themes", "micro_f1", f"{entry['mean']:.3f}", f"{entry['deviation']:.3f}", "2"] in lines
    assert not Path("models").exists()
    assert not list(training_run.CHECKPOINTS.glob("*"))


def test_what_the_test_split_holds_changes_nothing() -> None:
    """Its labels and words are exchanged for others; the result stays the same."""
    lay(raw(), rows=45)
    assert cli.main(["crossval"]) == 0
    before = {key: value for key, value in results().items() if key != "inputs"}
    for corpus in ("menus", "verses"):
        (part,) = training_run.read_features(corpus)
        test = pl.col("split") == "test"
        changes = [pl.when(test).then(pl.col("word").list.reverse()).otherwise("word").alias("word")]
        changes += [
            pl.when(test).then(pl.lit(None)).otherwise(pl.col(name)).alias(name)
            for name in part.documents.columns
            if name.startswith("label")
        ]
        documents = part.documents.with_columns(changes)
        assert not documents.equals(part.documents)
        folder = Path("other") / corpus
        folder.mkdir(parents=True)
        changed = FeaturePart(documents.clone(), part.types.clone())
        write_manifest(folder, [write_feature_part(changed, folder, index=0, input_sha256="")])
    shutil.copytree("other", training_run.FEATURES, dirs_exist_ok=True)
    shutil.rmtree(crossval.FOLDS)
    assert cli.main(["crossval"]) == 0
    assert {key: value for key, value in results().items() if key != "inputs"} == before


class Killed(BaseException):
    """As a SIGKILL, which no handler sees."""


def test_finished_folds_are_kept_and_a_broken_off_one_goes_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    lay(raw(), rows=45)
    assert cli.main(["crossval"]) == 0
    undisturbed = results()
    (tmp_path / "again").mkdir()
    monkeypatch.chdir(tmp_path / "again")
    lay(raw(), rows=45)
    told = 0

    class Console(training_run.Console):
        def _print_epoch(self, report: EpochReport) -> None:
            nonlocal told
            told += 1
            super()._print_epoch(report)
            if told == 4:  # the last epoch of the second fold, before its checkpoint
                raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(crossval, "Console", Console)
        cli.main(["crossval"])
    assert not crossval.RESULTS.exists()
    capsys.readouterr()
    assert cli.main(["crossval"]) == 0
    out = capsys.readouterr().err
    assert "1 of them done already" in out
    assert "resumed after epoch 1" in out
    assert "fold 1/2" not in out
    assert results() == undisturbed

    assert cli.main(["crossval"]) == 0
    assert "2 of them done already" in capsys.readouterr().err
    assert results() == undisturbed


def test_other_settings_features_or_folds_are_measured_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[int] = []

    def measure(settings: Any, number: int) -> dict[str, Any]:
        measured.append(number)
        return {"fold": number + 1, "metrics": {}}

    monkeypatch.setattr(crossval, "_measure", measure)
    for change, rows, folds in [
        ({}, 15, 2),
        ({}, 15, 2),
        ({"seed": 2}, 15, 2),
        ({"seed": 2}, 18, 2),
        ({"seed": 2}, 18, 3),
    ]:
        lay(raw(**change), rows)
        assert cli.main(["crossval", "--folds", str(folds)]) == 0
    assert measured == [0, 1, 0, 1, 0, 1, 0, 1, 2]


def test_a_fold_without_a_value_is_left_out_of_the_mean() -> None:
    def fold(value: float | None, other: float) -> dict[str, Any]:
        rows = [{"metric": "pearson", "value": value}, {"metric": "mae", "value": other}]
        return {"price": {"kind": "regression", "table": rows}}

    found = crossval.summarize_folds([fold(None, 1.0), fold(0.5, 2.0), {}])
    assert found["price"]["metrics"] == {
        "pearson": {"mean": 0.5, "deviation": None, "folds": 1},
        "mae": {"mean": 1.5, "deviation": 0.7071, "folds": 2},
    }
    assert crossval.table(found)[1:] == [
        "price  pearson                0.500       –  1",
        "price  mae                    1.500   0.707  2",
    ]


def test_a_fold_that_cannot_be_made_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    lay(raw(crossval={"folds": 2, "validation_share": 0.0001}), rows=15)
    assert cli.main(["crossval"]) == 1
    assert "fold 1 of 2: no labelled row to validate on" in capsys.readouterr().err
    assert cli.main(["crossval", "--folds", "1"]) == 1
    assert "--folds: found 1, expected at least 2" in capsys.readouterr().err
    with lock.workspace():
        assert cli.main(["crossval"]) == 1
    assert "another run (process" in capsys.readouterr().err
