"""Ridge regression on documents that do not fit into memory, which are read from disk a block at a time.

Conjugate gradients on the normal equations, with one pass over all documents for each step.

Axes: n documents, F n-grams.
"""

import numpy as np
from scipy.sparse.linalg import LinearOperator, cg

from mgm.training.ngram_scaling import scale_of_values, square_sums
from mgm.training.sparse_rows import SparseRows

TOLERANCE = 1e-4
"""The norm of the residual at which the solver stops, relative to that of the right side, as in scikit-learn."""


def solve_ridge_in_blocks(
    features: SparseRows, targets: np.ndarray, *, c: float, is_scaled: bool
) -> tuple[np.ndarray, float]:
    """Return the weights (F,) and the intercept of ridge regression of the targets (n,) on the features (n,F).

    Args:
        features: the values of n-grams.
        targets: the values to predict.
        c: the inverse of the penalty of the squared weights.
        is_scaled: whether n-grams are scaled by `value_scale`.
    """
    num_rows, num_columns = features.shape
    target_mean = float(targets.mean())
    centred = (targets - target_mean).astype(np.float32)
    sums, products, squares = np.zeros(num_columns), np.zeros(num_columns), np.zeros(num_columns)
    chunks = range(features.num_chunks)
    for block in features.blocks(chunks):
        transposed = block.values.T
        sums += transposed @ np.ones(len(block.rows), np.float32)
        products += transposed @ centred[block.rows]
        squares += square_sums(block.values)
    scale = (
        scale_of_values(products, sums, squares=squares) if is_scaled else np.ones(num_columns, np.float32)
    )
    mean = scale * sums / num_rows

    def multiply(weight: np.ndarray) -> np.ndarray:
        """Return the matrix of the normal equations, of scaled and centred values, times weights (F,)."""
        scaled, offset = (scale * weight).astype(np.float32), float(mean @ weight)
        total, output_sum = np.zeros(num_columns), 0.0
        for block in features.blocks(chunks):
            outputs = block.values @ scaled - np.float32(offset)
            total += block.values.T @ outputs
            output_sum += float(outputs.sum(dtype=np.float64))
        return scale * total - mean * output_sum + weight / c

    # centred targets sum to 0, so that the mean of the values drops out of the right side
    operator = LinearOperator((num_columns, num_columns), matvec=multiply, dtype=np.float64)
    solution, _ = cg(operator, scale * products, rtol=TOLERANCE)
    return solution * scale, target_mean - float(mean @ solution)
