"""A sparse matrix on disk gives back what was written, a block at a time."""

from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from mgm.training.sparse_rows import BYTES_PER_VALUE, SparseRows, Storage

RNG = np.random.default_rng(5)
MATRIX = sparse.random_array((90, 40), density=0.2, rng=RNG, format="csr", dtype=np.float32)
MATRIX.data[::7] = 0
BLOCK_BYTES = 30 * BYTES_PER_VALUE


def written(folder: Path, *, block_bytes: int = BLOCK_BYTES) -> SparseRows:
    parts = (MATRIX[at : at + 20].copy() for at in range(0, 90, 20))
    return SparseRows(parts, 40, storage=Storage(max_bytes=2 * block_bytes, folder=folder))


def test_all_rows_come_back_without_zeros_and_empty_columns(tmp_path: Path) -> None:
    rows = written(tmp_path)
    assert rows.shape == (90, len(rows.columns)) and 0 < len(rows.columns) <= 40
    assert (rows.read_all() != MATRIX[:, rows.columns]).nnz == 0
    assert rows.read_all().nnz == np.count_nonzero(MATRIX.toarray())
    assert not rows.fits_in_memory and written(tmp_path, block_bytes=1 << 20).fits_in_memory


def test_chosen_rows_come_back_in_their_order(tmp_path: Path) -> None:
    rows = written(tmp_path)
    chosen = np.array([88, 3, 3, 40])
    assert (rows[chosen] != MATRIX[chosen][:, rows.columns]).nnz == 0


def test_blocks_have_every_row_once_and_are_small(tmp_path: Path) -> None:
    rows = written(tmp_path)
    order = RNG.permutation(rows.num_chunks).tolist()
    blocks = list(rows.blocks(order))
    assert sorted(np.concatenate([block.rows for block in blocks])) == list(range(90))
    assert len(blocks) > 10
    for block in blocks:
        assert (block.values != MATRIX[block.rows][:, rows.columns]).nnz == 0
        assert block.values.nnz * BYTES_PER_VALUE <= BLOCK_BYTES or len(block.rows) == 1


def test_nothing_stays_in_the_folder(tmp_path: Path) -> None:
    """A killed process could not tidy up; the files never have a name."""
    written(tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("num_rows", [0, 3])
def test_a_matrix_without_values_has_no_column(tmp_path: Path, num_rows: int) -> None:
    empty = [sparse.csr_array((num_rows, 7), dtype=np.float32)]
    rows = SparseRows(empty, 7, storage=Storage(folder=tmp_path))
    assert rows.shape == (num_rows, 0) and rows.fits_in_memory
    assert [block.values.nnz for block in rows.blocks(range(rows.num_chunks))] in ([], [0])
