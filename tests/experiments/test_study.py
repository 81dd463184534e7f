"""What the study left, compared with the joint model, and the part of the report about it."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from sklearn.metrics import f1_score

from mgm.evaluation.run_files import RunFiles
from mgm.evaluation.summary import summarize
from mgm.experiments.gain import GAIN, compare_variants, gain_lines
from mgm.experiments.study import NOT_RUN
from mgm.experiments.variants import variants
from mgm.report.page import render
from tests.browser import look
from tests.finished_run import SPACES, write, write_table

FEATURES = "data/features/labels.json"


def corpus_rows(run_files: RunFiles, corpus: str) -> pl.DataFrame:
    return pl.concat(
        [
            pl.read_parquet(path)
            for path in sorted((run_files.root / "data/predictions" / corpus).glob("*.parquet"))
        ]
    )


def leave(run_files: RunFiles, name: str, **changed: Any) -> Path:
    """Leaves what training a variant leaves: here a model that says the first class and no theme but the first."""
    variant = variants(run_files.settings)[name]
    folder = run_files.root / "data" / "study" / name
    write(run_files.root / FEATURES, SPACES)
    test = {}
    for corpus in sorted({c for task in variant.tasks for c in task.corpora}):
        own = [task for task in variant.tasks if corpus in task.corpora]
        rows = corpus_rows(run_files, corpus)
        if any(task.name == "module" for task in own):
            rows = rows.with_columns(pl.lit("calc").alias("prediction:module"))
        if any(task.name == "themes" for task in own):
            rows = rows.with_columns(pl.Series("prediction:themes", [["题材00"]] * rows.height))
        write_table(folder / corpus, rows)
        for task in own:
            frame = rows.filter(pl.col("split") == "test")
            labelled = task.model_copy(update={"labels": tuple(SPACES.get(task.name, ()))})
            test[task.name] = summarize(frame, frame[task.columns.label], task=labelled, resamples=20, seed=1)
    result = {
        "test": test,
        "settings": variant.settings.training_sections(),
        "inputs": {FEATURES: run_files.hash_of(FEATURES)},
    }
    write(folder / "result.json", result | changed)
    return folder


def compared(run_files: RunFiles) -> dict[str, Any]:
    content = compare_variants(run_files, resamples=100, seed=1)
    write(run_files.root.joinpath(*GAIN), content)
    return content


def page(run_files: RunFiles) -> str:
    """The text of the part about the study."""
    html = render(run_files, {})
    part = html[html.index('id="gain"') : html.index('id="task-module"')]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", part))


def test_gains_and_differences_are_of_the_saved_predictions(finished_run: RunFiles) -> None:
    for name in ("single/module", "single/valence", "average", "ablations/window"):
        leave(finished_run, name)
    content = compared(finished_run)
    rows = corpus_rows(finished_run, "pages").filter(pl.col("split") == "test").drop_nulls("label:module")
    true, predicted = rows["label:module"], rows["prediction:module"]
    multi = f1_score(true, predicted, labels=SPACES["module"], average="macro")
    single = f1_score(true, ["calc"] * rows.height, labels=SPACES["module"], average="macro")
    found = content["gain"]["module"]
    assert found["multi"] == pytest.approx(multi, abs=1e-4)
    assert found["other"] == pytest.approx(single, abs=1e-4)
    assert found["gain"] == pytest.approx((multi - single) / single, abs=1e-4)
    assert found["shown"] == "better"
    assert content["differences"]["average"]["module"]["difference"] == pytest.approx(
        multi - single, abs=1e-4
    )
    same = content["gain"]["valence"]
    assert (same["gain"], same["low"], same["high"], same["shown"]) == (0, 0, 0, "no difference shown")
    assert content["mean"]["tasks"] == ["module", "valence"]
    assert content["mean"]["gain"] == pytest.approx(found["gain"] / 2, abs=1e-4)
    assert content["left_out"]["single/themes"] == NOT_RUN
    assert set(content["differences"]["ablations/window"]) == {"module", "themes", "ui_terms", "valence"}
    assert compare_variants(finished_run, resamples=100, seed=1) == content

    told = "\n".join(gain_lines(content))
    assert re.search(r"module +gain \+\d+\.\d% \[\+\d+\.\d%, \+\d+\.\d%\] better", told)
    assert "single/themes: not run (study)" in told


def test_trainings_under_other_seeds_join_in_pairs(finished_run: RunFiles) -> None:
    for name in ("single/module", "joint_2", "single_2/module", "joint_3"):
        leave(finished_run, name)
    content = compared(finished_run)
    alone = content["differences"]["single/module"]["module"]
    found = content["gain"]["module"]
    assert found["trainings"] == 2
    assert found["made_of"] == ["single/module", "joint_2", "single_2/module"]
    # what `leave` left of the second joint model is the single one's answers
    assert found["multi"] == pytest.approx((alone["multi"] + alone["other"]) / 2, abs=1e-4)
    assert found["other"] == pytest.approx(alone["other"], abs=1e-4)
    assert "joint_3" not in content["differences"]
    assert re.search(r"module macro f1 .* 2 (better|no difference shown)", page(finished_run))
    leave(finished_run, "joint_2", inputs={FEATURES: "other"})
    assert f"(stale: other {FEATURES})" in page(finished_run)


def test_a_task_that_is_better_off_alone_is_negative_transfer(finished_run: RunFiles) -> None:
    folder = leave(finished_run, "single/module")
    rows = corpus_rows(finished_run, "pages")
    write_table(
        folder / "pages",
        rows.with_columns(pl.col("label:module").fill_null("calc").alias("prediction:module")),
    )
    assert compared(finished_run)["gain"]["module"]["shown"] == "worse"
    text = page(finished_run)
    assert "worse: negative transfer" in text
    assert "Negative transfer: module is shown to be better off alone." in text


def test_the_report_shows_the_numbers_and_what_was_not_run(finished_run: RunFiles) -> None:
    for name in ("single/module", "average", "ablations/window"):
        leave(finished_run, name)
    content = compared(finished_run)
    text = page(finished_run)
    found = content["gain"]["module"]
    expected = (
        f"module macro f1 {found['multi']:.3f} {found['other']:.3f} {found['gain']:+.1%} "
        f"[{found['low']:+.1%}, {found['high']:+.1%}] 1 better"
    )
    assert expected in text
    assert f"mean of 1 of 4 tasks {found['gain']:+.1%}" in text
    assert "themes micro f1 not run (study)" in text
    cell = content["differences"]["average"]["themes"]
    assert f"{cell['difference']:+.3f} [{cell['low']:+.3f}, {cell['high']:+.3f}]" in text
    assert "joint minus average without window" in text
    assert "without character, without word, without lead, without sentence, without paragraph" in text
    assert "stale" not in text


def test_nothing_was_run(finished_run: RunFiles) -> None:
    text = page(finished_run)
    assert text.count("not run (study)") == 5  # four tasks, and the variants in one sentence
    assert "joint minus" not in text
    assert not finished_run.missing


def test_a_result_of_other_features_or_settings_is_stale(finished_run: RunFiles) -> None:
    leave(finished_run, "single/module")
    compared(finished_run)
    leave(finished_run, "single/module", inputs={FEATURES: "other"})
    assert f"(stale: other {FEATURES})" in page(finished_run)
    assert (
        compare_variants(finished_run, resamples=100, seed=1)["left_out"]["single/module"]
        == f"stale: other {FEATURES}"
    )
    leave(finished_run, "single/module", settings={"seed": 99})
    assert "(stale: other params.yaml)" in page(finished_run)
    compared(finished_run)
    assert "module macro f1 stale: other params.yaml" in page(finished_run)


def test_numbers_of_another_joint_model_are_stale(finished_run: RunFiles) -> None:
    for name in ("single/module", "single/themes", "average"):
        leave(finished_run, name)
    compared(finished_run)
    write_table(finished_run.root / "data/predictions/poems", corpus_rows(finished_run, "poems").reverse())
    text = page(finished_run)
    assert text.count("stale: other data/predictions/poems/_parts.json") == 2  # themes alone, average
    assert re.search(r"mean of 2 of 4 tasks \S+ \[\S+ \S+ [a-z ]+ \(stale: a part of it is\)", text)


def test_a_result_that_was_not_compared_says_so(finished_run: RunFiles) -> None:
    leave(finished_run, "single/module")
    assert "module macro f1 not compared (study)" in page(finished_run)


def test_another_set_of_documents_is_refused_by_name(finished_run: RunFiles) -> None:
    folder = leave(finished_run, "single/module")
    write_table(folder / "pages", corpus_rows(finished_run, "pages")[:-1])
    with pytest.raises(
        ValueError,
        match=r"data/study/single/module, task module: lacks 1 labelled documents, first 'pages/119'",
    ):
        compare_variants(finished_run, resamples=100, seed=1)


def test_missing_tables_and_keys_are_named(finished_run: RunFiles) -> None:
    folder = leave(finished_run, "single/module")
    write(folder / "result.json", {"test": {}})
    with pytest.raises(ValueError, match=r"data/study/single/module/result\.json: no key 'settings'"):
        render(finished_run, {})
    folder = leave(finished_run, "single/module")
    (folder / "pages" / "_parts.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"data/study/single/module/pages: no finished table"):
        compare_variants(finished_run, resamples=100, seed=1)
    (finished_run.root / "data/predictions/poems/_parts.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"data/predictions/poems: no finished table"):
        compare_variants(finished_run, resamples=100, seed=1)


def test_the_file_holds_plain_numbers(finished_run: RunFiles) -> None:
    leave(finished_run, "single/module")
    json.dumps(compared(finished_run), allow_nan=False)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium (Debian package chromium)")
def test_the_widest_study_fits_a_phone(finished_run: RunFiles, tmp_path: Path) -> None:
    for name in variants(finished_run.settings):
        leave(finished_run, name)
    compared(finished_run)
    (tmp_path / "page.html").write_text(render(finished_run, {}), encoding="utf-8")
    for one in look(tmp_path, ["page.html"]):
        assert one.needed <= one.width
