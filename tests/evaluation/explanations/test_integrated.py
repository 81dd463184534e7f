"""Integrated gradients: completeness, and a model that is linear in its words, whose shares are known."""

import numpy as np
import pytest
import torch

from mgm.evaluation.explanations.attribution import explain_words
from mgm.evaluation.explanations.integrated import average_word, integrated_gradients, occurrence_vectors
from mgm.evaluation.explanations.target import target_of
from mgm.model.batch import Batch
from mgm.model.collate import collate
from mgm.settings.evaluation import ExplainSettings
from tests.evaluation.explanations.conftest import Made, made_with


def document(made: Made, corpus: str, row: int) -> Batch:
    return collate(made.parts[corpus], np.array([row]))


def baseline(made: Made, corpus: str) -> dict[str, torch.Tensor]:
    rows = np.arange(made.parts[corpus].documents.height)
    return average_word(made.network.encoder, iter([collate(made.parts[corpus], rows)]))


def test_the_average_word_is_that_of_all_occurrences(made: Made) -> None:
    vectors = [
        occurrence_vectors(made.network.encoder, document(made, "menus", row))
        for row in range(made.parts["menus"].documents.height)
    ]
    for name, mean in baseline(made, "menus").items():
        assert torch.allclose(mean, torch.cat([v[name] for v in vectors]).mean(0), atol=1e-5)
    assert average_word(made.network.encoder, iter([])) == {}


@pytest.mark.parametrize(
    ("corpus", "name", "answer"),
    [("menus", "dish", "cake"), ("menus", "price", None), ("verses", "themes", "moon")],
)
@pytest.mark.parametrize("row", [0, 4])
def test_what_words_add_is_the_output_less_the_baselines(
    made: Made, corpus: str, name: str, answer: str | None, row: int
) -> None:
    batch, task = document(made, corpus, row), made.task(name)
    target = target_of(made.network, batch, task, made.labels.get(name, []), answer, "soup", None)
    average = baseline(made, corpus)
    settings = ExplainSettings(steps=32, max_steps=512, tolerance=0.005)
    found = explain_words(made.network, batch, task, target, average, settings)
    with torch.no_grad():
        output = float((made.network(batch)[name] * target.coefficients).sum())
        deep = float((made.network.deep_outputs(batch)[name] * target.coefficients).sum())
    assert made.network.wide is not None
    prior = dict(
        zip(
            made.network.wide.widths,
            made.network.wide.bias.split(list(made.network.wide.widths.values())),
            strict=True,
        )
    )
    alone = integrated_gradients(
        made.network, batch, name, target.coefficients, average, 512, 512, 0.005, 5_000
    )
    start = (deep - alone.change + float((prior[name] * target.coefficients.view(-1)).sum())) / 2
    assert found.error <= 0.005
    assert float(found.words.sum()) == pytest.approx(
        output - start, abs=0.01 * float(found.words.abs().sum())
    )
    assert found.wide is not None
    assert found.deep + found.wide == pytest.approx(float(found.words.sum()), abs=1e-4)
    assert batch.word.numel() == found.words.numel()


def test_of_a_model_that_is_linear_in_its_words_each_word_adds_its_own_output() -> None:
    off = {"enabled": False}
    linear = made_with(window=off, lead=off, sentence=off, paragraph=off, document=off, wide=off)
    batch, task = document(linear, "menus", 1), linear.task("keys")
    span = torch.tensor([2, 3])
    target = target_of(linear.network, batch, task, linear.labels["keys"], "key", "", span)
    assert target.tags is not None and target.tags.tolist() == [1, 2]
    average = baseline(linear, "menus")
    found = integrated_gradients(
        linear.network, batch, "keys", target.coefficients, average, 1, 1, 1.0, 5_000
    )
    # a word's emissions are those of its own vector alone
    weight = linear.network.heads["keys"].emissions.weight.detach()  # type: ignore[union-attr,operator]
    vectors = sum(occurrence_vectors(linear.network.encoder, batch).values()) - sum(average.values())
    expected = torch.zeros(batch.word.numel())
    for word, tag in ((2, 1), (3, 2)):
        expected[word] = (vectors[word] @ (weight[tag] - weight[0])).detach()  # type: ignore[index]
    assert found.words.numpy() == pytest.approx(expected.numpy(), abs=1e-5)
    assert found.error < 1e-4


def test_two_occurrences_of_a_word_have_shares_of_their_own(made: Made) -> None:
    row = next(
        r for r, words in enumerate(made.parts["menus"].documents["word"]) if words.n_unique() < len(words)
    )
    batch = document(made, "menus", row)
    target = target_of(made.network, batch, made.task("price"), [], None, "", None)
    found = integrated_gradients(
        made.network, batch, "price", target.coefficients, baseline(made, "menus"), 32, 32, 1.0, 5_000
    )
    words = batch.word.tolist()
    twice = next(word for word in words if words.count(word) > 1)
    shares = [float(found.words[i]) for i, word in enumerate(words) if word == twice]
    assert len(set(shares)) > 1


def test_points_are_doubled_until_the_sum_is_exact_enough_and_small_batches_change_nothing(
    made: Made,
) -> None:
    batch = document(made, "menus", 0)
    target = target_of(made.network, batch, made.task("dish"), made.labels["dish"], "soup", "soup", None)
    arguments = (made.network, batch, "dish", target.coefficients, baseline(made, "menus"))
    rough = integrated_gradients(*arguments, 1, 1, 1e-9, 5_000)
    fine = integrated_gradients(*arguments, 1, 256, 1e-9, 5_000)
    assert (rough.steps, fine.steps) == (1, 256)
    assert fine.error < rough.error
    small = integrated_gradients(*arguments, 256, 256, 1e-9, 1)
    assert small.words.numpy() == pytest.approx(fine.words.numpy(), abs=1e-4)


def test_a_wrong_class_is_explained_against_the_labelled_one_and_a_right_one_against_the_next(
    made: Made,
) -> None:
    batch, task = document(made, "menus", 0), made.task("dish")
    space = made.labels["dish"]
    wrong = target_of(made.network, batch, task, space, "soup", "fish", None)
    assert wrong.what == "soup rather than fish"
    assert wrong.coefficients[0].tolist() == [{"soup": 1.0, "fish": -1.0}.get(label, 0.0) for label in space]
    logits = made.network(batch)["dish"][0].tolist()
    others = {label: logit for label, logit in zip(space, logits, strict=True) if label != "soup"}
    for true in ("soup", "a label that training never saw"):
        found = target_of(made.network, batch, task, space, "soup", true, None)
        assert found.what == f"soup rather than {max(others, key=lambda label: others[label])}"
