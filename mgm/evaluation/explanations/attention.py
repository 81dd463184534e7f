"""Attention to sentences: the weights of the attention modules of paragraph and document.

Words have no attention in this network: a sentence's words are pooled by maximum, and integrated gradients
(integrated_gradients.py) attribute to them. A weight is where the model attends to, not what it concludes from there.

Axes: S sentences of the batch, P paragraphs.

Source: Jain and Wallace 2019, Attention is not Explanation, arXiv:1902.10186.
"""

from typing import Any

import torch
from torch import Tensor

from mgm.model.attention import AdditivePooling
from mgm.model.batch import Batch
from mgm.model.granularity import Document, Paragraph
from mgm.model.network import Network
from mgm.model.ragged import Ragged


@torch.no_grad()
def sentence_weights(network: Network, batch: Batch) -> Tensor | None:
    """Return the share of each sentence (S,) in its document; None where the model attends to no sentences.

    It is a sentence's weight in its paragraph, times the paragraph's in the document. A document level that is off leaves all
    paragraphs equal. The shares of a document sum to 1.
    """
    encoder = network.encoder
    paragraph, document = encoder.level(Paragraph), encoder.level(Document)
    if paragraph is None:
        return None
    modules = {"sentences": paragraph.sentences.pool}
    if document is not None:
        modules["paragraphs"] = document.paragraphs.pool
    weights: dict[str, Tensor] = {}

    def record(name: str) -> Any:
        def hook(module: AdditivePooling, inputs: tuple[Ragged]) -> None:
            weights[name] = module.weights(inputs[0])

        return hook

    handles = [module.register_forward_pre_hook(record(name)) for name, module in modules.items()]
    try:
        encoder(batch, with_words=False)
    finally:
        for handle in handles:
            handle.remove()
    paragraphs = Ragged(batch.paragraph_length, batch.document_length)
    paragraph_P = weights.get("paragraphs")
    if paragraph_P is None:
        paragraph_P = (1 / batch.document_length.float())[paragraphs.row]
    sentences = Ragged(weights["sentences"], batch.paragraph_length)
    return weights["sentences"] * paragraph_P[sentences.row]
