"""From features to a trained network: what the joint training and a single-task baseline have in common."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
import torch
from torch import Tensor

from mgm.model.encoder import Encoder
from mgm.model.granularity.character import INITIAL_SCALE
from mgm.model.network import Network
from mgm.settings.views.training import TrainingSettings
from mgm.tasks import Task, with_label_spaces
from mgm.text.features import FeaturePart
from mgm.text.vectors.table import VectorTable, has_vector
from mgm.training.checkpoint import Checkpoint
from mgm.training.labelled_rows import Source, labelled
from mgm.training.logit_adjustment import log_share
from mgm.training.pretraining.autoencoder import refit_decoder
from mgm.training.pretraining.weights import load_matching
from mgm.training.trainer import Callbacks, TrainResult, deterministic, train
from mgm.training.validation import Decisions, tune_decisions
from mgm.training.wide_weight import tune_wide_weights


@dataclass(frozen=True)
class Fitted:
    """A trained network on the CPU with adjusted logits, what was tuned for it, and how the training went."""

    network: Network
    decisions: Decisions
    trained: TrainResult


@dataclass(frozen=True)
class Plan:
    """What will be trained on what: known before the long work starts."""

    tasks: list[Task]
    labels: dict[str, list[str]]
    sources: list[Source]
    validation: list[Source]
    network: Network

    @property
    def rows(self) -> int:
        return sum(len(s.rows) for s in self.sources)

    @property
    def words(self) -> int:
        """Words of one pass over all rows."""
        return sum(int(s.length.sum()) for s in self.sources)

    @property
    def parameters(self) -> int:
        return sum(p.numel() for p in self.network.parameters())


def plan(
    settings: TrainingSettings,
    tasks: list[Task],
    labels: Mapping[str, list[str]],
    parts: Mapping[str, Sequence[FeaturePart]],
    vocabulary_size: int,
    vectors: VectorTable | None = None,
    initial: Mapping[str, Tensor] | None = None,
) -> Plan:
    """The rows of each split and a network with fresh weights (a function of settings.seed), its words those of
    `vectors` where they are given, with the pretrained weights where `initial` gives them.

    Raises:
        ValueError: a task has no label in training, so that there is nothing to learn, or the vectors do not fit.
    """
    for task in tasks:
        if task.kind != "regression" and not labels.get(task.name):
            raise ValueError(
                f"task {task.name!r}: no row of split train carries a label; switch the task off"
            )
    tasks = with_label_spaces(tasks, labels)
    own = {t.name: labels[t.name] for t in tasks if t.name in labels}
    torch.manual_seed(settings.seed)
    with deterministic(settings.train.threads):  # the orthogonal weights of the recurrent layers depend on it
        network = Network(
            settings.model,
            tasks,
            vocabulary_size=vocabulary_size,
            ngram_buckets=settings.text.features.ngram_buckets,
        )
    if vectors is not None:
        start_from(network.encoder, vectors)
    if initial is not None:
        load_matching(network, initial)
    train = labelled(parts, tasks, "train", settings.distillation.unlabelled)
    return Plan(tasks, own, train, labelled(parts, tasks, "valid"), network)


def start_from(encoder: Encoder, vectors: VectorTable) -> None:
    """Lets the encoder's words begin as `vectors` (V+1, D); a word without a vector keeps its random start.

    The vectors are scaled together, so that their entries have the root mean square of the random start: what is
    added to them (n-grams, properties of words) then weighs the same wherever they come from.

    Raises:
        ValueError: the encoder has no word embedding, or one of another shape.
    """
    word = encoder.word
    if word is None:
        raise ValueError(
            "params.yaml: text.vectors.source gives vectors to words, but model.word.enabled is false; "
            "set the source to none"
        )
    if tuple(word.words.weight.shape) != vectors.shape:
        raise ValueError(
            f"word vectors of shape {vectors.shape} for an embedding of {tuple(word.words.weight.shape)} "
            "(words, model.width); run the stage vectors again"
        )
    rows = np.flatnonzero(has_vector(vectors))
    if len(rows):
        known = torch.from_numpy(np.array(vectors[rows]))
        with torch.no_grad():
            word.words.weight[torch.from_numpy(rows)] = known * (INITIAL_SCALE / known.square().mean().sqrt())


def fit(
    plan: Plan,
    settings: TrainingSettings,
    checkpoint: Checkpoint | None = None,
    listener: Callbacks | None = None,
    decisions: Decisions | None = None,
    last: int | None = None,
) -> Fitted:
    """Trains a plan's network, on a GPU where there is one, and tunes on validation what decides. Where the validation rows are
    trained on as well an earlier fit says that: its `decisions`, and its best epoch, `last`, after which training ends."""
    network = plan.network.to("cuda" if torch.cuda.is_available() else "cpu")
    trained = train(
        network,
        plan.sources,
        plan.validation,
        plan.tasks,
        plan.labels,
        settings.train,
        settings.seed,
        checkpoint,
        listener,
        settings.distillation,
        last,
    )
    log_shares, tokens = _log_shares(plan), settings.train.tokens_per_batch
    with deterministic(settings.train.threads):
        leaning = (
            tune_wide_weights(network, plan.validation, plan.tasks, plan.labels, tokens)
            if decisions is None
            else decisions.shares
        )
        for task, share in leaning.items():
            network.set_wide_weight(task, share)
        if decisions is None:
            tuned = tune_decisions(network, plan.validation, plan.tasks, plan.labels, log_shares, tokens)
            decisions = replace(tuned, shares=leaning)
    if network.reconstructs:
        refit_decoder(
            network,
            plan.sources,
            plan.validation,
            settings.train.tokens_per_batch,
            settings.seed,
            settings.train.threads,
        )
    network.cpu()
    for task, strength in decisions.adjustments.items():
        network.add_logit_bias(task, torch.from_numpy(-strength * log_shares[task]))
    return Fitted(network, decisions, trained)


def _log_shares(plan: Plan) -> dict[str, np.ndarray]:
    """The log of each class's share of the training rows, by classification task."""
    shares = {}
    for task in [t for t in plan.tasks if t.kind == "classification"]:
        columns = [s.part.documents[task.encoded][s.rows] for s in plan.sources if s.tasks_of([task])]
        ids = pl.concat(columns).drop_nulls().to_numpy()
        shares[task.name] = log_share(ids[ids >= 0], len(plan.labels[task.name]))
    return shares
