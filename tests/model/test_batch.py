import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mgm.model.batch import NO_LABEL, cut_by_tokens, flat_positions
from mgm.model.collate import _long, collate
from mgm.tasks import with_label_spaces
from mgm.text.features import PROPERTIES
from tests import tiny_corpora

CONFIG = tiny_corpora.settings()
FEATURES, VOCABULARY, SPACES = tiny_corpora.prepared(CONFIG, tiny_corpora.corpora())
TASKS = with_label_spaces(CONFIG.active_tasks(), SPACES)


@given(st.permutations(range(12)), st.integers(1, 12))
def test_a_batch_holds_the_documents_words_in_order(order: list[int], size: int) -> None:
    part = FEATURES["menus"][0]
    rows = np.array(order[:size])
    batch = collate(part, rows)
    text = part.types["id"].to_list()
    expected = [text[w] for row in rows for w in part.documents["word"][int(row)].to_list()]
    assert batch.type_id[batch.word].tolist() == expected
    assert batch.size == size
    assert batch.words_per_document.tolist() == [len(part.documents["word"][int(r)]) for r in rows]
    assert batch.sentences_per_document.tolist() == [len(part.documents["sentence"][int(r)]) for r in rows]
    assert batch.words_per_paragraph.sum() == batch.sentence_length.sum() == len(expected)
    assert batch.content.shape == batch.word.shape
    assert batch.targets == {}


@settings(max_examples=20)
@given(st.lists(st.booleans(), min_size=12, max_size=12))
def test_selected_documents_keep_their_words(keep: list[bool]) -> None:
    part, rows = FEATURES["menus"][0], np.arange(12)
    selected = collate(part, rows, tasks=TASKS).select(torch.tensor(keep))
    alone = collate(part, rows[keep])
    assert selected.type_id[selected.word].tolist() == alone.type_id[alone.word].tolist()
    for name in ("content", "sentence_length", "paragraph_length", "document_length"):
        assert getattr(selected, name).tolist() == getattr(alone, name).tolist()
    assert selected.targets == {}


def test_what_polars_lends_is_copied_and_what_is_ours_is_not() -> None:
    lent, ours = np.arange(4), np.arange(4)
    lent.flags.writeable = False
    _long(lent)[0], _long(ours)[0] = 7, 7
    assert (lent[0], ours[0]) == (0, 7)


def test_only_the_words_of_these_rows_are_described() -> None:
    part = FEATURES["menus"][0]
    batch = collate(part, np.array([1]))
    types = sorted(set(part.documents["word"][1].to_list()))
    assert batch.type_id.tolist() == part.types["id"].gather(types).to_list()
    ngrams = part.types["ngrams"].gather(types)
    assert batch.type_ngram.tolist() == ngrams.explode().to_list()
    assert batch.type_ngram_offset.diff().tolist() == ngrams.list.len().to_list()
    assert not batch.type_character.numel(), "nothing of this is Chinese"
    assert batch.type_character_offset.diff().tolist() == [0] * len(types)
    assert batch.type_property.T.tolist() == [part.types[name].gather(types).to_list() for name in PROPERTIES]


def test_chinese_words_have_their_characters() -> None:
    part = FEATURES["verses"][0]
    batch = collate(part, np.array([3, 1]))
    types = part.types["text"].gather(np.unique([w for r in (3, 1) for w in part.documents["word"][r]]))
    spelt = [
        "".join(map(chr, own.tolist()))
        for own in batch.type_character.split(batch.type_character_offset.diff().tolist())
    ]
    assert spelt == [word if word not in "。，" else "" for word in types]
    assert "".join(spelt)


def test_targets_mark_what_is_not_labelled() -> None:
    batch = collate(FEATURES["menus"][0], np.array([0, 6]), tasks=TASKS)
    assert set(batch.targets) == {"dish", "price", "keys"}
    assert batch.targets["dish"].tolist() == [SPACES["dish"].index("soup"), NO_LABEL]
    assert batch.targets["price"][0] == pytest.approx(1.0)
    assert batch.targets["price"][1].isnan()
    first, second = batch.targets["keys"].split(batch.words_per_document.tolist())
    assert (first == 1).sum() == 1  # one word is a key
    assert set(first.tolist()) == {0, 1}
    assert set(second.tolist()) == {NO_LABEL}


def test_an_empty_list_of_labels_is_a_label() -> None:
    batch = collate(FEATURES["verses"][0], np.array([0, 1]), tasks=TASKS)
    assert batch.targets["themes"].dtype == torch.float32
    assert batch.targets["themes"].tolist() == [[0, 0, 0], [1, 1, 0]]  # home, moon, rain


@given(st.lists(st.integers(1, 30), min_size=1, max_size=40), st.integers(1, 50))
def test_batches_hold_every_document_once_within_the_budget(lengths: list[int], budget: int) -> None:
    length = np.array(lengths)
    cuts = list(cut_by_tokens(np.arange(len(lengths)), length, tokens_per_batch=budget))
    assert np.concatenate(cuts).tolist() == list(range(len(lengths)))
    assert all(length[cut].sum() <= budget or len(cut) == 1 for cut in cuts)


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 5))))
def test_flat_positions(runs: list[tuple[int, int]]) -> None:
    start = np.array([s for s, _ in runs], np.int64)
    length = np.array([n for _, n in runs], np.int64)
    assert flat_positions(start, length).tolist() == [s + i for s, n in runs for i in range(n)]
