"""The stacked autoencoder of a fusion: pretrained layer by layer, and its way back fitted anew to the trained network.

Training for tasks changes what the stack reads and its code, so that a way back learned before says nothing of documents after.
Both go through the documents batch by batch: no vector of a document is kept.

Axes: B documents, X width of what the stack reads.
"""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mgm.model.batch import Batch
from mgm.model.collate import collate
from mgm.model.encoder import Encoder
from mgm.model.fusion import AutoencoderFusion
from mgm.model.network import Network
from mgm.training.batches import Step, in_order, one_pass
from mgm.training.checkpoint import Checkpoint
from mgm.training.labelled_rows import Source
from mgm.training.loader import load
from mgm.training.trainer import deterministic, warm_cosine

LEARNING_RATE, WARMUP = 1e-3, 0.1
BACK_EPOCHS = 2
"""Passes over the training documents for the way back."""

Told = Callable[[int, int, float], object]
"""Called with layer and epoch, from 1, and the mean loss."""


def pretrain_layers(
    encoder: Encoder,
    fusion: AutoencoderFusion,
    sources: list[Source],
    epochs: int,
    tokens_per_batch: int,
    seed: int,
    threads: int,
    checkpoint: Checkpoint | None = None,
    told: Told = lambda layer, epoch, loss: None,
) -> list[list[float]]:
    """Lets each layer of the stack learn to restore what the layers before it give of every row of `sources`, with the
    encoder left as it is. Returns the mean loss of each layer's epochs.

    An epoch is a function of the state before it, the seed, the layer and its number: a resumed run ends in the same bytes.
    """
    stack = fusion.autoencoder
    losses: list[list[float]] = [[] for _ in stack.encoder]
    state = checkpoint.load(next(encoder.parameters()).device) if checkpoint is not None else None
    with deterministic(threads), _evaluating(encoder):
        for place, (down, up) in enumerate(zip(stack.encoder, stack.decoder, strict=True)):
            optimizer = torch.optim.Adam([*down.parameters(), *up.parameters()], LEARNING_RATE)
            if state is not None and place == len(state["losses"]) - 1:
                stack.load_state_dict(state["stack"])
                optimizer.load_state_dict(state["optimizer"])
                losses[: place + 1] = state["losses"]
                for layer, found in enumerate(losses[: place + 1], start=1):
                    for number, loss in enumerate(found, start=1):
                        told(layer, number, loss)
            elif state is not None and place < len(state["losses"]) - 1:
                continue

            def loss_of(read_BX: Tensor, place: int = place) -> Tensor:
                return stack.layer_loss(read_BX, place)

            for epoch in range(len(losses[place]), epochs):
                key = [seed, 2 + place, epoch]
                losses[place].append(
                    _epoch(encoder, fusion, sources, tokens_per_batch, key, optimizer, loss_of, epoch, epochs)
                )
                told(place + 1, epoch + 1, losses[place][-1])
                if checkpoint is not None:
                    saved: dict[str, Any] = {"stack": stack.state_dict(), "optimizer": optimizer.state_dict()}
                    checkpoint.save(saved | {"losses": losses[: place + 1]})
    return losses


def refit_decoder(
    network: Network,
    sources: list[Source],
    held_out: list[Source],
    tokens_per_batch: int,
    seed: int,
    threads: int,
) -> None:
    """Fits the stack's way back to the trained network on the rows of `sources`, with all else left as it is, and takes the
    mean error on `held_out` (without any row: on `sources`) as that of a typical document."""
    fusion = network.fusion
    assert isinstance(fusion, AutoencoderFusion)
    stack = fusion.autoencoder
    optimizer = torch.optim.Adam(stack.decoder.parameters(), LEARNING_RATE)

    def loss_of(read_BX: Tensor) -> Tensor:
        with torch.no_grad():
            code = stack.encode(read_BX)
        return nn.functional.mse_loss(stack.decode(code), read_BX)

    with deterministic(threads), _evaluating(network):
        for epoch in range(BACK_EPOCHS):
            key = [seed, 1, epoch]
            _epoch(
                network.encoder,
                fusion,
                sources,
                tokens_per_batch,
                key,
                optimizer,
                loss_of,
                epoch,
                BACK_EPOCHS,
            )
        measured = held_out or sources
        total, documents = 0.0, 0
        for read_BX in _reads(network.encoder, fusion, measured, in_order(measured, tokens_per_batch)):
            with torch.no_grad():
                total += float(stack.error(read_BX).sum())
            documents += len(read_BX)
        fusion.reference_error.fill_(max(total / documents, 1e-12))


def _epoch(
    encoder: Encoder,
    fusion: AutoencoderFusion,
    sources: list[Source],
    tokens_per_batch: int,
    key: list[int],
    optimizer: torch.optim.Optimizer,
    loss_of: Callable[[Tensor], Tensor],
    epoch: int,
    epochs: int,
) -> float:
    torch.manual_seed(int(np.random.default_rng(key).integers(2**62)))
    steps = one_pass(sources, list(range(len(sources))), tokens_per_batch, key)
    total, documents = 0.0, 0
    for done, read_BX in enumerate(_reads(encoder, fusion, sources, steps), start=1):
        for group in optimizer.param_groups:
            group["lr"] = LEARNING_RATE * warm_cosine(WARMUP, (epoch + done / len(steps)) / epochs)
        loss = loss_of(read_BX)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        total += float(loss.detach()) * len(read_BX)
        documents += len(read_BX)
    return total / max(documents, 1)


def _reads(
    encoder: Encoder, fusion: AutoencoderFusion, sources: list[Source], steps: Any
) -> Iterator[Tensor]:
    """(B,X) what the stack reads of each batch."""

    def gather(step: Step) -> Batch:
        return collate(sources[step.source].part, step.rows)

    with closing(load(steps, gather, next(encoder.parameters()).device)) as loader:
        for batch in loader:
            with torch.no_grad():
                read_BX = fusion.read(encoder(batch, 0.0, False)[0])
            yield read_BX


@contextmanager
def _evaluating(module: nn.Module) -> Iterator[None]:
    """Within it the module is in evaluation mode and gradients of its encoder are none."""
    was = module.training
    module.eval()
    try:
        yield
    finally:
        module.train(was)
