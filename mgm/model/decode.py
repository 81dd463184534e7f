"""What a network decodes for rows of features: probabilities, values, tags, texts.

Axes: R rows, N words of these rows, K labels.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat

import numpy as np
import torch

from mgm.model.batch import Batch, collate, cut_by_tokens, flat_positions
from mgm.model.encoder import TokenTypeStates
from mgm.model.generation.beam_search import BeamOutput
from mgm.model.heads.head import Tagged
from mgm.model.network import Network
from mgm.model.token_cache import TokenCache
from mgm.tasks import RECONSTRUCTION, Task
from mgm.text.features import FeaturePart
from mgm.text.subwords import decode_pieces

TOKENS_PER_BATCH = 32_000
BATCHES_AT_ONCE = 4
"""Whose distinct words are read together, which memory grows with."""

Progress = Callable[[int], object]
"""Called with the number of documents just done."""


@dataclass(frozen=True)
class Tags:
    """The BIO ids (N,) of R documents' words and the probability (N,) of each."""

    tags: np.ndarray
    score: np.ndarray


@dataclass(frozen=True)
class Texts:
    """What was written for R documents, the mean log-probability of its subwords, and whether words were left unread."""

    text: np.ndarray
    score: np.ndarray
    truncated: np.ndarray


Outcome = np.ndarray | Tags | Texts
"""Of one task: probabilities (R,K), regression values (R,), tags, or texts. Under RECONSTRUCTION the reconstruction errors (R,)."""


def decode(
    network: Network,
    part: FeaturePart,
    rows: np.ndarray,
    tasks: Sequence[Task],
    *,
    tokens_per_batch: int = TOKENS_PER_BATCH,
    progress: Progress | None = None,
    known: TokenCache | None = None,
    beam: int | None = None,
) -> dict[str, Outcome]:
    """What the network decodes for `rows`, task by task, in the order of `rows`, and under RECONSTRUCTION their errors
    where the network has them; leaves the network's mode as it was.

    `known`: the words that its encoder, as it is now, has read before. `beam`: of the search for texts; None: as the
    settings say.
    """
    device = next(network.parameters()).device
    length = part.documents["word"].list.len().to_numpy()[rows].astype(np.int64)
    word_start = np.concatenate([[0], np.cumsum(length)])
    outcomes = {t.name: _blank(t, len(rows), int(word_start[-1])) for t in tasks}
    errors = np.zeros(len(rows), np.float32)
    pieces = {t.name: t.labels for t in tasks}
    was_training = network.training
    network.eval()
    with torch.inference_mode():
        types_of = network.encoder.types if known is None else known.types
        for chosen, batch, types in _batches(types_of, part, rows, length, tokens_per_batch, device):
            encoded = network.encode(batch, types)
            outputs, error = network.forward_with_reconstruction_error(batch, encoded)
            if error is not None:
                errors[chosen] = error.float().cpu().numpy()
            decoded = network.decode({t.name: outputs[t.name] for t in tasks if t.name in outputs}, batch)
            texts = network.generate(batch, [t.name for t in tasks if t.kind == "generation"], encoded, beam)
            words = flat_positions(word_start[chosen], length[chosen])
            for name, outcome in outcomes.items():
                if isinstance(outcome, Texts):
                    _keep(outcome, chosen, texts[name], pieces[name])
                    continue
                found = decoded[name]
                if isinstance(found, Tagged):
                    assert isinstance(outcome, Tags)
                    outcome.tags[words] = found.tags.cpu().numpy()
                    outcome.score[words] = found.score.float().cpu().numpy()
                else:
                    assert isinstance(outcome, np.ndarray)
                    outcome[chosen] = found.float().cpu().numpy()
            if progress is not None:
                progress(len(chosen))
    network.train(was_training)
    return outcomes | ({RECONSTRUCTION: errors} if network.reconstructs else {})


def _batches(
    types_of: Callable[[Batch], TokenTypeStates],
    part: FeaturePart,
    rows: np.ndarray,
    length: np.ndarray,
    tokens_per_batch: int,
    device: torch.device,
) -> Iterator[tuple[np.ndarray, Batch, TokenTypeStates]]:
    """Places in `rows`, shortest documents first, their batch, and what the encoder makes of its distinct words: this is
    done once for several batches, since most words of one stand in the others too."""
    by_length = np.argsort(length, kind="stable")
    for some in cut_by_tokens(by_length, length[by_length], BATCHES_AT_ONCE * tokens_per_batch):
        cuts = list(cut_by_tokens(some, length[some], tokens_per_batch))
        together = collate(part, rows[some]).to(device)
        types = types_of(together)
        yield from zip(cuts, together.split([len(cut) for cut in cuts]), repeat(types))


def _blank(task: Task, rows: int, words: int) -> Outcome:
    if task.kind == "tagging":
        return Tags(np.zeros(words, np.int64), np.zeros(words, np.float32))
    if task.kind == "generation":
        return Texts(np.full(rows, "", object), np.zeros(rows, np.float32), np.zeros(rows, bool))
    return np.zeros(rows if task.kind == "regression" else (rows, len(task.labels)), np.float32)


def _keep(outcome: Texts, rows: np.ndarray, found: BeamOutput, pieces: Sequence[str]) -> None:
    count = found.count.cpu()
    inside = torch.arange(found.ids.shape[1]) < count[:, None]
    outcome.text[rows] = decode_pieces(found.ids.cpu()[inside].numpy(), count.numpy(), pieces).to_numpy()
    outcome.score[rows] = found.score.float().cpu().numpy()
    outcome.truncated[rows] = found.truncated.cpu().numpy()
