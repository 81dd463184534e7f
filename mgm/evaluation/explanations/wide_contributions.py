"""The contribution of each word to the wide part's outputs: exact, since that part is linear in its n-grams.

Axes: B documents, N words, M occurrences of n-grams, F n-grams (each once a document; of tagging: features of a word),
K outputs of a task, C tags.
"""

import itertools

import torch
from torch import Tensor

from mgm.model.batch import Batch
from mgm.model.ragged import Ragged
from mgm.model.wide.documents import Wide
from mgm.model.wide.ngram_table import NgramTable
from mgm.model.wide.sparse_counts import Occurrences
from mgm.model.wide.tagging import WideTagging


@torch.no_grad()
def wide_contributions(wide: Wide, batch: Batch, *, task: str, coefficients_BK: Tensor) -> Tensor:
    """Return the contribution (N,) of each word to the sum over K of coefficient times output of its document.

    An n-gram's share, weight times value, is divided evenly among its occurrences, and an occurrence's among its words. The
    sum over a document's words is its output less that of an empty document (`Wide.bias`), weighted by the coefficients. The
    values are those of this document: TF-IDF is scaled to length 1.
    """
    outputs = _output_slice(wide.widths, task)
    words = torch.zeros(batch.word.numel())
    for occurrences, table in (
        (wide.word_occurrences(batch), wide.words),
        (wide.character_occurrences(batch), wide.characters),
    ):
        words += _shares(
            wide,
            batch,
            occurrences=occurrences,
            table=table,
            outputs=outputs,
            coefficients_BK=coefficients_BK,
        )
    return words


@torch.no_grad()
def tagging_contributions(wide: WideTagging, batch: Batch, *, task: str, coefficients_NC: Tensor) -> Tensor:
    """Return the contribution (N,) of each word to the sum over words and tags of coefficient times emission.

    The weight of a feature is divided evenly among the words that it is made of (one of a list of terms counts for the word at its
    distance, whichever words make up the term); a feature that lies wholly outside the
    sentence counts for the word that has it.
    """
    feature_NF = wide.features(batch)
    share_NF = (wide.columns(task)[wide.rows(feature_NF)] * coefficients_NC[:, None]).sum(2)
    sentences = Ragged(batch.word, batch.sentence_length)
    position, length = sentences.position, sentences.length[sentences.row]
    place = torch.arange(batch.word.numel())
    words = torch.zeros(batch.word.numel())
    for column, distances in enumerate(wide.templates):
        shift = torch.tensor(distances)
        inside_NL = (position[:, None] + shift >= 0) & (position[:, None] + shift < length[:, None])
        alone = ~inside_NL.any(1)
        words[alone] += share_NF[alone, column]
        each = share_NF[:, column] / inside_NL.sum(1).clamp(min=1)
        owner = (place[:, None] + shift)[inside_NL]
        words.index_add_(0, owner, each[:, None].expand_as(inside_NL)[inside_NL])
    return words


def _output_slice(widths: dict[str, int], task: str) -> slice:
    """Return the columns of a task's outputs among those of all tasks."""
    first = sum(width for _, width in itertools.takewhile(lambda item: item[0] != task, widths.items()))
    return slice(first, first + widths[task])


def _shares(
    wide: Wide,
    batch: Batch,
    *,
    occurrences: Occurrences,
    table: NgramTable,
    outputs: slice,
    coefficients_BK: Tensor,
) -> Tensor:
    """Return the contribution (N,) of each word through one table of n-grams."""
    size = table.size
    ngrams = occurrences.count_by_document(batch, size)
    weight_FK = table.weight_of(ngrams.item)[:, outputs]
    value_F = wide.values(ngrams, table) * (weight_FK * coefficients_BK[ngrams.document]).sum(1)
    document_N = torch.repeat_interleave(torch.arange(batch.size), batch.words_per_document)
    ngram_M = torch.searchsorted(
        ngrams.document * size + ngrams.item, document_N[occurrences.first] * size + occurrences.item
    )
    num_words_M = occurrences.last - occurrences.first + 1
    share_M = (value_F / ngrams.count)[ngram_M] / num_words_M
    words = Ragged(torch.arange(int(num_words_M.sum())), num_words_M)
    share_N = torch.zeros(batch.word.numel())
    return share_N.index_add_(0, occurrences.first[words.row] + words.position, share_M[words.row])
