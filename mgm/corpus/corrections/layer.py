"""The layer of corrections over the documents of a corpus: which labels it replaces, which documents it adds, what it cannot use."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import polars as pl

from mgm.corpus.contract import document_schema
from mgm.corpus.corrections.read import DOC_ID, PLACE, TEXT
from mgm.corpus.kinds import LABEL_RULES
from mgm.corpus.parts import REJECTS
from mgm.corpus.rejects import CORRECTION_OUTDATED, CORRECTION_UNKNOWN
from mgm.corpus.split_column import SplitColumn
from mgm.corpus.splits import assign_splits
from mgm.settings.names import nearest
from mgm.tasks import Task

CHANGED, CONFIRMED, FIRST = "changed", "confirmed", "first"
"""What a correction does to a label: it replaces it, it is the same, or there was none."""
_CORRECTED = "corrected"
_HASH_BYTES = 6


@dataclass(kw_only=True)
class CorrectionLayer:
    """The corrections of a corpus, which are applied part by part.

    A correction replaces the label of its task; tasks without a correction keep theirs. One for another text than the document has
    is rejected. One for an id that the corpus does not have is a new document where it has a text, and otherwise rejected. New
    documents go to train where the corpus brings its own splits, since these are not to be changed; else by the hash of the id.

    Attributes:
        corpus: the name of the corpus.
        tasks: its tasks.
        table: the result of `read_corrections`.
        labels: what became of the labels, by task: numbers of `CHANGED`, `CONFIRMED`, `FIRST`.
    """

    corpus: str
    tasks: list[Task]
    table: pl.DataFrame
    labels: dict[str, Counter[str]] = field(default_factory=dict)
    num_added: int = 0
    _outdated: set[str] = field(default_factory=set)
    _seen: set[str] = field(default_factory=set)
    _known: dict[str, set[str]] = field(default_factory=dict)

    def apply(self, documents: pl.DataFrame) -> pl.DataFrame:
        """Return documents (`document_schema`) with the labels that are corrected."""
        self._collect_names(documents)
        given = self.table.filter(pl.col(DOC_ID).is_in(documents[DOC_ID].implode()))
        if given.is_empty():
            return documents
        self._seen.update(given[DOC_ID])
        joined = documents.with_row_index("row").join(
            given.drop(PLACE), on=DOC_ID, how="inner", suffix=f":{_CORRECTED}", maintain_order="left"
        )
        is_same = (_comparable(TEXT) == _comparable(f"{TEXT}:{_CORRECTED}")).fill_null(True)
        self._outdated.update(joined.filter(~is_same)[DOC_ID])
        joined = joined.filter(is_same)
        for task in self.tasks:
            column, corrected = task.columns.label, f"{task.columns.label}:{_CORRECTED}"
            self._count(task, joined.filter(pl.col(corrected).is_not_null()).select(old=column, new=corrected))  # fmt: skip
            joined = joined.with_columns(pl.coalesce(corrected, column).alias(column))
        changed = joined.select("row", *(task.columns.label for task in self.tasks))
        kept = documents.with_row_index("row").filter(~pl.col("row").is_in(changed["row"].implode()))
        rows = documents.with_row_index("row").drop(task.columns.label for task in self.tasks)
        replaced = rows.join(changed, on="row", how="inner", maintain_order="left").select(kept.columns)
        return pl.concat([kept, replaced]).sort("row").drop("row")

    def added(self, splits: SplitColumn, *, languages: Callable[[pl.Series], pl.Series]) -> pl.DataFrame:
        """Return the corrections of unknown ids that have a text, as documents.

        Args:
            splits: the source of the corpus's splits.
            languages: returns the language of each text, null where it is detected later.
        """
        new = self._unseen().filter(pl.col(TEXT).is_not_null())
        for task in self.tasks:
            labels = new[task.columns.label].drop_nulls()
            self.labels.setdefault(task.name, Counter())[FIRST] += len(labels)
        self.num_added = new.height
        schema = document_schema(self.tasks)
        documents = new.with_columns(languages(new[TEXT]).alias("lang"), group=DOC_ID)
        by_hash = splits.column is None
        split = assign_splits(documents) if by_hash else pl.repeat("train", new.height, eager=True).alias("split")  # fmt: skip
        return documents.with_columns(split).select(schema.names()).cast(schema)

    def rejected(self) -> pl.DataFrame:
        """Return the corrections that cannot be used, as rejects of ingest."""
        unknown = self._unseen().filter(pl.col(TEXT).is_null())
        outdated = self.table.filter(pl.col(DOC_ID).is_in(list(self._outdated)))
        found = [
            rows.select(
                DOC_ID,
                stage=pl.lit("ingest"),
                reasons=pl.concat_list(pl.lit(reason)),
                values=pl.struct(self.table.columns).struct.json_encode(),
            )
            for rows, reason in ((unknown, CORRECTION_UNKNOWN), (outdated, CORRECTION_OUTDATED))
        ]
        return pl.concat(found).select(REJECTS.names()).cast(REJECTS)

    def check_names(self) -> None:
        """Check that every corrected label is one that the corpus has, after all its documents were applied.

        Raises:
            ValueError: one is not: most often a misspelt one.
        """
        for task in self.tasks:
            known = self._known.get(task.name)
            if not known:
                continue
            for label, place in self.table.select(task.columns.label, PLACE).iter_rows():
                names = LABEL_RULES[task.kind].names(pl.Series([label], dtype=task.column_type))
                for name in names if names is not None else ():
                    if name not in known:
                        raise ValueError(
                            f"{place}: task {task.name!r}: label {name!r} stands in no document of corpus {self.corpus!r}"
                            f"{nearest(name, known)}; expected one of its labels"
                        )

    def statistics(self) -> dict[str, Any]:
        """Return the counts for the report, and the digests by which corrections are told apart."""
        rejected = self.rejected()
        return {
            "documents": self.table.height,
            "added": self.num_added,
            "rejected": dict(sorted(Counter(reasons[0] for reasons in rejected["reasons"]).items())),
            "labels": {task: dict(sorted(counts.items())) for task, counts in sorted(self.labels.items())},
            "digests": self._digests(excluded=set(rejected[DOC_ID])),
        }

    def _unseen(self) -> pl.DataFrame:
        return self.table.filter(~pl.col(DOC_ID).is_in(list(self._seen)))

    def _count(self, task: Task, labels: pl.DataFrame) -> None:
        counts = self.labels.setdefault(task.name, Counter())
        for old, new in labels.iter_rows():
            counts[FIRST if old is None else CONFIRMED if _key(old) == _key(new) else CHANGED] += 1

    def _collect_names(self, documents: pl.DataFrame) -> None:
        for task in self.tasks:
            names = LABEL_RULES[task.kind].names(documents[task.columns.label])
            if names is not None:
                self._known.setdefault(task.name, set()).update(names.unique())

    def _digests(self, *, excluded: set[str]) -> dict[str, dict[str, str]]:
        """Return, by task, the hash of each corrected document's id and of its label."""
        digests: dict[str, dict[str, str]] = {}
        for task in self.tasks:
            rows = self.table.select(DOC_ID, task.columns.label).drop_nulls().iter_rows()
            digests[task.name] = {
                _hash(doc_id): _hash(_key(label)) for doc_id, label in rows if doc_id not in excluded
            }
        return digests


def count_changes(now: dict[str, dict[str, str]], before: dict[str, dict[str, str]]) -> dict[str, int]:
    """Return how many labels of each task are corrected otherwise than before: new, changed or withdrawn corrections.

    Args:
        now, before: the `digests` of `CorrectionLayer.statistics`.
    """
    changes = {}
    for task in sorted(now.keys() | before.keys()):
        new, old = now.get(task, {}), before.get(task, {})
        changes[task] = sum(new.get(document) != old.get(document) for document in new.keys() | old.keys())
    return changes


def _comparable(column: str) -> pl.Expr:
    """Return a text with the line breaks of Unix, which browsers and spreadsheets change."""
    return pl.col(column).str.replace_all("\r\n", "\n", literal=True)


def _key(label: Any) -> str:
    """Return a label as text; the order of the labels of a set, or of spans, means nothing."""
    return repr(sorted(map(repr, label)) if isinstance(label, list) else label)


def _hash(text: str) -> str:
    return blake2b(text.encode(), digest_size=_HASH_BYTES).hexdigest()
