"""Pairs of near-duplicates."""

import pickle
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mgm.compute.executor import Emitted, JoinedRows
from mgm.compute.processes import THIS_PROCESS
from mgm.settings.text import DeduplicationSettings
from mgm.text.deduplication import pairs, signatures
from mgm.text.deduplication.shingles import Shingles


@settings(max_examples=60)
@given(st.lists(st.text("ab好茶", min_size=4, max_size=30), min_size=2, max_size=6), st.integers(1, 6))
def test_the_similarity_is_that_of_jaccard(texts: list[str], n: int) -> None:
    shingles = Shingles.from_texts(pl.Series(texts), n)
    left, right = np.triu_indices(len(texts), 1)
    result = pairs.jaccard_similarity(pairs.shingle_sets([shingles]), left=left, right=right)
    sets = [{t[i : i + n] for i in range(len(t) - n + 1)} for t in texts]
    for a, b, similarity in zip(left, right, result, strict=True):
        union = sets[a] | sets[b]
        assert similarity == pytest.approx(len(sets[a] & sets[b]) / max(len(union), 1))


def test_sets_in_a_file_are_those_in_memory(tmp_path: Path) -> None:
    """Also where a part has no text, or none has a shingle."""
    texts = ["the cat sat on the mat", "好茶好茶好茶", "", "the cat sat on a mat"]
    parts = [Shingles.from_texts(pl.Series(part, dtype=pl.String), 3) for part in (texts[:2], [], texts[2:])]
    left, right = np.triu_indices(len(texts), 1)
    in_file, in_memory = pairs.shingle_sets(parts, tmp_path), pairs.shingle_sets(parts)
    expected = pairs.jaccard_similarity(in_memory, left=left, right=right)
    assert pairs.jaccard_similarity(in_file, left=left, right=right).tolist() == expected.tolist()
    assert 0.5 < expected[2] < 1 and list(tmp_path.iterdir()) == []
    assert pairs.shingle_sets([], tmp_path).sizes.tolist() == []


def test_candidates_are_the_same_wherever_rows_are(tmp_path: Path) -> None:
    """Each pair once, though copies share the buckets of all bands; rows are places in `rows`."""
    words = [f"word{i * i % 41}" for i in range(120)]
    texts = [" ".join(words[i : i + 60]) for i in range(12)] + [" ".join(words[3:63])]
    shingles = Shingles.from_texts(pl.Series(texts), 5)
    rows = np.array([12, 3, 4, 0])
    settings = DeduplicationSettings(threshold=0.8)
    columns = signatures.signature_columns(shingles, settings)

    def emit(part: slice) -> Emitted:
        return Emitted(None, {name: values[part] for name, values in columns.items()})

    found = []
    for folder in (None, tmp_path):
        signed = THIS_PROCESS.shuffle(folder)
        halves = [(slice(0, 6),), (slice(6, None),)]
        list(signed.emit(emit, halves, columns=columns))
        left, right = pairs.find_candidates(signed, rows, settings=settings)
        found.append(list(zip(left.tolist(), right.tolist(), strict=True)))
    assert found[0] == found[1] == sorted(set(found[0])) and (0, 1) in found[0]
    assert all(a < b for a, b in found[0])
    codes: set[int] = set()
    for band in range(len(columns) - 1):
        # as of two calls elsewhere, whose rows have travelled in three divisions
        step = pairs._SearchBand(
            band, num_rows=4, num_divisions=3, min_estimate=pairs._min_estimate(0.8, 128)
        )
        for division in range(3):
            pieces = [
                step.divide(
                    emit(part).columns, JoinedRows(np.array(index), np.array(places)), division=division
                )
                for (part,), index, places in zip(halves, ([0, 3, 4], [6]), ([3, 1, 2], [0]), strict=True)
            ]
            codes |= set(step.reduce(pickle.loads(pickle.dumps(pieces))).tolist())
    assert codes == {a * 4 + b for a, b in found[0]}


@pytest.mark.parametrize(
    ("threshold", "permutations"), [(0.5, 128), (0.8, 128), (0.85, 64), (0.99, 256), (1.0, 16)]
)
def test_bands_find_a_pair_at_the_threshold(threshold: float, permutations: int) -> None:
    count, size = signatures.choose_bands(threshold, permutations)
    assert count * size <= permutations
    assert 1 - (1 - threshold**size) ** count >= signatures.MIN_RECALL


def test_the_work_is_bounded_where_a_template_fills_a_bucket() -> None:
    result = list(pairs._bucket_mates(np.zeros(1000, np.uint64)))
    left, right = (np.concatenate([f[i] for f in result]) for i in (0, 1))
    mates = left[right == 999].tolist()
    assert mates == [*range(pairs.BUCKET_NEIGHBOURS), *range(999 - pairs.BUCKET_NEIGHBOURS, 999)]
    assert len(left) <= 1000 * 2 * pairs.BUCKET_NEIGHBOURS and (left < right).all()
    assert sorted(left[right == 20].tolist()) == list(range(20))
