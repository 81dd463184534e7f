"""The sections `tune` and `crossval`."""

from typing import Any, Self

from pydantic import Field, model_validator

from mgm.settings.section import Section


class SearchSettings(Section):
    """The values that a search tries for one setting: a range, or a list of choices."""

    low: float | None = None
    """Least value."""
    high: float | None = None
    """Greatest value."""
    log: bool = False
    """Whether values are drawn evenly over the logarithm, for ranges of several orders of magnitude."""
    step: float | None = Field(default=None, gt=0)
    """Distance of two values; null: any value of the range."""
    choices: list[Any] | None = Field(default=None, min_length=2)
    """The values themselves, in place of a range."""

    @model_validator(mode="after")
    def _a_range_or_choices(self) -> Self:
        ends = (self.low, self.high)
        if self.choices is not None:
            if ends != (None, None) or self.log or self.step is not None:
                raise ValueError("choices stand alone, without low, high, log and step")
        elif self.low is None or self.high is None:
            raise ValueError("expected low and high, or choices")
        elif self.low >= self.high:
            raise ValueError(f"low {self.low:g} is not below high {self.high:g}")
        elif self.log and (self.low <= 0 or self.step is not None):
            raise ValueError("log: expected low above 0, and no step")
        return self

    @property
    def limits(self) -> list[Any]:
        """Values at the ends of the range, or all choices."""
        return [self.low, self.high] if self.choices is None else self.choices


class TuneSettings(Section):
    """The search for better settings of model and training."""

    trials: int = Field(default=30, ge=1)
    """Number of trials, including the first one with the current settings."""
    startup_trials: int = Field(default=8, ge=1)
    """Number of random trials before the search learns from them and before a trial may be stopped early."""
    warmup_epochs: int = Field(default=1, ge=1)
    """Number of epochs before a trial may be stopped early."""
    space: dict[str, SearchSettings] = {}
    """Each setting by its full name and its range {low, high, log or step} or {choices}."""


class CrossvalSettings(Section):
    """Cross-validation over the rows of train and valid."""

    folds: int = Field(default=5, ge=2)
    """Number of folds; each is held out once."""
    validation_share: float = Field(default=0.125, gt=0, lt=1)
    """Share of the other groups for early stopping and the tuning of thresholds."""
