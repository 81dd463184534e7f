"""What each word adds to the wide part's outputs: exact, since that part is linear in its n-grams.

Axes: B documents, N words, M occurrences of n-grams, F n-grams (each once a document; of tagging: those of a word), K outputs
of a task, C tags.
"""

import itertools

import torch
from torch import Tensor

from mgm.model.batch import Batch
from mgm.model.ragged import Ragged
from mgm.model.wide.documents import Wide
from mgm.model.wide.sparse_counts import Occurrences
from mgm.model.wide.tagging import FEATURE_TEMPLATES, WideTagging


@torch.no_grad()
def wide_contributions(wide: Wide, batch: Batch, task: str, coefficients_BK: Tensor) -> Tensor:
    """(N,) what each word adds to the sum over K of coefficient times output of its document.

    An n-gram's share, weight times value, is divided evenly among its occurrences, and an occurrence's among its words. The
    sum over a document's words is its output less that of a document of which nothing is known (`Wide.bias`), weighted
    by the coefficients. The values are those of this document: TF-IDF is scaled to length 1.
    """
    outputs = _outputs(wide.widths, task)
    words = torch.zeros(batch.word.numel())
    for where, table, idf in (
        (wide.word_occurrences(batch), wide.words, wide.idf_word),
        (wide.character_occurrences(batch), wide.characters, wide.idf_character),
    ):
        words += _shares(where, table.weight[:, outputs], idf, coefficients_BK, wide, batch)
    return words


@torch.no_grad()
def tagging_contributions(wide: WideTagging, batch: Batch, task: str, coefficients_NC: Tensor) -> Tensor:
    """(N,) what each word adds to the sum over words and tags of coefficient times emission.

    The weight of a feature is divided evenly among the words that it is made of; one that lies wholly outside the sentence
    is its own word's.
    """
    feature_NF = wide.features(batch)
    weight = wide.table.weight[:, _outputs(wide.widths, task)]
    share_NF = (weight[feature_NF] * coefficients_NC[:, None]).sum(2)
    sentences = Ragged(batch.word, batch.sentence_length)
    position, length = sentences.position, sentences.length[sentences.row]
    place = torch.arange(batch.word.numel())
    words = torch.zeros(batch.word.numel())
    for column, distances in enumerate(FEATURE_TEMPLATES):
        shift = torch.tensor(distances)
        inside_NL = (position[:, None] + shift >= 0) & (position[:, None] + shift < length[:, None])
        alone = ~inside_NL.any(1)
        words[alone] += share_NF[alone, column]
        each = share_NF[:, column] / inside_NL.sum(1).clamp(min=1)
        owner = (place[:, None] + shift)[inside_NL]
        words.index_add_(0, owner, each[:, None].expand_as(inside_NL)[inside_NL])
    return words


def _outputs(widths: dict[str, int], task: str) -> slice:
    """Where a task's outputs stand beside those of the others."""
    first = sum(width for _, width in itertools.takewhile(lambda own: own[0] != task, widths.items()))
    return slice(first, first + widths[task])


def _shares(
    where: Occurrences, weight: Tensor, idf: Tensor, weighed_BK: Tensor, wide: Wide, batch: Batch
) -> Tensor:
    size = idf.numel()
    found = where.bag(batch, size)
    value_F = wide.values(found, idf) * (weight[found.item] * weighed_BK[found.document]).sum(1)
    word_document = torch.repeat_interleave(torch.arange(batch.size), batch.words_per_document)
    ngram_M = torch.searchsorted(
        found.document * size + found.item, word_document[where.first] * size + where.item
    )
    count_M = where.last - where.first + 1
    each_M = (value_F / found.count)[ngram_M] / count_M
    words = Ragged(torch.arange(int(count_M.sum())), count_M)
    share = torch.zeros(batch.word.numel())
    return share.index_add_(0, where.first[words.row] + words.position, each_M[words.row])
