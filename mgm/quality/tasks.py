"""The frame `tasks` of the per-corpus gates: a row a task of the corpus, generation too.

    task, kind, rows, labelled, labelled_share, train_labelled, valid_labelled, test_labelled
    train_labels                distinct labels in train; null for numbers and texts, and where train_labelled is 0
    train_values                distinct classes or numbers in train; null for other kinds, and where train_labelled is 0
  and faults, each a text that says what is, of how many, and the threshold, or null; what stops is no warning too:
    labelled_low_...            few rows of a split are labelled (a split without any is another check's)
    empty_lists_...             many labelled rows have an empty list
    many_labels_...             training has many different labels
    labels_alike                labels that differ in case or blanks only
    largest_class               one class of several makes up most of training
    unseen_labels_...           many labels of validation and test are none of training's
    missing_held_out            labels frequent in training that no held-out row has
    split_mix                   the labels of validation or test are mixed otherwise than training's
    conflicts_...               many copies carry different labels; null after ingest
    target_in_source_...        generation: many targets stand as a line of their own text, so that copying is learned
where ... is both `warned` and `stopped`. Their thresholds are params.yaml's `gates.tasks.<task>`.

Memory: about 100 bytes a distinct label and split.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from mgm.corpus.contract import SPLITS
from mgm.profiling.category_mix import compare_mixes
from mgm.quality.frame import SHOWN_ROWS, Frame
from mgm.settings.gates import TaskGate
from mgm.tasks import Task

HELD_OUT = ("valid", "test")
WITH_LABELS = ("classification", "multilabel", "tagging")
WITH_LISTS = ("multilabel", "tagging")
WITH_VALUES = ("classification", "regression")
WARNED_AND_STOPPED = (
    "labelled_low", "empty_lists", "many_labels", "unseen_labels", "conflicts", "target_in_source",
)  # fmt: skip
WARNED = ("labels_alike", "largest_class", "missing_held_out", "split_mix")
FAULTS = (*WARNED, *(f"{name}_{how}" for name in WARNED_AND_STOPPED for how in ("warned", "stopped")))
SHOWN_LABELS = 5


class TaskCounts:
    """Counts labels part by part."""

    def __init__(self, tasks: list[Task]) -> None:
        self._tasks = [_Counts(task) for task in tasks]

    def add(self, frame: pl.DataFrame) -> None:
        """Adds a part of documents: doc_id, text, split and the columns of the tasks."""
        for counts in self._tasks:
            counts.add(frame)

    def frame(self, gates: Mapping[str, TaskGate], deduplicated: Mapping[str, Any] | None = None) -> Frame:
        """The frame, with the ids of documents behind its faults.

        Args:
            gates: thresholds by task; a task that is not named has the defaults.
            deduplicated: the statistics of the deduplicate stage; None before it.
        """
        numbers = dict.fromkeys(("rows", "labelled", *(f"{s}_labelled" for s in SPLITS)), pl.Int64)
        schema = {"task": pl.String, "kind": pl.String} | numbers | {"labelled_share": pl.Float64}
        schema |= {"train_labels": pl.Int64, "train_values": pl.Int64} | dict.fromkeys(FAULTS, pl.String)
        rows = [_Row(counts, gates.get(counts.task.name, TaskGate()), deduplicated) for counts in self._tasks]
        examples: dict[str, list[str]] = {}
        for row in rows:
            for column, ids in row.examples.items():
                shown = [f"{doc_id} ({row.counts.task.name})" for doc_id in ids]
                examples[column] = [*examples.get(column, []), *shown][:SHOWN_ROWS]
        return Frame(pl.DataFrame([row.values for row in rows], schema=schema), "task", examples)


class _Counts:
    """What is counted of one task."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self._by_split = pl.DataFrame(
            schema={"split": pl.String, "rows": pl.Int64, "labelled": pl.Int64, "empty": pl.Int64}
        )
        self._labels = pl.DataFrame(
            schema={"split": pl.String, "label": pl.String, "n": pl.Int64, "doc_id": pl.String}
        )
        self._numbers = pl.Series(dtype=pl.Float32)
        self.in_source = self.first_line = 0
        self.in_source_ids: list[str] = []
        self.empty_ids: list[str] = []

    def add(self, frame: pl.DataFrame) -> None:
        name, kind = self.task.name, self.task.kind
        value = pl.col(name)
        empty = value.list.len() == 0 if kind in WITH_LISTS else pl.lit(False)
        own = frame.group_by("split").agg(
            pl.len().cast(pl.Int64).alias("rows"),
            value.is_not_null().sum().cast(pl.Int64).alias("labelled"),
            empty.fill_null(False).sum().cast(pl.Int64).alias("empty"),
        )
        self._by_split = pl.concat([self._by_split, own]).group_by("split").sum()
        if kind in WITH_LISTS and len(self.empty_ids) < SHOWN_ROWS:
            self.empty_ids += _ids(frame.filter(empty))
        if kind in WITH_LABELS:
            self._add_labels(frame)
        elif kind == "regression":
            found = frame.filter(pl.col("split") == "train")[name].drop_nulls()
            self._numbers = pl.concat([self._numbers, found.alias("")]).unique()
        else:
            self._add_targets(frame)

    def _add_labels(self, frame: pl.DataFrame) -> None:
        labels = frame.lazy().select("split", "doc_id", pl.col(self.task.name).alias("label"))
        labels = labels.filter(pl.col("label").is_not_null())
        if self.task.kind in WITH_LISTS:
            labels = labels.filter(pl.col("label").list.len() > 0).explode("label")
        if self.task.kind == "tagging":
            labels = labels.with_columns(pl.col("label").struct.field("label"))
        own = (
            labels.filter(pl.col("label").is_not_null())
            .group_by("split", "label")
            .agg(pl.len().cast(pl.Int64).alias("n"), pl.col("doc_id").first())
            .collect()
        )
        # The rows of a group keep their order, so that the id is the corpus's first with this label.
        both = pl.concat([self._labels, own]).group_by("split", "label")
        self._labels = both.agg(pl.col("n").sum(), pl.col("doc_id").first())

    def _add_targets(self, frame: pl.DataFrame) -> None:
        """Counts targets that are a line of their text, case, blanks at its ends and such marks as "# " aside.

        Most texts do not hold their target at all, and only those that do are taken into lines.
        """
        text = pl.col("text").str.to_lowercase()
        target = pl.col(self.task.name).str.to_lowercase().str.strip_chars()
        held = frame.lazy().select("doc_id", text=text, target=target)
        held = held.filter(
            (pl.col("target") != "") & pl.col("text").str.contains(pl.col("target"), literal=True)
        )
        lines = pl.col("text").str.replace_all(r"[\p{P}\p{S}\s]*\n[\p{P}\p{S}\s]*", "\n")
        marks = r"^[\p{P}\p{S}\s]+|[\p{P}\p{S}\s]+$"
        bare, sought = lines.str.replace_all(marks, ""), pl.col("target").str.replace_all(marks, "")
        found = (
            held.with_columns(text=pl.format("\n{}\n", bare), target=pl.format("\n{}\n", sought))
            .filter(pl.col("text").str.contains(pl.col("target"), literal=True))
            .select("doc_id", first=pl.col("text").str.starts_with(pl.col("target")))
            .collect()
        )
        self.in_source += found.height
        self.first_line += int(found["first"].sum())
        self.in_source_ids += _ids(found)[: SHOWN_ROWS - len(self.in_source_ids)]

    def of_split(self, split: str) -> tuple[int, int]:
        """Its rows, and those of them that are labelled."""
        own = self._by_split.filter(pl.col("split") == split)
        return int(own["rows"].sum()), int(own["labelled"].sum())

    def total(self, what: str) -> int:
        return int(self._by_split[what].sum())

    def labels(self, *splits: str) -> pl.DataFrame:
        """The labels of these splits by name: label, n, doc_id (of the first document)."""
        own = self._labels.filter(pl.col("split").is_in(splits))
        order = own.sort(pl.col("split").cast(pl.Enum(SPLITS)), "label")
        return (
            order.group_by("label", maintain_order=True)
            .agg(pl.col("n").sum(), pl.col("doc_id").first())
            .sort("label")
        )

    def distinct(self) -> int | None:
        """Distinct labels or numbers in train."""
        if self.task.kind == "generation" or not self.of_split("train")[1]:
            return None
        return len(self._numbers) if self.task.kind == "regression" else self.labels("train").height


@dataclass
class _Row:
    """One task's row, as `values`, with the ids behind its faults, by column."""

    counts: _Counts
    gate: TaskGate
    deduplicated: Mapping[str, Any] | None
    values: dict[str, Any] = field(init=False)
    examples: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        counts, task = self.counts, self.counts.task
        by_split = {split: counts.of_split(split) for split in SPLITS}
        rows, labelled, distinct = counts.total("rows"), counts.total("labelled"), counts.distinct()
        self.values = {
            "task": task.name,
            "kind": task.kind,
            "rows": rows,
            "labelled": labelled,
            "labelled_share": labelled / rows if rows else 0.0,
            **{f"{split}_labelled": n if of else None for split, (of, n) in by_split.items()},
            "train_labels": distinct if task.kind in WITH_LABELS else None,
            "train_values": distinct if task.kind in WITH_VALUES else None,
            **dict.fromkeys(FAULTS),
        }
        self._labelled_low(by_split)
        if task.kind in WITH_LISTS:
            self._share(
                "empty_lists", counts.total("empty"), labelled, "labelled rows have an empty list", counts.empty_ids,
                parameter="empty",
            )  # fmt: skip
        if task.kind in WITH_LABELS:
            self._label_sets()
        if task.kind == "generation":
            what = f"targets are a line of their text ({counts.first_line:,} its first)"
            self._share("target_in_source", counts.in_source, labelled, what, counts.in_source_ids)
        if self.deduplicated is not None:
            ids = [
                "=".join(map(str, e["doc_ids"]))
                for e in self.deduplicated["examples"]
                if e["task"] == task.name
            ]
            n = self.deduplicated["conflicts"].get(task.name, 0)
            self._share(
                "conflicts", n, labelled, "labelled rows: clusters of copies with different labels", ids
            )

    def _label_sets(self) -> None:
        counts, gate = self.counts, self.gate
        train, held_out = counts.labels("train"), counts.labels(*HELD_OUT)
        n, n_held_out = int(train["n"].sum()), int(held_out["n"].sum())
        for how, most in (("stopped", gate.labels_stop), ("warned", gate.labels_warn)):
            if train.height > most:
                where = self._limit(most, f"labels_{how[:4]}")
                self._say(
                    f"many_labels_{how}", f"{train.height:,} different labels of {n:,} in train, {where}"
                )
                break
        self._alike(counts.labels(*SPLITS))
        if counts.task.kind == "classification" and train.height > 1:
            name, most_frequent = train.sort("n", descending=True, maintain_order=True).row(0)[:2]
            if most_frequent / n > gate.largest_class_warn:
                where = self._limit(gate.largest_class_warn, "largest_class_warn")
                self._say("largest_class", f"{name!r} is {_of(most_frequent, n)} in train, {where}")
        if train.is_empty() or held_out.is_empty():
            return
        unseen = held_out.join(train, on="label", how="anti").sort("n", descending=True, maintain_order=True)
        what = f"held-out labels stand nowhere in train: {_names(unseen)}"
        self._share(
            "unseen_labels", int(unseen["n"].sum()), n_held_out, what, _ids(unseen), parameter="unseen"
        )
        lost = train.filter(pl.col("n") >= gate.held_out_min_count).join(held_out, on="label", how="anti")
        if lost.height:
            where = self._limit(gate.held_out_min_count, "held_out_min_count", "from", "on")
            what = (
                f"{lost.height:,} labels of train stand in no held-out row: {_names(lost)}, counted {where}"
            )
            self._say("missing_held_out", what, _ids(lost))
        self._split_mix(train)

    def _labelled_low(self, by_split: Mapping[str, tuple[int, int]]) -> None:
        for how, least in (("stopped", self.gate.labelled_stop), ("warned", self.gate.labelled_warn)):
            low = [
                f"{_of(n, rows)} rows of {s} are labelled"
                for s, (rows, n) in by_split.items()
                if 0 < n < least * rows
            ]
            if low:
                where = self._limit(least, f"labelled_{how[:4]}", "below")
                self._say(f"labelled_low_{how}", f"{', '.join(low)}, {where}")
                return

    def _alike(self, labels: pl.DataFrame) -> None:
        bare = pl.col("label").str.to_lowercase().str.replace_all(r"\s+", " ").str.strip_chars()
        several = labels.with_columns(bare=bare).filter((pl.len().over("bare") > 1) & (pl.col("bare") != ""))
        if several.height:
            forms = several.sort("bare", "n", "label", descending=[False, True, False])
            shown = forms.head(2 * SHOWN_LABELS).select("label", "n").rows()
            said = ", ".join(f"{label!r} {n:,}" for label, n in shown)
            # The rarer form of each is the likely mistake.
            rarer = forms.filter(~pl.col("bare").is_first_distinct())
            self._say("labels_alike", f"labels that differ in case or blanks only: {said}", _ids(rarer))

    def _split_mix(self, train: pl.DataFrame) -> None:
        found = []
        mix = dict(train.select("label", "n").iter_rows())
        for split in HELD_OUT:
            moved = compare_mixes(mix, dict(self.counts.labels(split).select("label", "n").iter_rows()))
            if moved and moved.excess > self.gate.split_mix_warn:
                found.append(f"{split}: {moved}")
        if found:
            where = self._limit(self.gate.split_mix_warn, "split_mix_warn")
            self._say("split_mix", f"{'; '.join(found)}, {where}")

    def _share(
        self, column: str, n: int, of: int, what: str, ids: list[str], parameter: str | None = None
    ) -> None:
        """A fault where n of so many are more than the thresholds."""
        parameter = parameter or column
        for how in ("stop", "warn"):
            most = getattr(self.gate, f"{parameter}_{how}")
            if of and n / of > most:
                where = self._limit(most, f"{parameter}_{how}")
                self._say(
                    f"{column}_{how}{'ped' if how == 'stop' else 'ed'}", f"{_of(n, of)} {what}, {where}", ids
                )
                return

    def _limit(self, value: float, parameter: str, than: str = "above", after: str = "") -> str:
        where = f"{than} {value:g}" + (f" {after}" if after else "")
        return f"{where} (params.yaml: gates.tasks.{self.counts.task.name}.{parameter})"

    def _say(self, column: str, text: str, ids: list[str] | None = None) -> None:
        self.values[column] = f"{self.counts.task.name}: {text}"
        if ids:
            self.examples[column] = ids[:SHOWN_ROWS]


def _of(n: int, of: int) -> str:
    return f"{n:,} of {of:,} ({n / of:.1%})"


def _names(labels: pl.DataFrame) -> str:
    names = [repr(name) for name in labels["label"].head(SHOWN_LABELS)]
    return ", ".join(names) + (", ..." if labels.height > SHOWN_LABELS else "")


def _ids(rows: pl.DataFrame) -> list[str]:
    return [str(doc_id) for doc_id in rows["doc_id"].head(SHOWN_ROWS)]
