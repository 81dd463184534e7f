"""Stage: features -> a bundle, one network trained on all tasks jointly. `python -m flows.stages.train`."""

import contextlib
import logging
import os
import shutil
import sys
from dataclasses import replace

from dvclive import Live
from scmrepo.exceptions import SCMError

from flows import logs
from flows.candidate_fits import Fit, fit_again, fit_first
from flows.project import CANDIDATE, ENCODED, FEATURES, FIRST_FIT, PROFILE, REPORTS, TRAINING, VOCABULARY
from flows.stages.command_line import run_stage
from flows.training_run import Console, facts, refit_facts
from mgm.bundle.bundle import Bundle, Refit, load_stopwords, shaping_settings
from mgm.bundle.save import save_bundle
from mgm.files import read_json, write_json, write_text
from mgm.pretrained.folder import EncoderFiles
from mgm.pretrained.store import ENCODER
from mgm.settings.views.training import TrainingSettings
from mgm.text.dictionary import load_dictionaries
from mgm.text.segmentation.segmenter import load_segmenter
from mgm.text.stopwords import Stopwords
from mgm.text.subwords import SUBWORDS_FILE, Subwords
from mgm.text.vocabulary import Vocabulary
from mgm.training.callbacks import EpochReport
from mgm.training.distributed import check_process_count, process_group

_logger = logging.getLogger(__name__)

LIVE = REPORTS / "live"
NO_FIRST_FIT = "The candidate was fitted once, on train (train.refit: none).\n"
"""What stands in the folder of the first fit where there is none: DVC warns of empty folders."""


class TrainingLog(Live):
    """DVCLive's log of a training, also where Git has no commit yet: DVCLive asks for one, which this log has no use for."""

    def _init_dvc(self) -> None:
        with contextlib.suppress(SCMError):
            super()._init_dvc()


def main() -> None:
    """Train the candidate, twice with train.refit; a killed run goes on after its last whole epoch.

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
            fit_again(settings, tasks, first=fit_first(settings, tasks))


def _become_torchrun(num_processes: int) -> None:
    torchrun = ["torch.distributed.run", "--standalone", "--nproc-per-node", str(num_processes)]
    os.execv(sys.executable, [sys.executable, "-m", *torchrun, "-m", "flows.stages.train"])


def _train(settings: TrainingSettings) -> None:
    tasks = settings.active_tasks()
    with TrainingLog(str(LIVE), save_dvc_exp=False, dvcyaml=None, report=None) as live:
        console = Console(settings.train.epochs, lambda report: _log(live, report))
        first = fit_first(settings, tasks, callbacks=console)
    best = first.result.training
    _logger.info(f"epoch {best.best_epoch} is the best, mean {best.best_score:.4f}")
    training = facts(first.plan, first.result, settings=settings)
    shutil.rmtree(FIRST_FIT, ignore_errors=True)
    second = fit_again(settings, tasks, first=first)
    if second is None:
        write_text(FIRST_FIT / "README.md", NO_FIRST_FIT)
        identity = save_bundle(CANDIDATE, _bundle(first, settings))
    else:
        refit = Refit(
            splits=settings.train.refit_splits, first_fit=save_bundle(FIRST_FIT, _bundle(first, settings))
        )
        identity = save_bundle(CANDIDATE, _bundle(second, settings, refit=refit))
        training["refit"] = {
            "splits": list(refit.splits),
            "first_fit": refit.first_fit,
            **refit_facts(second.plan, second.result),
        }
    write_json(TRAINING, training)
    for fitted in (first, second):
        if fitted is not None:
            fitted.checkpoint.remove()
    _logger.info(f"bundle {identity[:12]} in {CANDIDATE}")


def _bundle(fitted: Fit, settings: TrainingSettings, *, refit: Refit | None = None) -> Bundle:
    segmenter, network = load_segmenter(FEATURES), fitted.result.network
    return Bundle(
        network=network,
        settings=shaping_settings(settings, segmenter),
        segmenter=segmenter,
        tasks=fitted.plan.tasks,
        thresholds=fitted.result.decisions.thresholds,
        calibrations=fitted.result.decisions.calibrations,
        linear_baselines=fitted.result.linear_baselines,
        vocabulary=Vocabulary.load(VOCABULARY),
        profile=read_json(PROFILE),
        stopwords=_stopwords(settings),
        dictionaries=load_dictionaries(settings, FEATURES / "dictionaries"),
        subwords=Subwords.load(FEATURES / SUBWORDS_FILE) if network.text_decoder is not None else None,
        refit=refit,
        encoder=_encoder_files(settings),
    )


def _encoder_files(settings: TrainingSettings) -> EncoderFiles | None:
    """Return the files of the pretrained encoder for the bundle: without weights where the network has trained them."""
    if not settings.model.pretrained.enabled:
        return None
    files = EncoderFiles.read(ENCODED / ENCODER)
    return replace(files, tensors={}) if settings.model.pretrained.is_trained else files


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
