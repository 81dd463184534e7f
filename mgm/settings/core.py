"""The settings that every stage reads, and the one way in which params.yaml is read and checked.

A view is a class of settings that extends these with the sections of one purpose (mgm/settings/views). A stage loads the view
that it needs, so that it depends on no other section's code; `Settings` (mgm/settings/settings.py) is all views together.
"""

from pathlib import Path
from typing import Any, Self

from pydantic import ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from mgm.settings.corpora import CorpusSettings
from mgm.settings.corpus_names import check_corpus_names
from mgm.settings.names import check_name, error_lines, nearest
from mgm.settings.references import check_spelling, find_ignored, task_mentions, warn_once
from mgm.settings.renamed import check_renamed
from mgm.settings.section import Section
from mgm.settings.yaml_file import YAMLError, load_yaml
from mgm.tasks import Task, TaskSettings, tasks_of
from mgm.tasks.names import invalid_names

PARAMS = Path("params.yaml")

SECTIONS = (
    "enabled", "seed", "corpora", "tasks", "ingest", "text", "gates", "model", "pretrain", "train", "distillation", "evaluate",
    "explain", "verdict", "compute", "score", "storage", "tune", "crossval", "run_generation",
)  # fmt: skip
"""The keys at the top of params.yaml. Every view knows them all, and reads its own."""


class GenerationSwitch(Section):
    """The setting of the section `train` that decides which tasks there are; other settings of the section are ignored."""

    model_config = ConfigDict(extra="ignore")

    generation: bool = False
    """Whether generation tasks are trained."""


class CoreSettings(Section):
    """The corpora and tasks of a run."""

    enabled: dict[str, str] = Field(min_length=1)
    """Each corpus and where its documents are: a file, a folder or an address such as s3://bucket/prefix."""
    seed: int = 1
    """Seed of the random number generators."""
    corpora: dict[str, CorpusSettings] = Field(default={}, validate_default=True)
    """Each corpus and its settings: columns, file format, overrides of `text`; a corpus without an entry has the defaults."""
    tasks: dict[str, TaskSettings]
    """Each task and its settings: its kind, the corpora that label it, and options of the kind."""
    train: GenerationSwitch = GenerationSwitch()

    @field_validator("corpora", mode="before")
    @classmethod
    def _with_enabled(cls, corpora: Any, info: ValidationInfo) -> Any:
        """Give every enabled corpus without an entry, or with an empty one, the defaults."""
        if not isinstance(corpora, dict | None):
            return corpora
        written = {name: {} if entry is None else entry for name, entry in (corpora or {}).items()}
        return {name: {} for name in info.data.get("enabled", {})} | written

    @classmethod
    def load(cls, path: Path = PARAMS, *, warns: bool = True) -> Self:
        """Read and check the sections of this view.

        Args:
            path: the file.
            warns: whether `warnings` are logged.

        Raises:
            FileNotFoundError: there is no such file.
            RenamedSettings: a key has a name of an earlier version.
            ValueError: not YAML, an unknown key, a wrong value, or a name that stands nowhere else.
        """
        if not path.is_file():
            raise FileNotFoundError(f"{path}: no such file; run from the project's folder")
        try:
            raw = load_yaml(path.read_text(encoding="utf-8"))
        except (YAMLError, UnicodeDecodeError) as error:
            raise ValueError(f"{path}: not valid YAML: {error}") from error
        if not isinstance(raw, dict):
            raise ValueError(f"{path}: expected a mapping of sections, found {type(raw).__name__}")
        settings = cls.parse(raw, str(path))
        if warns:
            for line in settings.warnings():
                warn_once(f"{path}: {line}")
        return settings

    @classmethod
    def parse(cls, raw: dict[str, Any], where: str = str(PARAMS), *, checks_task_names: bool = True) -> Self:
        """Check the sections of this view in a mapping, as `load` does.

        Args:
            raw: the sections.
            where: their source, for errors.
            checks_task_names: whether the tasks' names must be free in tables of predictions; those of a trained model are given.
        """
        check_renamed(raw, where)
        problems = [
            f"{where}: {key}: unknown key{nearest(str(key), SECTIONS)}" for key in raw if key not in SECTIONS
        ]
        try:
            settings = cls.model_validate(cls._sections_of(raw))
        except ValidationError as error:
            raise ValueError("\n".join([*problems, error_lines(error, cls, where=where)])) from error
        if problems:
            raise ValueError("\n".join(problems))
        if checks_task_names:
            settings._check_task_names(where)
        settings._check(raw, where)
        return settings

    @classmethod
    def _sections_of(cls, raw: dict[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in raw.items() if key in cls.model_fields}

    def _check(self, raw: dict[str, Any], where: str) -> None:
        """Check the names that refer to other sections. A view extends this by the checks of its own sections.

        Args:
            raw: params.yaml as a mapping.
            where: the source that errors name.

        Raises:
            ValueError: a name stands nowhere else.
        """
        check_corpus_names(self.enabled, f"{where}: enabled")
        check_corpus_names(self.corpora, f"{where}: corpora")
        self._check_corpora(set(raw.get("corpora") or {}), where)
        find_ignored(task_mentions(self), self.tasks, where=where)
        for name, corpus in self.corpora.items():
            labelled_tasks = [t for t, task in self.tasks.items() if name in task.corpora]
            for task_name in corpus.columns.keys() & self.tasks.keys():
                place = f"{where}: corpora.{name}.columns.{task_name}"
                check_name(task_name, labelled_tasks, where=place, role="task of this corpus")
        if not self.active_tasks():
            raise ValueError(
                f"{where}: no enabled corpus has a task that is trained; enable one or add a task"
            )

    def _check_task_names(self, where: str) -> None:
        """Check that the outputs can have a column of every task's name."""
        lines = [
            f"{where}: tasks: {name!r}: {fault} (where the input's column has the old name, "
            f"corpora.{self.tasks[name].corpora[0]}.columns maps the new one to it)"
            for name, fault in invalid_names(self.tasks)
        ]
        if lines:
            raise ValueError("\n".join(lines))

    def _check_corpora(self, written: set[str], where: str) -> None:
        """Check that no name of a corpus is another one misspelt; one that is only not enabled is a corpus that is off.

        Args:
            written: the names that have an entry in `corpora`.
        """
        known = written | self.enabled.keys()
        labelled = {corpus for task in self.tasks.values() for corpus in task.corpora}
        for name, task in self.tasks.items():
            for corpus in sorted(set(task.corpora) - known):
                check_spelling(
                    corpus,
                    known,
                    beside=task.corpora,
                    where=f"{where}: tasks.{name}.corpora: {corpus!r}",
                    role="corpus",
                    remedy=f"; if it is switched off, the entry `{corpus}: {{}}` in `corpora` says so",
                )
        for corpus in sorted(self.enabled.keys() - written - labelled):
            check_spelling(
                corpus,
                (written | labelled) - self.enabled.keys(),
                where=f"{where}: enabled.{corpus}",
                role="corpus",
                remedy=f"; else the entry `{corpus}: {{}}` in `corpora` says that it is another",
            )
        for corpus in sorted(written - self.enabled.keys() - labelled):
            check_spelling(
                corpus,
                self.enabled.keys() - written,
                where=f"{where}: corpora.{corpus}",
                role="corpus",
            )

    def ignored_entries(self) -> list[str]:
        """Return the places of the entries that are for a task that `tasks` does not have, and ask nothing."""
        return [mention.place for mention in task_mentions(self) if mention.name not in self.tasks]

    def warnings(self) -> list[str]:
        """Return what is allowed and may not be meant, a line each."""
        lines = []
        if ignored := self.ignored_entries():
            lines.append(f"ignored, as there is no task of this name: {'; '.join(ignored)}")
        labelled = {corpus for task in self.tasks.values() for corpus in task.corpora}
        unlabelled = sorted(self.enabled.keys() - labelled)
        unknown = [
            f"tasks.{name}.corpora: {', '.join(task.corpora)}"
            for name, task in self.tasks.items()
            if not self.corpora.keys() & set(task.corpora)
        ]
        if unlabelled and unknown:
            corpora = ", ".join(unlabelled)
            lines.append(
                f"no task names the enabled corpora {corpora}, and tasks are off that name unknown ones: "
                + "; ".join(unknown)
            )
        return lines

    def tasks_for(self, corpus: str) -> list[Task]:
        """Return the tasks that a corpus labels, sorted by name, generation tasks too."""
        return tasks_of({n: t for n, t in self.tasks.items() if corpus in t.corpora}, {corpus: None})

    def active_tasks(self) -> list[Task]:
        """Return the tasks that are trained: those of enabled corpora, generation only where it is switched on."""
        tasks = tasks_of(self.tasks, self.enabled)
        return [task for task in tasks if self.train.generation or not task.spec.generates_text]
