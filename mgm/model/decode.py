"""Predictions of a network for rows of features, before they are written to tables.

Axes: R rows, N words of these rows.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import repeat

import numpy as np
import torch

from mgm.model.batch import Batch, cut_by_tokens, flat_positions
from mgm.model.collate import collate
from mgm.model.generation.source_cut import SourceCut, read_words
from mgm.model.granularity import TokenTypeStates
from mgm.model.heads import HEADS, Outcome
from mgm.model.network import Network
from mgm.model.token_cache import TokenCache
from mgm.tasks import RECONSTRUCTION, Task
from mgm.text.features import FeaturePart

TOKENS_PER_BATCH = 32_000
BATCHES_AT_ONCE = 4
"""The number of batches whose distinct words are encoded together; memory grows with it."""

Progress = Callable[[int], object]
"""Called with the number of documents just done."""


def decode(  # noqa: PLR0913  (options by name, with defaults)
    network: Network,
    part: FeaturePart,
    *,
    rows: np.ndarray,
    tasks: Sequence[Task],
    tokens_per_batch: int = TOKENS_PER_BATCH,
    progress: Progress | None = None,
    token_cache: TokenCache | None = None,
    beam_size: int | None = None,
) -> dict[str, Outcome]:
    """Return the network's predictions for rows of a part, by task; its mode (training or evaluation) is restored.

    Args:
        network: the network.
        part: features.
        rows: (R,) rows of the part, in whose order the outcomes are.
        tasks: the tasks to predict.
        tokens_per_batch: the most words of a batch that has more than one document.
        progress: called after each batch.
        token_cache: states of words that the network's encoder has encoded before, with its present weights.
        beam_size: the number of beams of a document; None: that of the settings.

    Returns:
        The outcome of each task, and under RECONSTRUCTION the reconstruction errors (R,) where the network has them.
    """
    device = next(network.parameters()).device
    cut = SourceCut.of(network.encoder.settings, tasks)
    length = read_words(part, rows, cut=cut)
    word_start = np.concatenate([[0], np.cumsum(length)])
    num_words = int(word_start[-1])
    outcomes = {
        t.name: HEADS[t.kind].empty_outcome(t, num_rows=len(rows), num_words=num_words) for t in tasks
    }
    errors = np.zeros(len(rows), np.float32)
    was_training = network.training
    network.eval()
    with torch.inference_mode():
        encode_types = network.encoder.types if token_cache is None else token_cache.types
        for chosen, batch, types in _batches(
            encode_types,
            lambda some: collate(part, some, cut=cut).to(device),
            rows=rows,
            length=length,
            tokens_per_batch=tokens_per_batch,
        ):
            decoded, error = network.predict(batch, tasks, types=types, beam_size=beam_size)
            words = flat_positions(word_start[chosen], length[chosen])
            for task in tasks:
                HEADS[task.kind].store(
                    outcomes[task.name], decoded[task.name], task=task, rows=chosen, words=words
                )
            if error is not None:
                errors[chosen] = error.float().cpu().numpy()
            if progress is not None:
                progress(len(chosen))
    network.train(was_training)
    return outcomes | ({RECONSTRUCTION: errors} if network.reconstructs else {})


def _batches(
    encode_types: Callable[[Batch], TokenTypeStates],
    gather: Callable[[np.ndarray], Batch],
    *,
    rows: np.ndarray,
    length: np.ndarray,
    tokens_per_batch: int,
) -> Iterator[tuple[np.ndarray, Batch, TokenTypeStates]]:
    """Yield positions in `rows`, shortest documents first, their batch, and the encoder's states of its distinct words.

    The states are computed once for several batches, since most words of one occur in the others too.
    """
    by_length = np.argsort(length, kind="stable")
    for some in cut_by_tokens(
        by_length, length[by_length], tokens_per_batch=BATCHES_AT_ONCE * tokens_per_batch
    ):
        cuts = list(cut_by_tokens(some, length[some], tokens_per_batch=tokens_per_batch))
        together = gather(rows[some])
        yield from zip(cuts, together.split([len(cut) for cut in cuts]), repeat(encode_types(together)))
