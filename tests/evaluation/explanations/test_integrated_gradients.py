"""Integrated gradients: completeness, and a model that is linear in its words, whose shares are known."""

import numpy as np
import pytest
import torch

from mgm.evaluation.explanations.integrated_gradients import (
    IntegratedGradients,
    average_word,
    integrated_gradients,
    occurrence_vectors,
)
from mgm.evaluation.explanations.kinds import explanation_of
from mgm.evaluation.explanations.target import ExplainedPrediction, Target
from mgm.evaluation.explanations.word_attribution import attribute_words
from mgm.model.batch import Batch
from mgm.model.collate import collate
from mgm.settings.evaluation import ExplainSettings
from tests.evaluation.explanations.conftest import Made, made_with


def path(steps: int, most: int, tolerance: float, tokens_per_batch: int = 5_000) -> ExplainSettings:
    return ExplainSettings(
        steps=steps, max_steps=most, tolerance=tolerance, tokens_per_batch=tokens_per_batch
    )


def document(made: Made, corpus: str, row: int) -> Batch:
    return collate(made.parts[corpus], np.array([row]))


def target_of(
    made: Made, batch: Batch, name: str, label: str | None, true: str = "", span: torch.Tensor | None = None
) -> Target:
    prediction, task = ExplainedPrediction(label=label, true=true, span=span), made.task(name)
    return explanation_of(task).make_target(made.network, batch, task=task, prediction=prediction)


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
    ids=["class", "number", "label of a set"],
)
@pytest.mark.parametrize("row", [0, 4], ids=["a document", "a longer document"])
def test_what_words_add_is_the_output_less_the_baselines(
    made: Made, corpus: str, name: str, answer: str | None, row: int
) -> None:
    batch, task = document(made, corpus, row), made.task(name)
    target = target_of(made, batch, name, answer, "soup")
    average = baseline(made, corpus)
    settings = ExplainSettings(steps=32, max_steps=512, tolerance=0.005)
    found = attribute_words(
        made.network, batch, task=task, target=target, baseline=average, settings=settings
    )
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
        made.network,
        batch,
        task=name,
        coefficients=target.coefficients,
        baseline=average,
        settings=path(512, 512, 0.005),
    )
    start = (deep - alone.change + float((prior[name] * target.coefficients.view(-1)).sum())) / 2
    assert found.error <= 0.005
    assert float(found.words.sum()) == pytest.approx(
        output - start, abs=0.01 * float(found.words.abs().sum())
    )
    assert found.wide is not None
    assert found.deep + found.wide == pytest.approx(float(found.words.sum()), abs=1e-4)
    assert batch.word.numel() == found.words.numel()


def test_in_a_linear_model_each_word_adds_its_own_output() -> None:
    off = {"enabled": False}
    linear = made_with(window=off, lead=off, sentence=off, paragraph=off, document=off, wide=off)
    batch = document(linear, "menus", 1)
    span = torch.tensor([2, 3])
    target = target_of(linear, batch, "keys", "key", span=span)
    assert target.tags is not None and target.tags.tolist() == [1, 2]
    average = baseline(linear, "menus")
    found = integrated_gradients(
        linear.network,
        batch,
        task="keys",
        coefficients=target.coefficients,
        baseline=average,
        settings=path(1, 1, 1.0),
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
    target = target_of(made, batch, "price", None)
    found = integrated_gradients(
        made.network,
        batch,
        task="price",
        coefficients=target.coefficients,
        baseline=baseline(made, "menus"),
        settings=path(32, 32, 1.0),
    )
    words = batch.word.tolist()
    twice = next(word for word in words if words.count(word) > 1)
    shares = [float(found.words[i]) for i, word in enumerate(words) if word == twice]
    assert len(set(shares)) > 1


def test_points_are_doubled_until_the_sum_is_exact_enough(
    made: Made,
) -> None:
    batch = document(made, "menus", 0)
    target = target_of(made, batch, "dish", "soup", "soup")
    average = baseline(made, "menus")

    def attributed(settings: ExplainSettings) -> IntegratedGradients:
        return integrated_gradients(
            made.network,
            batch,
            task="dish",
            coefficients=target.coefficients,
            baseline=average,
            settings=settings,
        )

    rough, fine = attributed(path(1, 1, 1e-9)), attributed(path(1, 256, 1e-9))
    assert (rough.steps, fine.steps) == (1, 256)
    assert fine.error < rough.error
    small = attributed(path(256, 256, 1e-9, tokens_per_batch=1))
    assert small.words.numpy() == pytest.approx(fine.words.numpy(), abs=1e-4)


def test_a_class_is_explained_against_the_labelled_or_next_one(
    made: Made,
) -> None:
    batch, space = document(made, "menus", 0), made.labels["dish"]
    wrong = target_of(made, batch, "dish", "soup", "fish")
    assert wrong.description == "soup rather than fish"
    assert wrong.coefficients[0].tolist() == [{"soup": 1.0, "fish": -1.0}.get(label, 0.0) for label in space]
    logits = made.network(batch)["dish"][0].tolist()
    others = {label: logit for label, logit in zip(space, logits, strict=True) if label != "soup"}
    for true in ("soup", "a label that training never saw"):
        found = target_of(made, batch, "dish", "soup", true)
        assert found.description == f"soup rather than {max(others, key=lambda label: others[label])}"
