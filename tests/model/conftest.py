from collections.abc import Callable, Mapping

import pytest
import torch
from torch import Tensor

from mgm.model.batch import Batch

Document = list[list[list[int]]]
"""Paragraphs of sentences of word numbers."""
BUCKETS_OF_NGRAMS = 50
VOCABULARY = 30


def batch_of(
    documents: list[Document],
    targets: dict[str, Tensor] | None = None,
    content: bool | None = None,
    chinese: Mapping[int, str] | None = None,
) -> Batch:
    """Documents spelt as word numbers; the even are content words unless `content` says of all. `chinese`: the words
    that have characters, and which."""
    paragraphs = [p for d in documents for p in d]
    sentences = [s for p in paragraphs for s in p]
    words = torch.tensor([w for s in sentences for w in s], dtype=torch.int64)
    types, word = words.unique(return_inverse=True)
    ngrams = [
        torch.tensor([(t * 7 + i) % BUCKETS_OF_NGRAMS for i in range(1 + t % 4)]) for t in types.tolist()
    ]
    offset = torch.tensor([0, *(len(n) for n in ngrams)]).cumsum(0)
    characters = [(chinese or {}).get(t, "") for t in types.tolist()]
    return Batch(
        type_id=types % (VOCABULARY + 1),
        type_ngram=torch.cat(ngrams),
        type_ngram_offset=offset,
        type_character=torch.tensor([ord(c) for c in "".join(characters)], dtype=torch.int64),
        type_character_offset=torch.tensor([0, *(len(c) for c in characters)]).cumsum(0),
        type_property=torch.stack([types % 8, types % 5, types % 3, types % 7], dim=1),
        word=word,
        content=words % 2 == 0 if content is None else torch.full_like(words, content, dtype=torch.bool),
        sentence_length=torch.tensor([len(s) for s in sentences]),
        paragraph_length=torch.tensor([len(p) for p in paragraphs]),
        document_length=torch.tensor([len(d) for d in documents]),
        targets=targets or {},
    )


@pytest.fixture(scope="session")
def make_batch() -> Callable[..., Batch]:
    return batch_of
