"""The sections `pretrain`, `train` and `distillation`."""

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, field_validator, model_validator

from mgm.settings.core import GenerationSwitch
from mgm.settings.names import nearest
from mgm.settings.section import Section

AGGREGATORS = (
    "AlignedMTL", "CAGrad", "ConFIG", "DualProj", "ExcessMTL", "FairGrad", "GradDrop", "GradVac", "IMTLG", "Krum", "MGDA",
    "Mean", "NashMTL", "PCD", "PCGrad", "Random", "Sum", "TrimmedMean", "UPGrad",
)  # fmt: skip
"""Those of the library TorchJD. They are named here so that a wrong name is an error before any work, and where the library
is not installed."""


WEIGHTINGS = ("static", "uncertainty", "random", "famo", *AGGREGATORS)


class PretrainSettings(Section):
    """Pretraining on text alone; done where train.init_from asks for it."""

    epochs: int = Field(default=3, ge=1)
    tokens_per_batch: int = Field(default=4_000, ge=1)
    learning_rate: float = Field(default=2e-3, gt=0)
    mask_rate: float = Field(default=0.15, gt=0, lt=1)
    """Share of the words that are to be guessed."""
    sampled_softmax_words: int = Field(default=4_096, ge=1)
    """Words of the vocabulary that a guess is weighed against; a smaller vocabulary is taken whole."""


class AugmentationSettings(Section):
    """How training documents are altered at random; 0 is off."""

    delete: float = Field(default=0.0, ge=0, lt=1)
    """Probability of a word; one of each sentence stays."""
    swap: float = Field(default=0.0, ge=0, le=1)
    """Probability of a word that it changes places with others of its sentence; not where words are labelled."""
    mask: float = Field(default=0.0, ge=0, lt=1)
    """Probability of a word that it is within a masked run of words."""
    mask_words: int = Field(default=3, ge=1)
    """Length of such a run."""
    mixup: float = Field(default=0.0, ge=0, le=1)
    """Probability of a batch that its documents' vectors are mixed."""
    mixup_alpha: float = Field(default=0.2, gt=0)
    """Shares are drawn from Beta(alpha, alpha)."""


class TrainSettings(GenerationSwitch):
    """How the network is trained."""

    model_config = ConfigDict(extra="forbid")

    init_from: Literal["random", "pretrained"] = "random"
    """Where the encoder's weights start."""
    epochs: int = Field(default=6, ge=1)
    tokens_per_batch: int = Field(default=4_000, ge=1)
    learning_rate: float = Field(default=2e-3, gt=0)
    weighting: str = "static"
    """From one loss a task to one step for all, one of WEIGHTINGS: a sum with fixed factors, with learned or drawn ones, or
    an aggregator of the tasks' gradients."""
    aggregator: dict[str, float | str] = {}
    """Arguments of the aggregator, by their names in TorchJD."""
    weights: dict[str, Annotated[float, Field(gt=0)]] = {}
    """Task to the factor of its loss in the sum of the deep part's; a task that is not named counts 1. With `uncertainty` it multiplies
    the task's whole term, the learned factor and its price: it says how much the task matters, whatever its scale."""
    weight_decay: float = Field(default=0.01, ge=0)
    warmup: float = Field(default=0.1, ge=0, le=1)
    clip: float = Field(default=1.0, gt=0)
    ema: float = Field(default=0.99, ge=0, lt=1)
    """Decay of the average of the weights a step; 0: no averaging."""
    word_dropout: float = Field(default=0.1, ge=0, lt=1)
    """Probability of a distinct word of a batch that its embedding is that of an unknown word; its n-grams stay."""
    augmentation: AugmentationSettings = AugmentationSettings()
    label_smoothing: float = Field(default=0.05, ge=0, lt=1)
    sampling_tau: float = Field(default=1.0, ge=0, le=1)
    patience: int = Field(default=3, ge=1)
    threads: int = Field(default=2, ge=1)
    """Of each process."""
    processes: int = Field(default=1, ge=1)
    """That share every batch, and take the same steps; with GPUs one process each."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """Of the products in training; weights, optimizer and validation are always fp32."""
    compile: bool = False
    """Training through torch.compile: minutes of compiling first; needs a C++ compiler, on a GPU Triton."""

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
    """What a student learns from teachers' scores of the training documents, beside the labels."""

    teachers: dict[str, Annotated[list[str], Field(min_length=1)]] = {}
    """Task to files in data/teachers, whose mean answer counts. A task that is not named has no teacher."""
    annealing: bool = True
    """The share of the label in what is learned grows from 0 to 1 over training (Clark et al. 2019)."""
    label_weight: float = Field(default=0.5, ge=0, le=1)
    """That share without annealing."""
    temperature: float = Field(default=1.0, gt=0)
    """Logits of teachers are divided by it: above 1 their answers are softer."""
    unlabelled: bool = True
    """Training documents with a teacher's answer and no label for any task are trained on, too."""
