"""The sections `pretrain`, `train` and `distillation`."""

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, field_validator, model_validator

from mgm.settings.core import GenerationSwitch
from mgm.settings.names import nearest
from mgm.settings.references import TaskName
from mgm.settings.section import Section

AGGREGATORS = (
    "AlignedMTL", "CAGrad", "ConFIG", "DualProj", "ExcessMTL", "FairGrad", "GradDrop", "GradVac", "IMTLG", "Krum", "MGDA",
    "Mean", "NashMTL", "PCD", "PCGrad", "Random", "Sum", "TrimmedMean", "UPGrad",
)  # fmt: skip
"""Aggregators of the library TorchJD, named here so that a wrong name is an error before any work, even where the library is
not installed."""


WEIGHTINGS = ("static", "uncertainty", "random", "famo", *AGGREGATORS)


_REFIT_SPLITS: dict[str, tuple[str, ...]] = {
    "none": (),
    "valid": ("train", "valid"),
    "all": ("train", "valid", "test"),
}


class PretrainSettings(Section):
    """Pretraining on the text of all training documents, with train.init_from: pretrained."""

    epochs: int = Field(default=3, ge=1)
    """Passes over the documents."""
    tokens_per_batch: int = Field(default=4_000, ge=1)
    """Words of a batch."""
    learning_rate: float = Field(default=2e-3, gt=0)
    """Peak of the learning rate."""
    mask_rate: float = Field(default=0.15, gt=0, lt=1)
    """Share of the words that are masked and predicted."""
    sampled_softmax_words: int = Field(default=4_096, ge=1)
    """Number of words in the sampled softmax; a smaller vocabulary is used completely."""


class AugmentationSettings(Section):
    """Random changes of training documents, drawn anew for each batch; 0: off."""

    delete: float = Field(default=0.0, ge=0, lt=1)
    """Probability that a word is deleted; every sentence keeps at least one."""
    swap: float = Field(default=0.0, ge=0, le=1)
    """Probability that a word is swapped within its sentence; not for documents with span labels."""
    mask: float = Field(default=0.0, ge=0, lt=1)
    """Probability that a word is in a masked run of words."""
    mask_words: int = Field(default=3, ge=1)
    """Length of such a run in words."""
    mixup: float = Field(default=0.0, ge=0, le=1)
    """Probability that a batch has its documents' vectors mixed in pairs."""
    mixup_alpha: float = Field(default=0.2, gt=0)
    """Parameter of Beta(alpha, alpha), from which the mixing weights are drawn."""


class TrainSettings(GenerationSwitch):
    """The training of the network."""

    model_config = ConfigDict(extra="forbid")

    init_from: Literal["random", "pretrained"] = "random"
    """Initial weights of the encoder."""
    epochs: int = Field(default=6, ge=1)
    """Maximum number of passes over the training documents."""
    tokens_per_batch: int = Field(default=4_000, ge=1)
    """Words of a batch."""
    learning_rate: float = Field(default=2e-3, gt=0)
    """Peak of the learning rate."""
    weighting: str = "static"
    """static | uncertainty | random | famo: weights of the losses; or UPGrad, PCGrad, ...: of the gradients.

    static: the sum with the factors of `weights`; random: multiplied by numbers drawn for each batch; uncertainty, famo: by
    factors that are learned beside the network. The others are aggregators of the tasks' gradients (the extra `jd`), one of
    AGGREGATORS.
    """
    aggregator: dict[str, float | str] = {}
    """Arguments of the aggregator by their names in TorchJD, such as {c: 0.4} for CAGrad."""
    weights: dict[TaskName, Annotated[float, Field(gt=0)]] = {}
    """Each task and the factor of its loss; the default is 1.

    Of the losses of the network without its wide part. With `uncertainty` it multiplies the task's whole term, the learned
    factor and its penalty: it is the importance of the task, independent of the scale of its loss.
    """
    weight_decay: float = Field(default=0.01, ge=0)
    """Weight decay of AdamW; rows of embedding tables decay when a batch reads them."""
    warmup: float = Field(default=0.1, ge=0, le=1)
    """Share of the steps in which the learning rate rises."""
    clip: float = Field(default=1.0, gt=0)
    """Maximum norm of the gradient; larger gradients are scaled down."""
    ema: float = Field(default=0.99, ge=0, lt=1)
    """Decay of the moving average of the weights, which is validated and kept; 0: no averaging."""
    word_dropout: float = Field(default=0.1, ge=0, lt=1)
    """Probability that a distinct word of a batch gets the embedding of an unknown word; its n-grams stay."""
    augmentation: AugmentationSettings = AugmentationSettings()
    label_smoothing: float = Field(default=0.05, ge=0, lt=1)
    """Probability mass of the target that is spread over all labels."""
    sampling_tau: float = Field(default=1.0, ge=0, le=1)
    """Corpora are sampled in proportion to size ** tau."""
    patience: int = Field(default=3, ge=1)
    """Number of epochs without a better validation score after which training stops."""
    threads: Annotated[int, Field(ge=1)] | Literal["auto"] = 2
    """Threads of each process; auto: as many as it has processors, at most 8.

    By affinity and the container's quota, shared by the processes of `processes`. The weights are the same bytes for the same number of
    threads alone: `auto` gives other last digits on a machine with another number of processors, and reports/training.json says how
    many there were. It does not depend on other work on the machine, beside which threads sleep while they wait.
    """
    memory: float = Field(default=2.0, gt=0)
    """Gigabytes of training data that each process holds in memory at a time, beside model and optimizer.

    All documents are learned from, however many: n-grams of the wide part, and words of span tasks, that do not fit are read from disk
    in blocks, and its problem is solved to the same tolerance, in about four times the processor time. Parts of features that do not fit together
    are shuffled in groups that do.
    """
    refit: Literal["none", "valid", "all"] = "none"
    """A second fit once all is tuned, which becomes the candidate; valid: on train and valid; all: on test too.

    Thresholds, weights of the wide part, the logit adjustment and the number of epochs are those of the first fit. So are all numbers
    on documents that the second fit has learned from.
    """
    processes: int = Field(default=1, ge=1)
    """Number of processes that train together, each on a share of the documents (torchrun); with GPUs, one for each."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """Precision of matrix products; auto: bf16 on a GPU that supports it.

    Weights, optimizer and validation are always fp32.
    """
    compile: bool = False
    """Whether to use torch.compile: it takes minutes at first and pays off in long trainings on a GPU.

    It needs a C++ compiler, and Triton on a GPU.
    """

    @property
    def refit_splits(self) -> tuple[str, ...]:
        """The splits that the second fit learns from; none where there is no second fit."""
        return _REFIT_SPLITS[self.refit]

    @field_validator("threads", mode="before")
    @classmethod
    def _is_number_or_auto(cls, value: object) -> object:
        if value != "auto" and not (type(value) is int and value >= 1):
            raise ValueError("expected a whole number from 1 on, or auto")
        return value

    @field_validator("weighting")
    @classmethod
    def _is_known(cls, name: str) -> str:
        if name not in WEIGHTINGS:
            raise ValueError(f"no such weighting{nearest(name, WEIGHTINGS)}")
        return name

    @model_validator(mode="after")
    def _fits_the_weighting(self) -> Self:
        if self.weighting not in AGGREGATORS and self.aggregator:
            raise ValueError(
                f"aggregator: {self.aggregator}: arguments of an aggregator, but weighting is {self.weighting!r}"
            )
        if self.weighting in AGGREGATORS and self.compile:
            raise ValueError(
                f"compile: a compiled encoder has no gradients a task, which weighting: {self.weighting} needs; "
                "expected compile: false"
            )
        return self


class DistillationSettings(Section):
    """Distillation: predictions of teachers as targets beside the labels."""

    teachers: dict[TaskName, Annotated[list[str], Field(min_length=1)]] = {}
    """Each task and its files in data/teachers, whose mean is the target, such as role: [role/single.parquet]."""
    annealing: bool = True
    """Whether the label's weight in the target grows from 0 to 1 over training.

    Source: Clark et al., BAM! Born-Again Multi-Task Networks for Natural Language Understanding, ACL 2019.
    """
    label_weight: float = Field(default=0.5, ge=0, le=1)
    """The label's weight in the target, without annealing."""
    temperature: float = Field(default=1.0, gt=0)
    """Divisor of the teachers' logits; values above 1 make their predictions softer."""
    unlabelled: bool = True
    """Whether documents with a teacher's prediction, but without any label, are also used for training."""
    wide: bool = True
    """Whether the wide part learns from teachers, too, with weights that are tuned on validation."""
