import math
from collections.abc import Callable

import pytest
import torch

from mgm.model.batch import Batch
from mgm.model.network import Network
from mgm.model.wide import Bag, Wide
from mgm.settings import ModelSettings, WideSettings
from mgm.tasks import Task

TWO_SENTENCES = [[[1, 2, 1], [2, 3]]]
LEAD_ALONE = [[[1, 2, 1]]]
BUCKETS = 1 << 20


def wide(buckets: int = BUCKETS, **widths: int) -> Wide:
    settings = WideSettings(buckets=buckets, dropout=0.0, learning_rate=1.0)
    return Wide(settings, 50, widths or {"genre": 3, "size": 1}, {"size"})


def counts(found: Bag, document: int) -> list[int]:
    """How often each n-gram of a document occurs, rarest first."""
    return sorted(found.count[found.document == document].int().tolist())


def test_word_ngrams_are_words_and_pairs_within_a_sentence_and_again_those_of_the_lead(
    make_batch: Callable[..., Batch],
) -> None:
    found = wide().word_ngrams(make_batch([TWO_SENTENCES, LEAD_ALONE]))
    # 1 and 2 twice, 3, the pairs 1 2, 2 1, 2 3; of the lead 1 twice, 2, 1 2, 2 1
    assert counts(found, 0) == [1] * 7 + [2] * 3
    assert counts(found, 1) == [1] * 6 + [2] * 2
    shared = set(found.item[found.document == 0].tolist()) & set(found.item[found.document == 1].tolist())
    assert len(shared) == 8  # everything of the second document


def test_an_unknown_word_is_no_ngram_and_no_part_of_a_pair(make_batch: Callable[..., Batch]) -> None:
    unknown = 31  # of a vocabulary of 30
    found = wide().word_ngrams(make_batch([[[[1, unknown, 2]]]]))
    assert counts(found, 0) == [1, 1, 1, 1]  # two words, and both in the lead


def test_character_ngrams_are_those_of_every_occurrence_of_a_word(make_batch: Callable[..., Batch]) -> None:
    batch = make_batch([[[[1, 2, 1]]]])
    # the fixture spells word t by (7t + i) % 50 for i < 1 + t % 4
    expected = {7: 2, 8: 2, 14: 1, 15: 1, 16: 1}
    found = wide().character_ngrams(batch)
    assert dict(zip(found.item.tolist(), found.count.int().tolist(), strict=True)) == expected


def test_inverse_document_frequencies_are_those_of_the_training_documents(
    make_batch: Callable[..., Batch],
) -> None:
    part = wide()
    batches = [make_batch([[[[1, 2]]], [[[1]]]]), make_batch([[[[1, 3]]]])]
    part.fit(batches, {"genre": torch.tensor([0.1, 0.2, 0.3]), "size": torch.zeros(1)})
    assert part.prior.tolist() == pytest.approx([0.1, 0.2, 0.3, 0.0])
    alone = part.word_ngrams(make_batch([[[[1]]]]))
    assert part.idf_word[alone.item].tolist() == [pytest.approx(math.log(4 / 4) + 1)] * 2
    once = part.word_ngrams(make_batch([[[[2]]]]))
    assert part.idf_word[once.item].tolist() == [0.0, 0.0]  # in one document alone
    assert part.idf_character[7].item() == pytest.approx(1.0)  # of the word 1, in all three


def test_logits_are_tf_idf_of_length_one_times_the_weights(make_batch: Callable[..., Batch]) -> None:
    torch.manual_seed(0)
    part = wide(genre=2).eval()
    for table in (part.words, part.characters):
        torch.nn.init.normal_(table.weight)
    part.idf_word.uniform_(1, 3)
    part.idf_character.uniform_(1, 3)
    batch = make_batch([TWO_SENTENCES, LEAD_ALONE])
    expected = torch.zeros(2, 2)
    for found, table, idf in (
        (part.word_ngrams(batch), part.words, part.idf_word),
        (part.character_ngrams(batch), part.characters, part.idf_character),
    ):
        for document in range(2):
            own = found.document == document
            value = (1 + found.count[own].log()) * idf[found.item[own]]
            expected[document] += (value / value.norm() / math.sqrt(2)) @ table.weight[found.item[own]]
    torch.testing.assert_close(part(batch)["genre"], expected)


def test_a_document_of_which_nothing_is_known_has_the_prior(make_batch: Callable[..., Batch]) -> None:
    part = wide(genre=2)
    part.fit(
        [make_batch([TWO_SENTENCES])], {"genre": torch.tensor([0.5, -0.5])}
    )  # all n-grams in one document
    for table in (part.words, part.characters):
        torch.nn.init.normal_(table.weight)
    assert part(make_batch([TWO_SENTENCES]))["genre"].tolist() == [[0.5, -0.5]]


def test_logits_do_not_depend_on_the_batch(make_batch: Callable[..., Batch]) -> None:
    torch.manual_seed(0)
    part = wide(genre=3).eval()
    for table in (part.words, part.characters):
        torch.nn.init.normal_(table.weight)
    documents = [TWO_SENTENCES, LEAD_ALONE, [[[5]], [[6, 7]]]]
    together = part(make_batch(documents))["genre"]
    alone = torch.cat([part(make_batch([one]))["genre"] for one in documents])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)


def test_descent_learns_what_separates_the_documents(make_batch: Callable[..., Batch]) -> None:
    part = wide(genre=2)
    batch = make_batch([TWO_SENTENCES, [[[5, 6]]]])
    target = torch.tensor([0, 1])
    for _ in range(50):
        torch.nn.functional.cross_entropy(part(batch)["genre"], target).backward()
        part.descend(1.0, {"genre": 2})
    assert (part(batch)["genre"].softmax(1)[[0, 1], target] > 0.9).all()
    assert part.words.weight.grad is None


def test_a_task_without_a_label_in_the_batch_stays_as_it_is(make_batch: Callable[..., Batch]) -> None:
    part = wide(genre=2, mood=3)
    batch = make_batch([TWO_SENTENCES, [[[5, 6]]]])
    sum(logits.square().sum() + logits.sum() for logits in part(batch).values()).backward()
    part.descend(1.0, {"genre": 2})
    after = part(batch)
    assert (after["genre"] < 0).all()
    assert (after["mood"] == 0).all()


def test_the_network_predicts_the_mean_of_its_parts_and_trains_each_by_its_own_loss(
    make_batch: Callable[..., Batch],
) -> None:
    torch.manual_seed(0)
    task = Task(name="genre", kind="classification", corpora=["c"])
    model = Network(ModelSettings(width=8), [task], {"genre": ["a", "b"]}, 30, 50).eval()
    assert model.wide is not None
    torch.nn.init.normal_(model.wide.words.weight)
    batch = make_batch([TWO_SENTENCES, LEAD_ALONE], {"genre": torch.tensor([0, 1])})
    deep, linear = model.parts(batch)
    torch.testing.assert_close(model(batch)["genre"], (deep["genre"] + linear["genre"]) / 2)
    for outputs in (deep, linear):
        expected = torch.nn.functional.cross_entropy(outputs["genre"], batch.targets["genre"])
        torch.testing.assert_close(model.losses(outputs, batch, 0.0)["genre"], expected)
