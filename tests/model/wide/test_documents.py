import math
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mgm.model.batch import Batch
from mgm.model.network import Network
from mgm.model.wide.documents import Wide
from mgm.model.wide.sparse_counts import SparseCounts
from mgm.settings.model import ModelSettings, WideChineseSettings, WideSettings
from mgm.tasks import Task
from tests.model.conftest import batch_of

TWO_SENTENCES = [[[1, 2, 1], [2, 3]]]
LEAD_ALONE = [[[1, 2, 1]]]
BUCKETS = 1 << 20


def wide(buckets: int = BUCKETS, chinese: WideChineseSettings | None = None, **widths: int) -> Wide:
    own = chinese or WideChineseSettings()
    return Wide(WideSettings(buckets=buckets, chinese=own), 50, widths=widths or {"genre": 3, "size": 1})


def counts(found: SparseCounts, document: int) -> list[int]:
    """How often each n-gram of a document occurs, rarest first."""
    return sorted(found.count[found.document == document].int().tolist())


def test_word_ngrams_are_words_pairs_and_those_of_the_lead(
    make_batch: Callable[..., Batch],
) -> None:
    """Word ngrams are words and pairs within a sentence and again those of the lead."""
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


def test_character_ngrams_of_every_occurrence(make_batch: Callable[..., Batch]) -> None:
    """Character ngrams are those of every occurrence of a word."""
    batch = make_batch([[[[1, 2, 1]]]])
    # the fixture spells word t by (7t + i) % 50 for i < 1 + t % 4
    expected = {7: 2, 8: 2, 14: 1, 15: 1, 16: 1}
    found = wide().character_ngrams(batch)
    assert dict(zip(found.item.tolist(), found.count.int().tolist(), strict=True)) == expected


SPELT = {1: "明", 2: "月照", 3: "T恤", 4: "高楼上"}
"""Words of Chinese; any other number is none."""


def naive(sentences: list[list[int]], least: int, most: int) -> list[tuple[str, int, int]]:
    """Every n-gram of the joined Chinese words, with the places of its first and its last word."""
    found, place = [], 0
    for sentence in sentences:
        run: list[tuple[str, int]] = []
        for word in [*sentence, 0]:
            if word in SPELT:
                run += [(character, place) for character in SPELT[word]]
            else:
                for size in range(least, most + 1):
                    for i in range(len(run) - size + 1):
                        own = run[i : i + size]
                        found.append(("".join(c for c, _ in own), own[0][1], own[-1][1]))
                run = []
            place += 1
        place -= 1  # of the 0 that ends the sentence
    return sorted(found)


texts = st.lists(st.lists(st.integers(1, 6), min_size=1, max_size=6), min_size=1, max_size=4)


@settings(max_examples=60)
@given(st.lists(texts, min_size=1, max_size=3), st.integers(1, 3), st.integers(0, 2))
def test_chinese_ngrams_cross_words(documents: list[list[list[int]]], least: int, more: int) -> None:
    """Ngrams across words are those of the joined chinese words."""
    chinese = WideChineseSettings(ngram_min=least, ngram_max=least + more, buckets=1 << 40)
    with torch.device("meta"):  # so many that no two n-grams share one, and no weights
        part = wide(chinese=chinese)
    batch = batch_of([[sentences] for sentences in documents], chinese=SPELT)
    occurrences = part.character_occurrences(batch)
    expected = naive([sentence for sentences in documents for sentence in sentences], least, least + more)
    across = occurrences.item >= 50
    found = [column[across].tolist() for column in (occurrences.first, occurrences.last)]
    assert sorted(zip(*found, strict=True)) == sorted((first, last) for _, first, last in expected)
    # equal n-grams have equal numbers, and others have others
    assert len(occurrences.item[across].unique()) == len({ngram for ngram, _, _ in expected})
    one = Counter(Counter(ngram for ngram, _, _ in expected).values())
    assert one == Counter(occurrences.item[across].unique(return_counts=True)[1].tolist())
    # and of the words that are no Chinese those within the word
    words = [word for sentences in documents for sentence in sentences for word in sentence]
    within = [(w * 7 + i) % 50 for w in words if w not in SPELT for i in range(1 + w % 4)]
    assert sorted(occurrences.item[~across].tolist()) == sorted(within)


def test_chinese_ngrams_ignore_segmentation() -> None:
    """Equal characters are equal ngrams however the words are cut."""
    part = wide()
    cut = part.character_ngrams(batch_of([[[[1, 2]]]], chinese={1: "明月", 2: "照"}))
    other = part.character_ngrams(batch_of([[[[1, 2, 3]]]], chinese={1: "明", 2: "月", 3: "照"}))
    assert cut.item.tolist() == other.item.tolist() and len(cut.item) == 5  # 明 月 照 明月 月照


def test_without_chinese_there_is_no_table_for_it(
    make_batch: Callable[..., Batch],
) -> None:
    """Without chinese in training there is no table for it and weights load back."""
    seen = [make_batch([TWO_SENTENCES, LEAD_ALONE])]
    spelt = make_batch([TWO_SENTENCES, LEAD_ALONE], chinese=SPELT)
    for batches, knows_chinese in ((seen, False), ([spelt, spelt], True)):
        part = wide(genre=2)
        part.fit(batches)
        assert part.knows_chinese == knows_chinese
        part.eval()
        torch.nn.init.normal_(part.characters.weight)
        again = wide(genre=2).eval()
        again.load_state_dict(part.state_dict())
        assert torch.equal(again(spelt)["genre"], part(spelt)["genre"])
        # what has no table is told by the n-grams within its words
        assert (part.character_ngrams(spelt).item < 50).all() == (not knows_chinese)


def test_no_buckets_for_chinese_leave_its_words_their_ngrams(make_batch: Callable[..., Batch]) -> None:
    part = wide(chinese=WideChineseSettings(buckets=0))
    found = part.character_ngrams(make_batch([TWO_SENTENCES], chinese=SPELT))
    expected = part.character_ngrams(make_batch([TWO_SENTENCES]))
    assert torch.equal(found.item, expected.item) and torch.equal(found.count, expected.count)


def test_inverse_document_frequencies_by_hand(
    make_batch: Callable[..., Batch],
) -> None:
    """Inverse document frequencies are those of the training documents."""
    part = wide()
    batches = [make_batch([[[[1, 2]]], [[[1]]]]), make_batch([[[[1, 3]]]])]
    part.fit(batches)
    alone = part.word_ngrams(make_batch([[[[1]]]]))
    assert part.words.idf_of(alone.item).tolist() == [pytest.approx(math.log(4 / 4) + 1)] * 2
    once = part.word_ngrams(make_batch([[[[2]]]]))
    assert part.words.idf_of(once.item).tolist() == [0.0, 0.0]  # in one document alone
    assert part.characters.idf_of(torch.tensor([7])).item() == pytest.approx(
        1.0
    )  # of the word 1, in all three


def test_logits_are_tf_idf_of_length_one_times_the_weights(make_batch: Callable[..., Batch]) -> None:
    torch.manual_seed(0)
    part = wide(genre=2).eval()
    for table in (part.words, part.characters):
        torch.nn.init.normal_(table.weight)
        table.idf.uniform_(1, 3)
    batch = make_batch([TWO_SENTENCES, LEAD_ALONE])
    expected = torch.zeros(2, 2)
    for found, table in (
        (part.word_ngrams(batch), part.words),
        (part.character_ngrams(batch), part.characters),
    ):
        for document in range(2):
            own = found.document == document
            value = (1 + found.count[own].log()) * table.idf[found.item[own]]
            expected[document] += (value / value.norm() / math.sqrt(2)) @ table.weight[found.item[own]]
    torch.testing.assert_close(part(batch)["genre"], expected)


def test_a_document_of_which_nothing_is_known_has_the_prior(make_batch: Callable[..., Batch]) -> None:
    part = wide(genre=2)
    part.fit([make_batch([TWO_SENTENCES])])  # all n-grams in one document
    part.bias.copy_(torch.tensor([0.5, -0.5]))
    for table in (part.words, part.characters):
        torch.nn.init.normal_(table.weight)
    assert part(make_batch([TWO_SENTENCES]))["genre"].tolist() == [[0.5, -0.5]]


def test_logits_do_not_depend_on_the_batch(make_batch: Callable[..., Batch]) -> None:
    torch.manual_seed(0)
    part = wide(genre=3).eval()
    for table in (part.words, part.characters):
        torch.nn.init.normal_(table.weight)
    documents = [TWO_SENTENCES, LEAD_ALONE, [[[5]], [[6, 7]]], [[[4]]], [[[4, 2]]]]
    together = part(make_batch(documents, chinese=SPELT))["genre"]
    alone = torch.cat([part(make_batch([one], chinese=SPELT))["genre"] for one in documents])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)


def test_coefficients_are_those_of_the_matrix_columns(make_batch: Callable[..., Batch]) -> None:
    """The weights that are put are those of the matrix columns."""
    part = wide(genre=3, mood=2).eval()
    batch = make_batch([TWO_SENTENCES, LEAD_ALONE, [[[4, 5]]]])
    part.fit([batch, batch])
    matrix = part.tfidf_matrix(batch)
    assert matrix.shape == (3, part.num_ngrams)
    lengths = matrix.multiply(matrix).sum(axis=1)
    assert lengths == pytest.approx([1.0, 1.0, 1.0], abs=1e-5)
    ngrams = np.unique(matrix.indices)
    weight, start = np.random.default_rng(0).normal(size=(2, len(ngrams))), np.array([0.5, -0.5])
    part.set_coefficients("mood", ngrams=ngrams, weight=weight, bias=start)
    found = part(batch)
    torch.testing.assert_close(
        found["mood"].double().numpy(), matrix[:, ngrams] @ weight.T + start, atol=1e-5, rtol=0
    )
    assert not found["genre"].any()


def test_predictions_are_the_mean_of_the_branches(
    make_batch: Callable[..., Batch],
) -> None:
    """The network predicts the mean of its parts and what was solved for learns nothing."""
    torch.manual_seed(0)
    task = Task(name="genre", kind="classification", corpora=["c"], labels=("a", "b"))
    model = Network(ModelSettings(width=8), [task], vocabulary_size=30, ngram_buckets=50).eval()
    assert model.wide is not None
    torch.nn.init.normal_(model.wide.words.weight)
    batch = make_batch([TWO_SENTENCES, LEAD_ALONE], {"genre": torch.tensor([0, 1])})
    deep, linear = model.branch_outputs(batch)
    torch.testing.assert_close(model(batch)["genre"], (deep["genre"] + linear["genre"]) / 2)
    expected = torch.nn.functional.cross_entropy(deep["genre"], batch.targets["genre"])
    torch.testing.assert_close(
        model.losses(model.deep_outputs(batch), batch, smoothing=0.0)["genre"], expected
    )
    model.losses(model(batch), batch, smoothing=0.0)["genre"].backward()
    assert all((p.grad is None) == n.startswith("wide.") for n, p in model.named_parameters())


@settings(max_examples=30)
@given(st.lists(texts, min_size=1, max_size=4))
def test_documents_of_a_batch_take_their_own_way(documents: list[list[list[int]]]) -> None:
    """A document has the same character n-grams, bit for bit, whether or not it shares a batch with Chinese ones."""
    part = wide(buckets=64, chinese=WideChineseSettings(buckets=1 << 10))
    whole = [[sentences] for sentences in documents]
    together = part.character_ngrams(batch_of(whole, chinese=SPELT))
    alone = [part.character_ngrams(batch_of([one], chinese=SPELT)) for one in whole]
    assert together.item.tolist() == torch.cat([counts.item for counts in alone]).tolist()
    assert together.count.tolist() == torch.cat([counts.count for counts in alone]).tolist()
    assert together.length.tolist() == [counts.item.numel() for counts in alone]


def test_counting_across_words_equals_counting_within_them(make_batch: Callable[..., Batch]) -> None:
    """Without Chinese words both ways of counting find the same n-grams, in different orders."""
    part = wide(buckets=64, chinese=WideChineseSettings(buckets=1 << 10))
    batch = make_batch([TWO_SENTENCES, LEAD_ALONE, [[[5, 5], [6]]]])
    within, across = part._count_within_words(batch), part._count_across_words(batch)
    assert within.start.tolist() == across.start.tolist()
    pairs = [
        sorted(zip(c.document.tolist(), c.item.tolist(), c.count.tolist(), strict=True))
        for c in (within, across)
    ]
    assert pairs[0] == pairs[1]


def test_english_beside_chinese_is_not_sorted(
    make_batch: Callable[..., Batch], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the Chinese documents of a batch are counted by sorting, which is several times as slow."""
    counted = []
    across = Wide._count_across_words
    monkeypatch.setattr(
        Wide, "_count_across_words", lambda part, batch: counted.append(batch.size) or across(part, batch)
    )
    part = wide(buckets=64, chinese=WideChineseSettings(buckets=1 << 10))
    part.character_ngrams(make_batch([[[[5, 6]]], [[[1, 2]]], [[[7]]]], chinese=SPELT))
    assert counted == [1]
