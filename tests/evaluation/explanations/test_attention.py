"""The weights of sentences, taken from the modules that weigh them."""

import numpy as np
import pytest
import torch

from mgm.evaluation.explanations.attention import sentence_weights
from mgm.model.batch import Batch
from mgm.model.collate import collate
from mgm.model.granularity import Paragraph
from tests.evaluation.explanations.conftest import Made, made_with
from tests.model.conftest import batch_of


def test_a_documents_weights_sum_to_one(made: Made) -> None:
    part = made.parts["menus"]
    batch = collate(part, np.arange(part.documents.height))
    weights = sentence_weights(made.network, batch)
    assert weights is not None
    for document in weights.split(batch.sentences_per_document.tolist()):
        assert float(document.sum()) == pytest.approx(1, abs=1e-5)
        assert (document > 0).all()


def test_weights_are_those_that_pool_the_vectors(made: Made) -> None:
    """With them, the paragraph's vector is the weighted sum of what its attention gives."""
    batch, pool = one_paragraph(), made.network.encoder.level(Paragraph).sentences.pool  # type: ignore[union-attr]
    seen = []
    handle = pool.register_forward_hook(
        lambda module, inputs, output: seen.append((inputs[0].values, output))
    )
    try:
        weights = sentence_weights(made.network, batch)
    finally:
        handle.remove()
    ((items, output),) = seen
    assert weights is not None
    assert torch.allclose(weights @ items, output[0], atol=1e-5)
    assert weights.std() > 0


def test_a_level_that_is_off_has_no_weights() -> None:
    """Without a document level paragraphs count alike; without a paragraph level there are no weights."""
    flat = made_with(document={"enabled": False})
    batch = batch_of([[[[1, 2]], [[3], [4, 5]]]])
    weights = sentence_weights(flat.network, batch)
    assert weights is not None
    assert float(weights[0]) == pytest.approx(0.5)
    assert float(weights[1:].sum()) == pytest.approx(0.5)
    assert sentence_weights(made_with(paragraph={"enabled": False}).network, batch) is None


def one_paragraph() -> Batch:
    return batch_of([[[[1, 2], [3], [4, 5, 6]]]])
