"""The wide part's kernel beside its torch."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from mgm import native
from mgm.model.batch import Batch
from mgm.model.wide.compiled import WideInput, WideRows, wide_logits
from mgm.model.wide.documents import Wide
from mgm.settings.model import WideChineseSettings, WideSettings
from tests.kernel_library import kernel_library
from tests.model.conftest import batch_of
from tests.model.wide.frozen_logits import (
    CHINESE,
    FROZEN,
    FROZEN_OF_INTEGERS,
    drop_chinese,
    frozen_logits,
    frozen_logits_of_integers,
    keep_rows,
    logits_by_sums,
    numbered_documents,
    numbered_wide,
)

sentences = st.lists(st.lists(st.integers(0, 31), min_size=1, max_size=6), min_size=1, max_size=4)
documents = st.lists(sentences, min_size=1, max_size=4)


@pytest.fixture(autouse=True, scope="module")
def kernels() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(native, "LIBRARY", kernel_library())
        with torch.no_grad():
            yield


def by_torch(wide: Wide, batch: Batch) -> Tensor:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(native.SWITCH, "off")
        patch.setattr(native, "LIBRARY", native.LIBRARY.with_name("switched_off.so"))
        return torch.cat(list(wide(batch).values()), dim=1)


def by_kernel(wide: Wide, batch: Batch) -> Tensor:
    logits = wide_logits(wide, batch)
    assert logits is not None
    return logits


def small_wide(least: int = 1, most: int = 2) -> Wide:
    """A part of few buckets, so that n-grams share them, with some that training did not see."""
    generator = torch.Generator().manual_seed(most)
    chinese = WideChineseSettings(ngram_min=least, ngram_max=most, buckets=61)
    wide = Wide(WideSettings(buckets=97, chinese=chinese), 50, widths={"genre": 5, "size": 1}).eval()
    for tensor in (wide.words.weight, wide.characters.weight, wide.bias):
        tensor.copy_(torch.randn(tensor.shape, generator=generator))
    for table in (wide.words, wide.characters):
        idf = torch.rand(table.size, generator=generator).add(1)
        keep_rows(table, idf * (torch.arange(table.size) % 5 > 0))
    return wide


@settings(max_examples=40)
@given(documents, st.integers(1, 3), st.integers(0, 2), st.booleans())
def test_the_kernel_agrees_with_torch(
    texts: list[list[list[int]]], least: int, more: int, has_chinese: bool
) -> None:
    wide = small_wide(least, least + more)
    batch = batch_of([[text] for text in texts], chinese=CHINESE if has_chinese else None)
    torch.testing.assert_close(by_kernel(wide, batch), by_torch(wide, batch), atol=1e-5, rtol=1e-5)


def test_a_part_without_chinese_reads_its_words_as_others() -> None:
    wide = small_wide()
    drop_chinese(wide)
    batch = numbered_documents()
    torch.testing.assert_close(by_kernel(wide, batch), by_torch(wide, batch), atol=1e-5, rtol=1e-5)


def test_long_documents_and_frequent_ngrams(make_batch: Callable[..., Batch]) -> None:
    """More n-grams than the first table of counts holds, and counts beyond a thousand."""
    wide = small_wide()
    batch = make_batch([[[[1, 2, 5] * 40] * 60], [[[7]]]], chinese=CHINESE)
    torch.testing.assert_close(by_kernel(wide, batch), by_torch(wide, batch), atol=1e-5, rtol=1e-5)


def test_the_network_uses_the_kernel_for_predictions_alone() -> None:
    """It has no gradients, and reads float32."""
    wide, batch = small_wide(), numbered_documents()
    whole = torch.cat(list(wide(batch).values()), dim=1)
    assert torch.equal(whole, by_kernel(wide, batch))
    assert wide_logits(wide.double(), batch) is None
    with torch.enable_grad():
        assert wide_logits(small_wide(), batch) is None


@settings(max_examples=30)
@given(documents)
def test_a_document_has_the_same_bits_in_every_batch(texts: list[list[list[int]]]) -> None:
    wide, whole = small_wide(), [[text] for text in texts]
    together = by_kernel(wide, batch_of(whole, chinese=CHINESE))
    alone = [by_kernel(wide, batch_of([one], chinese=CHINESE)) for one in whole]
    assert torch.equal(together, torch.cat(alone))


def test_logits_are_frozen() -> None:
    """The same bits on every machine and of every compiler; a change of them must be meant."""
    assert frozen_logits() == FROZEN
    assert frozen_logits_of_integers() == FROZEN_OF_INTEGERS


@settings(max_examples=20)
@given(documents)
def test_integers_are_close_to_the_weights(texts: list[list[list[int]]]) -> None:
    """They are rounded to a 65,534th of the largest weight of their n-gram; n-grams that training did not see stay out."""
    wide = small_wide()
    batch = batch_of([[text] for text in texts], chinese=CHINESE)
    integers = WideRows(wide, in_integers=True)
    words = WideInput.of(integers, batch)
    torch.testing.assert_close(integers.logits(words), by_kernel(wide, batch), atol=2e-3, rtol=0)
    torch.testing.assert_close(logits_by_sums(integers, words), by_kernel(wide, batch), atol=4e-3, rtol=0)


def test_threads_give_the_same_bits() -> None:
    wide, batch = numbered_wide(), numbered_documents()
    expected = by_kernel(wide, batch)

    def compute(_: int) -> Tensor:
        with torch.no_grad():  # which is each thread's own
            return by_kernel(wide, batch)

    with ThreadPoolExecutor(4) as pool:
        assert all(torch.equal(logits, expected) for logits in pool.map(compute, range(16)))
