"""All of params.yaml as typed settings. An unknown or wrong key is an error that names it and the nearest valid one."""

from typing import Any

from pydantic import ValidationError

from mgm.settings.core import PARAMS
from mgm.settings.names import WEIGHTS, check_name, error_lines, overridden
from mgm.settings.references import Mention, find_ignored, task_mentions
from mgm.settings.search import CrossvalSettings, SearchSettings, TuneSettings
from mgm.settings.views.explanation import ExplanationSettings
from mgm.settings.views.ingestion import IngestionSettings
from mgm.settings.views.promotion import PromotionSettings
from mgm.settings.views.scoring import ScoringSettings
from mgm.settings.views.study import StudySettings

__all__ = ["PARAMS", "Settings"]


class Settings(StudySettings, IngestionSettings, ExplanationSettings, PromotionSettings, ScoringSettings):
    """All of params.yaml; a function that takes a view takes this, too."""

    tune: TuneSettings = TuneSettings()
    crossval: CrossvalSettings = CrossvalSettings()
    run_generation: dict[str, Any] = {}
    """Settings by their full names, such as train.epochs, and their values when generation tasks are trained alone."""

    def _check(self, raw: dict[str, Any], where: str) -> None:
        super()._check(raw, where)
        self._check_space(raw, where)
        self._check_run_generation(raw, where)

    def _check_space(self, raw: dict[str, Any], where: str) -> None:
        """Check that every setting of tune.space is one that training reads, and takes the values at the ends of its range."""
        find_ignored(self._tuned_weights(), self.tasks, where=where)
        ignored = {mention.place for mention in self._tuned_weights() if mention.name not in self.tasks}
        present = self.tunable()
        for name, search in self.tune.space.items():
            place = f"{where}: tune.space.{name}"
            if f"tune.space.{name}" in ignored:
                continue
            check_name(name, present, where=place, role="setting of model or train")
            is_number = isinstance(present[name], int | float) and not isinstance(present[name], bool)
            if search.choices is None and not is_number:
                raise ValueError(f"{place}: it is no number (now {present[name]!r}); expected choices")
            for value in search.limits:
                is_whole = isinstance(present[name], int) and isinstance(value, float) and value.is_integer()
                try:
                    type(self).model_validate(overridden(raw, {name: int(value) if is_whole else value}))
                except ValidationError as error:
                    raise ValueError(error_lines(error, type(self), where=place)) from error

    def _check_run_generation(self, raw: dict[str, Any], where: str) -> None:
        """Check that the names in run_generation are settings, with values that they take."""
        where = f"{where}: run_generation"
        try:
            settings = type(self).model_validate(overridden(raw, self.run_generation))
        except ValidationError as error:
            raise ValueError(error_lines(error, type(self), where=where)) from error
        find_ignored(task_mentions(settings), settings.tasks, where=where)

    def ignored_entries(self) -> list[str]:
        """Return the places of the entries that are for a task that `tasks` does not have, and ask nothing."""
        weights = [mention.place for mention in self._tuned_weights() if mention.name not in self.tasks]
        return super().ignored_entries() + weights

    def search_space(self) -> dict[str, SearchSettings]:
        """Return `tune.space` without the weights of tasks that are off, which nothing would read."""
        trained = {task.name for task in self.active_tasks()}
        off = {mention.place for mention in self._tuned_weights() if mention.name not in trained}
        return {n: search for n, search in self.tune.space.items() if f"tune.space.{n}" not in off}

    def _tuned_weights(self) -> list[Mention]:
        """Return the tasks whose weights are in `tune.space`."""
        names = [n.removeprefix(WEIGHTS) for n in self.tune.space if n.startswith(WEIGHTS)]
        return [
            Mention(place=f"tune.space.{WEIGHTS}{name}", name=name, beside=frozenset(names)) for name in names
        ]
