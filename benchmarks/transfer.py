"""What it is worth to start from a pretrained encoder, and to learn from teachers. `python benchmarks/transfer.py --workspace FOLDER`.

A workspace is a clone for this use, with its corpora enabled in params.yaml; whole runs of its pipeline are compared, as a
user would make them: `plain` with params.yaml as it is, `pretrained` with train.init_from, `taught` with teachers made by
flows.distill (tasks trained alone, --teachers seeds of each, of which the single-task trainings are also what the multi-task
gain is measured against), with `both`, and, if --encoder names a folder below the workspace's data/encoders, with the vectors of
that `encoder` beside the other granularities. Each is fitted on train, stops and is tuned by valid, and is measured on test.
Differences are (model - plain) / plain of each task's first metric, seed by seed.

params.yaml is put back at the end. What each run says is kept in the workspace (data/transfer), and not run again while
params.yaml stays; a killed one goes on where it was; after a change of code or data, delete what it concerns. Cost: of a
seed four trainings of the joint model, one of each task alone and teacher, and the pretraining. Results go to
benchmarks/results/transfer.json, and as a table to the terminal.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import hardware
import quality
from peers import summary

from flows import study
from flows.distill import own_teachers, teacher_files
from flows.params_file import set_values
from mgm.experiments.gain import GAIN
from mgm.experiments.variants import SINGLE
from mgm.files import read_json, write_json
from mgm.settings.names import nearest
from mgm.settings.settings import PARAMS, Settings
from mgm.tasks import TASK_KINDS, Task

RESULTS = quality.RESULTS / "transfer.json"
WORK = Path("data/transfer")
PLAIN, PRETRAINED, TAUGHT, BOTH, ENCODER = "plain", "pretrained", "taught", "both", "encoder"
FOLDS = 5
RUN = ("python", "-m", "flows.cli", "run")
MODELS = (PLAIN, PRETRAINED, TAUGHT, BOTH, ENCODER)


def values(model: str, settings: Settings, teachers: int, encoder: str = "") -> dict[str, Any]:
    """What params.yaml says otherwise than for the plain model, by full names."""
    changes: dict[str, Any] = {}
    if model in (PRETRAINED, BOTH):
        changes["train.init_from"] = "pretrained"
    if model in (TAUGHT, BOTH):
        changes["distillation.teachers"] = teacher_files(
            own_teachers(settings, [], num_seeds=teachers, num_folds=FOLDS)
        )
    if model == ENCODER:
        changes |= {"model.pretrained.enabled": True, "model.pretrained.path": encoder}
    return changes


def pipeline(folder: Path, *command: str) -> None:
    """A command in the workspace, with this environment's Python and DVC.

    Raises:
        subprocess.CalledProcessError: it failed, and has said why.
    """
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    # the code is the workspace's own
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    subprocess.run(command, cwd=folder, env=environment | {"PATH": path}, check=True)


def run(folder: Path, model: str, settings: Settings, with_gain: bool = True) -> dict[str, Any]:
    """One run of the pipeline with params.yaml as it lies there, and what it says of itself."""
    tasks = settings.active_tasks()
    pipeline(folder, *RUN, "evaluate")
    # beside the others tasks trained alone would start pretrained, too, and cost as much again
    has_gain = with_gain and model in (PLAIN, TAUGHT)
    if has_gain:
        pipeline(folder, *RUN, *(study.stage_name(v) for v in study.select_variants(settings, [SINGLE])))
        pipeline(folder, "dvc", "repro", "--single-item", f"{study.STUDY}:gain")
    tested, training = read_json(folder / "reports/metrics.json"), read_json(folder / "reports/training.json")
    found = {
        "test": {t.name: {row["metric"]: row["value"] for row in tested[t.name]["table"]} for t in tasks},
        "valid": {t.name: {TASK_KINDS[t.kind].first_metric: training["validation"][t.name]} for t in tasks},
        **{key: training[key] for key in ("seconds", "best_epoch", "wide_share")},
    }
    if has_gain:
        gain = read_json(folder.joinpath(*GAIN))
        found["gain"] = {"tasks": gain["gain"], "mean": gain["mean"]}
    return found


def measure(
    folder: Path,
    models: Sequence[str],
    seeds: Sequence[int],
    teachers: int,
    encoder: str = "",
    with_gain: bool = True,
) -> dict[str, dict[str, Any]]:
    """Model to seed to what `run` says."""
    params, before = folder / PARAMS, folder / WORK / PARAMS
    if before.is_file():
        print(f"{params}: put back, as a killed run left it changed", flush=True)
        params.write_text(before.read_text(encoding="utf-8"), encoding="utf-8")
    text, settings = params.read_text(encoding="utf-8"), Settings.load(params)
    before.parent.mkdir(parents=True, exist_ok=True)
    before.write_text(text, encoding="utf-8")
    found: dict[str, dict[str, Any]] = {}
    try:
        for seed in seeds:
            for model in models:
                plain = set_values(text, {"seed": seed})
                own = set_values(text, {"seed": seed} | values(model, settings, teachers, encoder))
                kept = folder / WORK / f"{model}-{seed}.json"
                known = read_json(kept) if kept.is_file() else {}
                if known.get("params") != own:
                    print(f"{model}, seed {seed}", flush=True)
                    if model in (TAUGHT, BOTH):  # teachers start as the plain model does
                        params.write_text(plain, encoding="utf-8")
                        pipeline(
                            folder,
                            "python",
                            "-m",
                            "flows.distill",
                            "--seeds",
                            str(teachers),
                            "--folds",
                            str(FOLDS),
                        )
                    params.write_text(own, encoding="utf-8")
                    known = {"params": own, "found": run(folder, model, settings, with_gain)}
                    write_json(kept, known)
                found.setdefault(model, {})[str(seed)] = known["found"]
    finally:
        params.write_text(text, encoding="utf-8")
        before.unlink()
    return found


def report(found: dict[str, dict[str, Any]], tasks: Sequence[Task]) -> dict[str, Any]:
    """What the results file says of a bundle."""
    models = {}
    for model, runs in found.items():
        entry: dict[str, Any] = {}
        for split in ("test", "valid"):
            own, base = ({seed: run[split] for seed, run in found[m].items()} for m in (model, PLAIN))
            entry[split] = summary.summarise({model: own})[model]
            entry[f"{split}_against_plain"] = summary.differences(own, base, tasks)
        told = ("seconds", "best_epoch", "wide_share", "gain")
        models[model] = entry | {
            key: {seed: run[key] for seed, run in runs.items() if key in run} for key in told
        }
    return models


def table(models: dict[str, Any], tasks: Sequence[Task]) -> str:
    """Markdown: a line a model, the tasks' first metrics on test, mean differences, mean multi-task gain by seed."""
    heads = [f"{t.name} {TASK_KINDS[t.kind].first_metric}" for t in tasks]
    lines = [
        f"| model | {' | '.join(heads)} | on valid | on test | gain |",
        "| --- " * (len(heads) + 4) + "|",
    ]
    for name, found in models.items():
        cells = [f"{found['test'][t.name][TASK_KINDS[t.kind].first_metric]['mean']:.3f}" for t in tasks]
        cells += [f"{found[f'{split}_against_plain']['mean']:+.1%}" for split in ("valid", "test")]
        gains = [gain["mean"] for gain in found["gain"].values() if gain["mean"]]
        cells.append(", ".join(f"{g['gain']:+.1%} [{g['low']:+.1%}, {g['high']:+.1%}]" for g in gains))
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--workspace", type=Path, required=True, help="a clone whose params.yaml may be changed"
    )
    parser.add_argument(
        "--only", default="", help=f"of {', '.join(MODELS[1:])}, beside {PLAIN}; default: all"
    )
    parser.add_argument("--seeds", default="1")
    parser.add_argument("--teachers", type=int, default=1, choices=range(1, 4), help="of each task")
    parser.add_argument(
        "--encoder", default="", help="an encoder's folder below data/encoders of the workspace"
    )
    parser.add_argument("--no-gain", action="store_true", help="train no task alone beside the plain model")
    arguments = parser.parse_args()
    for name in quality.names(arguments.only):
        if name not in MODELS:
            raise ValueError(f"--only: no model {name!r}{nearest(name, MODELS)}")
    if ENCODER in quality.names(arguments.only) and not arguments.encoder:
        raise ValueError(f"--only {ENCODER}: expected --encoder, the name of an encoder's folder")
    possible = MODELS if arguments.encoder else MODELS[:-1]
    wanted = [m for m in possible if m == PLAIN or not arguments.only or m in quality.names(arguments.only)]
    settings = Settings.load(arguments.workspace / PARAMS)
    tasks = settings.active_tasks()
    seeds = quality.seeds_of(arguments.seeds)
    found = measure(
        arguments.workspace, wanted, seeds, arguments.teachers, arguments.encoder, not arguments.no_gain
    )
    compared = report(found, tasks)
    content = {
        "models": compared,
        "teachers_of_a_task": arguments.teachers,
        "encoder": arguments.encoder or None,
        "preset": settings.model.preset,
        "threads": settings.train.threads,
        "revision": hardware.revision(arguments.workspace),
    }
    corpora = sorted({corpus for task in tasks for corpus in task.corpora})
    what = "whole runs of the pipeline, fitted on train: pretrained and taught beside plain"
    quality.write(RESULTS, what, "+".join(corpora), content)
    print(table(compared, tasks))
    print(f"written to {RESULTS}")


if __name__ == "__main__":
    try:
        main()
    except (ValueError, FileNotFoundError, subprocess.CalledProcessError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
