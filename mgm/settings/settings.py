"""params.yaml as typed settings. An unknown or wrong key is an error that names it and the nearest valid one."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, ValidationError

from mgm.settings.corpora import CorpusSettings, IngestSettings
from mgm.settings.evaluation import EvaluateSettings, ExplainSettings, VerdictSettings
from mgm.settings.gates import GateSettings
from mgm.settings.model import ModelSettings
from mgm.settings.names import explain, flat, known, merge, overridden
from mgm.settings.scoring import ScoreSettings
from mgm.settings.search import CrossvalSettings, TuneSettings
from mgm.settings.section import Section
from mgm.settings.text import TextSettings
from mgm.settings.training import DistillationSettings, PretrainSettings, TrainSettings
from mgm.tasks import RECONSTRUCTION, TASK_KINDS, Task, TaskSettings, tasks_of

PARAMS = Path("params.yaml")


class Settings(Section):
    """All of params.yaml."""

    enabled: dict[str, str] = Field(min_length=1)
    seed: int = 1
    corpora: dict[str, CorpusSettings]
    tasks: dict[str, TaskSettings]
    ingest: IngestSettings = IngestSettings()
    text: TextSettings = TextSettings()
    gates: GateSettings = GateSettings()
    model: ModelSettings = ModelSettings()
    pretrain: PretrainSettings = PretrainSettings()
    train: TrainSettings = TrainSettings()
    distillation: DistillationSettings = DistillationSettings()
    evaluate: EvaluateSettings = EvaluateSettings()
    explain: ExplainSettings = ExplainSettings()
    verdict: VerdictSettings = VerdictSettings()
    score: ScoreSettings = ScoreSettings()
    tune: TuneSettings = TuneSettings()
    crossval: CrossvalSettings = CrossvalSettings()
    run_generation: dict[str, Any] = {}
    """Settings by their full names, such as train.epochs, that `make run-generation` has in place of the others."""

    @classmethod
    def load(cls, path: Path = PARAMS) -> "Settings":
        """Reads and checks the settings.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: not YAML, an unknown key, a wrong value, or a name that stands nowhere else.
        """
        if not path.is_file():
            raise FileNotFoundError(f"{path}: no such file; run from the project's folder")
        try:
            raw = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise ValueError(f"{path}: not valid YAML: {error}") from error
        if not isinstance(raw, dict):
            raise ValueError(f"{path}: expected a mapping of sections, found {type(raw).__name__}")
        return cls.parse(raw, str(path))

    @classmethod
    def parse(cls, raw: dict[str, Any], where: str = str(PARAMS)) -> "Settings":
        """As `load`, from a mapping; `where` names its source in errors."""
        try:
            settings = cls.model_validate(raw)
        except ValidationError as error:
            raise ValueError(explain(error, cls, where)) from error
        settings._check_names(where)
        settings._check_space(raw, where)
        settings._check_run(raw, where)
        return settings

    def _check_names(self, where: str) -> None:
        for name in self.enabled:
            known(name, self.corpora, f"{where}: enabled.{name}", "corpus")
        for name, task in self.tasks.items():
            if name == RECONSTRUCTION:
                raise ValueError(
                    f"{where}: tasks.{name}: a column of the predictions; give the task another name"
                )
            for labelled in task.corpora:
                known(labelled, self.corpora, f"{where}: tasks.{name}.corpora: {labelled!r}", "corpus")
        for name, corpus in self.corpora.items():
            own = [t for t, task in self.tasks.items() if name in task.corpora]
            for task_name in corpus.columns:
                known(task_name, own, f"{where}: corpora.{name}.columns.{task_name}", "task of this corpus")
            self._text(name, where)
        for name in self.model.cascade.order:
            known(name, self.tasks, f"{where}: model.cascade.order: {name!r}", "task")
        for name in self.train.weights:
            known(name, self.tasks, f"{where}: train.weights.{name}", "task")
        for name in self.distillation.teachers:
            known(name, self.tasks, f"{where}: distillation.teachers.{name}", "task")
            if not TASK_KINDS[self.tasks[name].kind].is_distillable:
                raise ValueError(
                    f"{where}: distillation.teachers.{name}: a {self.tasks[name].kind} task has no teachers "
                    f"(kinds that have: {', '.join(k for k in TASK_KINDS if TASK_KINDS[k].is_distillable)})"
                )
        for name in self.gates.tasks:
            known(name, self.tasks, f"{where}: gates.tasks.{name}", "task")
        for name in self.verdict.floors:
            known(name, self.tasks, f"{where}: verdict.floors.{name}", "task")
        if self.score.tasks != "all":
            for name in self.score.tasks:
                known(name, self.tasks, f"{where}: score.tasks: {name!r}", "task")
        if not self.active_tasks():
            raise ValueError(
                f"{where}: no enabled corpus has a task that is trained; enable one or add a task"
            )

    def _check_space(self, raw: dict[str, Any], where: str) -> None:
        """Every setting of tune.space is one that training reads, and takes the values at the ends of its range."""
        present = self.tunable()
        for name, search in self.tune.space.items():
            place = f"{where}: tune.space.{name}"
            known(name, present, place, "setting of model or train")
            number = isinstance(present[name], int | float) and not isinstance(present[name], bool)
            if search.choices is None and not number:
                raise ValueError(f"{place}: it is no number (now {present[name]!r}); expected choices")
            for value in search.limits:
                whole = isinstance(present[name], int) and isinstance(value, float) and value.is_integer()
                try:
                    type(self).model_validate(overridden(raw, {name: int(value) if whole else value}))
                except ValidationError as error:
                    raise ValueError(explain(error, type(self), place)) from error

    def _check_run(self, raw: dict[str, Any], where: str) -> None:
        """What run_generation names are settings, with values that they take."""
        try:
            type(self).model_validate(overridden(raw, self.run_generation))
        except ValidationError as error:
            raise ValueError(explain(error, type(self), f"{where}: run_generation")) from error

    def tunable(self) -> dict[str, Any]:
        """Every setting that training reads and features do not, by its full name, with its value."""
        found = flat(self.model_dump(mode="json", include={"model", "train"}))
        found |= {f"train.weights.{task}": self.train.weights.get(task, 1.0) for task in self.tasks}
        # scores of other tasks do not compare; a trial has one process
        del found["train.generation"], found["train.processes"]
        return found

    def _text(self, corpus: str, where: str) -> TextSettings:
        merged = merge(self.text.model_dump(), self.corpora[corpus].text)
        try:
            return TextSettings.model_validate(merged)
        except ValidationError as error:
            raise ValueError(explain(error, TextSettings, f"{where}: corpora.{corpus}.text")) from error

    def text_for(self, corpus: str | None) -> TextSettings:
        """The text settings of a corpus: the general ones with what the corpus overrides. None: the general ones."""
        return self.text if corpus is None else self._text(corpus, str(PARAMS))

    def tasks_for(self, corpus: str) -> list[Task]:
        """The tasks that a corpus labels, sorted by name, generation tasks too."""
        return tasks_of({n: t for n, t in self.tasks.items() if corpus in t.corpora}, {corpus: None})

    def training_sections(self) -> dict[str, Any]:
        """The sections that, with features and tasks, decide what a training ends in."""
        return self.model_dump(mode="json", include={"seed", "text", "model", "train", "distillation"})

    @property
    def pretrains(self) -> bool:
        """Whether training starts from something that the stage pretrain makes."""
        return self.train.initial == "pretrained" or self.model.fusion == "stacked_autoencoder"

    def teachers_of(self, tasks: Sequence[Task]) -> dict[str, list[str]]:
        """The files of those of `tasks` that have teachers."""
        return {
            t.name: self.distillation.teachers[t.name] for t in tasks if t.name in self.distillation.teachers
        }

    def active_tasks(self) -> list[Task]:
        """The tasks that are trained: those of enabled corpora, generation only where it is switched on."""
        return [
            t for t in tasks_of(self.tasks, self.enabled) if self.train.generation or t.kind != "generation"
        ]
