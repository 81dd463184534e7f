"""Hard parameter sharing: tasks share all but their heads."""

from torch import Tensor

from mgm.model.ragged import Words
from mgm.model.sharing.sharing import Sharing


class HardSharing(Sharing):
    """Every task reads one encoder as it is. Source: Caruana 1997."""

    def forward(self, fused: dict[str, Tensor], words_ND: Words | None) -> dict[str, Tensor]:
        """Return the input of each task's head; see `Sharing`."""
        words = self.drop_words(words_ND) if words_ND is not None else None
        inputs = {}
        for name, reads_words in self.reads_words.items():
            vectors = words if reads_words else self.drop(fused[name])
            if vectors is not None:
                inputs[name] = vectors
        return inputs
