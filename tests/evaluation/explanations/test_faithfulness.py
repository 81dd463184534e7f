"""Deleting words: what is left is the shorter document, and a planted word that decides alone is found out."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mgm.evaluation.explanations.faithfulness import (
    Comprehensiveness,
    Deletions,
    comprehensiveness,
    faithfulness,
    keep_words,
)
from mgm.evaluation.explanations.kinds import explanation_of
from mgm.evaluation.explanations.target import ExplainedPrediction, Target
from mgm.evaluation.explanations.word_attribution import WordAttribution, attribute_words
from mgm.model.batch import Batch
from mgm.model.collate import collate
from mgm.settings.evaluation import ExplainSettings
from mgm.text.features import FeaturePart
from tests.evaluation.explanations.conftest import Made, made_with
from tests.model.conftest import batch_of

paragraphs = st.lists(
    st.lists(st.lists(st.integers(0, 20), min_size=1, max_size=4), min_size=1, max_size=3),
    min_size=1,
    max_size=3,
)


@given(paragraphs, st.data())
def test_what_is_left_are_the_documents_without_the_words(
    document: list[list[list[int]]], data: st.DataObject
) -> None:
    count = sum(len(s) for p in document for s in p)
    kept = st.lists(st.booleans(), min_size=count, max_size=count).filter(any)
    keep = [data.draw(kept), data.draw(kept)]
    shorter = []
    for version in keep:
        flags = iter(version)
        left = [[[w for w in s if next(flags)] for s in p] for p in document]
        shorter.append([[s for s in p if s] for p in left if any(p)])
    batch = batch_of([document])
    found, expected = keep_words(batch, torch.tensor(keep)), batch_of(shorter)
    assert batch.type_id[found.word].tolist() == expected.type_id[expected.word].tolist()
    for name in ("content", "sentence_length", "paragraph_length", "document_length"):
        assert getattr(found, name).tolist() == getattr(expected, name).tolist()


def target_of(
    made: Made, batch: Batch, name: str, label: str | None, span: torch.Tensor | None = None
) -> Target:
    prediction, task = ExplainedPrediction(label=label, span=span), made.task(name)
    return explanation_of(task).make_target(made.network, batch, task=task, prediction=prediction)


def drop(
    made: Made,
    batch: Batch,
    name: str,
    *,
    attribution: WordAttribution,
    shares: Sequence[float] = (0.5,),
    random_draws: int = 3,
    group: str = "g",
) -> Comprehensiveness | None:
    return comprehensiveness(
        made.network,
        batch,
        task=made.task(name),
        attribution=attribution,
        deletions=Deletions(shares=shares, random_draws=random_draws, generator=np.random.default_rng(0)),
        group=group,
    )


def one(part: FeaturePart, row: int) -> Batch:
    return collate(part, np.array([row]))


def test_a_versions_score_is_that_of_the_shorter_text(made: Made) -> None:
    batch, task = one(made.parts["verses"], 2), made.task("themes")
    target = target_of(made, batch, "themes", "moon")
    keep = torch.ones(2, batch.word.numel(), dtype=torch.bool)
    keep[1, 1:3] = False
    found = explanation_of(task).scores(made.network, keep_words(batch, keep), task=task, target=target)
    place = made.labels["themes"].index("moon")
    for version in range(2):
        alone = keep_words(batch, keep[version : version + 1])
        expected = made.network(alone)["themes"].detach().sigmoid()[0, place]
        assert float(found[version]) == pytest.approx(float(expected), abs=1e-5)


def test_a_spans_words_are_not_deleted(made: Made) -> None:
    """The score is the probability of their tags."""
    batch, task = one(made.parts["menus"], 0), made.task("keys")
    span = torch.tensor([5])
    target = target_of(made, batch, "keys", "key", span)
    found = WordAttribution(
        target=target, words=torch.arange(batch.word.numel()).float(), deep=1.0, wide=None, error=0.0, steps=1
    )
    fallen = drop(made, batch, "keys", attribution=found)
    assert fallen is not None
    count = round(0.5 * (batch.word.numel() - 1))
    ranked = [i for i in reversed(range(batch.word.numel())) if i != 5][:count]
    keep = torch.ones(1, batch.word.numel(), dtype=torch.bool)
    keep[0, ranked] = False
    short = keep_words(batch, keep)
    place = int(keep[0, :5].sum())
    before, after = (
        float(
            explanation_of(task).scores(
                made.network, b, task=task, target=target, span_BN=torch.tensor([[at]])
            )[0]
        )
        for b, at in ((batch, 5), (short, place))
    )
    assert fallen.top == pytest.approx(before - after, abs=1e-6)
    whole = dataclasses.replace(target, words=torch.arange(batch.word.numel()))
    assert drop(made, batch, "keys", attribution=dataclasses.replace(found, target=whole)) is None


def test_attributions_to_the_only_word_read_are_faithful() -> None:
    """A regression of the wide part alone, whose only weights are those of `hot`; turned round they are not faithful."""
    made = made_with(wide={"buckets": 1 << 18})
    part, task, wide = made.parts["menus"], made.task("price"), made.network.wide
    assert wide is not None
    types = part.types["text"].to_list()
    rows = [r for r, words in enumerate(part.documents["word"].to_list()) if types.index("hot") in words]
    with torch.no_grad():
        for parameter in made.network.parameters():
            parameter.zero_()
        hot = torch.tensor([part.types["id"][types.index("hot")]])
        alone = dataclasses.replace(
            one(part, rows[0]),
            type_id=hot,
            type_ngram=hot[:0],
            type_ngram_offset=torch.zeros(2, dtype=torch.int64),
            type_character=hot[:0],
            type_character_offset=torch.zeros(2, dtype=torch.int64),
            word=torch.tensor([0]),
            content=torch.tensor([True]),
            sentence_length=torch.tensor([1]),
            paragraph_length=torch.tensor([1]),
            document_length=torch.tensor([1]),
        )
        column = sum(width for name, width in wide.widths.items() if name < "price")
        assert list(wide.widths) == sorted(wide.widths)
        wide.words.weight[wide.word_ngrams(alone).item, column] = 5.0
    drops: dict[float, list[Comprehensiveness | None]] = {1.0: [], -1.0: []}
    for row in rows:
        batch = one(part, row)
        target = target_of(made, batch, "price", None)
        found = attribute_words(
            made.network, batch, task=task, target=target, baseline={}, settings=ExplainSettings()
        )
        words = [types[i] for i in part.documents["word"][row]]
        share = found.words.tolist()
        assert share[words.index("hot")] > 0
        assert sum(share) == pytest.approx(share[words.index("hot")])
        for sign, some in drops.items():
            turned = dataclasses.replace(found, words=sign * found.words)
            some.append(
                drop(
                    made,
                    batch,
                    "price",
                    attribution=turned,
                    shares=[0.1],
                    random_draws=9,
                    group=f"g{row}",
                )
            )
    right, wrong = (
        faithfulness([d for d in some if d is not None], resamples=200, seed=1) for some in drops.values()
    )
    assert right["n"] == len(rows)
    assert right["shown"] == "faithful"
    assert wrong["shown"] == "worse than random"


def test_the_means_and_their_interval() -> None:
    drops = [
        Comprehensiveness(top=0.5, random=0.1, group="a"),
        Comprehensiveness(top=0.3, random=0.1, group="a"),
        Comprehensiveness(top=0.2, random=0.2, group="b"),
    ]
    found = faithfulness(drops, resamples=2_000, seed=1)
    assert (found["n"], found["top"], found["random"], found["difference"]) == (3, 0.3333, 0.1333, 0.2)
    # groups a, b drawn: both a (0.3), both b (0), or one of each (0.2)
    assert (found["low"], found["high"], found["shown"]) == (0.0, 0.3, "not shown")
    assert faithfulness(drops[:2], resamples=100, seed=1)["shown"] == "no interval"
    assert faithfulness([], resamples=100, seed=1)["shown"] == "no documents"
