"""The checks that all kinds with a label space share: how the splits' labels compare."""

from abc import abstractmethod

import polars as pl

from mgm.corpus.contract import SPLITS
from mgm.profiling.category_mix import compare_mixes
from mgm.quality.frame import shown_ids
from mgm.quality.kinds.task_checks import TaskChecks
from mgm.quality.task_faults import SHOWN_LABELS, TaskFaults, format_labels
from mgm.tasks import Task
from mgm.text.characters import INVISIBLE

HELD_OUT = ("valid", "test")


class LabelSpaceChecks(TaskChecks):
    """Counts each label by split. Memory: about 100 bytes a distinct label and split."""

    def __init__(self, task: Task) -> None:
        """Begin without any document."""
        super().__init__(task)
        self._labels = pl.DataFrame(
            schema={"split": pl.String, "label": pl.String, "n": pl.Int64, "doc_id": pl.String}
        )

    @classmethod
    @abstractmethod
    def list_labels(cls, documents: pl.LazyFrame) -> pl.LazyFrame:
        """Return split, doc_id and label, a row a label, of labelled documents whose column `label` is the task's."""

    def add_labels(self, frame: pl.DataFrame) -> None:
        """Count the labels of a part of documents."""
        documents = frame.lazy().select("split", "doc_id", pl.col(self.task.columns.label).alias("label"))
        part = (
            self.list_labels(documents.filter(pl.col("label").is_not_null()))
            .filter(pl.col("label").is_not_null())
            .group_by("split", "label")
            .agg(pl.len().cast(pl.Int64).alias("n"), pl.col("doc_id").first())
            .collect()
        )
        # The rows of a group keep their order, so that the id is the corpus's first with this label.
        groups = pl.concat([self._labels, part]).group_by("split", "label")
        self._labels = groups.agg(pl.col("n").sum(), pl.col("doc_id").first())

    def labels(self, *splits: str) -> pl.DataFrame:
        """Return the labels of these splits by name: label, n, doc_id (of the first document)."""
        rows = self._labels.filter(pl.col("split").is_in(splits))
        return (
            rows.sort(pl.col("split").cast(pl.Enum(SPLITS)), "label")
            .group_by("label", maintain_order=True)
            .agg(pl.col("n").sum(), pl.col("doc_id").first())
            .sort("label")
        )

    def num_train_labels(self) -> int | None:
        """Return the number of distinct labels in train; None where no row is labelled."""
        return self.labels("train").height if self.num_labelled("train") else None

    def find_faults(self, faults: TaskFaults) -> None:
        """Add the faults of the task's labels."""
        super().find_faults(faults)
        train, held_out = self.labels("train"), self.labels(*HELD_OUT)
        self._check_number(train, faults)
        _check_spelling(self.labels(*SPLITS), faults)
        if train.is_empty() or held_out.is_empty():
            return
        _check_unseen(train, held_out, faults=faults)
        _check_missing(train, held_out, faults=faults)
        self._check_split_mix(train, faults)

    def _check_number(self, train: pl.DataFrame, faults: TaskFaults) -> None:
        for outcome, parameter in (("stopped", "labels_stop"), ("warned", "labels_warn")):
            if train.height > getattr(faults.gate, parameter):
                limit = faults.describe_limit(parameter)
                text = f"{train.height:,} different labels of {int(train['n'].sum()):,} in train, {limit}"
                faults.add(f"many_labels_{outcome}", text)
                return

    def _check_split_mix(self, train: pl.DataFrame, faults: TaskFaults) -> None:
        changes = []
        train_mix = dict(train.select("label", "n").iter_rows())
        for split in HELD_OUT:
            change = compare_mixes(train_mix, dict(self.labels(split).select("label", "n").iter_rows()))
            if change and change.excess > faults.gate.split_mix_warn:
                changes.append(f"{split}: {change}")
        if changes:
            limit = faults.describe_limit("split_mix_warn")
            faults.add("split_mix", f"{'; '.join(changes)}, {limit}")


def _check_spelling(labels: pl.DataFrame, faults: TaskFaults) -> None:
    """Report labels that differ in case, blanks, invisible characters, width or Unicode's normal form only."""
    visible = (
        pl.col("label").str.replace_all(rf"[{INVISIBLE}\x{{FE00}}-\x{{FE0F}}]", "").str.normalize("NFKC")
    )
    folded = visible.str.to_lowercase().str.normalize("NFKC").str.replace_all(r"\s+", " ").str.strip_chars()
    alike = labels.with_columns(folded=folded).filter(
        (pl.len().over("folded") > 1) & (pl.col("folded") != "")
    )
    if alike.height:
        forms = alike.sort("folded", "n", "label", descending=[False, True, False])
        # Code points tell forms apart that are printed alike.
        plain = pl.col("label").str.contains(r"^[ -~]*$").all().over("folded")
        shown = forms.with_columns(plain=plain).head(2 * SHOWN_LABELS).select("label", "n", "plain")
        names = ", ".join(
            f"{label!r} {n:,}" if plain else f"{label!r} ({_code_points(label)}) {n:,}"
            for label, n, plain in shown.rows()
        )
        # The rarer form of each is the likely mistake.
        rarer = forms.filter(~pl.col("folded").is_first_distinct())
        text = (
            "labels that differ only in case, blanks, invisible characters, width or Unicode's normal form: "
            f"{names}"
        )
        faults.add("labels_alike", text, ids=shown_ids(rarer))


def _code_points(label: str) -> str:
    return " ".join(f"U+{ord(character):04X}" for character in label)


def _check_unseen(train: pl.DataFrame, held_out: pl.DataFrame, *, faults: TaskFaults) -> None:
    unseen = held_out.join(train, on="label", how="anti").sort("n", descending=True, maintain_order=True)
    faults.check_share(
        "unseen_labels",
        int(unseen["n"].sum()),
        total=int(held_out["n"].sum()),
        text=f"held-out labels stand nowhere in train: {format_labels(unseen)}",
        ids=shown_ids(unseen),
        parameter="unseen",
    )


def _check_missing(train: pl.DataFrame, held_out: pl.DataFrame, *, faults: TaskFaults) -> None:
    """Report frequent labels of train that no held-out row has."""
    frequent = train.filter(pl.col("n") >= faults.gate.held_out_min_count)
    missing = frequent.join(held_out, on="label", how="anti")
    if missing.height:
        limit = faults.describe_limit("held_out_min_count", comparison="from", after="on")
        text = (
            f"{missing.height:,} labels of train are in no held-out row: {format_labels(missing)}, "
            f"counted {limit}"
        )
        faults.add("missing_held_out", text, ids=shown_ids(missing))
