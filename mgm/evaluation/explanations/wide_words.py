"""What each word adds to the wide part's outputs: exact, since that part is linear in its n-grams.

Axes: B documents, N words, M occurrences of n-grams, F n-grams (each once a document), K outputs of a task.
"""

import torch
from torch import Tensor

from mgm.model.batch import Batch
from mgm.model.wide import Occurrences, Wide


@torch.no_grad()
def wide_contributions(wide: Wide, batch: Batch, task: str, coefficients_BK: Tensor) -> Tensor:
    """(N,) what each word adds to the sum over K of coefficient times output of its document.

    An n-gram's share, weight times value, is divided evenly among its occurrences, and a pair's among its two words. The
    sum over a document's words is its output less that of a document of which nothing is known (`Wide.prior`), weighted
    by the coefficients. The values are those of this document: TF-IDF is scaled to length 1.
    """
    first = 0
    for name, width in wide.widths.items():
        if name == task:
            break
        first += width
    outputs = slice(first, first + wide.widths[task])
    weighed_BK = coefficients_BK * wide.scale[outputs]
    words = torch.zeros(batch.word.numel())
    for where, table, idf in (
        (wide.word_occurrences(batch), wide.words, wide.idf_word),
        (wide.character_occurrences(batch), wide.characters, wide.idf_character),
    ):
        words += _shares(where, table.weight[:, outputs], idf, weighed_BK, wide, batch)
    return words


def _shares(
    where: Occurrences, weight: Tensor, idf: Tensor, weighed_BK: Tensor, wide: Wide, batch: Batch
) -> Tensor:
    size = idf.numel()
    found = where.bag(batch, size)
    value_F = wide.values(found, idf, batch.size) * (weight[found.item] * weighed_BK[found.document]).sum(1)
    word_document = torch.repeat_interleave(torch.arange(batch.size), batch.words_per_document)
    ngram_M = torch.searchsorted(
        found.document * size + found.item, word_document[where.first] * size + where.item
    )
    half_M = (value_F / found.count)[ngram_M] / 2
    words = torch.zeros(batch.word.numel())
    return words.index_add_(0, where.first, half_M).index_add_(0, where.last, half_M)
