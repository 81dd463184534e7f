"""Are the attributed words those that count? Deleting them should move the score more than deleting as many random words.

Comprehensiveness, averaged over several shares of the words: DeYoung et al. 2020, ERASER, arXiv:1911.03429. Of a regression's
value the words are those that push it the way it went from the baseline, and the score is the value, that way counted
positive. The words of a span are not deleted, only those around it.

Axes: V versions of one document, N words, n words of a span.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from mgm.evaluation.bootstrap import percentiles
from mgm.evaluation.explanations.attribution import Explained
from mgm.evaluation.explanations.target import Target, score
from mgm.model.batch import Batch
from mgm.model.network import Network
from mgm.model.ragged import Ragged
from mgm.tasks import Task


@dataclass(frozen=True)
class Comprehensiveness:
    """How much one document's score falls, averaged over the shares, without its top words and without random ones."""

    top: float
    random: float
    group: str


def comprehensiveness(
    network: Network,
    batch: Batch,
    task: Task,
    target: Target,
    found: Explained,
    shares: Sequence[float],
    draws: int,
    generator: np.random.Generator,
    group: str,
) -> Comprehensiveness | None:
    """Of a batch of one document; None where fewer than two words can be deleted."""
    words = batch.word.numel()
    free = np.ones(words, bool)
    if target.words is not None:
        free[target.words.numpy()] = False
    places = np.flatnonzero(free)
    if len(places) < 2:
        return None
    sign = 1.0
    if task.kind == "regression" and found.deep + (found.wide or 0.0) < 0:
        sign = -1.0
    ranked = places[np.argsort(-sign * found.words.numpy()[places], kind="stable")]
    keep = [np.ones(words, bool)]
    for share in shares:
        count = min(max(round(share * len(places)), 1), len(places) - 1)
        for deleted in [
            ranked[:count],
            *(generator.choice(places, count, replace=False) for _ in range(draws)),
        ]:
            version = np.ones(words, bool)
            version[deleted] = False
            keep.append(version)
    kept = torch.from_numpy(np.stack(keep))
    scores = sign * score(network, without(batch, kept), task, target, _moved(kept, target.words)).double()
    fallen = (scores[0] - scores[1:]).view(len(shares), 1 + draws)
    return Comprehensiveness(float(fallen[:, 0].mean()), float(fallen[:, 1:].mean()), group)


def without(batch: Batch, keep_VN: Tensor) -> Batch:
    """Versions of a batch of one document, each with the words that it keeps; empty sentences and paragraphs go too."""
    versions = keep_VN.shape[0]
    keep = keep_VN.flatten()
    words = Ragged(batch.word.repeat(versions), batch.sentence_length.repeat(versions)).select(keep)
    sentence = words.length > 0
    sentences = Ragged(sentence.long(), batch.paragraph_length.repeat(versions)).select(sentence)
    paragraph = sentences.length > 0
    paragraphs = Ragged(paragraph.long(), batch.document_length.repeat(versions)).select(paragraph)
    return replace(
        batch,
        word=words.values,
        content=batch.content.repeat(versions)[keep],
        sentence_length=words.length[sentence],
        paragraph_length=sentences.length[paragraph],
        document_length=paragraphs.length,
        targets={},
    )


def faithfulness(
    drops: Sequence[Comprehensiveness], resamples: int, seed: int
) -> dict[str, float | int | str | None]:
    """The mean fall without the top words, without random words, and the difference with its 95% interval.

    Whole groups of documents are drawn, the same ones for both. `shown`: what the interval says.
    """
    if not drops:
        return {
            "n": 0,
            "top": None,
            "random": None,
            "difference": None,
            "low": None,
            "high": None,
            "shown": "no documents",
        }
    top, random = (np.array([getattr(d, name) for d in drops]) for name in ("top", "random"))
    groups, member = np.unique([d.group for d in drops], return_inverse=True)
    size = np.bincount(member)
    total = np.bincount(member, weights=top - random)
    picks = np.random.default_rng(seed).integers(len(groups), size=(resamples, len(groups)))
    bounds = percentiles(total[picks].sum(1) / size[picks].sum(1)) if len(groups) > 1 and resamples else None
    low, high = bounds or (None, None)
    shown = "no interval" if low is None or high is None else _shown(low, high)
    return {
        "n": len(drops),
        "top": _rounded(top.mean()),
        "random": _rounded(random.mean()),
        "difference": _rounded((top - random).mean()),
        "low": _rounded(low),
        "high": _rounded(high),
        "shown": shown,
    }


def _shown(low: float, high: float) -> str:
    return "faithful" if low > 0 else "worse than random" if high < 0 else "not shown"


def _moved(keep_VN: Tensor, span: Tensor | None) -> Tensor | None:
    """(V,n) where the words of a span stand among the words that are kept."""
    if span is None:
        return None
    before = keep_VN.sum(1).cumsum(0) - keep_VN.sum(1)
    return before[:, None] + keep_VN.long().cumsum(1)[:, span] - 1


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(float(value), 4) + 0.0
