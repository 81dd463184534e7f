"""The stacked autoencoder of a fusion: pretrained layer by layer, and its decoder fitted anew to the trained network.

Training for tasks changes the vectors that the stack reads and its code, so that a decoder from before no longer restores documents.
Both go through the documents batch by batch: no vector of a document is kept.

Axes: B documents, X width of the stack's input.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from mgm.model.batch import Batch
from mgm.model.collate import collate
from mgm.model.encoder import Encoder
from mgm.model.fusion import AutoencoderFusion
from mgm.model.network import Network
from mgm.training.batches import PlannedBatch, ordered_batches, shuffled_batches
from mgm.training.checkpoint import Checkpoint
from mgm.training.data import PartRows, TrainingData
from mgm.training.determinism import Threads, deterministic
from mgm.training.loader import load_batches
from mgm.training.rng import seed_rng
from mgm.training.schedule import set_learning_rate, warm_cosine

LEARNING_RATE, WARMUP = 1e-3, 0.1
DECODER_EPOCHS = 2
"""Passes over the training documents that refit the decoder."""

OnEpoch = Callable[[int, int, float], object]
"""Called with layer and epoch, from 1, and the mean loss."""


@dataclass(frozen=True, kw_only=True)
class DocumentInputs:
    """Documents as the input of a stacked autoencoder."""

    encoder: Encoder
    fusion: AutoencoderFusion
    sources: Sequence[PartRows]
    tokens_per_batch: int

    def read(self, batches: Iterable[PlannedBatch]) -> Iterator[Tensor]:
        """Yield the stack's input (B,X) for each batch."""

        def gather(planned: PlannedBatch) -> Batch:
            return collate(self.sources[planned.source].part, planned.rows)

        with closing(load_batches(batches, gather, device=next(self.encoder.parameters()).device)) as loader:
            for batch in loader:
                with torch.no_grad():
                    input_BX = self.fusion.read(self.encoder(batch, with_words=False)[0])
                yield input_BX

    def run_epoch(
        self,
        optimizer: torch.optim.Optimizer,
        loss_of: Callable[[Tensor], Tensor],
        *,
        key: Sequence[int],
        epoch: int,
        num_epochs: int,
    ) -> float:
        """Train on every document once; return the mean loss.

        Args:
            optimizer: the optimizer of the trained layers.
            loss_of: the mean loss for the stack's input.
            key: decides the order of the documents.
            epoch: the number of the epoch, from 0.
            num_epochs: the epochs of the learning-rate schedule.
        """
        seed_rng(*key)
        batches = shuffled_batches(
            self.sources, range(len(self.sources)), tokens_per_batch=self.tokens_per_batch, seed=key
        )
        total, num_documents = 0.0, 0
        for done, input_BX in enumerate(self.read(batches), start=1):
            progress = (epoch + done / len(batches)) / num_epochs
            set_learning_rate(optimizer, LEARNING_RATE * warm_cosine(WARMUP, progress))
            loss = loss_of(input_BX)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            total += float(loss.detach()) * len(input_BX)
            num_documents += len(input_BX)
        return total / max(num_documents, 1)


def pretrain_layers(
    inputs: DocumentInputs,
    *,
    epochs: int,
    seed: int,
    threads: Threads,
    checkpoint: Checkpoint | None = None,
    on_epoch: OnEpoch = lambda layer, epoch, loss: None,
) -> list[list[float]]:
    """Train each layer of the stack to restore the output of the layers before it, with the encoder left as it is.

    An epoch is a function of the state before it, the seed, the layer and its number: a resumed run ends in the same bytes.

    Returns:
        The mean loss of each epoch of each layer.
    """
    stack, encoder = inputs.fusion.autoencoder, inputs.encoder
    losses: list[list[float]] = [[] for _ in stack.encoder]
    state = checkpoint.load(next(encoder.parameters()).device) if checkpoint is not None else None
    resumed_layer = -1 if state is None else len(state["losses"]) - 1
    with deterministic(threads), _evaluating(encoder):
        for layer, (down, up) in enumerate(zip(stack.encoder, stack.decoder, strict=True)):
            if layer < resumed_layer:
                continue
            optimizer = torch.optim.Adam([*down.parameters(), *up.parameters()], LEARNING_RATE)
            if state is not None and layer == resumed_layer:
                stack.load_state_dict(state["stack"])
                optimizer.load_state_dict(state["optimizer"])
                losses[: layer + 1] = state["losses"]
                for number, of_layer in enumerate(losses[: layer + 1], start=1):
                    for epoch, loss in enumerate(of_layer, start=1):
                        on_epoch(number, epoch, loss)

            def loss_of(input_BX: Tensor, layer: int = layer) -> Tensor:
                return stack.layer_loss(input_BX, layer)

            for epoch in range(len(losses[layer]), epochs):
                key = [seed, 2 + layer, epoch]
                losses[layer].append(
                    inputs.run_epoch(optimizer, loss_of, key=key, epoch=epoch, num_epochs=epochs)
                )
                on_epoch(layer + 1, epoch + 1, losses[layer][-1])
                if checkpoint is not None:
                    saved: dict[str, Any] = {"stack": stack.state_dict(), "optimizer": optimizer.state_dict()}
                    checkpoint.save(saved | {"losses": losses[: layer + 1]})
    return losses


def refit_decoder(
    network: Network, data: TrainingData, *, tokens_per_batch: int, seed: int, threads: Threads
) -> None:
    """Fit the stack's decoder to the trained network on the training rows, with all else left as it is.

    The mean error on the validation rows, or on the training rows without any, becomes the reference error of a typical document.
    """
    fusion = network.fusion
    assert isinstance(fusion, AutoencoderFusion)
    stack = fusion.autoencoder
    optimizer = torch.optim.Adam(stack.decoder.parameters(), LEARNING_RATE)
    train = DocumentInputs(
        encoder=network.encoder, fusion=fusion, sources=data.train, tokens_per_batch=tokens_per_batch
    )

    def loss_of(input_BX: Tensor) -> Tensor:
        with torch.no_grad():
            code = stack.encode(input_BX)
        return nn.functional.mse_loss(stack.decode(code), input_BX)

    with deterministic(threads), _evaluating(network):
        for epoch in range(DECODER_EPOCHS):
            key = [seed, 1, epoch]
            train.run_epoch(optimizer, loss_of, key=key, epoch=epoch, num_epochs=DECODER_EPOCHS)
        measured = DocumentInputs(
            encoder=network.encoder,
            fusion=fusion,
            sources=data.validation or data.train,
            tokens_per_batch=tokens_per_batch,
        )
        total, num_documents = 0.0, 0
        for input_BX in measured.read(ordered_batches(measured.sources, tokens_per_batch)):
            with torch.no_grad():
                total += float(stack.error(input_BX).sum())
            num_documents += len(input_BX)
        fusion.reference_error.fill_(max(total / num_documents, 1e-12))


@contextmanager
def _evaluating(module: nn.Module) -> Iterator[None]:
    """Put the module into evaluation mode within the context."""
    was_training = module.training
    module.eval()
    try:
        yield
    finally:
        module.train(was_training)
