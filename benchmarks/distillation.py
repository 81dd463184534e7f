"""What a pretrained encoder gives a model that does not carry it. `python benchmarks/distillation.py --workspace FOLDER --encoder FOLDER`.

With few labels of a task (--few) and many documents without one, four models of the preset `fast` are fitted for it on train and tuned on
valid, as `mgm run` does in a project of so many documents: `plain`; `taught`, which learns from cross-fitted linear models on the
encoder's vectors (`mgm distill --encoder`); `taught_deep`, where its wide part does not; `vectors`, whose words start from the encoder's
(`text.vectors.source: encoder`); and `both`. The labelled documents are the same for all seeds and models.

The workspace is a project's folder whose features are made (see quality.py). Each training is written to the work folder when it is
done, and not done again while features and settings stay; so are the encoder's vectors. After a change of code, delete what it concerns.
Results go to benchmarks/results/distillation.json, beside what it knows of other tasks, and as a table to the terminal. With an idle
core a training takes about half a minute for each 4,000 labels, and two where it learns from unlabelled documents.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
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
from peers.rows import Workspace, load

from mgm.corpus.parts import read_table
from mgm.corpus.proposal import propose_training
from mgm.files import fingerprint, read_json, write_json
from mgm.pretrained.encoder import PretrainedEncoder
from mgm.pretrained.word_vectors import encode_vocabulary
from mgm.settings.names import nearest
from mgm.settings.settings import Settings
from mgm.tasks import TASK_KINDS, Task, with_label_spaces
from mgm.text.features import FeaturePart
from mgm.text.vectors.table import VectorTable
from mgm.text.vocabulary import Vocabulary
from mgm.training.distillation.linear_teacher import LinearTeacher, teach_linear
from mgm.training.distillation.predict import training_documents
from mgm.training.fit import fit, plan_training
from mgm.training.kinds import TASK_TRAINING
from mgm.training.validation import validate

RESULTS = quality.RESULTS / "distillation.json"
WORK = Path("data/distillation")
MODELS = ("plain", "taught", "taught_deep", "vectors", "both")
TAUGHT = ("taught", "taught_deep", "both")
VECTORS = ("vectors", "both")
FOLDS = 5
BLOCK = 1_024


class Encoded:
    """An encoder's vectors of documents and words, kept in the work folder."""

    def __init__(self, folder: Path, settings: Settings, work: Path) -> None:
        reading = settings.model.pretrained.model_copy(update={"enabled": True, "path": folder.name})
        self.encoder = PretrainedEncoder.load(folder, reading)
        self.work = work / f"{folder.resolve().name}-{self.encoder.files.sha256[:12]}"

    def documents(self, workspace: Workspace, corpus: str) -> np.ndarray:
        """The vectors (n,D) of training documents, in the order of the features."""
        ids = pl.concat(p.documents.filter(split="train").select("doc_id") for p in workspace.parts[corpus])
        table = read_table(workspace.folder / "data/unique" / corpus, ["doc_id", "text"])
        texts = ids.join(table, on="doc_id", how="left", maintain_order="left")["text"].to_list()
        blocks = []
        for start in range(0, len(texts), BLOCK):
            some = texts[start : start + BLOCK]
            path = self.work / f"{corpus}-{fingerprint({'texts': some})[:24]}.npy"
            blocks.append(_kept_array(path, partial(self.encoder.encode_texts, some)))
            print(f"encoded {corpus}: {start + len(some):,} of {len(texts):,} documents", flush=True)
        return np.concatenate(blocks)

    def words(self, workspace: Workspace, width: int) -> VectorTable:
        """The vectors (V+1,width) of the workspace's vocabulary."""
        words = Vocabulary.load(workspace.folder / "data/features/vocabulary.parquet").table["word"].to_list()
        path = self.work / f"words-{fingerprint({'words': words})[:24]}-{width}.npy"
        return _kept_array(path, partial(encode_vocabulary, self.encoder, words, width=width))


def _kept_array(path: Path, make: Callable[[], np.ndarray]) -> np.ndarray:
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".part.npy")
        np.save(unfinished, make())
        unfinished.replace(path)
    return np.asarray(np.load(path))


def with_teacher(workspace: Workspace, task: Task, teacher: LinearTeacher) -> dict[str, list[FeaturePart]]:
    """The features with the teacher's predictions for training documents."""
    predictions = TASK_TRAINING[task.kind].teacher_predictions(teacher.scores, 1.0)
    shape = predictions.shape[1:]
    dtype = pl.Array(pl.Float32, shape[0]) if shape else pl.Float32()
    taught: dict[str, list[FeaturePart]] = {}
    start = 0
    for corpus in task.corpora:
        for part in workspace.parts[corpus]:
            is_training = (part.documents["split"] == "train").to_numpy()
            column = np.full((len(is_training), *shape), np.nan, np.float32)
            column[is_training] = predictions[start : start + is_training.sum()]
            start += int(is_training.sum())
            documents = part.documents.with_columns(pl.Series(task.columns.teacher, column, dtype=dtype))
            taught.setdefault(corpus, []).append(FeaturePart(documents, part.types))
    return taught


def settings_of(workspace: Workspace, model: str, *, num_documents: int, seed: int) -> Settings:
    """The workspace's settings with the preset fast, and training as `mgm init` proposes it for so many documents."""
    whole = workspace.settings.model_dump(mode="json", exclude_defaults=True)
    whole |= {"model": {"preset": "fast"}, "seed": seed, "distillation": {"wide": model != "taught_deep"}}
    whole |= {"train": {"threads": 1} | propose_training(num_documents)}
    return Settings.parse(whole, "distillation")


def measure(
    workspace: Workspace, task: Task, *, settings: Settings, taught: Any, vectors: VectorTable | None
) -> dict[str, Any]:
    """The first metric on valid, all on test, what was tuned, and the time of a training."""
    start = time.perf_counter()
    parts = {corpus: workspace.parts[corpus] for corpus in task.corpora} if taught is None else taught
    plan = plan_training(
        settings, [task], parts=parts, vocabulary_size=workspace.vocabulary_words, word_vectors=vectors
    )
    fitted = fit(plan, settings)
    seconds = time.perf_counter() - start
    return {
        "valid": validate(fitted.network, plan.data.validation, tasks=[task])[task.name],
        "test": network.measure(workspace, [task], fitted)[task.name],
        "wide_weight": fitted.decisions.wide_weights.get(task.name),
        "method": vars(fitted.training.wide_methods[task.name]),
        "best_epoch": fitted.training.best_epoch,
        "rows": plan.data.num_rows,
        "seconds": round(seconds, 1),
        "revision": hardware.revision(),
    }


def table(tasks: Mapping[str, Mapping[str, Any]]) -> str:
    """Markdown: a line for each task and model, with the first metric on valid and test, means over the seeds."""
    lines = ["| task | labels | model | on valid | on test | seeds |", "| --- " * 6 + "|"]
    for name, found in tasks.items():
        for model, runs in found["models"].items():
            valid = np.mean([run["valid"] for run in runs.values()])
            test = np.mean([run["test"][found["metric"]] for run in runs.values()])
            lines.append(
                f"| {name} | {found['labels']:,} | {model} | {valid:.3f} | {test:.3f} | {len(runs)} |"
            )
    return "\n".join(lines)


def chosen_tasks(workspace: Workspace, names: Sequence[str]) -> list[Task]:
    """The tasks that can be taught and are named; none named: all.

    Raises:
        ValueError: a name that is none of these.
    """
    known = {t.name: t for t in with_label_spaces(workspace.tasks, workspace.labels) if t.spec.is_distillable}
    for name in names:
        if name not in known:
            raise ValueError(f"--tasks: no task {name!r} to teach{nearest(name, known)}")
    return [task for name, task in known.items() if not names or name in names]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workspace", type=Path, required=True, help="a project's folder with features")
    parser.add_argument("--encoder", type=Path, required=True, help="the folder of a pretrained encoder")
    parser.add_argument("--tasks", default="", help="with commas; default: all that can be taught")
    parser.add_argument("--only", default="", help=f"of {', '.join(MODELS)}; default: all")
    parser.add_argument("--few", type=int, default=4000, help="so many training labels a task")
    parser.add_argument("--limit", type=int, help="so many documents of each corpus and split: a smoke run")
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--work", type=Path, default=WORK, help="where each training is kept")
    parser.add_argument("--results", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    only = quality.names(arguments.only)
    for name in only:
        if name not in MODELS:
            raise ValueError(f"--only: no model {name!r}{nearest(name, MODELS)}")
    workspace = load(arguments.workspace, rows=arguments.limit, few=arguments.few)
    encoded = Encoded(arguments.encoder, workspace.settings, arguments.work)
    for task in chosen_tasks(workspace, quality.names(arguments.tasks)):
        labels = workspace.labelled(task, "train")
        vectors = np.concatenate([encoded.documents(workspace, corpus) for corpus in task.corpora])
        documents = training_documents(task, [(c, workspace.parts[c]) for c in task.corpora])
        teacher = teach_linear(vectors, documents, task=task, num_folds=FOLDS)
        print(f"{task.name}: {labels:,} labels, score of the teacher {teacher.quality:.4f}", flush=True)
        taught = with_teacher(workspace, task, teacher)
        results = read_json(arguments.results) if arguments.results.is_file() else {"tasks": {}}
        entry = results["tasks"].setdefault(f"{task.name}-{labels}", {"models": {}})
        entry |= {
            "labels": labels,
            "documents": documents.height,
            "metric": TASK_KINDS[task.kind].first_metric,
            "teacher": {"score": round(teacher.quality, 4), "c": teacher.c, "encoder": encoded.work.name},
        }
        for seed in quality.seeds_of(arguments.seeds):
            for model in [m for m in MODELS if not only or m in only]:
                settings = settings_of(workspace, model, num_documents=documents.height, seed=seed)
                facts = fingerprint(
                    {
                        "settings": settings.training_sections(),
                        "features": workspace.fingerprint,
                        "labels": labels,
                    }
                    | {"encoder": encoded.work.name, "model": model}
                )
                words = encoded.words(workspace, settings.model.width) if model in VECTORS else None
                run = kept(
                    arguments.work / f"{task.name}-{labels}" / f"{model}-{seed}.json",
                    facts,
                    partial(
                        measure,
                        workspace,
                        task,
                        settings=settings,
                        taught=taught if model in TAUGHT else None,
                        vectors=words,
                    ),
                )
                print(f"  {model}, seed {seed}: valid {run['valid']:.4f}", flush=True)
                own = entry["models"].setdefault(model, {})
                own[str(seed)] = {key: value for key, value in run.items() if key != "fingerprint"}
                made = {"what": "models taught by an encoder that they do not carry, beside plain ones"}
                made |= {"machine": hardware.machine(), "versions": quality.versions()}
                write_json(arguments.results, results | made)
    print(table(read_json(arguments.results)["tasks"]))
    print(f"written to {arguments.results}")


if __name__ == "__main__":
    try:
        main()
    except (ValueError, FileNotFoundError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
