"""The heads of a network over the vectors of documents, with one product for all heads where they read the same vectors.

Axes: B documents.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from mgm.model.heads.task_heads import TaskHeads


class StackedHeads:
    """Heads with their present weights; the linear layers of all of them lie side by side."""

    def __init__(self, heads: TaskHeads) -> None:
        """Stack the layers, if each head is a linear layer."""
        self._heads = heads
        layers = [head.output_layer for _, head in heads.items()]
        linear = [layer for layer in layers if layer is not None]
        self._widths = [layer.out_features for layer in linear]
        self._weight = self._bias = None
        if len({layer.in_features for layer in linear}) == 1 and len(linear) == len(layers):
            self._weight = torch.cat([layer.weight for layer in linear]).T
            self._bias = torch.cat([layer.bias for layer in linear])

    def __call__(self, vectors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the outputs of each task, of the vectors (B, its width) that it reads."""
        read = list(vectors.values())
        is_same = len({tensor.data_ptr() for tensor in read}) == 1
        if self._weight is None or self._bias is None or not is_same or list(vectors) != list(self._heads):
            return {task: self._heads[task](of_task) for task, of_task in vectors.items()}
        outputs = torch.addmm(self._bias, read[0], self._weight).split(self._widths, dim=1)
        return {
            task: head.reshape_wide(of_task)
            for (task, head), of_task in zip(self._heads.items(), outputs, strict=True)
        }
