"""Logits of the wide part's kernel for weights and documents that are the same on every machine."""

import hashlib

import torch
from torch import Tensor

from mgm.model.batch import Batch
from mgm.model.wide.compiled import NgramSums, WideInput, WideRows, wide_logits
from mgm.model.wide.documents import Wide
from mgm.model.wide.ngram_table import NgramTable
from mgm.settings.model import WideChineseSettings, WideSettings
from tests.model.conftest import batch_of

CHINESE = {1: "明", 2: "月照", 3: "T恤", 4: "高楼上"}
"""The words of Chinese; any other number is none."""
FROZEN = "87a6d12470e76523177ba335a74d8e2eab6479d87977358e2934143a241a03b1"
"""The hash of the logits, of every compiler."""
FROZEN_OF_INTEGERS = "41cf3254220558a4d0f5218a3ebe82c46ebb7ce6125c568fc0385184c0e97c0f"
"""The hash of the logits with weights in integers."""


def numbered_wide() -> Wide:
    """A wide part whose weights and frequencies are small fractions, without any random number."""
    chinese = WideChineseSettings(ngram_min=1, ngram_max=3, buckets=997)
    wide = Wide(WideSettings(buckets=1009, chinese=chinese), 50, widths={"genre": 37, "size": 1}).eval()
    for factor, table in enumerate((wide.words.weight, wide.characters.weight, wide.bias), start=2):
        place = torch.arange(table.numel(), dtype=torch.int64).view(table.shape)
        table.copy_((place * 7919 * factor % 2003 - 1001).float() / 512)
    for table in (wide.words, wide.characters):
        keep_rows(table, (torch.arange(table.size) * 31 % 257).float() / 64)
    return wide


def keep_rows(table: NgramTable, idf: Tensor) -> None:
    """Leave the rows of the n-grams whose frequency is not 0, with their weights."""
    ngrams = idf.nonzero()[:, 0]
    weight = table.weight[ngrams]
    table.keep(ngrams, idf[ngrams])
    table.weight.copy_(weight)


def drop_chinese(wide: Wide) -> None:
    """Leave no row for a Chinese n-gram across words."""
    table = wide.characters
    keep_rows(
        table,
        torch.where(torch.arange(table.size) < wide.ngram_buckets, table.idf_of(torch.arange(table.size)), 0),
    )


def numbered_documents() -> Batch:
    """Documents of 0 to 59 words in sentences of 1 to 7, English, Chinese and mixed."""
    documents = []
    for number in range(60):
        words = [(number * 13 + i * i) % (5 if number % 3 == 0 else 40) for i in range(number)]
        length = 1 + number % 7
        documents.append([[words[i : i + length] for i in range(0, len(words), length)] or [[]]])
    return batch_of(documents, chinese=CHINESE)


def frozen_logits() -> str:
    """The hash of the kernel's logits."""
    with torch.no_grad():
        logits = wide_logits(numbered_wide(), numbered_documents())
    assert logits is not None
    return hashlib.sha256(logits.numpy().tobytes()).hexdigest()


def logits_by_sums(rows: WideRows, words: WideInput) -> Tensor:
    """The kernel's logits by the sums of the n-grams of all words but the last five."""
    sums = NgramSums(rows, len(words.types))
    sums.append(words.types[:-5], words.ngrams)
    return rows.logits(words, sums)


def frozen_logits_of_integers() -> str:
    """The hash of the kernel's logits with weights in integers, without and with the sums of words."""
    with torch.no_grad():
        rows = WideRows(numbered_wide(), in_integers=True)
        words = WideInput.of(rows, numbered_documents())
        logits = torch.stack([rows.logits(words), logits_by_sums(rows, words)])
    return hashlib.sha256(logits.numpy().tobytes()).hexdigest()
