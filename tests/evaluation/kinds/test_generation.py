import math
import re

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics import BLEU, CHRF

from mgm.evaluation.bootstrap import GroupBootstrap, confidence_intervals
from mgm.evaluation.copy_baselines import lead_and_copy
from mgm.evaluation.kinds import evaluation_of
from mgm.evaluation.kinds.generation import BASELINES, bleu_tokenizer, document_scores
from mgm.evaluation.slices import slices
from mgm.evaluation.summary import summarize, summary_lines
from tests import generation_corpora, tiny_corpora
from tests.evaluation.frames import frame, task

TASK = task("generation")
EVALUATION = evaluation_of(TASK)
ENGLISH = ["Open the file menu and press Enter.", "The cat sat on the mat.", "Save it now!", "A b c d e"]
SAID = ["Open the menu and press the Enter key.", "The cat sat on a mat.", "Save", "A b c d e"]
CHINESE = ["打开文件菜单，然后按回车。", "猫坐在垫子上。", "Access2Base 的对比"]
SAID_ZH = ["打开菜单，按下回车。", "猫坐在上面。", "Access2Base 对比"]
SENTENCE = st.lists(st.sampled_from("the cat sat on 猫 坐 在 mat .".split()), max_size=8).map(" ".join)


@pytest.mark.parametrize(
    "true, predicted, tokenizer",
    [(ENGLISH, SAID, "13a"), (CHINESE, SAID_ZH, "zh")],
    ids=["English", "Chinese"],
)
def test_bleu_and_chrf_of_a_split_are_sacrebleus(
    true: list[str], predicted: list[str], tokenizer: str
) -> None:
    assert bleu_tokenizer(true) == tokenizer
    found = EVALUATION.statistics(frame("generation", true, predicted), TASK).score()
    assert found["bleu"] == pytest.approx(
        BLEU(tokenize=tokenizer).corpus_score(predicted, [true]).score / 100
    )
    assert found["chrf"] == pytest.approx(CHRF().corpus_score(predicted, [true]).score / 100)
    assert found["exact_match"] == sum(a == b for a, b in zip(true, predicted, strict=True)) / len(true)


def test_rouge_of_english_is_rouge_scores_own() -> None:
    scorer = RougeScorer(["rouge1", "rouge2", "rougeL"])
    found = document_scores(SAID, ENGLISH)
    for row, true, predicted in zip(found.to_dicts(), ENGLISH, SAID, strict=True):
        for name, score in scorer.score(true, predicted).items():
            assert row[name] == pytest.approx(score.fmeasure)


def test_rouge_counts_chinese_characters_and_latin_words() -> None:
    (row,) = document_scores(["猫在坐Access"], ["猫坐在Access"]).to_dicts()
    assert row["rouge1"] == 1 and row["rougeL"] == 3 / 4 and row["rouge2"] == 0


@given(st.lists(st.tuples(SENTENCE, SENTENCE), min_size=1, max_size=6))
def test_metrics_lie_between_0_and_1(pairs: list[tuple[str, str]]) -> None:
    true, predicted = [a for a, _ in pairs], [b for _, b in pairs]
    for value in EVALUATION.statistics(frame("generation", true, predicted), TASK).score().values():
        assert -1e-9 <= value <= 1 + 1e-9
    same = EVALUATION.statistics(frame("generation", ENGLISH, ENGLISH), TASK).score()
    assert all(value == pytest.approx(1) for value in same.values())


def test_the_split_without_documents_has_no_metric() -> None:
    assert all(
        math.isnan(v) for v in EVALUATION.statistics(frame("generation", [], []), TASK).score().values()
    )


def test_intervals_and_slices_are_of_the_same_sums() -> None:
    rows = frame("generation", ENGLISH * 10, SAID * 10, lang=["en", "zh"] * 20)
    statistics = EVALUATION.statistics(rows, TASK)
    bounds = confidence_intervals(statistics, rows["group"], resamples=50, seed=1)
    for name, value in statistics.score().items():
        assert bounds[name][0] <= value <= bounds[name][1]
    bootstrap = GroupBootstrap({"c": rows["group"]}, resamples=20, seed=1)
    found = slices(rows, rows["label:t"], task=TASK, bootstrap=bootstrap, min_groups=2)
    english = next(e for e in found if e["name"] == "en")
    own = EVALUATION.statistics(rows.filter(lang="en"), TASK).score()["chrf"]
    assert english["metric"] == "chrf" and english["value"] == pytest.approx(own, abs=1e-4)


@pytest.mark.parametrize("best", ["lead", "copy", "memory", "fuzzy"])
def test_the_best_of_the_baselines_is_compared_with(best: str) -> None:
    texts = {f"t_{name}": ENGLISH if name == best else ["no"] * 4 for name in BASELINES}
    entry = summarize(
        frame("generation", ENGLISH, SAID, **texts), pl.Series(ENGLISH), task=TASK, resamples=20, seed=1
    )
    assert entry["against"] == best and entry["baseline"] == 1.0
    assert {name: metrics["exact_match"] for name, metrics in entry["baselines"].items()} == {
        name: float(name == best) for name in BASELINES
    }
    assert entry["table"][0]["metric"] == "chrf" and entry["unseen_labels"] == 0
    assert re.search(rf"t +chrf +0\.\d+ \[.*\] +{best} 1\.000 +n 4", summary_lines({"t": entry})[0])


def test_lead_and_copy_are_words_with_their_blanks() -> None:
    features, *_ = generation_corpora.prepared(generation_corpora.settings(), generation_corpora.corpora())
    orders, notices = features["orders"][0], features["notices"][0]
    lead, copy = lead_and_copy(orders.documents, orders.types)
    assert lead[0] == "Ada wants soup." and copy[0] == "Ada wants soup. Bring soup to Ada!"
    lead, copy = lead_and_copy(notices.documents, notices.types)
    assert lead[1] == "今天有蛋糕。" and copy[1] == generation_corpora.notices()["text"][1]


def test_of_a_long_document_the_copy_is_cut() -> None:
    config = tiny_corpora.settings()
    long = tiny_corpora.menus(1).with_columns(text=pl.lit("soup " * 900))
    part = tiny_corpora.prepared(
        config, tiny_corpora.corpora() | {"menus": pl.concat([tiny_corpora.menus(), long])}
    )[0]["menus"][0]
    copy = lead_and_copy(part.documents, part.types)[1]
    assert np.max([len(text.split()) for text in copy]) == 400
