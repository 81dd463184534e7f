"""What becomes of predictions before they are handed out: calibrated scores, and no answer where it is not precise enough.

Neither changes a label that is given: both are decided by the scores that the network gives.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from mgm.bundle.bundle import Bundle
from mgm.model.calibration import Calibration, PrecisionPoint, Temperatures, describe_shortfall
from mgm.model.heads import HEADS
from mgm.settings.abstention import check_abstention
from mgm.settings.names import nearest
from mgm.settings.references import find_misspelt
from mgm.tasks import Task

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class AnswerOptions:
    """The options of answers, as in the section `score`.

    Attributes:
        calibrate: whether scores are divided by the temperatures of the bundle.
        abstain: the precision on validation that answers must have, by task; there is none below the score that reaches it.
    """

    calibrate: bool = False
    abstain: Mapping[str, float] = field(default_factory=dict)


class Answers:
    """The temperatures and least scores of tasks.

    Attributes:
        temperatures: by task whose scores are calibrated.
        least: the score below which there is no answer, by task; with what validation says of it.
    """

    def __init__(self, bundle: Bundle, tasks: Sequence[Task], *, options: AnswerOptions) -> None:
        """Read what the options ask for from a bundle.

        Raises:
            ValueError: the bundle has no calibration, no task of a name or none whose kind can abstain, or a precision is not reached
                on validation.
        """
        self.tasks = [task for task in tasks if task.spec.has_probabilities]
        self.temperatures: dict[str, Temperatures] = {}
        self.least: dict[str, PrecisionPoint] = {}
        if options.calibrate:
            calibrations = _calibrations(bundle, "score.calibrate: true")
            for task in self.tasks:
                found = calibrations.get(task.name)
                if found is not None and found.temperatures is not None:
                    self.temperatures[task.name] = found.temperatures
            if without := [t.name for t in self.tasks if t.name not in self.temperatures]:
                _log.warning(
                    "score.calibrate: scores stay as they are, as validation determines no temperature: %s",
                    ", ".join(without),
                )
        kinds = {task.name: task.kind for task in bundle.tasks}
        predicted = {task.name for task in tasks}
        for name, precision in options.abstain.items():
            where = f"score.abstain.{name}"
            if name not in kinds:
                raise ValueError(f"{where}: the bundle has no such task{nearest(name, kinds)}")
            check_abstention(kinds[name], precision, where=where)
            if name not in predicted:
                continue
            calibration = _calibrations(bundle, f"{where}: {precision}").get(name)
            if calibration is None:
                raise ValueError(
                    f"{where}: {precision}: validation has no label of this task; expected some, to read a precision from"
                )
            point = calibration.point(precision)
            if point is None:
                raise ValueError(f"{where}: {precision}: {describe_shortfall(calibration, precision)}")
            self.least[name] = point

    @property
    def calibrated(self) -> dict[str, bool]:
        """Whether scores are calibrated, by task that can be."""
        return {task.name: task.name in self.temperatures for task in self.tasks}

    @property
    def change_predictions(self) -> bool:
        """Whether predictions are not handed out as the network gives them."""
        return bool(self.temperatures or self.least)

    def apply(self, predictions: pl.DataFrame) -> pl.DataFrame:
        """Return predictions as they are handed out.

        Args:
            predictions: those of the network, with the probabilities of tasks that are calibrated.
        """
        columns: dict[str, pl.Series] = {}
        for task in self.tasks:
            temperatures, least = self.temperatures.get(task.name), self.least.get(task.name)
            if predictions.height and (temperatures or least):
                columns |= HEADS[task.kind].answer_columns(
                    task,
                    predictions,
                    temperatures=temperatures,
                    min_score=None if least is None else least.score,
                )
        return predictions.with_columns(**columns)


def without_missing(options: AnswerOptions, tasks: Sequence[Task]) -> AnswerOptions:
    """Return the options without tasks that a bundle lacks and that are none of its tasks misspelt: these tasks are off."""
    known = {task.name for task in tasks}
    missing = [
        n for n in options.abstain if n not in known and not find_misspelt(n, known, beside=options.abstain)
    ]
    if missing:
        _log.warning("score.abstain: the bundle has no task of this name: %s", ", ".join(missing))
    abstain = {name: precision for name, precision in options.abstain.items() if name not in missing}
    return AnswerOptions(calibrate=options.calibrate, abstain=abstain)


def _calibrations(bundle: Bundle, setting: str) -> Mapping[str, Calibration]:
    if bundle.calibrations is None:
        raise ValueError(
            f"{setting}: bundle {bundle.id[:12]} has no temperatures, since an earlier version of mgm trained it; expected a bundle "
            f"that this version trained, or score without this setting"
        )
    return bundle.calibrations
