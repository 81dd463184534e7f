"""What every model is measured on: the pipeline's own rows and labels, read from a workspace.

Axes: n labelled rows of a task, K labels of its training classes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np
import polars as pl

from mgm.corpus.parts import MANIFEST, file_sha256, read_manifest, read_parts
from mgm.settings.names import nearest
from mgm.settings.settings import PARAMS, Settings
from mgm.tasks import Task
from mgm.text import labels
from mgm.text.features import FeaturePart
from mgm.text.vectors.table import VectorTable, load_vectors
from mgm.text.vocabulary import Vocabulary

Parts = dict[str, list[FeaturePart]]
"""Corpus to its parts of features."""

_FEATURES = Path("data/features")


@dataclass(frozen=True)
class Rows:
    """The labelled rows of one task, in the order of the corpora and their parts.

    table: text, lang, split, the task's column (null nowhere) and its column of label ids; for tagging also words, start,
    end and sentence, as mgm's features have them. space: the training classes.
    """

    task: Task
    space: list[str]
    table: pl.DataFrame

    def of(self, *splits: str) -> np.ndarray:
        """(n,) bool: the rows of these splits."""
        return self.table["split"].is_in(list(splits)).to_numpy()

    def texts(self, chosen: np.ndarray) -> list[str]:
        return self.table["text"].filter(pl.Series(chosen)).to_list()

    @property
    def ids(self) -> np.ndarray:
        """(n,) int64, a class's place in the space, -1 where training never saw it. Classification alone."""
        return self.table[self.task.columns.label_ids].to_numpy().astype(np.int64)

    @property
    def sets(self) -> np.ndarray:
        """(n,K) bool. Multilabel alone."""
        dense = np.zeros((self.table.height, len(self.space)), bool)
        lists = self.table[self.task.columns.label_ids]
        count = lists.list.len().to_numpy()
        dense[np.repeat(np.arange(len(count)), count), lists.explode().drop_nulls().to_numpy()] = True
        return dense

    @property
    def values(self) -> np.ndarray:
        """(n,) float64. Regression alone."""
        return self.table[self.task.columns.label].to_numpy().astype(np.float64)

    def filter(self, chosen: np.ndarray) -> "Rows":
        return Rows(self.task, self.space, self.table.filter(pl.Series(chosen)))


@dataclass(frozen=True)
class Workspace:
    """A project's folder with features, and the tasks and corpora of it that are measured."""

    folder: Path
    settings: Settings
    tasks: list[Task]
    labels: dict[str, list[str]]
    parts: Parts
    vocabulary_words: int
    vectors: VectorTable | None
    fingerprint: str
    """Of the features: results of other ones are measured again."""

    def rows(self, task: Task) -> Rows:
        """The labelled rows of a task with their texts."""
        tables = []
        for corpus in [c for c in task.corpora if c in self.parts]:
            texts = pl.concat(read_parts(self.folder / "data/unique" / corpus, ["doc_id", "text"]))
            for part in self.parts[corpus]:
                tables.append(_table(part, task, texts))
        return Rows(task, self.labels.get(task.name, []), pl.concat(tables))

    def labelled(self, task: Task, split: str) -> int:
        """How many rows of a split carry a label of the task."""
        return sum(
            part.documents.filter(pl.col("split") == split)[task.columns.label].is_not_null().sum()
            for corpus in task.corpora
            for part in self.parts.get(corpus, [])
        )


def load(
    folder: Path, corpora: Sequence[str] = (), rows: int | None = None, few: int | None = None
) -> Workspace:
    """Opens a workspace whose features are made (`dvc repro gate_features vectors`).

    corpora: of the enabled ones; none named: all with a trained task. rows: at most so many documents of each
    corpus and split. few: at most so many training labels of each task. Both keep the first by blake2b(doc_id).

    Raises:
        FileNotFoundError: features or tables are not made.
        ValueError: a corpus that is not enabled, or without a task; `rows` or `few` below 1.
    """
    for option, count in (("--rows", rows), ("--few", few)):
        if count is not None and count < 1:
            raise ValueError(f"{option} {count}: expected at least 1")
    settings = Settings.load(folder / PARAMS)
    for name in corpora:
        if name not in settings.enabled:
            raise ValueError(
                f"{folder / PARAMS}: corpus {name!r} is not enabled{nearest(name, settings.enabled)}"
            )
    chosen = [c for c in sorted(settings.enabled) if not corpora or c in corpora]
    tasks = [t for t in settings.active_tasks() if any(c in chosen for c in t.corpora)]
    if not tasks:
        raise ValueError(f"{folder / PARAMS}: no task is trained on {', '.join(chosen)}")
    chosen = [c for c in chosen if any(c in t.corpora for t in tasks)]
    features = folder / _FEATURES
    files = [features / "labels.json", features / "vocabulary.parquet"]
    files += [features / c / MANIFEST for c in chosen]
    for file in files:
        if not file.is_file():
            raise FileNotFoundError(
                f"{file}: no such file; run `dvc repro gate_features vectors` in {folder}"
            )
    parts = {c: _first(_read(features / c), rows) for c in chosen}
    return Workspace(
        folder,
        settings,
        tasks,
        labels.load(features / "labels.json"),
        parts if few is None else first_labels(parts, tasks, few),
        len(Vocabulary.load(features / "vocabulary.parquet")),
        load_vectors(folder / "data/vectors", file_sha256(features / "vocabulary.parquet")),
        blake2b(" ".join(map(file_sha256, files)).encode(), digest_size=8).hexdigest(),
    )


def first_labels(parts: Mapping[str, Sequence[FeaturePart]], tasks: Sequence[Task], count: int) -> Parts:
    """The same parts, in which only `count` training rows of each task keep its label, the first by
    blake2b(doc_id); valid and test keep all."""
    result = {corpus: list(own) for corpus, own in parts.items()}
    for task in tasks:
        mine = [c for c in task.corpora if c in result]
        train = pl.concat(
            [p.documents.filter((pl.col("split") == "train") & pl.col(task.columns.label).is_not_null())["doc_id"]
             for c in mine for p in result[c]]
        )  # fmt: skip
        kept = sorted(train.to_list(), key=_order)[:count]
        keep = (pl.col("split") != "train") | pl.col("doc_id").is_in(kept)
        for corpus in mine:
            result[corpus] = [
                FeaturePart(
                    p.documents.with_columns(
                        pl.when(keep).then(pl.col(task.columns.label, task.columns.label_ids))
                    ),
                    p.types,
                )
                for p in result[corpus]
            ]
    return result


def joined(parts: Mapping[str, Sequence[FeaturePart]]) -> Parts:
    """The same parts, in which the rows of valid belong to train; label spaces and vocabulary stay train's."""
    split = pl.col("split").replace({"valid": "train"})
    return {
        c: [FeaturePart(p.documents.with_columns(split), p.types) for p in own] for c, own in parts.items()
    }


def _read(folder: Path) -> list[FeaturePart]:
    return [FeaturePart.load(folder, index) for index in range(len(read_manifest(folder).parts))]


def _order(doc_id: str) -> bytes:
    return blake2b(doc_id.encode(), digest_size=8).digest()


def _first(parts: list[FeaturePart], rows: int | None) -> list[FeaturePart]:
    if rows is None:
        return parts
    kept: list[str] = []
    for own in pl.concat([p.documents.select("doc_id", "split") for p in parts]).partition_by("split"):
        kept += sorted(own["doc_id"].to_list(), key=_order)[:rows]
    return [FeaturePart(p.documents.filter(pl.col("doc_id").is_in(kept)), p.types) for p in parts]


def _table(part: FeaturePart, task: Task, texts: pl.DataFrame) -> pl.DataFrame:
    columns = ["doc_id", "lang", "split", task.columns.label, task.columns.label_ids]
    if task.kind == "tagging":
        columns += ["word", "start", "end", "sentence"]
    table = part.documents.filter(pl.col(task.columns.label).is_not_null()).select(columns)
    if task.kind == "tagging":
        table = table.with_columns(
            words=pl.col("word").list.eval(pl.element().replace_strict(
                pl.int_range(part.types.height, dtype=pl.Int32, eager=True), part.types["text"],
                return_dtype=pl.String,
            ))
        ).drop("word")  # fmt: skip
    return table.join(texts, on="doc_id", how="left", maintain_order="left")
