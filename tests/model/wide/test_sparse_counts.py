from collections import Counter

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mgm.model.ragged import Ragged
from mgm.model.wide.sparse_counts import SparseCounts

SIZE = 9
items = st.lists(st.lists(st.integers(0, SIZE - 1), max_size=6), min_size=1, max_size=5)


def ragged(rows: list[list[int]]) -> Ragged:
    values = torch.tensor([value for row in rows for value in row], dtype=torch.int64)
    return Ragged(values, torch.tensor([len(row) for row in rows], dtype=torch.int64))


def held(bag: SparseCounts, documents: int) -> list[Counter[int]]:
    found = [Counter[int]() for _ in range(documents)]
    for item, count, document in zip(
        bag.item.tolist(), bag.count.tolist(), bag.document.tolist(), strict=True
    ):
        assert item not in found[document]
        found[document][item] = int(count)
    assert bag.start.tolist() == [sum(len(f) for f in found[:number]) for number in range(documents)]
    return found


@given(items)
def test_counts_of_occurrences(documents: list[list[int]]) -> None:
    """Each thing is counted once a document in ascending order."""
    all_items = ragged(documents)
    bag = SparseCounts.of(all_items.values, all_items.row, num_documents=len(documents), size=SIZE)
    assert held(bag, len(documents)) == [Counter(document) for document in documents]
    key = bag.document * SIZE + bag.item
    assert key.tolist() == sorted(key.tolist())


@given(items, st.data())
def test_what_words_hold_is_counted_for_their_documents(words: list[list[int]], data: st.DataObject) -> None:
    number = st.integers(0, len(words) - 1)
    documents = data.draw(st.lists(st.lists(number, max_size=5), min_size=1, max_size=4))
    bag = SparseCounts.of_words(ragged(words), ragged(documents), size=SIZE)
    expected = [Counter(item for word in document for item in words[word]) for document in documents]
    assert held(bag, len(documents)) == expected


@settings(max_examples=40)
@given(st.lists(st.tuples(st.booleans(), st.lists(st.integers(0, SIZE - 1), max_size=6)), min_size=1))
def test_merged_counts_are_those_of_each_document(documents: list[tuple[bool, list[int]]]) -> None:
    parts = []
    for second in (False, True):
        rows = ragged([items for is_second, items in documents if is_second == second])
        parts.append(SparseCounts.of(rows.values, rows.row, num_documents=rows.length.numel(), size=SIZE))
    is_second = torch.tensor([second for second, _ in documents])
    merged = SparseCounts.merged(*parts, is_second=is_second)
    assert held(merged, len(documents)) == [Counter(items) for _, items in documents]
