"""What a batch holds of a pretrained encoder: its vectors, or, where it is trained, the pieces that it reads.

Axes: B documents, N words, U pieces of the whole batch, D width of the encoder.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields, replace

import torch
from torch import Tensor


def _numbers() -> Tensor:
    return torch.zeros(0, dtype=torch.int64)


def _vectors() -> Tensor:
    return torch.zeros(0, 0)


@dataclass(frozen=True)
class EncoderInput:
    """The input of a batch to the encoder's granularity; a tensor that the network does not read has no elements."""

    document: Tensor = field(default_factory=_vectors)  # (B,D) vectors
    word: Tensor = field(default_factory=_vectors)  # (N,D) vectors
    piece: Tensor = field(default_factory=_numbers)  # (U,) ids
    count: Tensor = field(default_factory=_numbers)  # (B,) pieces of each document
    start: Tensor = field(default_factory=_numbers)  # (N,) first piece of a word, from its document's first
    stop: Tensor = field(default_factory=_numbers)  # (N,) the piece after its last

    def to(self, device: torch.device | str, *, non_blocking: bool = False) -> "EncoderInput":
        """Return the input on another device; arguments as those of a tensor."""
        moved = {f.name: getattr(self, f.name).to(device, non_blocking=non_blocking) for f in fields(self)}
        return EncoderInput(**moved)

    def split(self, sizes: Sequence[int], words: Sequence[int]) -> Iterator["EncoderInput"]:
        """Yield the input of consecutive batches with these numbers of documents and of words."""
        runs = {
            name: getattr(self, name).split(list(lengths))
            for name, lengths in (
                ("document", sizes),
                ("count", sizes),
                ("word", words),
                ("start", words),
                ("stop", words),
            )
            if len(getattr(self, name))
        }
        if "count" in runs:
            runs["piece"] = self.piece.split([int(count.sum()) for count in runs["count"]])
        for i in range(len(sizes)):
            yield replace(self, **{name: run[i] for name, run in runs.items()})

    def select(self, keep: Tensor, words: Tensor) -> "EncoderInput":
        """Return the input of the documents where `keep` (B,) is true, whose words are those of `words` (N,)."""
        pieces = torch.repeat_interleave(keep, self.count) if len(self.count) else keep
        return replace(
            self.select_words(words),
            document=_rows(self.document, keep),
            piece=_rows(self.piece, pieces),
            count=_rows(self.count, keep),
        )

    def select_words(self, keep: Tensor) -> "EncoderInput":
        """Return the input with these words, by a mask (N,) or their places; documents keep their vectors and pieces."""
        return replace(self, **{name: _rows(getattr(self, name), keep) for name in ("word", "start", "stop")})

    def hide_words(self, hidden: Tensor) -> "EncoderInput":
        """Return the input in which the words where `hidden` (N,) is true have no vector and no piece."""
        word, stop = self.word, self.stop
        return replace(
            self,
            word=word.masked_fill(hidden[:, None], 0) if len(word) else word,
            stop=torch.where(hidden, self.start, stop) if len(stop) else stop,
        )

    def repeat(self, times: int) -> "EncoderInput":
        """Return the input of the batch's documents so many times, one after another."""
        return EncoderInput(
            **{
                f.name: getattr(self, f.name).repeat(times, *[1] * (getattr(self, f.name).ndim - 1))
                for f in fields(self)
            }
        )


def _rows(tensor: Tensor, keep: Tensor) -> Tensor:
    return tensor[keep] if len(tensor) else tensor
