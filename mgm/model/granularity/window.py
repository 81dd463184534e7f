"""Convolution over k consecutive words.

Axes: B documents, M words read, T distinct words, D width of a word, W width of the window.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mgm.model.granularity.reading import Reading
from mgm.model.ragged import Ragged


class Window(nn.Module):
    """A vector for the k words around each word; words beyond the document's ends add nothing.

    Each distinct word is multiplied once for each of the k places, and a window sums what its words give
    there: a word that occurs often costs one product. Source: Kim 2014, arXiv:1408.5882.
    """

    def __init__(self, input_width: int, size: int, width: int) -> None:
        super().__init__()
        if size < 1:
            raise ValueError(f"model.window.sizes: {size}: expected at least 1 word")
        self.size = size
        self.width = width
        self.places = nn.Linear(input_width, size * width, bias=False)
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, types_TD: Tensor, reading: Reading) -> Ragged:
        """(M,W) by document: the window that has (k-1)//2 words before its word."""
        words = reading.documents
        product = self.places(F.pad(types_TD, (0, 0, 0, 1)))  # the added row is what lies beyond the ends
        place = torch.arange(self.size, device=words.values.device)
        shift = place - (self.size - 1) // 2
        inside = words.position[:, None] + shift
        inside = (inside >= 0) & (inside < words.length[words.row][:, None])
        at = torch.arange(words.values.numel(), device=words.values.device)[:, None] + shift
        neighbour = torch.where(inside, words.values[at * inside], types_TD.shape[0])
        window = F.embedding_bag(neighbour * self.size + place, product.view(-1, self.width), mode="sum")
        return Ragged(F.relu(window + self.bias), words.length)
