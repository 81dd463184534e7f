"""A search for better settings of model and training (`tune` of params.yaml).

The joint model is trained again and again on the features that are there, and judged by the mean validation score that early
stopping goes by. `mgm tune`, or `mgm tune --trials 50`; `--apply` puts the winner into params.yaml. Killed and started again it goes on: with
the trials that are done, and in the one that was under way after its last whole epoch. The test split is not read, and
models/candidate stays as it is.
"""

import sys

if __name__ == "__main__":  # before all else: the command imports this module by its name
    from flows.cli import main

    sys.exit(main(["tune", *sys.argv[1:]]))

# isort: split
import logging
from dataclasses import dataclass
from typing import Any

import numpy as np
import optuna
from optuna.trial import FrozenTrial, Trial, TrialState

from flows import lock
from flows.graph import require_up_to_date
from flows.params_file import set_values, unified_diff
from flows.project import REPORTS, TRAINING
from flows.revision import code_sha256
from flows.search_space import distributions, initial_trial, trial_values
from flows.training_run import Console, checkpoint, inputs, prepare
from mgm.files import fingerprint, read_json, write_json, write_text
from mgm.settings.names import overridden
from mgm.settings.settings import PARAMS, Settings
from mgm.settings.yaml_file import load_yaml
from mgm.training.callbacks import EpochReport
from mgm.training.fit import fit

STORAGE = REPORTS / "tune.db"
RESULTS = REPORTS / "tune.json"
DIFF = REPORTS / "tune.diff"

_logger = logging.getLogger(__name__)

SCORED = (TrialState.COMPLETE, TrialState.PRUNED)
ERROR = "error"
"""The attribute of a failed trial that holds the reason."""


@dataclass
class Search:
    """A search in STORAGE: the trials of one space, over one base of settings, features and tasks."""

    text: str
    """The text of params.yaml when the search began or was resumed."""
    study: optuna.Study

    def __post_init__(self) -> None:
        self.raw: dict[str, Any] = load_yaml(self.text)
        self.settings = Settings.parse(self.raw)
        self.tasks = self.settings.active_tasks()
        self.space = distributions(self.settings)

    def run(self, trials: int) -> None:
        """Run trials until `trials` of them have ended; the results are written after each."""
        while (trial := self._next(trials)) is not None:
            self._one(trial, trials)
            self.write()

    def write(self) -> None:
        """Write RESULTS and DIFF of the trials that have ended."""
        write_json(RESULTS, self.content())
        DIFF.write_text(unified_diff(self.text, self.winning()), encoding="utf-8")

    def content(self) -> dict[str, Any]:
        """Return the content of RESULTS: every trial with its settings and scores, and which is the best."""
        best = self.best
        return {
            "study": self.study.study_name,
            "objective": "mean of the tasks' first metrics on valid, of the best epoch",
            "space": {
                n: s.model_dump(exclude_defaults=True) for n, s in self.settings.search_space().items()
            },
            "tasks": [task.name for task in self.tasks],
            "inputs": inputs(self.settings, self.tasks),
            "best": None if best is None else self.ended.index(best) + 1,
            "trials": [self._entry(number, trial) for number, trial in enumerate(self.ended, start=1)],
        }

    def winning(self) -> str:
        """Return params.yaml with the settings of the best trial."""
        if self.best is None:
            return self.text
        present, tried = self.settings.tunable(), trial_values(self.settings, self.best.params)
        changed = {name: value for name, value in tried.items() if present[name] != value}
        return set_values(self.text, changed) if changed else self.text

    @property
    def ended(self) -> list[FrozenTrial]:
        """The trials that have ended, in their order, without those that were interrupted and restarted."""
        trials = self.study.get_trials(deepcopy=False, states=(*SCORED, TrialState.FAIL))
        return [trial for trial in trials if trial.state in SCORED or ERROR in trial.user_attrs]

    @property
    def best(self) -> FrozenTrial | None:
        """The trial with the highest score, the first of equal ones; those that were stopped early do not count."""
        complete = [t for t in self.ended if t.state == TrialState.COMPLETE]
        return max(complete, key=_score, default=None)

    def _next(self, trials: int) -> Trial | None:
        """Return the interrupted trial, or else a new one; None if enough have ended. The first trial has the present settings."""
        known = self.study.get_trials(deepcopy=False)
        waiting = any(trial.state == TrialState.WAITING for trial in known)
        if not known:
            self.study.enqueue_trial(initial_trial(self.settings))
        for trial in known:
            if trial.state == TrialState.RUNNING:
                if trial.params and ERROR not in trial.user_attrs and not waiting:
                    self.study.enqueue_trial(trial.params)
                self.study.tell(trial.number, state=TrialState.FAIL)
        if len(self.ended) >= trials:
            return None
        self.study.sampler = self._sampler()
        return self.study.ask(self.space)

    def _sampler(self) -> optuna.samplers.BaseSampler:
        """Return a sampler that depends on the seed and the ended trials alone, so that a killed search draws the same ones."""
        seed = np.random.default_rng([self.settings.seed, len(self.ended)]).integers(2**31)
        return optuna.samplers.TPESampler(seed=int(seed), n_startup_trials=self.settings.tune.startup_trials)

    def _one(self, trial: Trial, trials: int) -> None:
        tried, which = trial_values(self.settings, trial.params), f"trial {len(self.ended) + 1}/{trials}"
        _logger.info(f"{which}: {', '.join(f'{name} {value}' for name, value in tried.items())}")
        settings = Settings.parse(overridden(self.raw, tried))
        state = checkpoint("tune", settings, tasks=self.tasks)
        reports: list[EpochReport] = []

        def report_epoch(report: EpochReport) -> None:
            reports.append(report)
            trial.report(report.score, report.epoch)
            if report.epoch < settings.train.epochs and trial.should_prune():
                raise optuna.TrialPruned

        try:
            plan = prepare(settings, self.tasks)
            if not plan.data.validation:
                raise ValueError("no row of split valid carries a label: there is no score to search by")
            fitted = fit(
                plan, settings, checkpoint=state, callbacks=Console(settings.train.epochs, report_epoch)
            )
        except optuna.TrialPruned:
            self._note(trial, tried, reports=reports)
            self.study.tell(trial, state=TrialState.PRUNED)
            outcome = f"stopped after epoch {reports[-1].epoch}, below the median of the trials before it"
        except ValueError as error:
            if not self.ended:  # with the present settings: what is wrong is not the search's
                raise
            self._note(trial, tried, reports=reports)
            trial.set_user_attr(ERROR, str(error))
            self.study.tell(trial, state=TrialState.FAIL)
            outcome = f"failed: {error}"
        else:
            self._note(trial, tried, reports=reports)
            self.study.tell(trial, fitted.training.best_score)
            outcome = f"mean {fitted.training.best_score:.4f} in epoch {fitted.training.best_epoch}"
        state.remove()
        _logger.info(f"{which}: {outcome}; {self._stand(trials)}")

    def _note(self, trial: Trial, tried: dict[str, Any], *, reports: list[EpochReport]) -> None:
        trial.set_user_attr("settings", tried)
        trial.set_user_attr("seconds", round(sum(report.cost.seconds for report in reports), 1))
        if reports:
            best = max(reports, key=lambda report: report.score)
            trial.set_user_attr("best_epoch", best.epoch)
            trial.set_user_attr("valid", {task: round(value, 6) for task, value in best.metrics.items()})

    def _stand(self, trials: int) -> str:
        """Return a line with the best score so far, the score of the initial settings, and the time left."""
        best, ended = self.best, self.ended
        assert best is not None, "the first trial has ended"
        seconds = sum(trial.user_attrs["seconds"] for trial in ended) / len(ended)
        left = seconds * max(trials - len(ended), 0) / 60
        return (
            f"best so far {_score(best):.4f} (trial {ended.index(best) + 1}), began with {_score(ended[0]):.4f}; about "
            f"{left:.0f} minutes left"
        )

    def _entry(self, number: int, trial: FrozenTrial) -> dict[str, Any]:
        return {
            "trial": number,
            "state": trial.state.name.lower(),
            "score": None if trial.value is None else round(trial.value, 6),
            "epochs": {str(n): round(score, 6) for n, score in sorted(trial.intermediate_values.items())},
        } | dict(trial.user_attrs)


def open_search(text: str) -> Search:
    """Return the search of this text of params.yaml: the one in STORAGE, or a new one.

    It is another search where the features, the tasks, the space, a setting outside the space, or the code of model and
    training has changed: scores would not compare. The number of trials may change.
    """
    settings = Settings.parse(load_yaml(text))
    space = settings.search_space()
    facts = {
        "settings": {n: v for n, v in settings.tunable().items() if n not in space},
        "seed": settings.seed,
        "text": settings.text.model_dump(mode="json"),
        "space": {name: search.model_dump(mode="json") for name, search in space.items()},
        "tasks": [task.model_dump(mode="json") for task in settings.active_tasks()],
        "inputs": inputs(settings, settings.active_tasks()),
        "code": code_sha256("model", "training"),
    }
    name = fingerprint(facts)[:16]
    REPORTS.mkdir(exist_ok=True)
    study = optuna.create_study(
        storage=f"sqlite:///{STORAGE}",
        study_name=name,
        direction="maximize",
        load_if_exists=True,
        pruner=optuna.pruners.MedianPruner(
            n_startup_trials=settings.tune.startup_trials, n_warmup_steps=settings.tune.warmup_epochs
        ),
    )
    return Search(text, study)


def announce(search: Search, trials: int) -> str:
    """Return a line with the trainings to come and their estimated time."""
    done = len(search.ended)
    text = f"tune: {trials} trials over {', '.join(search.space)}; {min(done, trials)} of them done already"
    if done >= trials:
        return text
    if not TRAINING.is_file():
        return f"{text}; no joint model was trained here, so the cost is not known before the first trial"
    minutes = read_json(TRAINING)["seconds"] / 60
    return (
        f"{text}; {trials - done} x the joint model's {minutes:.1f} minutes are about {(trials - done) * minutes:.0f} "
        "minutes, less what is stopped early"
    )


def _score(trial: FrozenTrial) -> float:
    assert trial.value is not None
    return trial.value


def search_settings(*, trials: int | None = None, apply: bool = False) -> str:
    """Search for better settings and return the result as text: which trial won, and how params.yaml would change.

    Args:
        trials: the trials in all, those that were run before included; None: `tune.trials`.
        apply: whether the winner is put into params.yaml.

    Raises:
        ValueError: a setting is wrong, a stage before training is out of date, or params.yaml has changed meanwhile.
        BlockingIOError: another run is at work in this folder.
    """
    if trials is not None and trials < 1:
        raise ValueError(f"--trials: found {trials}, expected at least 1")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with lock.workspace():
        return _search(trials, apply=apply)


def _search(trials: int | None, *, apply: bool) -> str:
    settings = Settings.load()
    distributions(settings)
    initial_trial(settings)
    require_up_to_date()
    text = PARAMS.read_text(encoding="utf-8")
    search = open_search(text)
    trials = trials or search.settings.tune.trials
    _logger.info(announce(search, trials))
    search.run(trials)
    search.write()
    winning, best = search.winning(), search.best
    changes = unified_diff(text, winning)
    if best is None:
        return "no trial ran to its end; there is no winner"
    if not changes:
        return f"the settings of {PARAMS} are the best that was found, {_score(best):.4f}"
    text_of_winner = f"trial {search.ended.index(best) + 1} is the best, {_score(best):.4f} ({DIFF}, {RESULTS}):\n{changes.rstrip()}"
    if not apply:
        return text_of_winner
    if PARAMS.read_text(encoding="utf-8") != text:
        raise ValueError(f"{PARAMS} has changed meanwhile; run again with --apply")
    write_text(PARAMS, winning)
    return f"{text_of_winner}\napplied to {PARAMS}; `mgm run` trains with it"
