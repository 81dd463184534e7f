"""The comparison with peers: rows, scores, protocol and summary."""

import json
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import yaml
from scipy import sparse

from benchmarks.peers import linear, network, summary
from benchmarks.peers.e5 import E5, kept_in
from benchmarks.peers.linear import Linear
from benchmarks.peers.peer import tune
from benchmarks.peers.protocol import Benchmark, make_peer, over, preset_settings, unavailable
from benchmarks.peers.rows import Rows, Workspace, joined, load
from benchmarks.peers.scores import score
from benchmarks.peers.tokens import characters, words, words_and_bigrams
from mgm.model.thresholds import Thresholds
from mgm.settings.settings import Settings
from mgm.tasks import Task
from tests import tiny_corpora
from tests.benchmarks.workspace import make

RAW: dict[str, Any] = {
    "presets": {
        "fast": {"model": tiny_corpora.SETTINGS["model"] | {"preset": "fast"}, "train": {"epochs": 2}}
    },
    "minutes": {"linear": 1.0, "mgm-fast": 1.0},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project's folder with the features of the tiny corpora."""
    make(tmp_path)
    return tmp_path


def task(workspace: Workspace, name: str) -> Task:
    return next(t for t in workspace.tasks if t.name == name)


def classes(truth: list[str], space: list[str], lang: str = "en") -> Rows:
    """Rows of a classification task."""
    encoded = [space.index(label) if label in space else -1 for label in truth]
    table = pl.DataFrame({"label:dish": truth, "label_ids:dish": encoded, "lang": lang, "split": "test"})
    return Rows(Task(name="dish", kind="classification", corpora=["menus"]), space, table)


def sets(truth: list[list[str]], space: list[str]) -> Rows:
    """Rows of a multilabel task."""
    encoded = [[space.index(label) for label in row if label in space] for row in truth]
    table = pl.DataFrame(
        {"label:themes": truth, "label_ids:themes": encoded, "lang": "zh", "split": "test"},
        schema_overrides={"label:themes": pl.List(pl.String), "label_ids:themes": pl.List(pl.Int32)},
    )
    return Rows(Task(name="themes", kind="multilabel", corpora=["verses"]), space, table)


def test_words_and_characters() -> None:
    assert words("The GNU-C library!") == ["the", "gnu", "c", "library"]
    assert words_and_bigrams("a b c") == ["a", "b", "c", "a b", "b c"]
    assert "".join(words("明月照高楼。")) == "明月照高楼"
    assert characters("ab  c") == ["ab", "b ", " c", "ab ", "b c", "ab c"]
    assert characters("月a") == ["月", "a", "月a"]


def test_a_class_that_training_never_saw_is_wrong() -> None:
    rows = classes(["cake", "soup", "pie", "cake"], ["cake", "soup"])
    outcome = np.array([[1, 0], [0, 1], [1, 0], [0, 1]], float)
    found = score(rows, outcome).metrics
    assert found["accuracy"] == 0.5
    assert found["accuracy_known"] == pytest.approx(2 / 3)
    assert found["macro_f1"] == pytest.approx((2 * 1 / 4 + 2 * 1 / 3) / 2)


def test_macro_f1_is_over_the_classes_that_are_true_in_some_row() -> None:
    rows = classes(["cake", "cake"], ["cake", "soup", "pie"])
    assert score(rows, np.array([[1.0, 0, 0], [1, 0, 0]])).metrics["macro_f1"] == 1.0
    # soup, predicted and nowhere true, costs cake a hit and is itself no part of the mean
    assert score(rows, np.array([[1.0, 0, 0], [0, 1, 0]])).metrics["macro_f1"] == pytest.approx(2 / 3)
    assert score(classes(["tart"], ["cake"]), np.array([[1.0]])).metrics["macro_f1"] == 0.0
    lines = sets([["moon"], ["moon"]], ["home", "moon"])
    found = score(lines, np.array([[0.9, 0.8], [0.1, 0.8]]), Thresholds(0.5, [0.5, 0.5], "common"))
    assert found.metrics["macro_f1"] == 1.0


def test_accuracy_of_each_language() -> None:
    table = pl.concat(
        [classes(["cake", "cake"], ["cake", "soup"]).table, classes(["cake"], ["cake"], "zh").table]
    )
    rows = Rows(classes(["cake"], ["cake"]).task, ["cake", "soup"], table)
    found = score(rows, np.array([[1, 0], [0, 1], [1, 0]], float)).metrics
    assert (found["accuracy_en"], found["accuracy_zh"]) == (0.5, 1.0)


def test_sets_read_one_threshold_for_micro_and_their_own_for_macro() -> None:
    rows = sets([["moon"], ["home", "rain"], []], ["home", "moon"])
    scores = np.array([[0.2, 0.9], [0.3, 0.4], [0.1, 0.4]])
    found = score(rows, scores, Thresholds(0.5, [0.25, 0.5], "common"))
    assert found.metrics["micro_f1"] == pytest.approx(2 * 1 / (1 + 3))  # rain, never seen, counts as missed
    assert found.metrics["macro_f1"] == 1.0


def test_sets_without_thresholds_tune_them() -> None:
    found = score(sets([["moon"], []], ["moon"]), np.array([[0.3], [0.1]]))
    assert found.thresholds is not None and found.thresholds.common == 0.2
    assert found.metrics["micro_f1"] == 1.0


def test_rows_are_the_pipelines_own(folder: Path) -> None:
    workspace = load(folder)
    rows = workspace.rows(task(workspace, "dish"))
    frame = tiny_corpora.menus().filter(pl.col("dish").is_not_null())
    assert rows.table["text"].to_list() == frame["text"].to_list()
    assert [rows.space[i] for i in rows.ids] == frame["dish"].to_list()
    assert rows.of("valid").sum() == frame.filter(pl.col("split") == "valid").height


def test_tagging_rows_have_words_and_their_places(folder: Path) -> None:
    workspace = load(folder, ["menus"])
    first = workspace.rows(task(workspace, "keys")).table.row(0, named=True)
    cut = [first["text"][a:b] for a, b in zip(first["start"], first["end"], strict=True)]
    assert first["words"] == cut


def test_joined_parts_train_on_valid_too(folder: Path) -> None:
    parts = joined(load(folder).parts)
    assert parts["menus"][0].documents["split"].value_counts(sort=True).rows() == [("train", 24), ("test", 6)]


def test_no_labels_or_rows_at_all_are_an_error(folder: Path) -> None:
    with pytest.raises(ValueError, match="--few 0: expected at least 1"):
        load(folder, few=0)
    with pytest.raises(ValueError, match="--rows -1: expected at least 1"):
        load(folder, rows=-1)


def test_few_keeps_the_first_labels_by_hash_and_all_of_valid_and_test(folder: Path) -> None:
    whole, few = load(folder), load(folder, few=4)
    for own in few.tasks:
        assert few.labelled(own, "train") == 4
        assert few.labelled(own, "test") == whole.labelled(own, "test")
    train = tiny_corpora.menus().filter((pl.col("split") == "train") & pl.col("dish").is_not_null())["doc_id"]
    wanted = sorted(train, key=lambda name: blake2b(name.encode(), digest_size=8).hexdigest())[:4]
    documents = few.parts["menus"][0].documents.filter(
        pl.col("split") == "train", pl.col("label:dish").is_not_null()
    )
    assert set(documents["doc_id"]) == set(wanted)
    assert documents["label_ids:dish"].null_count() == 0


def test_rows_limits_each_split(folder: Path) -> None:
    documents = load(folder, rows=2).parts["verses"][0].documents
    assert documents["split"].value_counts().rows_by_key("split").values() and documents.height == 6


@pytest.mark.parametrize(
    ("corpora", "message"), [(["menu"], "corpus 'menu' is not enabled.*did you mean 'menus'")]
)
def test_unknown_corpus(folder: Path, corpora: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load(folder, corpora)


def test_features_not_made(folder: Path) -> None:
    (folder / "data/features/labels.json").unlink()
    with pytest.raises(FileNotFoundError, match="gate_features"):
        load(folder)


@pytest.mark.parametrize("name", ["dish", "themes", "price"])
def test_linear_learns_the_tiny_corpora(folder: Path, name: str) -> None:
    workspace = load(folder)
    rows = workspace.rows(task(workspace, name))
    found = tune(Linear(), rows, seed=1)
    assert min(found["valid"].values()) > 0.8
    assert len(found["tried"]) == len(Linear().grid(rows.task))


def test_linear_never_answers_a_class_it_has_no_row_of(folder: Path) -> None:
    workspace = load(folder)
    rows = workspace.rows(task(workspace, "dish"))
    fit_on = rows.of("train") & (rows.ids != 1)
    outcome = Linear().outcome(rows, fit_on, rows.of("test"), {"scaling": "mean", "C": 1.0}, 1)
    assert 1 not in np.asarray(outcome).argmax(axis=1)


def test_the_scale_of_a_feature_is_what_it_tells_of_a_label() -> None:
    counts = sparse.csr_matrix(np.array([[1, 1, 0], [1, 1, 0], [1, 0, 1], [1, 0, 1]], float))
    scale = linear.label_scale(counts, np.array([True, True, False, False]))
    # with the label: 3, 3 and 1 of 7 counts with one more each; without it: 3, 1 and 3
    assert scale[0] == 0 and scale[1] == scale[2] > 0
    assert ((counts.toarray() * scale) ** 2).sum() == pytest.approx((counts.toarray() ** 2).sum())
    values = linear.value_scale(counts, np.array([1.0, 1.0, 3.0, 3.0]))
    assert values[0] == 0 and values[1] == values[2] > 0


@pytest.mark.parametrize("name", ["dish", "price"])
def test_the_mean_is_of_the_plain_and_the_scaled_model(folder: Path, name: str) -> None:
    workspace = load(folder)
    rows = workspace.rows(task(workspace, name))
    found = {
        scaling: Linear().outcome(rows, rows.of("train"), rows.of("test"), {"scaling": scaling, "C": 1.0}, 1)
        for scaling in ("plain", "nb", "mean")
    }
    assert not np.allclose(found["plain"], found["nb"])
    assert np.allclose(found["mean"], (np.asarray(found["plain"]) + np.asarray(found["nb"])) / 2)


@pytest.mark.parametrize("name", ["dish", "themes", "price"])
def test_e5_fits_a_head_on_vectors_that_are_computed_once(folder: Path, tmp_path: Path, name: str) -> None:
    """The vectors are counts of characters here; each text is embedded once, in this process and in the next."""
    embedded: list[str] = []

    def embed(texts: list[str]) -> np.ndarray:
        embedded.extend(texts)
        return np.array([[text.count(chr(c)) for c in range(97, 123)] + [len(text)] for text in texts], float)

    workspace = load(folder)
    rows = workspace.rows(task(workspace, name))
    peer = E5(kept_in(tmp_path / "vectors", embed))
    found = tune(peer, rows, seed=1)
    assert len(found["tried"]) == len(peer.grid(rows.task))
    again = E5(kept_in(tmp_path / "vectors", embed))
    setting = found["setting"]
    test, train = rows.of("test"), rows.of("train")
    first = peer.outcome(rows, train, test, setting, 1)
    assert np.array_equal(np.asarray(again.outcome(rows, train, test, setting, 1)), np.asarray(first))
    assert sorted(embedded) == sorted(set(rows.table["text"]))
    assert len(np.asarray(first)) == test.sum()


def test_crf_finds_the_keys(folder: Path) -> None:
    if unavailable("crf"):
        pytest.skip("needs the extra bench")
    workspace = load(folder)
    rows = workspace.rows(task(workspace, "keys"))
    test = rows.of("test")
    found = make_peer("crf", Path()).outcome(rows, rows.of("train"), test, {"c1": 0.0, "c2": 0.1}, 1)
    assert score(rows.filter(test), found).metrics == {"span_f1": 1.0}


@pytest.mark.parametrize("name", ["dish", "themes"])
def test_fasttext_has_scores_of_every_class(folder: Path, name: str) -> None:
    if unavailable("fasttext"):
        pytest.skip("needs the extra bench")
    peer = make_peer("fasttext", Path())
    workspace = load(folder)
    rows = workspace.rows(task(workspace, name))
    found = peer.outcome(rows, rows.of("train"), rows.of("test"), {"lr": 0.1, "epoch": 50, "dim": 10}, 1)
    assert isinstance(found, np.ndarray)
    assert found.shape == (rows.of("test").sum(), len(rows.space))
    assert ((found >= 0) & (found <= 1)).all() and found.std() > 0


def test_fasttext_learns_from_rows_that_are_sorted_by_label() -> None:
    if unavailable("fasttext"):
        pytest.skip("needs the extra bench")
    rng = np.random.default_rng(1)
    truth = np.repeat([0, 1], 1000)
    said = [f"{'good' if rng.random() < (0.8 if y else 0.2) else 'bad'} {rng.integers(50)}" for y in truth]
    names = ["neg", "pos"]
    table = pl.DataFrame({"text": said, "split": ["train"] * 2000, "mood": [names[y] for y in truth]})
    mood = Task(name="mood", kind="classification", corpora=["notes"])
    rows = Rows(mood, names, table.with_columns(pl.Series(mood.columns.label_ids, truth)))
    everything = np.ones(2000, bool)
    found = make_peer("fasttext", Path()).outcome(
        rows, everything, everything, {"lr": 0.5, "epoch": 5, "dim": 10}, 1
    )
    assert (np.asarray(found).argmax(axis=1) == truth).mean() > 0.75


def test_a_result_is_measured_once(folder: Path, tmp_path: Path) -> None:
    workspace, work = load(folder), tmp_path / "work"
    units = Benchmark(workspace, RAW, [1, 2], few=False, work=work).units(["linear"], ["dish"])
    assert [u.fits for u in units] == [13]  # of one seed: another gives the same model
    first = [u.run({"revision": "r1"}) for u in units]
    again = Benchmark(workspace, RAW, [1, 2], few=False, work=work).units(["linear"], ["dish"])
    assert [u.fits for u in again] == [0]
    assert [u.run({"revision": "r2"}) for u in again] == first
    assert json.loads(units[0].path.read_text())["revision"] == "r1"


def test_mgm_goes_through_the_same_protocol(folder: Path, tmp_path: Path) -> None:
    workspace = load(folder)
    made = Benchmark(workspace, RAW, [1], few=False, work=tmp_path / "work")
    (unit,) = made.units(["mgm-fast"], [])
    assert unit.fits == 2
    found = unit.run({"revision": "r"})
    assert set(found["tasks"]) == {"dish", "price", "keys", "themes"}
    assert set(found["tasks"]["themes"]) == {"micro_f1", "macro_f1"}
    assert found["tuned"]["best_epoch"] in (1, 2)
    assert (unit.path.parent / "tune-1.json").is_file()
    assert not list((unit.path.parent / "checkpoints").glob("*"))
    other = RAW | {"presets": {"fast": over(RAW["presets"]["fast"], {"train": {"epochs": 1}})}}
    (changed,) = Benchmark(workspace, other, [1], few=False, work=tmp_path / "work").units(["mgm-fast"], [])
    assert changed.fits == 2  # other settings: the result on disk is not theirs


def test_a_refit_ends_after_the_best_epoch_of_the_first_fit(folder: Path, tmp_path: Path) -> None:
    workspace = load(folder)
    settings = preset_settings(workspace.settings, RAW, "fast")
    tuned = network.tune(workspace, workspace.tasks, settings, tmp_path)[0]
    for best in (1, 2):
        fitted, _ = network.refit(
            workspace, workspace.tasks, settings, tmp_path, tuned | {"best_epoch": best}
        )
        assert [r.epoch for r in fitted.training.history] == list(range(1, best + 1))
        assert not fitted.training.history[-1].metrics  # nothing is left to validate on


def test_few_labels_are_fitted_once(folder: Path, tmp_path: Path) -> None:
    made = Benchmark(load(folder, few=4), RAW, [1], few=True, work=tmp_path / "work")
    units = made.units(["mgm-fast-single"], [])
    assert [(u.tasks[0].name, u.fits) for u in units] == [
        ("dish", 1),
        ("keys", 1),
        ("price", 1),
        ("themes", 1),
    ]
    assert set(units[0].run({"revision": "r"})["tasks"]) == {"dish"}


def test_an_unknown_preset_and_key_are_named() -> None:
    with pytest.raises(ValueError, match="no preset 'fest'.*did you mean 'fast'"):
        preset_settings(tiny_corpora.settings(), RAW, "fest")
    wrong = {"presets": {"fast": {"model": {"widht": 4}, "train": {}}}}
    with pytest.raises(ValueError, match=r"presets\.fast: model\.widht.*did you mean 'width'"):
        preset_settings(tiny_corpora.settings(), wrong, "fast")


def test_the_presets_that_are_shipped_are_settings() -> None:
    raw = yaml.safe_load(Path("benchmarks/quality.yaml").read_text(encoding="utf-8"))
    for preset in raw["presets"]:
        assert preset_settings(Settings.load(), raw, preset).model.preset == preset
        few = raw | {"presets": {preset: over(raw["presets"][preset], raw["few"])}}
        assert preset_settings(Settings.load(), few, preset).train.epochs > Settings.load().train.epochs


RESULTS = {
    "linear": {"1": {"dish": {"accuracy": 0.70, "macro_f1": 0.5}}},
    "fasttext": {"1": {"dish": {"accuracy": 0.75, "macro_f1": 0.4}}},
    "minilm": {"1": {"dish": {"accuracy": 0.9, "macro_f1": 0.8}}},
    "mgm-fast": {
        "1": {"dish": {"accuracy": 0.76, "macro_f1": 0.55}},
        "2": {"dish": {"accuracy": 0.78, "macro_f1": 0.55}},
    },
    "mgm-fast-single": {"1": {"dish": {"accuracy": 0.7, "macro_f1": 0.50}}},
}


def test_summary_has_means_and_deviations() -> None:
    found = summary.summarise(RESULTS)
    assert found["mgm-fast"]["dish"]["accuracy"] == {"mean": 0.77, "sd": 0.014142, "values": [0.76, 0.78]}
    assert found["linear"]["dish"]["accuracy"]["sd"] is None


@pytest.mark.parametrize(
    ("wanted", "value", "met"),
    [
        (0.78, 0.78, False),
        ({"above": "linear", "by": 0.0}, 0.70, True),
        ({"above": "peers", "by": 0.02}, 0.77, True),  # not above what was pretrained elsewhere
        ({"above": "peers", "by": 0.03}, 0.78, False),
    ],
)
def test_what_is_reached(wanted: Any, value: float, met: bool) -> None:
    found = summary.reached(summary.summarise(RESULTS), {"dish": {"accuracy": wanted}})["dish"]["accuracy"]
    assert found["reach"] == value
    assert found["mgm-fast"] == {"mean": 0.77, "met": met}


def test_a_wrong_reach_is_named() -> None:
    with pytest.raises(ValueError, match=r"reach\.dish\.accuracy: found 'high'"):
        summary.reached(summary.summarise(RESULTS), {"dish": {"accuracy": "high"}})


def test_gain_is_of_the_first_metric_where_both_have_the_seed() -> None:
    tasks = [Task(name="dish", kind="classification", corpora=["menus"])]
    found = summary.gains(RESULTS, tasks, {"mean": 0.0, "task": -0.01})["mgm-fast"]
    assert found["tasks"]["dish"] == {"metric": "macro_f1", "mean": 0.1, "sd": None, "values": [0.1]}
    assert found["met"]
    assert not summary.gains(RESULTS, tasks, {"mean": 0.2})["mgm-fast"]["met"]


def test_table_shows_what_was_measured_and_who_reaches() -> None:
    summed = summary.summarise(RESULTS)
    text = summary.table(summed, summary.reached(summed, {"dish": {"accuracy": 0.77}}))
    assert (
        "| dish | accuracy | 0.700 | 0.750 | 0.900 | 0.770 ± 0.014 | 0.700 | 0.770 | mgm-fast |"
        in text.splitlines()
    )
