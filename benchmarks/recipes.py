"""What each weighting, sharing and augmentation is worth beside the plain sum. `python benchmarks/recipes.py`.

A workspace is a project's folder whose features are made (see quality.py); its enabled corpora are one bundle. Every recipe
of recipes.yaml trains one network for all its tasks on train, with the same epochs, batches and seeds, and is measured on
valid, by which a recipe should be chosen, and on test. Differences are (recipe - plain) / plain of each task's first metric,
seed by seed. A random weighting tells what the others have to beat; three seeds tell little of differences below their
deviation.

Each training is written to the work folder when it is done, and not done again while features and settings stay; a killed one
goes on after its last epoch. After a change of code, delete what it concerns, here and in the results. Results go to
benchmarks/results/recipes.json (with --few or --rows to one beside it), beside what it knows of other recipes and seeds on the
same rows, and as a table to the terminal.
"""

import argparse
import os
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
import flows.environment  # noqa: F401  (before torch, which reads the environment when it is imported)

# isort: split
import hardware
import quality
from peers import summary
from peers.protocol import Benchmark, over
from peers.results import Results, by_seed, gathered
from peers.rows import Workspace, load

from mgm.settings.names import nearest
from mgm.settings.yaml_file import load_yaml
from mgm.tasks import TASK_KINDS

SETTINGS = Path("benchmarks/recipes.yaml")
WORK = Path("data/recipes")
PLAIN = "plain"
PREFIX = "mgm-"
"""Of the models of the protocol that are ours."""


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workspace", type=Path, default=Path("."), help="a project's folder with features")
    parser.add_argument("--corpora", default="", help="of the enabled ones, with commas; default: all")
    parser.add_argument("--only", default="", help=f"recipes, with commas, beside {PLAIN}; default: all")
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--few", type=int, help="so many training labels a task")
    parser.add_argument("--rows", type=int, help="so many documents of each corpus and split: a smoke run")
    parser.add_argument("--settings", type=Path, default=SETTINGS)
    parser.add_argument("--work", type=Path, default=WORK, help="where each training is kept")
    parser.add_argument("--dry-run", action="store_true", help="say what would be trained, and stop")
    return parser.parse_args()


def chosen(raw: dict[str, Any], only: Sequence[str]) -> list[str]:
    """The recipes to train, the plain one first.

    Raises:
        ValueError: a name that is none.
    """
    for name in only:
        if name not in raw["recipes"]:
            raise ValueError(f"--only: no recipe {name!r}{nearest(name, raw['recipes'])}")
    return [PLAIN, *(name for name in raw["recipes"] if name != PLAIN and (not only or name in only))]


def protocol(raw: dict[str, Any]) -> dict[str, Any]:
    """What quality.py's protocol reads: each recipe as a preset.

    Raises:
        ValueError: a key of a recipe that is none.
    """
    for name, recipe in raw["recipes"].items():
        for key in recipe:
            if key not in ("model", "train", "cost"):
                raise ValueError(f"recipes.{name}: no key {key!r}{nearest(key, ('model', 'train', 'cost'))}")
    return {
        "presets": {
            name: over(raw["base"], {part: recipe.get(part, {}) for part in ("model", "train")})
            for name, recipe in raw["recipes"].items()
        },
        "minutes": {
            PREFIX + name: raw["minutes"] * recipe.get("cost", 1) for name, recipe in raw["recipes"].items()
        },
    }


def on_valid(results: Results, workspace: Workspace) -> dict[str, dict[str, dict[str, dict[str, float]]]]:
    """Model to seed to task to its first metric on valid, of the epoch that is kept."""
    metric = {task.name: TASK_KINDS[task.kind].first_metric for task in workspace.tasks}
    return {
        model: {
            seed: {task: {metric[task]: value} for task, value in found["tuned"]["valid"].items()}
            for seed, found in network.items()
        }
        for model, network in networks(results).items()
    }


def networks(results: Results) -> dict[str, dict[str, dict[str, Any]]]:
    """Model to seed to result: each is one network for all tasks, however many these are."""
    return {model: next(iter(parts.values())) for model, parts in results.items()}


def time(own: dict[str, dict[str, Any]], base: dict[str, dict[str, Any]]) -> float | None:
    """Seconds of a training, over those of the plain one of the same seed; None where none has both whole."""
    pairs = [(found["seconds"], base[seed]["seconds"]) for seed, found in own.items() if seed in base]
    ratios = [one / other for one, other in pairs if one and other]
    return round(statistics.mean(ratios), 2) if ratios else None


def report(workspace: Workspace, results: Results, presets: dict[str, Any]) -> dict[str, Any]:
    """What the results file says of a bundle."""
    test, valid, trained = by_seed(results), on_valid(results, workspace), networks(results)
    base = PREFIX + PLAIN
    recipes = {}
    # the plain one first, then in the order of recipes.yaml; what is no recipe any more is not told
    for name in sorted(presets, key=lambda name: name != PLAIN):
        model = PREFIX + name
        if model not in results:
            continue
        recipes[name] = {
            "settings": presets[name],
            "test": summary.summarise({name: test[model]})[name],
            "valid": summary.summarise({name: valid[model]})[name],
            "test_against_plain": summary.differences(test[model], test[base], workspace.tasks),
            "valid_against_plain": summary.differences(valid[model], valid[base], workspace.tasks),
            "time": time(trained[model], trained[base]),
        }
    return {"labelled_rows": quality.labelled_rows(workspace), "recipes": recipes, "results": results}


def table(recipes: dict[str, Any], workspace: Workspace) -> str:
    """Markdown: a line a recipe, a column a task's first metric on test, then the mean differences and the time."""
    tasks = [t for t in workspace.tasks if t.name in recipes[PLAIN]["test"]]
    heads = [f"{t.name} {TASK_KINDS[t.kind].first_metric}" for t in tasks]
    lines = [
        f"| recipe | {' | '.join(heads)} | on valid | on test | time |",
        "| --- " * (len(heads) + 4) + "|",
    ]
    for name, found in recipes.items():
        cells = []
        for task in tasks:
            value = found["test"][task.name][TASK_KINDS[task.kind].first_metric]
            cells.append(f"{value['mean']:.3f}" + ("" if value["sd"] is None else f" ± {value['sd']:.3f}"))
        for split in ("valid", "test"):
            mean = found[f"{split}_against_plain"]["mean"]
            cells.append("" if mean is None else f"{mean:+.1%}")
        time_of = "" if found["time"] is None else f"{found['time']:.2f}"
        lines.append(f"| {name} | {' | '.join(cells)} | {time_of} |")
    return "\n".join(lines)


def main() -> None:
    arguments = parse()
    raw = load_yaml(arguments.settings.read_text(encoding="utf-8"))
    recipes, made = chosen(raw, quality.names(arguments.only)), protocol(raw)
    workspace = load(arguments.workspace, quality.names(arguments.corpora), arguments.rows, arguments.few)
    bundle, kind = "+".join(workspace.parts), quality.variant(arguments.few, arguments.rows)
    seeds = quality.seeds_of(arguments.seeds)
    # `few` of the protocol: what was fitted on train is measured, and not fitted again on train and valid
    benchmark = Benchmark(workspace, made, seeds, True, arguments.work / bundle / kind)
    units = benchmark.units([PREFIX + name for name in recipes], [])
    quality.announce(workspace, units)
    if arguments.dry_run:
        return
    # seed by seed, so that a run that is stopped has whole comparisons
    for _ in quality.measure(sorted(units, key=lambda unit: seeds.index(unit.seed))):
        pass
    path = quality.RESULTS / ("recipes.json" if kind == "all" else f"recipes-{kind}.json")
    results = gathered(path, bundle, quality.labelled_rows(workspace), units)
    content = report(workspace, results, made["presets"])
    content["versions"] = quality.versions() | hardware.versions(["torchjd"])
    what = "recipes beside the plain sum, fitted on train"
    quality.write(path, what + ("" if kind == "all" else f" ({kind})"), bundle, content)
    print(table(content["recipes"], workspace))
    print(f"written to {path}")


if __name__ == "__main__":
    try:
        main()
    except (ValueError, FileNotFoundError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
