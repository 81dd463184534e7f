"""The wide part is linear: what a word adds is weight times value, counted here n-gram by n-gram."""

from collections.abc import Callable

import pytest
import torch

from mgm.evaluation.explanations.wide_contributions import tagging_contributions, wide_contributions
from mgm.model.batch import Batch
from mgm.model.wide.documents import Wide
from mgm.model.wide.tagging import FEATURE_TEMPLATES, WideTagging
from mgm.settings.model import WideChineseSettings, WideSettings, WideTaggingSettings
from tests.model.conftest import batch_of


@pytest.fixture
def make_batch() -> Callable[..., Batch]:
    return batch_of


def part() -> Wide:
    made = Wide(WideSettings(buckets=1 << 20), 50, widths={"genre": 3, "size": 1})
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for table in (made.words, made.characters):
            table.weight.normal_(generator=generator)
        for vector in (made.words.idf, made.characters.idf):
            vector.uniform_(0.5, 2.0, generator=generator)
        made.bias.normal_(generator=generator)
    return made.eval()


def test_each_word_adds_weight_times_value_of_its_ngrams(
    make_batch: Callable[..., Batch],
) -> None:
    """A pair's share is half of either word's."""
    made = part()
    batch = make_batch([[[[1, 2, 1]]]])
    coefficients = torch.tensor([[1.0, -1.0, 0.0]])
    found = wide_contributions(made, batch, task="genre", coefficients_BK=coefficients)

    def ngrams(words: list[int]) -> set[int]:
        return set(made.word_ngrams(make_batch([[[words]]])).item.tolist())

    ones, twos = ngrams([1]), ngrams([2])
    forth, back = ngrams([1, 2]) - ones - twos, ngrams([2, 1]) - ones - twos
    spelt = {word: [(7 * word + i) % 50 for i in range(1 + word % 4)] for word in (1, 2)}
    bag = made.word_ngrams(batch)
    words = made.values(bag, made.words) * (made.words.weight[bag.item][:, :2] @ torch.tensor([1.0, -1.0]))
    of = dict(zip(bag.item.tolist(), words.tolist(), strict=True))
    bag = made.character_ngrams(batch)
    letters = made.values(bag, made.characters) * (
        made.characters.weight[bag.item][:, :2] @ torch.tensor([1.0, -1.0])
    )
    of_letters = dict(zip(bag.item.tolist(), letters.tolist(), strict=True))
    pairs = sum(of[n] for n in forth) / 2, sum(of[n] for n in back) / 2
    one = sum(of[n] for n in ones) / 2 + sum(of_letters[n] for n in spelt[1]) / 2
    two = sum(of[n] for n in twos) + sum(of_letters[n] for n in spelt[2])
    assert found.tolist() == pytest.approx([one + pairs[0], two + sum(pairs), one + pairs[1]], abs=1e-5)


def test_an_ngram_across_words_is_shared_by_all_its_words(make_batch: Callable[..., Batch]) -> None:
    chinese = WideChineseSettings(ngram_min=3, ngram_max=3)
    made = Wide(WideSettings(chinese=chinese), 50, widths={"genre": 1})
    batch = make_batch([[[[1, 2, 3, 4]]]], chinese={1: "明", 2: "月", 3: "照高"})
    whole, rest = made.character_occurrences(batch).item[-2:].tolist()  # 明月照, 月照高
    with torch.no_grad():
        made.characters.weight[whole], made.characters.weight[rest] = 6.0, 2.0
    found = wide_contributions(made.eval(), batch, task="genre", coefficients_BK=torch.ones(1, 1))
    bag = made.character_ngrams(batch)
    value = float(made.values(bag, made.characters)[bag.item == whole])  # of every n-gram the same
    assert found.tolist() == pytest.approx([2 * value, (2 + 1) * value, (2 + 1) * value, 0.0])


@pytest.mark.parametrize("task", ["genre", "size"])
@pytest.mark.parametrize("chinese", [{}, {1: "明", 2: "月照", 5: "高", 6: "楼"}], ids=["English", "Chinese"])
def test_the_sum_is_the_output_less_the_prior_for_every_document(
    make_batch: Callable[..., Batch], task: str, chinese: dict[int, str]
) -> None:
    made = part()
    batch = make_batch([[[[1, 2, 3], [4]]], [[[5, 6]], [[2, 2]]], [[[7]]]], chinese=chinese)
    width = made.widths[task]
    coefficients = torch.randn(3, width, generator=torch.Generator().manual_seed(1))
    found = wide_contributions(made, batch, task=task, coefficients_BK=coefficients).split(
        batch.words_per_document.tolist()
    )
    with torch.no_grad():
        logits = made(batch)[task]
    first = 0 if task == "genre" else 3
    expected = ((logits - made.bias[first : first + width]) * coefficients).sum(1)
    assert [float(words.sum()) for words in found] == pytest.approx(expected.tolist(), abs=1e-5)


def tagging() -> WideTagging:
    """With a random weight for each hash of the fewest that tell features apart."""
    made = WideTagging(WideTaggingSettings(buckets=1 << 16), {"names": 3, "keys": 5})
    random, hashes = torch.Generator().manual_seed(0), torch.arange(1 << 16)
    made.set_coefficients(
        {task: (hashes, torch.randn(1 << 16, n, generator=random)) for task, n in made.widths.items()}
    )
    return made.eval()


def test_what_words_add_to_emissions_sums_to_them(make_batch: Callable[..., Batch]) -> None:
    made, batch = tagging(), make_batch([[[[1, 2, 3], [4]], [[5, 6]]]])
    coefficients = torch.randn(6, 5, generator=torch.Generator().manual_seed(1))
    found = tagging_contributions(made, batch, task="keys", coefficients_NC=coefficients)
    with torch.no_grad():
        expected = (made(batch)["keys"] * coefficients).sum()
    assert float(found.sum()) == pytest.approx(float(expected), abs=1e-4)


def test_a_features_weight_is_shared_by_its_words(
    make_batch: Callable[..., Batch],
) -> None:
    """Only words of the sentence share it."""
    made, batch = tagging(), make_batch([[[[1, 2], [3]]]])
    coefficients = torch.zeros(3, 3)
    coefficients[0, 1] = 1.0
    values = made.columns("names")[made.rows(made.features(batch)[0]), 1].tolist()
    expected = [0.0, 0.0]
    for distances, value in zip(FEATURE_TEMPLATES, values, strict=True):
        owners = [d for d in distances if 0 <= d <= 1] or [0]  # nothing stands before the first word
        for owner in owners:
            expected[owner] += value / len(owners)
    found = tagging_contributions(made, batch, task="names", coefficients_NC=coefficients)
    assert found.tolist() == pytest.approx([*expected, 0.0], abs=1e-5)
