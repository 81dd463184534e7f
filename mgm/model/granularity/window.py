"""Convolution over k consecutive words.

Axes: B documents, M words read, T distinct words, D width of a word, W width of the window.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mgm.model.granularity.token_selection import TokenSelection
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
        self.rows_per_word = self.padding_rows = size  # of its projections
        self.width = width
        self.places = nn.Linear(input_width, size * width, bias=False)
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, types_TD: Tensor, reading: TokenSelection) -> Ragged:
        """(M,W) by document: the window that has (k-1)//2 words before its word, before the ReLU."""
        return self.read(self.projections(types_TD), reading)

    def projections(self, types_TD: Tensor) -> Tensor:
        """((T+1)*k,W) what each word gives at each place; the last k rows are of what lies beyond the ends.

        The bias is in the product of the window's own word.
        """
        product: Tensor = self.places(F.pad(types_TD, (0, 0, 0, 1))).view(-1, self.size, self.width)
        product[:, (self.size - 1) // 2] += self.bias
        return product.view(-1, self.width)

    @torch.no_grad()
    def write_projections(self, types_TD: Tensor, projections: Tensor) -> None:
        """Writes what words give at each place into (T*k,W), without what lies beyond the ends, for predictions."""
        torch.mm(types_TD, self.places.weight.T, out=projections.view(types_TD.shape[0], -1))
        projections.view(-1, self.size, self.width)[:, (self.size - 1) // 2] += self.bias

    def read(self, projections: Tensor, reading: TokenSelection) -> Ragged:
        """As `forward`, of the words' projections."""
        words = reading.documents
        neighbour = reading.context_windows(self.size, beyond=projections.shape[0] // self.size - 1)
        place = torch.arange(self.size, device=neighbour.device)
        window = F.embedding_bag(neighbour.mul_(self.size).add_(place), projections, mode="sum")
        return Ragged(window, words.length)
