"""A network by kernels with integer tables, beside torch."""

from collections.abc import Iterator, Mapping

import numpy as np
import polars as pl
import pytest
import torch

from mgm import native
from mgm.model.collate import collate_types
from mgm.model.compiled import CompiledNetwork, DocumentWords, why_not_compiled
from mgm.model.decode import decode
from mgm.model.network import Network
from mgm.settings.settings import Settings
from mgm.tasks import with_label_spaces
from mgm.text.features import FeaturePart
from tests import tiny_corpora
from tests.kernel_library import kernel_library

CONFIG = tiny_corpora.fast()
FEATURES, VOCABULARY, SPACES = tiny_corpora.prepared(CONFIG, tiny_corpora.corpora())
TASKS = with_label_spaces(CONFIG.active_tasks(), SPACES)
TYPICAL = pl.concat([part.types for parts in FEATURES.values() for part in parts])
PARTS = [parts[0] for parts in FEATURES.values()]


def build(config: Settings = CONFIG) -> Network:
    network = tiny_corpora.network(config, VOCABULARY, SPACES)
    if network.wide is not None:
        generator = torch.Generator().manual_seed(1)
        for table in (network.wide.words.weight, network.wide.characters.weight):
            table.data.copy_(torch.randn(table.shape, generator=generator))
    return network


NETWORK = build()


@pytest.fixture(autouse=True, scope="module")
def kernels() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(native, "LIBRARY", kernel_library())
        yield


def largest_difference(found: Mapping[str, object], expected: Mapping[str, object]) -> float:
    assert list(found) == list(expected)
    return max(float(np.abs(np.asarray(found[name]) - np.asarray(expected[name])).max()) for name in found)


@pytest.mark.parametrize("part", PARTS, ids=list(FEATURES))
@pytest.mark.parametrize(
    "model",
    [
        {},
        {"fusion": "gated", "sharing": "mmoe"},
        {"fusion": "stacked_autoencoder", "lead": {"enabled": False}},
        {"word": {"enabled": False}, "wide": {"enabled": False}},
        {"window": {"enabled": False}},
    ],
    ids=["fast", "gated_with_experts", "autoencoder_without_lead", "characters_alone", "without_windows"],
)
def test_predictions_agree_with_torch(part: FeaturePart, model: dict[str, object]) -> None:
    network = build(tiny_corpora.fast(model))
    compiled = CompiledNetwork(network, TYPICAL)
    expected = decode(network, part, rows=np.arange(part.documents.height), tasks=TASKS)
    assert largest_difference(compiled.predict_part(part, TASKS), expected) < 1e-3


def test_order_and_number_of_documents_change_no_bit() -> None:
    part, generator = PARTS[0], np.random.default_rng(3)
    whole = CompiledNetwork(NETWORK, TYPICAL).predict_part(part, TASKS)
    for _ in range(3):
        order = generator.permutation(part.documents.height)
        compiled = CompiledNetwork(NETWORK, TYPICAL)
        for rows in np.array_split(order, 4):
            found = compiled.predict_part(FeaturePart(part.documents[rows], part.types), TASKS)
            assert all(np.array_equal(found[name], whole[name][rows]) for name in whole)


def test_words_that_do_not_fit_at_once_are_read_in_parts() -> None:
    part = PARTS[0]
    whole = CompiledNetwork(NETWORK, TYPICAL)
    words = whole.words.record * 2 * 12
    some = CompiledNetwork(NETWORK, TYPICAL, max_bytes=words)
    assert some.words.capacity == 12 < part.types.height
    small = FeaturePart(part.documents[:2], part.types)
    assert largest_difference(some.predict_part(small, TASKS), whole.predict_part(small, TASKS)) == 0


def test_numbers_beyond_the_units_saturate() -> None:
    """Rare words may have larger vectors than the typical ones; they neither overflow nor change sign."""
    network = build()
    compiled = CompiledNetwork(network, TYPICAL)
    word = network.encoder.granularities["word"]
    with torch.no_grad():
        word.words.weight.mul_(1e6)  # type: ignore[union-attr]
    compiled.words.add(collate_types(TYPICAL))
    records = compiled.words.records[: TYPICAL.height].numpy().astype(np.int64)
    at, used = compiled.words.vectors, compiled.words.window_width
    assert np.abs(records[:, : 2 * at]).max() == 32767
    for window in compiled.words.windows:
        width = window.size * used
        assert np.abs(records[:, at : at + width]).max() == 32767 // window.size
        at += width
    with torch.no_grad():
        expected = word.words.weight[TYPICAL["id"].to_numpy()].sign().numpy()  # type: ignore[union-attr]
    assert np.array_equal(np.sign(records[:, compiled.words.width : 2 * compiled.words.width]), expected)


def test_a_document_without_words_is_as_in_torch() -> None:
    compiled = CompiledNetwork(NETWORK, TYPICAL)
    compiled.words.add(collate_types(TYPICAL.head(3)))
    row = np.arange(3)
    one = np.ones(1, np.int64)
    both = compiled.predict(DocumentWords(row, 3 * one, np.array([1, 0])), TASKS)
    alone = compiled.predict(DocumentWords(row, 3 * one, one), TASKS)
    for task in TASKS:
        assert np.isfinite(both[task.name]).all()
        assert np.array_equal(both[task.name][:1], alone[task.name])


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ({"preset": "full"}, "model.sentence is on; the kernels know only model.character, model.word"),
        ({"window": {"words": "content"}}, "model.window.words: content; the kernels know only all"),
        ({"wide": {"chinese": {"ngram_max": 17}}}, "model.wide has more buckets or longer Chinese n-grams"),
    ],
    ids=["sentences", "content_words", "long_ngrams"],
)
def test_a_network_that_the_kernels_do_not_know_has_a_reason(model: dict[str, object], reason: str) -> None:
    assert (why_not_compiled(build(tiny_corpora.fast(model))) or "").startswith(reason)


def test_tasks_of_words_and_other_numbers_have_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = tiny_corpora.settings()
    _, vocabulary, spaces = tiny_corpora.prepared(whole, tiny_corpora.corpora())
    tagging = tiny_corpora.network(whole, vocabulary, spaces)
    assert why_not_compiled(tagging) == "a task predicts words or generates text"
    assert why_not_compiled(build().double()) == "the network is not in float32 on the CPU"
    monkeypatch.setattr(native, "LIBRARY", native.LIBRARY.with_name("gone.so"))
    assert "missing" in (why_not_compiled(NETWORK) or "")
