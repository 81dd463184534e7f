"""Logits of the wide part's kernel for weights and documents that are the same on every machine."""

import hashlib

import torch
from torch import Tensor

from mgm.model.batch import Batch
from mgm.model.wide.compiled import QuantizedWide, WideInput, wide_logits
from mgm.model.wide.documents import Wide
from mgm.settings.model import WideChineseSettings, WideSettings
from tests.model.conftest import batch_of

CHINESE = {1: "明", 2: "月照", 3: "T恤", 4: "高楼上"}
"""The words of Chinese; any other number is none."""
FROZEN = "93c0174d7cedef6f1bf384006d72a818d2cbf4689a396e47e775d7c29aa3c402"
"""The hash of the logits, of every compiler."""
FROZEN_OF_INTEGERS = "880bfb65d600f576038de4fca4835c0aaaebb1114e4681b55b3a285ff7d3d4e0"
"""The hash of the logits with weights in integers."""


def numbered_wide() -> Wide:
    """A wide part whose weights and frequencies are small fractions, without any random number."""
    chinese = WideChineseSettings(ngram_min=1, ngram_max=3, buckets=997)
    wide = Wide(WideSettings(buckets=1009, chinese=chinese), 50, widths={"genre": 37, "size": 1}).eval()
    for factor, table in enumerate((wide.words.weight, wide.characters.weight, wide.bias), start=2):
        place = torch.arange(table.numel(), dtype=torch.int64).view(table.shape)
        table.copy_((place * 7919 * factor % 2003 - 1001).float() / 512)
    for idf in (wide.idf_word, wide.idf_character):
        idf.copy_((torch.arange(idf.numel()) * 31 % 257).float() / 64)
    return wide


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
        logits = wide_logits(numbered_wide(), numbered_documents(), reads_chinese=True)
    assert logits is not None
    return hashlib.sha256(logits.numpy().tobytes()).hexdigest()


def logits_by_sums(wide: QuantizedWide, words: WideInput) -> Tensor:
    """The kernel's logits by the sums of the n-grams of all words but the last five."""
    sums = wide.empty_sums(len(words.ids))
    wide.append(sums, words.ngrams, bounds=words.ngram_bounds[:-5])
    return wide.logits(words, sums)


def frozen_logits_of_integers() -> str:
    """The hash of the kernel's logits with weights in integers, without and with the sums of words."""
    with torch.no_grad():
        words = WideInput.of(numbered_documents(), reads_chinese=True)
        wide = QuantizedWide(numbered_wide())
        logits = torch.stack([wide.logits(words), logits_by_sums(wide, words)])
    return hashlib.sha256(logits.numpy().tobytes()).hexdigest()
