"""Repeated ids, whatever the parts."""

import polars as pl

from mgm.corpus.repeated_ids import IdHashes, hash_ids


def test_ids_that_repeat_within_a_part_and_across_parts() -> None:
    hashes = IdHashes()
    for part in (["a", "b", "b"], [], ["文", "c", "a"]):
        hashes.add(pl.Series(part, dtype=pl.String))
    assert len(hashes) == 6
    assert set(hashes.repeated()) == set(hash_ids(pl.Series(["a", "b"])))
    hashes.add(pl.Series(["c"]))
    assert set(hashes.repeated()) == set(hash_ids(pl.Series(["a", "b", "c"])))


def test_no_id_and_no_repeated_id() -> None:
    hashes = IdHashes()
    assert hashes.repeated().is_empty()
    hashes.add(pl.Series(["a", "b"]))
    assert hashes.repeated().is_empty() and hashes.repeated().dtype == pl.UInt64
