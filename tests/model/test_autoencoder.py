"""The stacked autoencoder, as a stack of layers and as the fusion of a network."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from mgm.model.autoencoder import StackedAutoencoder
from mgm.model.batch import Batch
from mgm.model.decode import decode
from mgm.model.fusion import AutoencoderFusion
from mgm.model.network import Network
from mgm.model.predict import predict, prediction_schema
from mgm.settings.settings import Settings
from mgm.tasks import RECONSTRUCTION, with_label_spaces
from tests import tiny_corpora

RAW = tiny_corpora.SETTINGS | {
    "model": tiny_corpora.SETTINGS["model"]
    | {"fusion": "stacked_autoencoder", "autoencoder": {"layers": [24]}}
}
CONFIG = Settings.parse(RAW)
FEATURES, VOCABULARY, SPACES = tiny_corpora.prepared(CONFIG, tiny_corpora.corpora())


def network() -> Network:
    return tiny_corpora.network(CONFIG, VOCABULARY, SPACES)


def fusion(made: Network) -> AutoencoderFusion:
    assert isinstance(made.fusion, AutoencoderFusion)
    return made.fusion


def stack(corruption: float = 0.3) -> StackedAutoencoder:
    torch.manual_seed(0)
    return StackedAutoencoder([8, 6, 4], corruption)


def test_code_width_and_restored_input() -> None:
    """A code is as wide as the last layer and leads back to the input."""
    made, read = stack(), torch.randn(5, 8)
    assert made.encode(read).shape == (5, 4)
    assert made.encode(read, 1).shape == (5, 6)
    assert torch.equal(made.encode(read, 0), read)
    assert made.decode(made.encode(read)).shape == (5, 8)
    expected = (made.decode(made.encode(read)) - read).square().mean(1)
    torch.testing.assert_close(made.error(read), expected)


@pytest.mark.parametrize("place", [0, 1])
def test_a_layer_learns_alone(place: int) -> None:
    made, read = stack(), torch.randn(16, 8)
    made.layer_loss(read, place).backward()
    for name, parameter in made.named_parameters():
        assert (parameter.grad is not None) == (f".{place}." in name), name


def test_a_layer_restores_what_was_clean() -> None:
    """With all of it zeroed, what it restores is the same for every input, so that the loss is the spread of the inputs."""
    made, read = stack(corruption=1.0 - 1e-9), torch.randn(400, 8)
    with torch.no_grad():
        for layer in (*made.encoder, *made.decoder):
            layer.bias.zero_()
    assert made.layer_loss(read, 0).item() == pytest.approx(read.square().mean().item(), rel=1e-5)
    torch.manual_seed(1)
    first = made.layer_loss(read, 0)
    whole = stack(corruption=0.0)
    assert whole.layer_loss(read, 0).item() == whole.layer_loss(read, 0).item() != first.item()


def test_a_document_has_one_error_whatever_its_batch(make_batch: Callable[..., Batch]) -> None:
    made = network()
    fusion(made).reference_error.fill_(0.5)
    (part,) = FEATURES["menus"]
    rows = np.arange(part.documents.height)
    tasks = [t for t in with_label_spaces(CONFIG.active_tasks(), SPACES) if "menus" in t.corpora]
    whole = decode(made, part, rows=rows, tasks=tasks)
    alone = decode(made, part, rows=rows, tasks=tasks, tokens_per_batch=1)
    assert whole[RECONSTRUCTION] == pytest.approx(alone[RECONSTRUCTION], abs=1e-5)
    assert len(set(np.round(whole[RECONSTRUCTION], 4))) > 3  # type: ignore[arg-type]
    with torch.no_grad():
        pooled, _ = made.encoder(make_batch([[[[1, 2]]]]), with_words=False)
        read = fusion(made).read(pooled)
        assert read.std().item() == pytest.approx(1, abs=0.05)
        torch.testing.assert_close(fusion(made).error(read), fusion(made).autoencoder.error(read) / 0.5)


def test_reconstruction_error_is_a_column() -> None:
    """Predictions have the error as a column and others have none."""
    tasks = [t for t in with_label_spaces(CONFIG.active_tasks(), SPACES) if "verses" in t.corpora]
    (part,) = FEATURES["verses"]
    found = predict(network(), part, tasks=tasks, thresholds={})
    assert dict(found.schema) == prediction_schema(tasks, reconstructs=True)
    assert (found[RECONSTRUCTION] > 0).all()
    plain = tiny_corpora.network(tiny_corpora.settings(), VOCABULARY, SPACES)
    assert RECONSTRUCTION not in predict(plain, part, tasks=tasks, thresholds={}).columns
    assert plain.reconstructs is False


def test_every_task_reads_the_code() -> None:
    made = network()
    pooled = {name: torch.randn(3, width) for name, width in made.encoder.widths.items()}
    fused = fusion(made)(pooled)
    assert {tuple(vectors.shape) for vectors in fused.values()} == {(3, CONFIG.model.fusion_width)}
    assert set(fused) == {t.name for t in CONFIG.active_tasks()}
    assert made.fusion.gate_weights() == {}


def test_a_task_of_the_columns_name_is_refused() -> None:
    tasks = tiny_corpora.SETTINGS["tasks"] | {RECONSTRUCTION: {"kind": "regression", "corpora": ["menus"]}}
    with pytest.raises(ValueError, match="'reconstruction_error': tables of predictions have a column"):
        Settings.parse(tiny_corpora.SETTINGS | {"tasks": tasks})
