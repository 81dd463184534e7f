"""A loaded model answers for texts in any form, a row a text, and says which words counted."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch
from polars.testing import assert_frame_equal

import mgm
from mgm.bundle.save import save_bundle
from mgm.bundle.signing import sign
from mgm.inference.model import Model
from mgm.model.calibration import Calibration, PrecisionPoint, Temperatures
from mgm.model.thresholds import Thresholds
from mgm.scoring.isolation import ModelBroken
from tests import generation_corpora, keys, tiny_corpora

TEXTS = ["Press Enter.", None, "明月照高楼。", " \n ", "Bake a cake; press Escape."]
EMOJI = "👩‍🍳 Press\u200b Enter！按回车键，e\u0301 🇨🇳 fin."
"""Emoji of several code points, a removed zero-width space, Chinese, and a combining accent."""


@pytest.fixture(scope="module")
def model() -> Model:
    return Model(tiny_corpora.bundle())


@pytest.fixture(scope="module")
def tagger() -> Model:
    """A model that takes every word for a span."""
    made = tiny_corpora.bundle()
    head = made.network.heads["keys"]
    with torch.no_grad():
        head.emissions.bias.copy_(torch.tensor([-99.0, 99.0, -99.0]))
    return Model(made)


def test_a_row_a_text_in_order(model: Model) -> None:
    rows = model.predict(TEXTS)
    assert rows["text"].to_list() == TEXTS
    assert rows["rejected"].to_list() == [None, ["text_missing"], None, ["text_too_short"], None]
    predicted = rows.drop("text", "rejected").rows()
    assert all(value is not None for i in (0, 2, 4) for value in predicted[i])
    assert all(value is None for i in (1, 3) for value in predicted[i])
    columns = ["text", "dish", "dish_score", "keys", "price", "themes", "themes_score", "rejected"]
    assert rows.columns == columns


@pytest.mark.parametrize(
    "texts",
    [
        tuple(TEXTS),
        (text for text in TEXTS),
        pl.Series("any", TEXTS),
        pl.Series(TEXTS).cast(pl.Categorical),
        pl.DataFrame({"text": TEXTS}),
    ],
    ids=["tuple", "generator", "series", "categories", "frame"],
)
def test_texts_in_any_form(model: Model, texts: Any) -> None:
    assert_frame_equal(model.predict(texts), model.predict(TEXTS))


def test_one_text_and_none(model: Model) -> None:
    one = model.predict("Press Enter.")
    assert one.height == 1
    empty = model.predict([])
    assert (empty.height, empty.schema) == (0, one.schema)
    assert model.predict([None]).schema == one.schema
    assert model.predict([], proba=True).schema == model.predict("Press Enter.", proba=True).schema


def test_other_columns_of_a_frame_stay(model: Model) -> None:
    """Ids may repeat or be missing: the row is what counts."""
    frame = pl.DataFrame({"doc_id": ["a", "a", None], "n": [1, 2, 3], "text": ["Press Enter.", " ", "也好"]})
    rows = model.predict(frame, tasks="dish")
    assert_frame_equal(rows.select(frame.columns), frame)
    assert rows["rejected"].is_null().to_list() == [True, False, True]


def test_numbers_print_with_four_decimals(model: Model) -> None:
    row = model.predict("Press Enter.", proba=True).to_dicts()[0]
    numbers = [row["dish_score"], row["price"], *row["themes_score"], *row["themes_proba"].values()]
    numbers += [span["score"] for span in row["keys"]]
    assert all(len(repr(number).partition(".")[2]) <= 4 for number in numbers)


def test_probability_of_every_label(model: Model) -> None:
    rows = model.predict(TEXTS, proba=True)
    assert rows.schema["dish_proba"] == pl.Struct(dict.fromkeys(model.labels("dish"), pl.Float64))
    row = rows.row(0, named=True)
    assert sum(row["dish_proba"].values()) == pytest.approx(1, abs=2e-4)
    assert row["dish_proba"][row["dish"]] == row["dish_score"] == max(row["dish_proba"].values())
    assert dict(zip(row["themes"], row["themes_score"], strict=True)).items() <= row["themes_proba"].items()
    assert rows["dish_proba"].is_null().to_list() == [False, True, False, True, False]
    assert "keys_proba" not in rows.columns and "price_proba" not in rows.columns


def test_spans_are_the_words_of_the_raw_text(tagger: Model) -> None:
    spans = tagger.predict(EMOJI)["keys"][0]
    words = [EMOJI[span["start"] : span["end"]] for span in spans]
    assert [w for w in words if w.isalpha() or "\u0301" in w] == [
        "Press",
        "Enter",
        "按",
        "回车键",
        "e\u0301",
        "fin",
    ]
    assert words[0].startswith("👩") and "🇨🇳" in "".join(words)


def test_explained_words_are_those_of_the_raw_text(model: Model) -> None:
    for task in model.tasks:
        words = model.explain(EMOJI, task).words
        assert [EMOJI[start:end] for start, end in words.select("start", "end").iter_rows()] == words[
            "word"
        ].to_list()
        assert {"Press", "Enter", "回车键", "e\u0301"} <= set(words["word"])


def test_explanation_adds_up_to_the_prediction(model: Model) -> None:
    """Contributions to a number sum to it, less the value of the average document."""
    text = "Stir the soup, then press Enter. It is hot!"
    explained = model.explain(text, "price")
    assert explained.label is None and explained.target == "the value"
    assert explained.score == model.predict(text)["price"][0]
    assert explained.error < 0.02
    assert explained.words["contribution"].abs().max() > 0
    assert (
        explained.top(2)["contribution"].abs().to_list()
        == sorted(explained.words["contribution"].abs(), reverse=True)[:2]
    )


def test_any_label_can_be_explained(model: Model) -> None:
    text = "Bake a cake; press Escape when done."
    predicted = model.predict(text, proba=True).row(0, named=True)
    best = model.explain(text, "dish")
    assert (best.label, best.score) == (predicted["dish"], predicted["dish_score"])
    assert best.target.startswith(f"{best.label} rather than ")
    other = next(label for label in model.labels("dish") if label != best.label)
    assert model.explain(text, "dish", label=other).score == predicted["dish_proba"][other]
    assert model.explain(text, "themes", label="moon").score == predicted["themes_proba"]["moon"]


def test_a_predicted_label_is_explained_rather_than_a_likelier_one() -> None:
    """Thresholds of single labels may leave out the most probable one."""
    made = tiny_corpora.bundle()
    least = Thresholds(common=0.5, labels=[1.0, 0.0, 1.0], mode="labels")
    model = Model(replace(made, thresholds={"themes": least}))
    row = model.predict("夜雨打窗。", proba=True).row(0, named=True)
    assert row["themes"] == ["moon"] and max(row["themes_proba"].values()) > row["themes_score"][0]
    assert model.explain("夜雨打窗。", "themes").label == "moon"


def test_explained_span_is_the_most_confident(tagger: Model) -> None:
    spans = tagger.predict(EMOJI)["keys"][0]
    best = max(spans, key=lambda span: span["score"])
    explained = tagger.explain(EMOJI, "keys", label="key")
    assert (explained.start, explained.end, explained.label) == (best["start"], best["end"], "key")


def test_tasks_labels_and_corpora(model: Model) -> None:
    assert model.tasks == {
        "dish": "classification",
        "keys": "tagging",
        "price": "regression",
        "themes": "multilabel",
    }
    assert model.labels("dish") == ["cake", "fish", "soup"]
    assert model.labels("price") == []
    assert model.corpora == ["menus", "verses"]
    assert model.predict("ab", tasks=["price"], corpus="verses")["rejected"].to_list() == [["text_too_short"]]
    assert model.predict("ab", tasks=["price"]).columns == ["text", "price", "rejected"]


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (
            lambda m: m.labels("prize"),
            r"task 'prize': the bundle has no such task \(did you mean 'price'\?\)",
        ),
        (lambda m: m.predict("a", tasks=["dish", "prize"]), "did you mean 'price'"),
        (lambda m: m.predict("a", corpus="menu"), "corpus 'menu': this bundle was not trained on it"),
        (lambda m: m.predict(pl.DataFrame({"txt": ["a"]})), r"no column 'text' \(did you mean 'txt'\?\)"),
        (lambda m: m.predict(pl.DataFrame({"text": ["a"], "dish": ["soup"]})), "names of predictions: dish;"),
        (lambda m: m.predict(["a", "b\ud800"]), r"text 1: not valid Unicode: '\\ud800' at character 1"),
        (lambda m: m.explain("a", "dish", label="soop"), r"it has no label 'soop' \(did you mean 'soup'\?\)"),
        (lambda m: m.explain("a", "price", label="high"), r"task 'price': it has no label 'high'"),
        (lambda m: m.explain(" ", "dish"), "the text is rejected: text_too_short"),
    ],
    ids=["labels", "task", "corpus", "text column", "clash", "surrogate", "label", "number", "blank"],
)
def test_wrong_values_are_named(model: Model, call: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        call(model)


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        (["a", 5], "text 1: expected a str or None, found 5"),
        (b"a", "found bytes"),
        (pl.LazyFrame({"text": ["a"]}), "found polars.LazyFrame"),
        (pl.DataFrame({"text": ["a"]}).to_arrow(), "found pyarrow.Table"),
        (pl.Series([1]), "the series is of type Int64, expected String"),
        (7, "found int"),
    ],
    ids=["number among texts", "bytes", "lazy frame", "other table", "series of numbers", "number"],
)
def test_other_things_than_texts(model: Model, texts: Any, says: str) -> None:
    with pytest.raises(TypeError, match=says):
        model.predict(texts)


def test_one_text_is_explained_at_a_time(model: Model) -> None:
    with pytest.raises(TypeError, match="expected one text, found list"):
        model.explain(["Press Enter."], "dish")  # type: ignore[arg-type]


def test_nothing_is_predicted_to_explain() -> None:
    made = tiny_corpora.bundle()
    with torch.no_grad():
        made.network.heads["keys"].emissions.bias.copy_(torch.tensor([99.0, -99.0, -99.0]))
    with pytest.raises(
        ValueError, match="task 'keys': no span with the label 'key' is predicted in this text"
    ):
        Model(made).explain("Press Enter.", "keys", label="key")


def test_texts_are_generated_only_on_demand() -> None:
    model = Model(generation_corpora.bundle())
    text = "今天有汤。"
    assert model.predict(text).columns == ["text", "dish", "dish_score", "rejected"]
    row = model.predict(text, tasks=["heading"]).row(0, named=True)
    assert isinstance(row["heading"], str) and row["heading_truncated"] is False
    assert model.explainable_tasks == ["dish"]
    assert model.labels("heading") == []
    with pytest.raises(ValueError, match="task 'heading': predictions of kind generation are not explained"):
        model.explain(text, "heading")


def test_threads_share_a_model(model: Model) -> None:
    """Explanations replace parts of the network for a while, which no prediction may see."""
    expected = model.predict(TEXTS)

    def call(i: int) -> bool:
        if i % 2:
            return model.explain("Press Enter.", "dish").words.height > 0
        return model.predict(TEXTS).equals(expected)

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(call, range(6)))


def test_a_text_that_breaks_the_model(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    from mgm.scoring.scorer import Scorer

    score = Scorer.score

    def fragile(self: Scorer, frame: pl.DataFrame, corpus: str | None = None) -> Any:
        if frame["text"].str.contains("boom").any():
            raise RuntimeError("index out of range")
        return score(self, frame, corpus)

    monkeypatch.setattr(Scorer, "score", fragile)
    rows = model.predict(["Press Enter.", "boom", "Bake a cake."])
    assert rows["rejected"].to_list() == [None, ["model_failed"], None]
    with pytest.raises(ModelBroken, match="it is the model that is broken"):
        model.predict(["boom", "boom"])


def test_load_names_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere: no bundle here"):
        mgm.load(tmp_path / "nowhere")


def test_loaded_model_calibrates_and_abstains(tmp_path: Path) -> None:
    folder = tiny_corpora.saved_bundle(tmp_path)
    with pytest.raises(ValueError, match="score.calibrate: true: bundle .* has no temperatures"):
        mgm.load(folder, calibrate=True)
    plain = mgm.load(folder)
    texts = tiny_corpora.menus()["text"]
    expected = plain.predict(texts, tasks="dish")
    least = round(expected["dish_score"].sort()[10], 4)
    dish = Calibration(
        temperatures=Temperatures(common=2.0), predictions=50, points=(PrecisionPoint(least, 40, 38),)
    )
    save_bundle(folder, replace(plain.bundle, calibrations={"dish": dish}))
    model = mgm.load(folder, calibrate=True, abstain={"dish": 0.95})
    found = model.predict(texts, tasks="dish")
    is_sure = expected["dish_score"] >= least
    assert found["dish"].is_not_null().to_list() == is_sure.to_list()
    assert found.filter(is_sure)["dish"].to_list() == expected.filter(is_sure)["dish"].to_list()
    assert (found["dish_score"] < expected["dish_score"]).all()
    assert model.explain(texts[0], "dish").label == expected["dish"][0], (
        "the network's own answer is explained"
    )


def test_load_checks_the_signature(tmp_path: Path) -> None:
    folder = tiny_corpora.saved_bundle(tmp_path)
    private = keys.pair(tmp_path / "keys")
    with pytest.raises((ValueError, FileNotFoundError), match="sign"):
        mgm.load(folder, public_key=keys.public(private))
    sign(folder, private)
    loaded = mgm.load(str(folder), public_key=str(keys.public(private)))
    assert repr(loaded).startswith(f"Model({loaded.bundle.id[:12]}; dish (classification), keys (tagging)")
    other = keys.pair(tmp_path / "others")
    with pytest.raises(ValueError, match="sign"):
        mgm.load(folder, public_key=keys.public(other))


def test_texts_made_to_fill_the_memory_are_rejected(model: Model) -> None:
    """A million sentences, words, paragraphs, or Chinese characters in a row: longer than text.cleaning.max_chars, before any work."""
    million = 1_000_000
    han = "".join(chr(0x4E00 + number * 7_919 % 20_000) for number in range(20_000)) * 50
    words = " ".join(f"w{number}" for number in range(million // 7))
    texts = [
        "a. " * (million // 3),
        "我。" * (million // 2),
        words,
        han,
        "a\n\n" * (million // 3),
        "1" * million,
    ]
    before = time.process_time()
    rejected = model.predict([*texts, "Press Enter."])["rejected"].to_list()
    assert rejected == [["text_too_long"]] * len(texts) + [None]
    assert time.process_time() - before < 2
