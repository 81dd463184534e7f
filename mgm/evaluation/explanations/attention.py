"""How much of each sentence a document's vector takes: what the attention modules of paragraph and document weigh.

Words have no attention in this network: a sentence's words are pooled by maximum. What words are worth is said by
integrated gradients (integrated.py). A weight says where the model looks, not what it concludes there (Jain and Wallace 2019,
arXiv:1902.10186).

Axes: S sentences of the batch, P paragraphs.
"""

from typing import Any

import torch
from torch import Tensor

from mgm.model.attention import AdditivePooling
from mgm.model.batch import Batch
from mgm.model.network import Network
from mgm.model.ragged import Ragged


@torch.no_grad()
def sentence_weights(network: Network, batch: Batch) -> Tensor | None:
    """(S,) the share of each sentence in its document, which sum to 1; None where the model attends to no sentences.

    That is a sentence's weight in its paragraph, times the paragraph's in the document. A document level that is off
    leaves all paragraphs equal.
    """
    encoder = network.encoder
    if encoder.paragraph is None:
        return None
    modules = {"sentences": encoder.paragraph.sentences.pool}
    if encoder.document is not None:
        modules["paragraphs"] = encoder.document.paragraphs.pool
    found: dict[str, Tensor] = {}

    def note(name: str) -> Any:
        def hook(module: AdditivePooling, inputs: tuple[Ragged]) -> None:
            found[name] = module.weights(inputs[0])

        return hook

    handles = [module.register_forward_pre_hook(note(name)) for name, module in modules.items()]
    try:
        encoder(batch, 0.0, False)
    finally:
        for handle in handles:
            handle.remove()
    paragraphs = Ragged(batch.paragraph_length, batch.document_length)
    of_paragraph = found.get("paragraphs")
    if of_paragraph is None:
        of_paragraph = (1 / batch.document_length.float())[paragraphs.row]
    sentences = Ragged(found["sentences"], batch.paragraph_length)
    return found["sentences"] * of_paragraph[sentences.row]
