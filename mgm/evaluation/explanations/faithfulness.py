"""Faithfulness of attributions: deleting the top words should move the score more than deleting as many random words.

It is measured by comprehensiveness, averaged over several shares of the words. Of a number, the top words are those that push
it the way it went from the baseline, and the score is the value, that way counted positive. The words of a span are not
deleted, only those around it.

Axes: V versions of one document, N words, n words of a span.

Source: DeYoung et al. 2020, ERASER, arXiv:1911.03429.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from mgm.evaluation.bootstrap import percentile_interval
from mgm.evaluation.explanations.kinds import explanation_of
from mgm.evaluation.explanations.word_attribution import WordAttribution
from mgm.evaluation.sufficient_statistics import DECIMALS
from mgm.model.batch import Batch
from mgm.model.network import Network
from mgm.model.ragged import Ragged
from mgm.tasks import Task

MIN_WORDS = 2
"""A document with fewer words that can be deleted is left out."""


@dataclass(frozen=True, kw_only=True)
class Comprehensiveness:
    """The drop of a document's score, averaged over the shares, when its top words are deleted and when random ones are."""

    top: float
    random: float
    group: str


@dataclass(frozen=True, kw_only=True)
class Deletions:
    """The choice of the words to delete.

    Attributes:
        shares: the shares of the words that are deleted, those with the highest attribution.
        random_draws: the number of times that as many random words are deleted.
        generator: the generator of these draws.
    """

    shares: Sequence[float]
    random_draws: int
    generator: np.random.Generator


def comprehensiveness(
    network: Network,
    batch: Batch,
    *,
    task: Task,
    attribution: WordAttribution,
    deletions: Deletions,
    group: str,
) -> Comprehensiveness | None:
    """Return the drops of a batch of one document; None where fewer than `MIN_WORDS` words can be deleted.

    Args:
        network: the network, in evaluation mode.
        batch: the document.
        task: the task, with its label space.
        attribution: the attribution of a prediction's target to the words.
        deletions: the choice of the words to delete.
        group: the group of the document.
    """
    target, num_words = attribution.target, batch.word.numel()
    is_deletable = np.ones(num_words, bool)
    if target.words is not None:
        is_deletable[target.words.numpy()] = False
    places = np.flatnonzero(is_deletable)
    if len(places) < MIN_WORDS:
        return None
    explanation = explanation_of(task)
    sign = explanation.direction(attribution.deep + (attribution.wide or 0.0))
    ranked = places[np.argsort(-sign * attribution.words.numpy()[places], kind="stable")]
    versions = [np.ones(num_words, bool)]
    for share in deletions.shares:
        count = min(max(round(share * len(places)), 1), len(places) - 1)
        random = (
            deletions.generator.choice(places, count, replace=False) for _ in range(deletions.random_draws)
        )
        for deleted in [ranked[:count], *random]:
            version = np.ones(num_words, bool)
            version[deleted] = False
            versions.append(version)
    keep_VN = torch.from_numpy(np.stack(versions))
    span_Vn = None if target.words is None else _span_after_deletion(keep_VN, target.words)
    scores = explanation.scores(
        network, keep_words(batch, keep_VN), task=task, target=target, span_BN=span_Vn
    )
    scores = (sign * scores).double()
    drops = (scores[0] - scores[1:]).view(len(deletions.shares), 1 + deletions.random_draws)
    return Comprehensiveness(top=float(drops[:, 0].mean()), random=float(drops[:, 1:].mean()), group=group)


def keep_words(batch: Batch, keep_VN: Tensor) -> Batch:
    """Return versions of a batch of one document, each with the words that it keeps, without empty sentences and paragraphs."""
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
        encoder=batch.encoder.repeat(versions).select_words(keep),
    )


def faithfulness(
    drops: Sequence[Comprehensiveness], *, resamples: int, seed: int
) -> dict[str, float | int | str | None]:
    """Return the mean drops over documents.

    Args:
        drops: the drops of each document.
        resamples: of whole groups of documents, the same ones for both drops.
        seed: the seed of the resamples.

    Returns:
        n; top; random; difference with low and high, its 95% interval; shown: the conclusion from the interval.
    """
    if not drops:
        nothing = dict.fromkeys(("top", "random", "difference", "low", "high"))
        return {"n": 0, **nothing, "shown": "no documents"}
    top, random = (np.array([getattr(drop, name) for drop in drops]) for name in ("top", "random"))
    groups, group = np.unique([drop.group for drop in drops], return_inverse=True)
    size, total = np.bincount(group), np.bincount(group, weights=top - random)
    picks = np.random.default_rng(seed).integers(len(groups), size=(resamples, len(groups)))
    interval = None
    if len(groups) > 1 and resamples:
        interval = percentile_interval(total[picks].sum(1) / size[picks].sum(1))
    low, high = interval or (None, None)
    return {
        "n": len(drops),
        "top": _rounded(top.mean()),
        "random": _rounded(random.mean()),
        "difference": _rounded((top - random).mean()),
        "low": _rounded(low),
        "high": _rounded(high),
        "shown": _in_words(interval),
    }


def _in_words(interval: tuple[float, float] | None) -> str:
    if interval is None:
        return "no interval"
    low, high = interval
    return "faithful" if low > 0 else "worse than random" if high < 0 else "not shown"


def _span_after_deletion(keep_VN: Tensor, span: Tensor) -> Tensor:
    """Return where the words of a span stand among the words that are kept, (V, n)."""
    before = keep_VN.sum(1).cumsum(0) - keep_VN.sum(1)
    return before[:, None] + keep_VN.long().cumsum(1)[:, span] - 1


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(float(value), DECIMALS) + 0.0
