"""The sample of a night: the same documents in any order and any batches, within its limits; and all ids, in blocks."""

from collections import Counter

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgm.quality import spilled_rows
from mgm.quality.night_rows import HashSample, NightRows
from mgm.settings.gates import NightGate

DOCUMENTS = st.lists(st.integers(0, 300), unique=True, min_size=1, max_size=60)


@given(DOCUMENTS, st.integers(1, 20), st.integers(1, 40), st.integers(1, 60))
def test_the_sample_is_the_same_whatever_the_batches(
    numbers: list[int], documents: int, size: int, batch: int
) -> None:
    frame = pl.DataFrame({"doc_id": [f"d{n}" for n in numbers], "text": ["x" * (n % 9) for n in numbers]})
    samples = []
    for rows in (batch, len(numbers)):
        sample = HashSample(max_documents=documents, max_bytes=size)
        for some in frame.iter_slices(rows):
            sample.add(some)
        samples.append(pl.concat(sample.batches(7)) if len(sample) else frame.clear())
    assert samples[0].equals(samples[1])
    found = samples[0]
    assert 1 <= found.height <= documents
    assert found.height == 1 or found["text"].str.len_bytes().sum() <= size
    place = {f"d{n}": i for i, n in enumerate(numbers)}
    order = [place[name] for name in found["doc_id"]]
    assert order == sorted(order) and not Counter(order) - Counter(set(order))


def test_the_sample_keeps_no_text_of_other_documents() -> None:
    """Its strings lie in memory of their own, not in that of the batches, which would stay with them."""
    sample = HashSample(max_documents=100, max_bytes=1 << 20)
    for first in range(0, 10_000, 100):
        ids = pl.Series("doc_id", [f"document-{n}" for n in range(first, first + 100)])
        sample.add(pl.DataFrame({"doc_id": ids, "text": ["tea " * 20] * 100}))
    (rows,) = sample.batches(100)
    held = rows["text"].to_arrow(compat_level=pl.CompatLevel.newest()).buffers()
    assert rows["text"].str.len_bytes().sum() == 8_000
    assert sum(buffer.size for buffer in held if buffer) < 40_000


def test_every_document_is_numbered_over_all_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spilled_rows, "BLOCK_ROWS", 3)
    night = NightRows(NightGate())
    for ids, texts in ((["a", None], ["x", None]), (["b"], ["茶 "]), (["a", "c"], [" ", "tea"])):
        night.add(
            pl.DataFrame({"doc_id": ids, "text": texts}, schema={"doc_id": pl.String, "text": pl.String})
        )
    blocks = [block.rows() for block in night.documents.blocks()]
    assert blocks == [[(0, "a", 1), (1, None, None), (2, "b", 2)], [(3, "a", 1), (4, "c", 3)]]
    assert night.num_blank == 2 and night.blank_ids.to_list() == [None, "a"]
