"""Stage: features -> a bundle, one network trained on all tasks jointly. `python -m flows.stages.train`."""

import contextlib
import logging
import os
import sys

from dvclive import Live
from scmrepo.exceptions import SCMError

from flows import logs
from flows.project import CANDIDATE, FEATURES, PROFILE, REPORTS, TRAINING, VOCABULARY
from flows.stages.command_line import run_stage
from flows.training_run import Console, checkpoint, facts, prepare
from mgm.bundle.bundle import Bundle, load_stopwords, shaping_settings
from mgm.bundle.save import save_bundle
from mgm.files import read_json, write_json
from mgm.settings.views.training import TrainingSettings
from mgm.text.dictionary import load_dictionaries
from mgm.text.segmentation.segmenter import load_segmenter
from mgm.text.stopwords import Stopwords
from mgm.text.subwords import SUBWORDS_FILE, Subwords
from mgm.text.vocabulary import Vocabulary
from mgm.training.callbacks import EpochReport
from mgm.training.distributed import check_process_count, process_group
from mgm.training.fit import fit

_logger = logging.getLogger(__name__)

LIVE = REPORTS / "live"


class TrainingLog(Live):
    """DVCLive's log of a training, also where Git has no commit yet: DVCLive asks for one, which this log has no use for."""

    def _init_dvc(self) -> None:
        with contextlib.suppress(SCMError):
            super()._init_dvc()


def main() -> None:
    """Train the candidate; a killed run goes on after its last whole epoch.

    With train.processes above 1 torchrun replaces this process and runs the stage in each of its processes.
    """
    settings = TrainingSettings.load()
    check_process_count(settings.train.processes, os.environ)
    if settings.train.processes > 1 and "WORLD_SIZE" not in os.environ:
        _become_torchrun(settings.train.processes)
    with process_group(os.environ) as context:
        if context.is_main_process:
            _train(settings)
        else:
            logs.set_level("WARNING")  # the main process says what all of them do
            tasks = settings.active_tasks()
            fit(prepare(settings, tasks), settings, checkpoint=checkpoint("train", settings, tasks=tasks))


def _become_torchrun(num_processes: int) -> None:
    torchrun = ["torch.distributed.run", "--standalone", "--nproc-per-node", str(num_processes)]
    os.execv(sys.executable, [sys.executable, "-m", *torchrun, "-m", "flows.stages.train"])


def _train(settings: TrainingSettings) -> None:
    tasks = settings.active_tasks()
    plan = prepare(settings, tasks)
    state = checkpoint("train", settings, tasks=tasks)
    with TrainingLog(str(LIVE), save_dvc_exp=False, dvcyaml=None, report=None) as live:
        console = Console(settings.train.epochs, lambda report: _log(live, report))
        fitted = fit(plan, settings, checkpoint=state, callbacks=console)
    segmenter = load_segmenter(FEATURES)
    bundle = Bundle(
        network=fitted.network,
        settings=shaping_settings(settings, segmenter),
        segmenter=segmenter,
        tasks=plan.tasks,
        thresholds=fitted.decisions.thresholds,
        linear_baselines=fitted.linear_baselines,
        vocabulary=Vocabulary.load(VOCABULARY),
        profile=read_json(PROFILE),
        stopwords=_stopwords(settings),
        dictionaries=load_dictionaries(settings, FEATURES / "dictionaries"),
        subwords=Subwords.load(FEATURES / SUBWORDS_FILE) if fitted.network.text_decoder is not None else None,
    )
    identity = save_bundle(CANDIDATE, bundle)
    write_json(TRAINING, facts(plan, fitted, settings=settings))
    state.remove()
    _logger.info(
        f"epoch {fitted.training.best_epoch} is the best, mean {fitted.training.best_score:.4f}; "
        f"bundle {identity[:12]} in {CANDIDATE}"
    )


def _stopwords(settings: TrainingSettings) -> dict[str | None, Stopwords]:
    """Return the stopwords of each corpus, and the general ones (None) for documents of other corpora."""
    of_corpora = {c: Stopwords.load(FEATURES / "stopwords" / f"{c}.txt") for c in sorted(settings.enabled)}
    return load_stopwords(settings) | of_corpora


def _log(live: Live, report: EpochReport) -> None:
    families = {
        "loss": report.losses,
        "valid": report.metrics,
        "weight": report.weights,
        "passes": report.task_passes,
    }
    for family, values in families.items():
        for name, value in values.items():
            live.log_metric(f"{family}/{name}", value)
    live.log_metric("valid_mean", report.score)
    live.log_metric("learning_rate", report.learning_rate)
    for name in ("words_per_second", "documents_per_second", "loading_share", "peak_memory_mib"):
        live.log_metric(name, getattr(report.cost, name))
    live.next_step()


if __name__ == "__main__":
    run_stage(main)
