"""Fitting of a network to features, for the joint training and for single-task baselines alike."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
import torch
from torch import Tensor

from mgm.errors import StaleInput
from mgm.model.encoder import Encoder
from mgm.model.granularity.character import INITIAL_SCALE
from mgm.model.granularity.word import Word
from mgm.model.linear_baseline import LinearBaseline
from mgm.model.network import Network
from mgm.pretrained.columns import vector_width
from mgm.pretrained.encoder import PretrainedEncoder
from mgm.pretrained.folder import EncoderFiles
from mgm.settings.views.training import TrainingSettings
from mgm.tasks import Task
from mgm.text.features import FeaturePart
from mgm.text.vectors.table import VectorTable, has_vector
from mgm.training.callbacks import Callbacks
from mgm.training.checkpoint import Checkpoint
from mgm.training.data import TrainingData, select_labelled_rows
from mgm.training.determinism import deterministic
from mgm.training.distributed import DistributedContext
from mgm.training.kinds import TASK_TRAINING
from mgm.training.lexicons import set_lexicons
from mgm.training.linear_baseline import linear_baselines, tune_linear
from mgm.training.loop import TrainResult, train
from mgm.training.pretraining.autoencoder import refit_decoder
from mgm.training.pretraining.weights import load_matching
from mgm.training.process_rows import share_rows
from mgm.training.validation import Decisions, tune_decisions
from mgm.training.wide_weight import tune_wide_weights


@dataclass(frozen=True, kw_only=True)
class FitResult:
    """A trained network on the CPU with adjusted logits, the decisions tuned for it, and the course of its training.

    Of several processes the main one has it; the others have the decisions, and the network as it was before.

    Attributes:
        linear_baselines: the baseline that the wide part alone is, by task that has one.
    """

    network: Network
    decisions: Decisions
    training: TrainResult
    linear_baselines: dict[str, LinearBaseline]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A network with initial weights and the data that it will be trained on: known before the long work starts."""

    network: Network
    data: TrainingData

    @property
    def tasks(self) -> list[Task]:
        """The trained tasks with their label spaces."""
        return self.data.tasks

    @property
    def num_parameters(self) -> int:
        """The number of parameters of the network."""
        return sum(p.numel() for p in self.network.parameters())


def plan_training(  # noqa: PLR0913  (options by name, with defaults)
    settings: TrainingSettings,
    tasks: Sequence[Task],
    *,
    parts: Mapping[str, Sequence[FeaturePart]],
    vocabulary_size: int,
    word_vectors: VectorTable | None = None,
    initial_weights: Mapping[str, Tensor] | None = None,
    pretrained: EncoderFiles | None = None,
    terms: Mapping[str, pl.DataFrame] | None = None,
    is_refit: bool = False,
) -> Plan:
    """Return the rows of each split and a network with initial weights, which are a function of the seed.

    Args:
        settings: the settings of training.
        tasks: the tasks, with their label spaces.
        parts: corpus to its features; of several processes each but the main one opens the parts of its own rows alone.
        vocabulary_size: the largest word id.
        word_vectors: (V+1,D) vectors for the words of the vocabulary to start from.
        initial_weights: pretrained weights by name.
        pretrained: the encoder that the settings train, if any.
        terms: the terms (`TERMS`) of the lists that the settings name, by name.
        is_refit: whether the plan is that of the second fit, `train.refit`, which validates on no row.

    Raises:
        ValueError: a task has no label in training, so that there is nothing to learn, or the vectors do not fit.
    """
    for task in tasks:
        if (task.spec.has_label_space or task.spec.generates_text) and not task.labels:
            raise ValueError(
                f"task {task.name!r}: no row of split train carries a label; switch the task off"
            )
    splits = settings.train.refit_splits if is_refit else ("train",)
    data = _read_data(
        settings, tasks, parts=parts, splits=splits, validation_splits=[] if is_refit else ["valid"]
    )
    torch.manual_seed(settings.seed)
    with deterministic(settings.train.threads):  # the orthogonal weights of the recurrent layers depend on it
        network = Network(
            settings.model,
            tasks,
            vocabulary_size=vocabulary_size,
            ngram_buckets=settings.text.features.ngram_buckets,
            encoder_width=encoder_width(data) if pretrained is None else pretrained.width,
        )
    if settings.model.pretrained.is_trained:
        assert pretrained is not None, "the files of the encoder that is trained"
        network.attach_pretrained(
            PretrainedEncoder(pretrained, settings.model.pretrained, where=Path("encoder"))
        )
    if word_vectors is not None:
        initialize_word_vectors(network.encoder, word_vectors)
    if initial_weights is not None:
        load_matching(network, initial_weights)
    if terms:
        set_lexicons(network, tasks, terms=terms, settings=settings)
    return Plan(network=network, data=data)


def _read_data(
    settings: TrainingSettings,
    tasks: Sequence[Task],
    *,
    parts: Mapping[str, Sequence[FeaturePart]],
    splits: Sequence[str],
    validation_splits: Sequence[str],
) -> TrainingData:
    """Return the rows that are trained and validated on, of which each of several processes has a share."""
    processes = DistributedContext.current()
    select = partial(select_labelled_rows, tasks=tasks, model=settings.model)
    selected = partial(select, splits=splits, with_teachers=settings.distillation.unlabelled)
    train, local_train = share_rows(parts, selected, processes=processes, is_needed_by_all=True)
    validation, local_validation = share_rows(
        parts, partial(select, splits=validation_splits), processes=processes
    )
    share = TrainingData(tasks=list(tasks), train=local_train, validation=local_validation)
    if processes.world_size == 1 or not processes.is_main_process:
        return share
    return TrainingData(tasks=list(tasks), train=train, validation=validation, share=share)


def encoder_width(data: TrainingData) -> int:
    """Return the width of the vectors of a pretrained encoder that features have; 0: they have none."""
    return max((vector_width(selected.part.documents) for selected in data.train), default=0)


def initialize_word_vectors(encoder: Encoder, vectors: VectorTable) -> None:
    """Set the encoder's word embeddings to `vectors` (V+1,D); a word without a vector keeps its random start.

    All vectors are scaled by one factor, so that their entries have the root mean square of the random start: the n-grams and
    word properties that are added to them then weigh the same wherever the vectors come from.

    Raises:
        ValueError: the encoder has no word embedding.
        StaleInput: it has one of another shape.
    """
    word = encoder.level(Word)
    if word is None:
        raise ValueError(
            "params.yaml: text.vectors.source gives vectors to words, but model.word.enabled is false; "
            "set the source to none"
        )
    if tuple(word.words.weight.shape) != vectors.shape:
        raise StaleInput(
            "word vectors",
            f"shape {vectors.shape}, expected {tuple(word.words.weight.shape)} (words, model.width)",
            made_by="vectors",
        )
    rows = np.flatnonzero(has_vector(vectors))
    if len(rows):
        values = torch.from_numpy(np.array(vectors[rows]))
        with torch.no_grad():
            word.words.weight[torch.from_numpy(rows)] = values * (
                INITIAL_SCALE / values.square().mean().sqrt()
            )


def fit(
    plan: Plan,
    settings: TrainingSettings,
    *,
    checkpoint: Checkpoint | None = None,
    callbacks: Callbacks | None = None,
    decisions: Decisions | None = None,
    stop_after_epoch: int | None = None,
) -> FitResult:
    """Train a plan's network, on a GPU where there is one, and tune its decisions on validation.

    Where the validation rows are trained on as well, an earlier fit has to supply `decisions`, and its best epoch as
    `stop_after_epoch`. Of several processes the main one alone tunes.
    """
    network, data = plan.network.to("cuda" if torch.cuda.is_available() else "cpu"), plan.data
    result = train(
        network,
        data,
        settings=settings.train,
        seed=settings.seed,
        distillation=settings.distillation,
        checkpoint=checkpoint,
        callbacks=callbacks,
        stop_after_epoch=stop_after_epoch,
        wide_methods=None if decisions is None else decisions.wide_methods,
    )
    processes = DistributedContext.current()
    if not processes.is_main_process:
        return FitResult(
            network=network.cpu(),
            decisions=processes.broadcast_object(decisions or Decisions()),
            training=result,
            linear_baselines={},
        )
    log_priors, tokens_per_batch = _log_priors(data), settings.train.tokens_per_batch
    with deterministic(settings.train.threads):
        if decisions is None:
            # before the wide part is scaled: alone it is the model that was solved for
            linear = tune_linear(
                network,
                data.validation,
                tasks=data.tasks,
                log_priors=log_priors,
                tokens_per_batch=tokens_per_batch,
            )
            wide_weights = tune_wide_weights(
                network, data.validation, tasks=data.tasks, tokens_per_batch=tokens_per_batch
            )
        else:
            wide_weights = decisions.wide_weights
        for task, weight in wide_weights.items():
            network.set_wide_weight(task, weight)
        if decisions is None:
            tuned = tune_decisions(
                network,
                data.validation,
                tasks=data.tasks,
                log_priors=log_priors,
                tokens_per_batch=tokens_per_batch,
            )
            decisions = replace(
                tuned, wide_weights=wide_weights, wide_methods=result.wide_methods, linear=linear
            )
    if network.reconstructs:
        refit_decoder(
            network,
            data,
            tokens_per_batch=tokens_per_batch,
            seed=settings.seed,
            threads=settings.train.threads,
        )
    network.cpu()
    for task, tau in decisions.adjustments.items():
        network.add_logit_bias(task, torch.from_numpy(-tau * log_priors[task]))
    processes.broadcast_object(decisions)
    return FitResult(
        network=network,
        decisions=decisions,
        training=result,
        linear_baselines=linear_baselines(network, data.tasks, decisions=decisions, log_priors=log_priors),
    )


def _log_priors(data: TrainingData) -> dict[str, np.ndarray]:
    """Return the log frequency of each class in training, by task whose logits are adjusted."""
    priors = {}
    for task in data.tasks:
        columns = [s.labels_of(task) for s in data.train if s.labelled_tasks([task])]
        if columns:
            prior = TASK_TRAINING[task.kind].log_prior(pl.concat(columns), len(task.labels))
            if prior is not None:
                priors[task.name] = prior
    return priors
