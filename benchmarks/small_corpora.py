"""How mgm does on small corpora beside a tuned linear model. `python benchmarks/small_corpora.py --workspace FOLDER...`.

A newcomer's corpus has some thousand labels. Here such corpora are drawn from large ones: for each task of the workspaces (see
quality.py), each number of `--labels` and each seed, so many training documents, a sixth as many of validation and at most `--test` of test, by a hash of
seed and id. mgm trains one network for the task as `mgm run` does in a project that `mgm init` made of so many rows: the settings of
`train` that it proposes for their number, and the defaults of `train` and `model` for the rest. The linear peer is tuned on the same
validation documents, over the whole grid of quality.py, and fitted on the same training documents. Neither is fitted on validation
afterwards.

Both predict the same test documents. The difference of the first metric (accuracy, micro-F1, Pearson) has a paired bootstrap
interval: a win or a loss is one whose interval is off 0. Never tune by these tables: they are of test splits.

Each corpus is written to the work folder when it is known, and not measured again while features and settings stay; after a change of
code, delete what it concerns. Results go to benchmarks/results/small_corpora.json, beside what it knows, and as a table to the
terminal.
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from hashlib import blake2b
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
import flows.environment  # noqa: F401  (before torch, which reads the environment when it is imported)

# isort: split
import hardware
import numpy as np
import polars as pl
import quality
from peers import network
from peers.linear import Linear
from peers.peer import tune
from peers.protocol import kept
from peers.rows import Parts, Rows, Workspace, load
from peers.scores import Outcome, score

from mgm.corpus.proposal import propose_training
from mgm.files import read_json, write_json
from mgm.model.thresholds import Thresholds
from mgm.settings.names import nearest
from mgm.settings.settings import PARAMS, Settings
from mgm.tasks import Task, with_label_spaces
from mgm.text.features import FeaturePart

RESULTS = Path("benchmarks/results/small_corpora.json")
WORK = Path("data/small_corpora")
KINDS = {"classification": "accuracy", "multilabel": "micro_f1", "regression": "pearson"}
"""Kinds that the linear peer has, with the metric of the table."""
VALIDATION_SHARE = 1 / 6
RESAMPLES = 1000


def draw(parts: Parts, task: Task, labels: int, test: int, seed: int) -> Parts:
    """The documents of a small corpus: labelled ones alone, the first of each split by a hash of seed and id."""
    counts = {"train": labels, "valid": round(labels * VALIDATION_SHARE), "test": test}
    found: Parts = {}
    own = {c: parts[c] for c in task.corpora if c in parts}
    known = pl.concat([_labelled(p, task).select("doc_id", "split") for of in own.values() for p in of])
    chosen: list[str] = []
    for split, count in counts.items():
        ids = known.filter(pl.col("split") == split)["doc_id"].to_list()
        chosen += sorted(ids, key=lambda doc_id: _order(doc_id, seed))[:count]
    for corpus, of in own.items():
        found[corpus] = [
            FeaturePart(_labelled(p, task).filter(pl.col("doc_id").is_in(chosen)), p.types) for p in of
        ]
    return found


def _labelled(part: FeaturePart, task: Task) -> pl.DataFrame:
    return part.documents.filter(pl.col(task.columns.label).is_not_null())


def _order(doc_id: str, seed: int) -> bytes:
    return blake2b(f"{seed} {doc_id}".encode(), digest_size=8).digest()


def measure(workspace: Workspace, task: Task, seed: int, work: Path) -> dict[str, Any]:
    """Both models' test metrics, what was tuned, and the difference with its interval."""
    rows = workspace.rows(task)
    train, test = rows.of("train"), rows.of("test")
    peer = Linear()
    tuned = tune(peer, rows, seed)
    linear = peer.outcome(rows, train, test, tuned["setting"], seed)
    settings = new_project_settings(workspace.settings, len(rows.table), seed)
    own, fitted = network.tune(workspace, [task], settings, work / "checkpoints")
    outcome = _predicted(workspace, task, fitted)
    judged = rows.filter(test)
    linear_thresholds = Thresholds(**tuned["thresholds"]) if tuned["thresholds"] else None
    thresholds = fitted.decisions.thresholds.get(task.name)
    return {
        "labels": {"train": int(train.sum()), "valid": int(rows.of("valid").sum()), "test": int(test.sum())},
        "classes": len(rows.space),
        "linear": score(judged, linear, linear_thresholds).metrics,
        "mgm": score(judged, outcome, thresholds).metrics,
        "setting": tuned["setting"],
        "weight_of_wide": own["shares"].get(task.name),
        "train": {"epochs": settings.train.epochs, "patience": settings.train.patience},
        "best_epoch": own["best_epoch"],
        "seconds": own["seconds"],
        "difference": difference(judged, (outcome, thresholds), (linear, linear_thresholds)),
    }


def new_project_settings(settings: Settings, num_rows: int, seed: int) -> Settings:
    """The workspace's settings with the sections `model` and `train` of a project that `mgm init` makes of so many rows."""
    whole = settings.model_dump(mode="json", exclude_defaults=True)
    whole |= {"model": {}, "train": propose_training(num_rows), "seed": seed}
    return Settings.parse(whole, "mgm init")


def _predicted(workspace: Workspace, task: Task, fitted: Any) -> Outcome:
    found = [
        network.labelled_outcomes(part, with_label_spaces([task], workspace.labels), fitted)[task.name]
        for of in workspace.parts.values()
        for part in of
    ]
    return np.concatenate(found)


def difference(
    rows: Rows, own: tuple[Outcome, Thresholds | None], peer: tuple[Outcome, Thresholds | None]
) -> dict[str, float]:
    """The metric of `own` minus that of `peer` on the same rows, and its 95% interval over resampled rows."""
    metric = KINDS[rows.task.kind]

    def gain(index: np.ndarray) -> float:
        chosen = replace(rows, table=rows.table[index])
        values = [score(chosen, np.asarray(o)[index], t).metrics[metric] for o, t in (own, peer)]
        return values[0] - values[1]

    count = rows.table.height
    rng = np.random.default_rng(0)
    gains = [gain(rng.integers(0, count, count)) for _ in range(RESAMPLES)]
    low, high = np.quantile(gains, [0.025, 0.975])
    return {"mean": gain(np.arange(count)), "low": float(low), "high": float(high)}


def summary(corpora: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """The numbers of wins, losses and ties, and the mean difference."""
    gains = [corpus["difference"] for corpus in corpora.values()]
    wins, losses = sum(g["low"] > 0 for g in gains), sum(g["high"] < 0 for g in gains)
    mean = sum(g["mean"] for g in gains) / max(len(gains), 1)
    return {"wins": wins, "losses": losses, "ties": len(gains) - wins - losses, "mean": round(mean, 5)}


def table(corpora: Mapping[str, Mapping[str, Any]]) -> str:
    """The corpora as a table, a line each."""
    lines = ["| corpus | classes | linear | mgm | difference |", "| --- | --- | --- | --- | --- |"]
    for name, found in corpora.items():
        gain = found["difference"]
        metric = next(m for m in KINDS.values() if m in found["mgm"])
        values = f"{found['linear'][metric]:.3f} | {found['mgm'][metric]:.3f}"
        interval = f"{100 * gain['mean']:+.1f} ({100 * gain['low']:+.1f} to {100 * gain['high']:+.1f})"
        lines.append(f"| {name} | {found['classes'] or ''} | {values} | {interval} |")
    return "\n".join(lines)


def chosen_tasks(folders: Sequence[Path], only: Sequence[str]) -> dict[Path, list[str]]:
    """The names of the tasks of documents to measure, by workspace.

    Raises:
        ValueError: a name that is a task of none.
    """
    known = {
        folder: [t.name for t in Settings.load(folder / PARAMS).active_tasks() if t.kind in KINDS]
        for folder in folders
    }
    every = [name for of_folder in known.values() for name in of_folder]
    for name in only:
        if name not in every:
            raise ValueError(f"--tasks: no task of documents {name!r}{nearest(name, every)}")
    return {folder: [n for n in of_folder if not only or n in only] for folder, of_folder in known.items()}


def counts(text: str) -> list[int]:
    """The numbers of --labels.

    Raises:
        ValueError: something else than whole numbers above 0 with commas between.
    """
    found = quality.names(text)
    if not found or not all(number.isdecimal() and int(number) for number in found):
        raise ValueError(
            f"--labels: found {text!r}, expected whole numbers above 0 with commas between, such as 1500,4000"
        )
    return [int(number) for number in found]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--workspace", type=Path, nargs="+", default=[Path(".")], help="projects' folders with features"
    )
    parser.add_argument("--tasks", default="", help="tasks of documents, with commas; default: all")
    parser.add_argument("--labels", default="1500", help="training labels of a corpus; several with commas")
    parser.add_argument("--test", type=int, default=1500, help="most test documents of a corpus")
    parser.add_argument("--seeds", default="1,2")
    parser.add_argument("--work", type=Path, default=WORK, help="where each result is kept")
    arguments = parser.parse_args()
    if arguments.test < 1:
        raise ValueError(f"--test {arguments.test}: expected at least 1")
    labels, seeds = counts(arguments.labels), quality.seeds_of(arguments.seeds)
    corpora: dict[str, dict[str, Any]] = read_json(RESULTS)["corpora"] if RESULTS.is_file() else {}
    for folder, tasks in chosen_tasks(arguments.workspace, quality.names(arguments.tasks)).items():
        if not tasks:
            continue
        workspace = load(folder)
        for task in [task for task in workspace.tasks if task.name in tasks]:
            for count in labels:
                for seed in seeds:
                    name = f"{task.name}-{count}-{seed}"
                    print(f"{name}: ", end="", flush=True)
                    corpora[name] = kept_corpus(workspace, task, count, seed, name, arguments)
                    print(f"{100 * corpora[name]['difference']['mean']:+.1f}", flush=True)
                    write(corpora)
    print(table(corpora))
    print(", ".join(f"{key} {value}" for key, value in summary(corpora).items()))
    print(f"written to {RESULTS}")


def kept_corpus(
    workspace: Workspace, task: Task, labels: int, seed: int, name: str, arguments: argparse.Namespace
) -> dict[str, Any]:
    """What the work folder has of a corpus, or what is measured now."""
    small = replace(
        workspace,
        parts=draw(workspace.parts, task, labels, arguments.test, seed),
        fingerprint=f"{workspace.fingerprint} {name} {arguments.test}",
    )
    # the linear peer's grid is part of what is compared
    settings = new_project_settings(workspace.settings, len(small.rows(task).table), seed)
    facts = [small.fingerprint, settings.training_sections(), Linear().grid(task)]
    fingerprint = blake2b(repr(facts).encode(), digest_size=8).hexdigest()

    def fresh() -> dict[str, Any]:
        made_with = {
            "revision": hardware.revision(),
            "date": date.today().isoformat(),
            "cpu": hardware.cpu(),
            "versions": quality.versions(),
        }
        return measure(small, task, seed, arguments.work) | made_with

    return kept(arguments.work / f"{name}.json", fingerprint, fresh)


def write(corpora: Mapping[str, Mapping[str, Any]]) -> None:
    what = "test metrics of small corpora; both models fitted on train and tuned on valid"
    made_with = {"machine": hardware.machine(), "versions": quality.versions()}
    write_json(RESULTS, {"what": what, "corpora": corpora, "summary": summary(corpora)} | made_with)


if __name__ == "__main__":
    try:
        main()
    except (ValueError, FileNotFoundError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
