"""Repeated ids, whatever the parts."""

from pathlib import Path

import polars as pl

from mgm.compute.executor import TaskFile
from mgm.compute.processes import THIS_PROCESS
from mgm.corpus import repeated_ids
from mgm.corpus.repeated_ids import IdHashes, find_repeated, hash_bytes, hash_ids


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


def test_ids_that_repeat_within_a_file_and_across_files(tmp_path: Path) -> None:
    """Also where their hashes are joined in divisions."""
    parts = [pl.Series(part, dtype=pl.String) for part in (["a", "b", "b"], [], ["文", "c", "a"])]
    for i, part in enumerate(parts):
        (tmp_path / str(i)).write_bytes(hash_bytes(part))
    files = [TaskFile(tmp_path / str(i)) for i in range(len(parts))]
    expected = hash_ids(pl.Series(["a", "b"])).sort().to_list()
    assert find_repeated(files, executor=THIS_PROCESS, folder=tmp_path).to_list() == expected
    assert find_repeated(files[1:2], executor=THIS_PROCESS, folder=tmp_path).is_empty()
    assert len(list(tmp_path.iterdir())) == len(parts)
    step = repeated_ids._FindRepeated(num_divisions=3)
    emitted = [repeated_ids._read_hashes(file).columns for file in files]
    divisions = [[step.divide(columns, None, division=d) for columns in emitted] for d in range(3)]
    assert sorted(value for pieces in divisions for value in step.reduce(pieces)) == expected
