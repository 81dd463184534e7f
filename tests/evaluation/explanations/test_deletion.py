"""Deleting words: what is left is the shorter document, and a planted word that decides alone is found out."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mgm.evaluation.explanations.attribution import Explained, explain_words
from mgm.evaluation.explanations.deletion import Comprehensiveness, comprehensiveness, faithfulness, without
from mgm.evaluation.explanations.target import score, target_of
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
    found, expected = without(batch, torch.tensor(keep)), batch_of(shorter)
    assert batch.type_id[found.word].tolist() == expected.type_id[expected.word].tolist()
    for name in ("content", "sentence_length", "paragraph_length", "document_length"):
        assert getattr(found, name).tolist() == getattr(expected, name).tolist()


def one(part: FeaturePart, row: int) -> Batch:
    return collate(part, np.array([row]))


def test_the_score_of_a_version_is_the_networks_for_the_shorter_text(made: Made) -> None:
    batch, task = one(made.parts["verses"], 2), made.task("themes")
    target = target_of(made.network, batch, task, made.labels["themes"], "moon", "", None)
    keep = torch.ones(2, batch.word.numel(), dtype=torch.bool)
    keep[1, 1:3] = False
    found = score(made.network, without(batch, keep), task, target)
    place = made.labels["themes"].index("moon")
    for version in range(2):
        alone = without(batch, keep[version : version + 1])
        expected = made.network(alone)["themes"].detach().sigmoid()[0, place]
        assert float(found[version]) == pytest.approx(float(expected), abs=1e-5)


def test_a_spans_words_stay_and_its_score_is_their_tags_probability(made: Made) -> None:
    batch, task = one(made.parts["menus"], 0), made.task("keys")
    span = torch.tensor([5])
    target = target_of(made.network, batch, task, ["key"], "key", "", span)
    found = Explained(torch.arange(batch.word.numel()).float(), 1.0, None, 0.0, 1)
    fallen = comprehensiveness(
        made.network, batch, task, target, found, [0.5], 3, np.random.default_rng(0), "g"
    )
    assert fallen is not None
    count = round(0.5 * (batch.word.numel() - 1))
    ranked = [i for i in reversed(range(batch.word.numel())) if i != 5][:count]
    keep = torch.ones(1, batch.word.numel(), dtype=torch.bool)
    keep[0, ranked] = False
    short = without(batch, keep)
    place = int(keep[0, :5].sum())
    before, after = (
        float(score(made.network, b, task, target, torch.tensor([[at]]))[0])
        for b, at in ((batch, 5), (short, place))
    )
    assert fallen.top == pytest.approx(before - after, abs=1e-6)
    whole = dataclasses.replace(target, words=torch.arange(batch.word.numel()))
    assert (
        comprehensiveness(made.network, batch, task, whole, found, [0.5], 3, np.random.default_rng(0), "g")
        is None
    )


def test_of_a_model_that_reads_one_word_the_attributions_are_faithful_and_turned_round_they_are_not() -> None:
    """A regression of the wide part alone, whose only weights are those of `hot`."""
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
        target = target_of(made.network, batch, task, [], None, "", None)
        found = explain_words(made.network, batch, task, target, {}, ExplainSettings())
        words = [types[i] for i in part.documents["word"][row]]
        share = found.words.tolist()
        assert share[words.index("hot")] > 0
        assert sum(share) == pytest.approx(share[words.index("hot")])
        for sign, some in drops.items():
            turned = dataclasses.replace(found, words=sign * found.words)
            some.append(
                comprehensiveness(
                    made.network, batch, task, target, turned, [0.1], 9, np.random.default_rng(1), f"g{row}"
                )
            )
    right, wrong = (faithfulness([d for d in some if d is not None], 200, 1) for some in drops.values())
    assert right["n"] == len(rows)
    assert right["shown"] == "faithful"
    assert wrong["shown"] == "worse than random"


def test_the_means_and_their_interval() -> None:
    drops = [
        Comprehensiveness(0.5, 0.1, "a"),
        Comprehensiveness(0.3, 0.1, "a"),
        Comprehensiveness(0.2, 0.2, "b"),
    ]
    found = faithfulness(drops, 2_000, 1)
    assert (found["n"], found["top"], found["random"], found["difference"]) == (3, 0.3333, 0.1333, 0.2)
    # groups a, b drawn: both a (0.3), both b (0), or one of each (0.2)
    assert (found["low"], found["high"], found["shown"]) == (0.0, 0.3, "not shown")
    assert faithfulness(drops[:2], 100, 1)["shown"] == "no interval"
    assert faithfulness([], 100, 1)["shown"] == "no documents"
