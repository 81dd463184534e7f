"""The state of a search between two steps.

The keys and values of all outputs of a document lie in one cache, in the order in which they were computed, and a mask says which of
them an output goes on from. So an output that is continued twice, or dropped, costs a few bits of the mask and copies no cache.

Axes: B documents, K outputs (beams) of a document, M keys of all outputs of a document, L subwords of the source, D width.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from mgm.model.generation.layers import KVCache, LiveOutputs, StepMasks
from mgm.model.generation.source_memory import Memory

_MIN_GROWTH = 16
"""The number of positions that a cache grows by at least."""


@dataclass(frozen=True)
class DecoderState:
    """The state of a search.

    Attributes:
        memory: the source.
        source_kv: the keys and values of the source for each layer.
        source_mask: (B,1,1,M) 0 for the items of the source, -inf for padding.
        copy_key_BLD: the keys of the source for copying.
        first_BL: the first position of the source that has the same subword.
        output_kv: the keys and values of the outputs so far for each layer, with room for more.
        sees_BKM: which of the keys so far each output goes on from.
        position: the number of subwords of each output so far.
    """

    memory: Memory
    source_kv: Sequence[KVCache]
    source_mask: Tensor
    copy_key_BLD: Tensor
    first_BL: Tensor
    output_kv: Sequence[KVCache]
    sees_BKM: Tensor
    position: int = 0

    @classmethod
    def begin(cls, memory: Memory, source_kv: Sequence[KVCache], *, copy_key_BLD: Tensor) -> "DecoderState":
        """Return the state before the first subword, of one output a document."""
        mask = memory.mask_BM
        same_BLL = memory.subword_BL[:, :, None] == memory.subword_BL[:, None]
        return cls(
            memory=memory,
            source_kv=source_kv,
            source_mask=as_logits(mask)[:, None, None],
            copy_key_BLD=copy_key_BLD,
            first_BL=same_BLL.int().argmax(2),
            output_kv=[KVCache(kv.key[:, :, :0], kv.value[:, :, :0]) for kv in source_kv],
            sees_BKM=mask.new_zeros(len(mask), 1, 0),
        )

    def advance(self, live: LiveOutputs) -> tuple["DecoderState", StepMasks, int]:
        """Return the state one position on, what the outputs attend to, and where the keys of this position begin."""
        state = self._with_room(live.outputs)
        first = state.sees_BKM.shape[2]
        own = torch.eye(live.outputs, dtype=torch.bool, device=self.sees_BKM.device)
        sees_BKM = torch.cat([state.sees_BKM, own.expand(live.documents, -1, -1)], 2)
        masks = StepMasks(as_logits(sees_BKM)[:, None], self.source_mask)
        return replace(state, sees_BKM=sees_BKM, position=self.position + 1), masks, first

    def reorder(self, parent_BK: Tensor) -> "DecoderState":
        """Return the state of outputs that go on from the outputs `parent_BK` of the same document."""
        index = parent_BK[..., None].expand(-1, -1, self.sees_BKM.shape[2])
        return replace(self, sees_BKM=self.sees_BKM.gather(1, index))

    def select(self, documents: Tensor) -> "DecoderState":
        """Return the state of some of the documents."""
        return DecoderState(
            memory=self.memory.select(documents),
            source_kv=[kv.select(documents) for kv in self.source_kv],
            source_mask=self.source_mask[documents],
            copy_key_BLD=self.copy_key_BLD[documents],
            first_BL=self.first_BL[documents],
            output_kv=[kv.select(documents) for kv in self.output_kv],
            sees_BKM=self.sees_BKM[documents],
            position=self.position,
        )

    def _with_room(self, count: int) -> "DecoderState":
        """Return the state with room for `count` more keys; keys that no output goes on from make room first."""
        used, capacity = self.sees_BKM.shape[2], self.output_kv[0].key.shape[2]
        if used + count <= capacity:
            return self
        is_needed = self.sees_BKM.any(1)
        num_needed = int(is_needed.sum(1).max()) if used else 0
        if 0 < num_needed <= used // 2:
            order = is_needed.int().argsort(dim=1, descending=True, stable=True)[:, :num_needed]
            index = order[:, None].expand(-1, self.sees_BKM.shape[1], -1)
            self = replace(
                self,
                output_kv=[kv.gather(order) for kv in self.output_kv],
                sees_BKM=self.sees_BKM.gather(2, index),
            )
        growth = max(_MIN_GROWTH * count, self.sees_BKM.shape[2])
        return replace(self, output_kv=[kv.grown(growth) for kv in self.output_kv])


def as_logits(mask: Tensor) -> Tensor:
    """Return 0 where a mask is true and -inf where it is not."""
    return torch.zeros(mask.shape, device=mask.device).masked_fill_(~mask, -math.inf)
