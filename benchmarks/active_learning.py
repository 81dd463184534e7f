"""What `mgm export review` is worth: labels that it chooses, and wrong labels that it finds. `python benchmarks/active_learning.py --workspace FOLDER`.

The workspace is a project with the features of a large corpus (see quality.py); one classification task of it is trained alone, with
the workspace's settings.

next: a model is trained on `--start` labels of the training split. Then `--more` labels are added: those that the model chooses
from the `--pool` other training documents, as `mgm export review` does, or others at random. Both models predict the same test
documents; the difference of their metrics has a paired bootstrap interval over test documents and seeds.

errors: of `--labels` training documents and as many validation documents as usual a share `--flipped` gets another class at random,
and a model is trained on these labels. It ranks the same labels by doubt; of the first 200 those are counted that were flipped. By
chance it would be the share that was flipped.

Each result is written to the work folder when it is known, and not measured again while features and settings stay; after a change of
code, delete what it concerns. Results go to benchmarks/results/active_learning.json, and as a table to the terminal.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
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
from peers.protocol import kept
from peers.rows import Parts, Workspace, load
from sklearn.metrics import accuracy_score, f1_score

from mgm.active_learning.labelled import LabelledDocuments
from mgm.active_learning.measures import MeasuredModel
from mgm.active_learning.ranking import MEASURES, rank
from mgm.active_learning.selection import select
from mgm.corpus.parts import read_parts
from mgm.files import write_json
from mgm.model.decode import decode
from mgm.settings.names import nearest
from mgm.settings.settings import Settings
from mgm.tasks import Task, with_label_spaces
from mgm.text.features import FeaturePart

RESULTS = Path("benchmarks/results/active_learning.json")
WORK = Path("data/active_learning")
VALIDATION_SHARE = 1 / 6
REVIEWED = 200
RESAMPLES = 1000
METRICS: dict[str, Callable[[Sequence[str], Sequence[str]], float]] = {
    "accuracy": accuracy_score,
    "macro_f1": lambda true, predicted: f1_score(true, predicted, average="macro", zero_division=0),
}


def order(ids: Sequence[str], seed: int, purpose: str) -> list[str]:
    """The ids by a hash of seed, purpose and id."""
    return sorted(
        ids, key=lambda doc_id: blake2b(f"{seed} {purpose} {doc_id}".encode(), digest_size=8).digest()
    )


def documents(workspace: Workspace, task: Task) -> pl.DataFrame:
    """The labelled documents of a task: corpus, doc_id, split, label."""
    return pl.concat(
        part.documents.filter(pl.col(task.columns.label).is_not_null()).select(
            pl.lit(corpus).alias("corpus"), "doc_id", "split", label=task.columns.label
        )
        for corpus, parts in workspace.parts.items()
        if corpus in task.corpora
        for part in parts
    )


def only(parts: Parts, task: Task, ids: Sequence[str]) -> Parts:
    """The parts of a task's corpora with these documents alone."""
    return {
        corpus: [
            FeaturePart(p.documents.filter(pl.col("doc_id").is_in(list(ids))), p.types) for p in parts[corpus]
        ]
        for corpus in task.corpora
        if corpus in parts
    }


def train(workspace: Workspace, task: Task, parts: Parts, seed: int, work: Path) -> MeasuredModel:
    """The model of the task that these documents make, as `mgm run` trains it."""
    settings: Settings = workspace.settings.model_copy(update={"seed": seed})
    facts = sorted(f"{d} {label}" for of in parts.values() for p in of for d, label in p.documents.select("doc_id", task.columns.label_ids).iter_rows())  # fmt: skip
    fingerprint = blake2b(repr(facts).encode(), digest_size=8).hexdigest()
    small = replace(workspace, parts=parts, fingerprint=f"{workspace.fingerprint} {fingerprint}")
    _, fitted = network.tune(small, [task], settings, work / "checkpoints")
    (labelled,) = with_label_spaces([task], workspace.labels)
    baseline = fitted.linear_baselines.get(task.name)
    return MeasuredModel(
        network=fitted.network.eval(),
        task=labelled,
        wide_weight=0.5 if baseline is None else 1 / (2 * baseline.factor),
    )


def test_predictions(model: MeasuredModel, parts: Parts) -> pl.DataFrame:
    """The predicted and true classes of the documents: doc_id, true, predicted."""
    found = []
    for of in parts.values():
        for part in of:
            rows = np.arange(part.documents.height)
            outcome = decode(model.network, part, rows=rows, tasks=[model.task])[model.task.name]
            predicted = pl.Series(model.task.labels).gather(np.asarray(outcome).argmax(1))
            found.append(
                part.documents.select("doc_id", true=model.task.columns.label).with_columns(
                    predicted=predicted
                )
            )
    return pl.concat(found).sort("doc_id")


def choose(
    workspace: Workspace, model: MeasuredModel, pool: Parts, number: int, by: Sequence[str], seed: int
) -> list[str]:
    """The ids of the documents of the pool to label next; their labels are not looked at."""
    measured, vectors = [], []
    for of in pool.values():
        for part in of:
            measured.append(model.measure(part).table)
            vectors.append(model.vectors(part))
    table, vector = pl.concat(measured), np.concatenate(vectors)
    found = pl.concat(
        part
        for corpus in pool
        for part in read_parts(workspace.folder / "data/unique" / corpus, ["doc_id", "text"])
    )
    texts = table.select("doc_id").join(found, on="doc_id", how="left", maintain_order="left")["text"]
    chosen = select(
        rank(table, pl.repeat(False, table.height, eager=True), by=by),
        number,
        texts=lambda rows: texts.gather(list(rows)).to_list(),
        vectors=lambda rows: vector[list(rows)],
        deduplication=workspace.settings.text.deduplication,
        seed=seed,
    )
    return table["doc_id"].gather(chosen["row"]).to_list()


def label_next(
    workspace: Workspace, task: Task, seed: int, options: argparse.Namespace, work: Path
) -> dict[str, Any]:
    """The test metrics after labels at random and after chosen ones, and the predictions of both."""
    known = documents(workspace, task)
    of = {split: known.filter(pl.col("split") == split)["doc_id"].to_list() for split in ("train", "valid", "test")}  # fmt: skip
    train_ids = order(of["train"], seed, "train")
    start, pool = train_ids[: options.start], train_ids[options.start : options.start + options.pool]
    held_out = order(of["valid"], seed, "valid")[: round(options.start * VALIDATION_SHARE)]
    tested = only(workspace.parts, task, order(of["test"], 0, "test")[: options.test])
    first = train(workspace, task, only(workspace.parts, task, start + held_out), seed, work)
    pool_parts = only(workspace.parts, task, pool)
    arms = {"random": pool[: options.more]}
    for name in options.arms:
        by = MEASURES if name == "review" else [name]
        arms[name] = choose(workspace, first, pool_parts, options.more, by, seed)
    result: dict[str, Any] = {
        "start": {"metrics": metrics(test_predictions(first, tested))},
        "labels": {
            "start": len(start),
            "more": options.more,
            "pool": len(pool),
            "valid": len(held_out),
            "test": sum(p.documents.height for parts in tested.values() for p in parts),
        },
    }
    for name, ids in arms.items():
        model = train(workspace, task, only(workspace.parts, task, start + held_out + ids), seed, work)
        table = test_predictions(model, tested)
        result[name] = {"metrics": metrics(table), "predicted": table["predicted"].to_list()}
        result["true"] = table["true"].to_list()
        print(
            f"  {name}: " + ", ".join(f"{key} {value:.4f}" for key, value in result[name]["metrics"].items()),
            flush=True,
        )
    return result


def metrics(table: pl.DataFrame) -> dict[str, float]:
    true, predicted = table["true"].to_list(), table["predicted"].to_list()
    return {name: round(float(metric(true, predicted)), 5) for name, metric in METRICS.items()}


def flip(labels: pl.Series, space: Sequence[str], share: float, seed: int) -> pl.Series:
    """The labels with a share of them replaced by another class at random."""
    rng = np.random.default_rng(seed)
    values = labels.to_list()
    for place in rng.choice(len(values), round(share * len(values)), replace=False):
        values[place] = rng.choice([name for name in space if name != values[place]])
    return pl.Series(labels.name, values, dtype=pl.String)


def find_errors(
    workspace: Workspace, task: Task, seed: int, options: argparse.Namespace, work: Path
) -> dict[str, Any]:
    """The number of flipped labels among the first that the model doubts."""
    known = documents(workspace, task)
    space = list(workspace.labels[task.name])
    ids = []
    for split, count in (("train", options.labels), ("valid", round(options.labels * VALIDATION_SHARE))):
        of = known.filter(pl.col("split") == split, pl.col("label").is_in(space))["doc_id"].to_list()
        ids += order(of, seed, split)[:count]
    parts = only(workspace.parts, task, ids)
    flipped: Parts = {}
    truth: dict[str, str] = {}
    for corpus, of_corpus in parts.items():
        flipped[corpus] = []
        for number, part in enumerate(of_corpus):
            label = part.documents[task.columns.label]
            truth |= dict(zip(part.documents["doc_id"], label, strict=True))
            wrong = flip(label, space, options.flipped, seed * 1000 + number)
            label_ids = wrong.replace_strict(
                {n: i for i, n in enumerate(space)},
                return_dtype=part.documents[task.columns.label_ids].dtype,
            ).alias(task.columns.label_ids)
            flipped[corpus].append(FeaturePart(part.documents.with_columns(wrong, label_ids), part.types))
    model = train(workspace, task, flipped, seed, work)
    labelled = LabelledDocuments(model)
    for of_corpus in flipped.values():
        for part in of_corpus:
            labelled.add(part, model.measure(part), labels=part.documents[task.columns.label])
    rows = pl.concat(part.documents for of_corpus in flipped.values() for part in of_corpus)
    is_flipped = np.array(
        [truth[d] != given for d, given in rows.select("doc_id", task.columns.label).iter_rows()]
    )
    doubts = labelled.doubts()
    assert doubts is not None
    first = doubts["row"].head(REVIEWED).to_numpy()
    by_chance = is_flipped.mean() * len(first)
    return {
        "labels": rows.height,
        "flipped": int(is_flipped.sum()),
        "reviewed": len(first),
        "found": int(is_flipped[first].sum()),
        "by_chance": round(float(by_chance), 2),
        "times_chance": round(float(is_flipped[first].sum() / by_chance), 2),
        "suspected": int(doubts["is_suspected"].sum()),
    }


def gains(results: Sequence[dict[str, Any]], arm: str) -> dict[str, dict[str, float]]:
    """The mean over seeds of a metric after chosen labels less that after labels at random, with its 95% interval.

    Test documents are resampled together for all seeds, and the seeds as well.
    """
    rng = np.random.default_rng(0)
    data = [
        tuple(np.array(values) for values in (r["true"], r[arm]["predicted"], r["random"]["predicted"]))
        for r in results
    ]
    found = {}
    for name, metric in METRICS.items():

        def gain(seeds: Sequence[int], rows: Any = slice(None), metric: Any = metric) -> float:
            chosen = [[values[rows] for values in data[seed]] for seed in seeds]
            return float(np.mean([metric(true, a) - metric(true, b) for true, a, b in chosen]))

        count = len(data[0][0])
        resampled = [
            gain(rng.integers(0, len(data), len(data)), rng.integers(0, count, count))
            for _ in range(RESAMPLES)
        ]
        low, high = np.quantile(resampled, [0.025, 0.975])
        mean = gain(range(len(data)))
        found[name] = {"mean": round(mean, 5), "low": round(float(low), 5), "high": round(float(high), 5)}
    return found


def without_predictions(result: dict[str, Any]) -> dict[str, Any]:
    """A result of `label_next` as it is written: metrics alone."""
    short = {key: value for key, value in result.items() if key != "true"}
    for key, value in short.items():
        if isinstance(value, dict) and "metrics" in value:
            short[key] = value["metrics"]
    return short


def chosen_task(workspace: Workspace, name: str) -> Task:
    """The task to measure.

    Raises:
        ValueError: there is none of this name and of a kind with classes.
    """
    tasks = {task.name: task for task in workspace.tasks if task.kind == "classification"}
    if name not in tasks:
        raise ValueError(f"--task: no classification task {name!r}{nearest(name, list(tasks))}")
    return tasks[name]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workspace", type=Path, default=Path("."), help="a project's folder with features")
    parser.add_argument("--task", default="role", help="a classification task")
    parser.add_argument("--start", type=int, default=2000, help="labels that the first model is trained on")
    parser.add_argument("--more", type=int, default=1000, help="labels that are added")
    parser.add_argument("--pool", type=int, default=10_000, help="documents that they are chosen from")
    parser.add_argument("--test", type=int, default=4000, help="most test documents")
    parser.add_argument("--labels", type=int, default=3000, help="training labels of which some are flipped")
    parser.add_argument("--flipped", type=float, default=0.05, help="share of flipped labels")
    parser.add_argument("--seeds", default="1,2,3,4,5,6", help="the seeds of next")
    parser.add_argument("--error-seeds", default="1,2,3", help="the seeds of errors")
    parser.add_argument(
        "--parts", default="next,errors", help="next, errors, or both; each seed of a part is one result"
    )
    parser.add_argument(
        "--arms", default="review", help="review (all measures), uncertainty, disagreement; with commas"
    )
    parser.add_argument("--work", type=Path, default=WORK, help="where each result is kept")
    options = parser.parse_args()
    options.arms = quality.names(options.arms)
    workspace = load(options.workspace)
    task = chosen_task(workspace, options.task)
    settings = workspace.settings.training_sections()
    numbers = [options.start, options.more, options.pool, options.test, options.labels, options.flipped]
    fingerprint = blake2b(
        repr([workspace.fingerprint, settings, numbers, options.arms]).encode(), digest_size=8
    ).hexdigest()
    results: dict[str, list[dict[str, Any]]] = {"next": [], "errors": []}
    for part in quality.names(options.parts):
        measure, seeds = (label_next, options.seeds) if part == "next" else (find_errors, options.error_seeds)
        for seed in quality.seeds_of(seeds):
            print(f"{part}, seed {seed}", flush=True)

            def fresh(measure: Any = measure, seed: int = seed) -> dict[str, Any]:
                found: dict[str, Any] = measure(workspace, task, seed, options, options.work)
                return found | {"seed": seed, "revision": hardware.revision()}

            results[part].append(kept(options.work / f"{task.name}-{part}-{seed}.json", fingerprint, fresh))
    content: dict[str, Any] = {
        "what": "labels that mgm export review chooses, and wrong labels that it finds",
        "task": task.name,
        "next": [without_predictions(result) for result in results["next"]],
        "gains": {arm: gains(results["next"], arm) for arm in options.arms if results["next"]},
        "errors": results["errors"],
        "machine": hardware.machine(),
        "versions": quality.versions(),
    }
    write_json(RESULTS, content)
    for arm, found in content["gains"].items():
        for metric, gain in found.items():
            print(f"{arm} less random, {metric}: {100 * gain['mean']:+.2f} ({100 * gain['low']:+.2f} to {100 * gain['high']:+.2f})")  # fmt: skip
    for result in results["errors"]:
        print(f"seed {result['seed']}: {result['found']} of {result['reviewed']} were flipped, {result['times_chance']} x chance")  # fmt: skip
    print(f"written to {RESULTS}")


if __name__ == "__main__":
    try:
        main()
    except (ValueError, FileNotFoundError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
