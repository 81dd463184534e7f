"""A night from its documents to the two tables, once."""

import json
import os
import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from deltalake import DeltaTable, write_deltalake
from polars.testing import assert_frame_equal

from flows import keys
from flows.night import NightRefused
from flows.night_records import read_records
from mgm.bundle.load import load_bundle
from mgm.bundle.save import save_bundle
from mgm.bundle.signing import sign
from mgm.inference.model import Model
from mgm.model.calibration import Calibration, PrecisionPoint, Temperatures
from mgm.scoring import delta
from mgm.scoring.commits import NightConflict, read_nights
from mgm.scoring.inputs import Inputs
from mgm.scoring.isolation import ModelBroken
from mgm.scoring.scorer import Scorer
from mgm.settings.corpora import FileSettings
from mgm.settings.gates import GateSettings, NightGate
from tests import keys as key_pairs
from tests import tiny_corpora
from tests.scoring.nights import DAY, SETTINGS, SHARDS, clean_log, documents, rows, score, tables


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_corpora.saved_bundle(tmp_path_factory.mktemp("models"))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    documents().write_ndjson("in.jsonl")
    return tmp_path


def history() -> list[str]:
    return [commit["operation"] for commit in DeltaTable(SETTINGS.table).history()]


def test_rows_in_are_predictions_plus_rejects(bundle: Path) -> None:
    Path("dvc.lock").write_text("schema: '2.0'\n")
    summary = score(DAY, "in.jsonl", bundle, settings=SETTINGS)
    predictions, rejects = tables()
    assert (summary["state"], summary["rows_in"], summary["predictions"], summary["rejected"]) == (
        "scored",
        31,
        30,
        1,
    )
    assert {row["doc_id"] for row in predictions} == {f"m{i}" for i in range(30)}
    assert {row["date"] for row in predictions} == {DAY}
    assert [(row["doc_id"], row["reasons"]) for row in rejects] == [("blank", ["text_too_short"])]
    ((_, _, night),) = read_nights(DeltaTable(SETTINGS.table))
    assert summary == vars(night) | {"state": "scored"}
    assert night.bundle == Scorer.load(bundle).bundle.id and night.revision == 1
    assert len(night.input_sha256) == len(night.dvc_lock) == 64
    assert DeltaTable(SETTINGS.rejects).version() == night.rejects_version
    assert json.loads((SHARDS.parent / "summary.json").read_text()) == vars(night)
    assert not SHARDS.exists()
    page = Path("reports/nights/2026-01-01.html").read_text()
    assert "torch: a task predicts words or generates text" in page
    assert "30 of 31 documents scored" in page and night.input_sha256 in page
    assert "http" not in page


def test_night_has_the_answers_of_the_loaded_model(bundle: Path) -> None:
    """To the four decimals that are written, although batches and words seen before differ."""
    score(DAY, "in.jsonl", bundle, settings=SETTINGS)
    night = pl.read_delta(SETTINGS.table).sort("doc_id")
    assert night["dish_calibrated"].to_list() == [False] * 30
    night = night.drop("date", "dish_calibrated", "themes_calibrated")
    answers = Model.load(bundle).predict(documents())
    assert answers.filter(pl.col("rejected").is_not_null())["doc_id"].to_list() == ["blank"]
    kept = answers.filter(pl.col("rejected").is_null()).sort("doc_id").select(night.columns)
    assert_frame_equal(kept.cast(night.schema), night, abs_tol=1.01e-4, rel_tol=0)


def test_night_of_calibrated_scores_and_of_sure_labels(bundle: Path, tmp_path: Path) -> None:
    """In a table of an earlier version, whose rows say nothing of calibration."""
    score(date(2025, 12, 31), "in.jsonl", bundle, settings=SETTINGS)
    older = pl.read_delta(SETTINGS.table).drop("dish_calibrated", "themes_calibrated")
    least = round(older["dish_score"].sort()[12], 4)
    dish = Calibration(
        temperatures=Temperatures(common=2.0), predictions=50, points=(PrecisionPoint(least, 40, 38),)
    )
    save_bundle(tmp_path / "calibrated", replace(load_bundle(bundle), calibrations={"dish": dish}))
    write_deltalake(
        SETTINGS.table,
        older.to_arrow(),
        mode="overwrite",
        schema_mode="overwrite",
        partition_by="date",
    )
    settings = SETTINGS.model_copy(update={"calibrate": True, "abstain": {"dish": 0.95}})
    summary = score(DAY, "in.jsonl", tmp_path / "calibrated", settings=settings)
    rows = pl.read_delta(SETTINGS.table).sort("date", "doc_id")
    before, night = rows.filter(pl.col("date") < DAY), rows.filter(date=DAY)
    assert before["dish_calibrated"].null_count() == before.height == 30
    assert night.select("dish_calibrated", "themes_calibrated").unique().rows() == [(True, False)]
    is_sure = before["dish_score"] >= older["dish_score"].sort()[12]
    answered = is_sure.sum()
    assert 0 < answered < 30 and night["dish"].is_not_null().to_list() == is_sure.to_list()
    assert night["dish_score"].to_list() != before["dish_score"].to_list()
    assert summary["calibrated"] == {"dish": True, "themes": False}
    assert summary["abstained"] == {"dish": {"precision": 0.95, "score": least, "answered": answered}}
    page = Path("reports/nights/2026-01-01.html").read_text()
    assert f"{answered} of 30" in page and f"{100 * answered / 30:.1f}%" in page
    again = score(DAY, "in.jsonl", tmp_path / "calibrated", settings=settings)
    assert again == summary | {"state": "skipped"}


def test_committed_night_is_not_scored_again(bundle: Path) -> None:
    first = score(DAY, "in.jsonl", bundle, settings=SETTINGS)
    before, commits = tables(), history()
    Path("in.jsonl").unlink()
    Path("reports/nights/2026-01-01.html").unlink()
    again = score(DAY, "in.jsonl", bundle, settings=SETTINGS)
    assert again == first | {"state": "skipped"}
    assert (tables(), history()) == (before, commits)
    assert Path("reports/nights/2026-01-01.html").is_file()


def test_night_whose_log_was_cleaned_is_not_scored_again(bundle: Path) -> None:
    """Its summary says what it was; where that is gone too, the rows do. A rescore is the next revision."""
    first = score(DAY, "in.jsonl", bundle, settings=SETTINGS)
    before = tables()
    clean_log(SETTINGS.table)
    clean_log(SETTINGS.rejects)
    assert score(DAY, "in.jsonl", bundle, settings=SETTINGS) == first | {"state": "skipped"}
    (SHARDS.parent / "summary.json").unlink()
    again = score(DAY, "in.jsonl", bundle, settings=SETTINGS)
    counts = ("revision", "rows_in", "predictions", "rejected", "reasons")
    assert [again[key] for key in counts] == [first[key] for key in counts]
    assert (again["state"], again["bundle"]) == ("skipped", "unknown")
    assert (
        "the entry of this night is gone from the table" in Path("reports/nights/2026-01-01.html").read_text()
    )
    assert score(DAY, "in.jsonl", bundle, settings=SETTINGS) == again
    assert tables() == before
    (record,) = read_records(SETTINGS).nights
    assert record.night is not None and record.night.predictions == first["predictions"]
    rescored = score(DAY, "in.jsonl", bundle, settings=SETTINGS, rescore=True)
    assert (rescored["revision"], tables()) == (2, before)


@pytest.mark.parametrize("which", ["table", "rejects"])
def test_table_that_takes_no_night_is_told_at_the_start(bundle: Path, which: str) -> None:
    score(DAY, "in.jsonl", bundle, settings=SETTINGS)
    location = getattr(SETTINGS, which)
    DeltaTable(location).alter.set_table_properties({"delta.appendOnly": "true"})
    Path("in.jsonl").unlink()
    with pytest.raises(OSError, match=f"{location}: the table property delta.appendOnly is true"):
        score(date(2026, 1, 2), "in.jsonl", bundle, settings=SETTINGS)


def test_rescored_night_is_its_next_revision(bundle: Path) -> None:
    other = date(2026, 1, 2)
    score(DAY, "in.jsonl", bundle, settings=SETTINGS)
    score(other, "in.jsonl", bundle, settings=SETTINGS)
    documents()[5:].write_ndjson("in.jsonl")
    summary = score(DAY, "in.jsonl", bundle, settings=SETTINGS, rescore=True)
    assert (summary["revision"], summary["predictions"]) == (2, 25)
    predictions, rejects = tables()
    days = [row["date"] for row in predictions]
    assert (days.count(DAY), days.count(other)) == (25, 30)
    assert [row["date"] for row in rejects] == [DAY, other]
    assert [night.revision for _, _, night in read_nights(DeltaTable(SETTINGS.table))] == [2, 1, 1]
    # What another run is scoring for the next revision is not in the way, and stays.
    (SHARDS / "some").mkdir(parents=True)
    assert score(DAY, "in.jsonl", bundle, settings=SETTINGS)["state"] == "skipped"
    assert (SHARDS / "some").is_dir()


def test_a_night_that_rejects_too_many_is_not_committed(bundle: Path) -> None:
    """Its shards stay, so that a run with another budget has nothing to score; the reasons are in the index and the error."""
    texts = ["\u200b", "\u2060\u200b", "Stir the soup."]
    pl.DataFrame({"doc_id": ["a", "b", "c"], "text": texts}).write_ndjson("in.jsonl")
    with pytest.raises(NightRefused) as refused:
        score(DAY, "in.jsonl", bundle, settings=SETTINGS)
    found = "2 of 3 documents (66.67%: text_too_short 2)"
    assert str(refused.value) == (
        f"rejected: {found}; expected at most 5.00% (gates.score.reject_stop); the night is not committed "
        "(data/scored/nights/2026-01-01/gate_refused.json)"
    )
    assert not Path(SETTINGS.table).exists() and not Path(SETTINGS.rejects).exists()
    assert f"rejected: {found}" in Path("reports/nights/index.html").read_text()
    gates = GateSettings(score=NightGate(reject_warn=0.5, reject_stop=1))
    summary = score(DAY, "in.jsonl", bundle, settings=SETTINGS, gates=gates)
    assert (summary["predictions"], summary["reasons"]) == (1, {"text_too_short": 2})
    assert summary["warnings"][-1] == f"rejected: {found}; expected at most 50.00% (gates.score.reject_warn)"
    assert found in Path("reports/nights/2026-01-01.html").read_text()
    assert not (SHARDS.parent / "gate_refused.json").exists()


def test_files_that_do_not_tell_how_they_are_written(bundle: Path) -> None:
    rows = "key;body\na;Grüße aus der Küche\nb;Stir the soup.\n"
    Path("in.csv").write_bytes(rows.encode("cp1252"))
    with pytest.raises(ValueError, match=r"looks like cp1252: score\.format\.encoding names its encoding"):
        score(
            DAY,
            "in.csv",
            bundle,
            settings=SETTINGS.model_copy(update={"format": FileSettings(id="key", text_column="body")}),
        )
    with pytest.raises(ValueError, match=r"no column 'doc_id'.*; score\.format\.id names another"):
        score(
            DAY,
            "in.csv",
            bundle,
            settings=SETTINGS.model_copy(update={"format": FileSettings(text_column="body")}),
        )
    written = FileSettings(id="key", text_column="body", encoding="cp1252")
    summary = score(DAY, "in.csv", bundle, settings=SETTINGS.model_copy(update={"format": written}))
    assert summary["predictions"] == 2
    assert {row["doc_id"] for row in tables()[0]} == {"a", "b"}


def test_empty_night(bundle: Path) -> None:
    documents().clear().write_parquet("in.parquet")
    summary = score(DAY, "in.parquet", bundle, settings=SETTINGS)
    assert (summary["rows_in"], summary["predictions"], summary["rejected"]) == (0, 0, 0)
    assert tables() == ([], [])
    assert score(DAY, "in.parquet", bundle, settings=SETTINGS)["state"] == "skipped"


def test_documents_are_read_twice(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To be cut and judged, and to be scored."""
    read, real = [], Inputs.read

    def counted(self: Inputs, *rest: Any) -> Any:
        for frame in real(self, *rest):
            read.append(frame.height)
            yield frame

    monkeypatch.setattr(Inputs, "read", counted)
    score(DAY, "in.jsonl", bundle, settings=SETTINGS)
    assert sum(read) == 2 * 31


def test_files_and_their_format_change_nothing(tmp_path: Path, bundle: Path) -> None:
    Path("split").mkdir()
    documents()[:11].write_ndjson("split/a.jsonl")
    documents()[11:].write_parquet("split/b.parquet")
    found = []
    for source, name in (("in.jsonl", "one"), ("split", "two")):
        own = SETTINGS.model_copy(update={"table": f"{name}/p", "rejects": f"{name}/r", "staging_dir": name})
        found.append((score(DAY, source, bundle, settings=own)["input_sha256"], *tables(own)))
    assert found[0] == found[1]


def test_document_that_breaks_the_model(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Scorer.score

    def fragile(self: Scorer, frame: pl.DataFrame, corpus: str | None = None):
        if frame["doc_id"].is_in(["m5", "m17"]).any():
            raise RuntimeError("index 9 is out of bounds")
        return real(self, frame, corpus)

    monkeypatch.setattr(Scorer, "score", fragile)
    gates = GateSettings(score=NightGate(reject_stop=0.1))
    summary = score(DAY, "in.jsonl", bundle, settings=SETTINGS, gates=gates)
    assert summary["reasons"] == {"model_failed": 2, "text_too_short": 1}
    assert summary["broken"] == [f"{d}: RuntimeError: index 9 is out of bounds" for d in ("m5", "m17")]
    predictions, rejects = tables()
    broken = [row for row in rejects if row["reasons"] == ["model_failed"]]
    assert [(row["doc_id"], row["stage"]) for row in broken] == [("m17", "score"), ("m5", "score")]
    assert "Fry one fish" in broken[0]["values"]
    monkeypatch.setattr(Scorer, "score", real)
    score(DAY, "in.jsonl", bundle, settings=SETTINGS, rescore=True)
    assert [row for row in tables()[0] if row["doc_id"] not in ("m5", "m17")] == predictions


def test_broken_model_stops_the_night(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("size mismatch")

    monkeypatch.setattr(Scorer, "score", broken)
    with pytest.raises(
        ModelBroken, match="the model fails for 5 documents of the 8 .* m0: RuntimeError: size"
    ):
        score(DAY, "in.jsonl", bundle, settings=SETTINGS)
    assert not Path(SETTINGS.table).exists()


def test_tasks_of_another_bundle_are_added(tmp_path: Path) -> None:
    both = tiny_corpora.saved_bundle(tmp_path)
    few = SETTINGS.model_copy(update={"tasks": ["dish", "price"]})
    more = SETTINGS.model_copy(update={"tasks": ["price", "themes"]})
    score(DAY, "in.jsonl", both, settings=few)
    score(date(2026, 1, 2), "in.jsonl", both, settings=more)
    first, second = rows(SETTINGS.table)[0], rows(SETTINGS.table)[-1]
    assert first["dish"] is not None and first["themes"] is None
    assert second["dish"] is None and second["themes"] is not None
    assert first["price"] == pytest.approx(rows(SETTINGS.table)[30]["price"])


def test_task_of_another_type(bundle: Path) -> None:
    score(DAY, "in.jsonl", bundle, settings=SETTINGS)
    before = tables()
    other = DAY.replace(day=2)
    frame = pl.DataFrame({"date": [other], "doc_id": ["x"], "dish": [1.5]})
    own = SETTINGS.model_copy(update={"table": "other"})
    frame.write_delta("other", delta_write_options={"partition_by": ["date"]})
    with pytest.raises(ValueError, match=r"other: column 'dish' is \"double\" there, and \"string\" as this"):
        score(other, "in.jsonl", bundle, settings=own)
    frame.write_delta("unpartitioned")
    with pytest.raises(ValueError, match=r"a table partitioned by \[\], expected one by \['date'\]"):
        score(other, "in.jsonl", bundle, settings=SETTINGS.model_copy(update={"table": "unpartitioned"}))
    assert tables() == before and not SHARDS.exists()


def test_faults_leave_the_last_good_table(tmp_path: Path, bundle: Path) -> None:
    score(DAY, "in.jsonl", bundle, settings=SETTINGS)
    before, commits = tables(), history()
    good = documents()
    good.write_parquet("whole.parquet")
    Path("cut.parquet").write_bytes(Path("whole.parquet").read_bytes()[:-40])
    pl.concat([good, good[:1]]).write_parquet("twice.parquet")
    good.rename({"text": "body"}).write_parquet("renamed.parquet")
    wrong = [
        ("cut.parquet", bundle, "cut.parquet: not a readable Parquet file"),
        ("twice.parquet", bundle, "'m0' stands already in"),
        ("renamed.parquet", bundle, "no column 'text'"),
        ("nothing.parquet", bundle, "nothing.parquet: no such file or folder"),
        ("whole.parquet", tmp_path / "no", "no: no bundle here"),
        ("whole.parquet", None, "no champion; run `mgm promote`, or pass --bundle models/candidate"),
    ]
    for source, model, says in wrong:
        with pytest.raises((ValueError, FileNotFoundError), match=says):
            score(DAY, source, model, settings=SETTINGS, rescore=True)
    with pytest.raises(ValueError, match="corpus 'menu': this bundle was not trained on it"):
        score(DAY, "whole.parquet", bundle, as_corpus="menu", settings=SETTINGS, rescore=True)
    assert (tables(), history()) == (before, commits)


def test_loser_of_a_race_succeeds_only_with_equal_inputs(
    bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other run commits between what this one reads of the table and what it writes."""
    real = delta.replace_date

    def raced(rival: str) -> dict[str, object]:
        waiting = [rival]

        def replace(there: DeltaTable, location: str, **rest: Any) -> None:
            if location == SETTINGS.table and waiting:
                score(DAY, waiting.pop(), bundle, settings=SETTINGS, rescore=True)
            real(there, location, **rest)

        monkeypatch.setattr(delta, "replace_date", replace)
        return score(DAY, "in.jsonl", bundle, settings=SETTINGS, rescore=True)

    assert raced("in.jsonl")["revision"] == 1
    assert history() == ["WRITE", "CREATE TABLE"]
    documents()[:9].write_ndjson("other.jsonl")
    with pytest.raises(NightConflict, match="night 2026-01-01: another run has committed revision 2"):
        raced("other.jsonl")
    assert len(tables()[0]) == 9


def test_no_champion() -> None:
    with pytest.raises(FileNotFoundError, match="no champion; run `mgm promote`"):
        score(DAY, "in.jsonl")


def test_champion_scores(tmp_path: Path, bundle: Path) -> None:
    (tmp_path / "models" / "store").mkdir(parents=True)
    shutil.copytree(bundle, tmp_path / "models" / "store" / "abc", copy_function=os.link)
    pointer = '{"bundle": "abc", "promoted_at": "", "previous": null}'
    (tmp_path / "models" / "champion.json").write_text(pointer)
    Path("incoming").mkdir()
    Path("in.jsonl").rename("incoming/2026-01-01.jsonl")
    assert score(DAY)["predictions"] == 30


def test_only_verified_bundles_score(tmp_path: Path, bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("model_signing", reason="needs the extra sign")
    private = key_pairs.pair(tmp_path / "keys")
    monkeypatch.setenv(keys.VERIFY_KEY, str(key_pairs.public(private)))
    copy = shutil.copytree(bundle, tmp_path / "bundle")
    with pytest.raises(ValueError, match="the bundle is not signed"):
        score(DAY, "in.jsonl", copy, settings=SETTINGS)
    assert not Path(SETTINGS.table).exists()
    sign(copy, private)
    assert score(DAY, "in.jsonl", copy, settings=SETTINGS)["predictions"] == 30
