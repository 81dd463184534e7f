"""A proposal of the settings of a corpus, by a look at the columns of its rows: identity, text, language, group, split, tasks.

Defaults are careful: what is not clearly a task is left out, with the reason. Columns are judged by the first rows, except that
ids are compared in all of them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from mgm.corpus.contract import DETECT, LANGUAGES, SPLITS
from mgm.corpus.kinds import LABEL_RULES, Suggestion
from mgm.corpus.raw_tables import JSON_LINES, read_sample, table_file, table_format
from mgm.corpus.readers import DEFAULT_DIALECT, Dialect, InputFile, read_batches
from mgm.corpus.split_column import BY_HASH, SPLIT, parse_splits
from mgm.corpus.splits import split_of
from mgm.settings.names import nearest
from mgm.tasks.names import free_name

ID_NAMES = ("doc_id", "id", "uid", "uuid", "key", "document_id", "row_id", "编号", "序号")
TEXT_NAMES = (
    "text", "content", "body", "document", "sentence", "review", "comment", "message", "post", "tweet", "description", "abstract",
    "文本", "内容", "正文", "评论", "句子",
)  # fmt: skip
LANG_NAMES = ("lang", "language", "语言")
GROUP_NAMES = (
    "group", "group_id", "author", "author_id", "user", "user_id", "username", "thread", "thread_id", "conversation",
    "conversation_id", "customer", "customer_id", "patient_id", "account", "account_id", "作者", "用户",
)  # fmt: skip
SPLIT_NAMES = ("split", "subset", "partition", "fold")
SEPARATORS = ("|", ";", ",")
"""Characters that join the labels of a list where it is written as one text, such as `tea|rice`."""

_MIN_GROUPS = 20
"""Fewer groups are too few to be dealt over three splits."""
_MAX_ID_CHARACTERS = 80
_NO_ID = r"\s|^\d{4}-\d\d-\d\d"
"""What no id has in it: a blank, or a date in front."""
_MAX_LABEL_CHARACTERS = 40
_RARE = 5
"""A label in fewer rows is hardly learnt."""
FEW_ROWS = 5_000
_FEW_ROWS_TRAINING = {"epochs": 24, "patience": 6}
"""With few rows an epoch is few steps (benchmarks/quality.yaml, few)."""
_FIXED = ("lang", "group", "split")
"""Names by which a reader of the settings would take a task for another column of the documents."""


@dataclass(kw_only=True)
class Proposal:
    """The proposed settings of one corpus, and the reason for each.

    Attributes:
        rows: the rows of the file.
        columns: the corpus's entry of `corpora`.
        tasks: task to its settings, without `corpora`.
        changes: column to the change that the copy of the rows needs.
        reasons: a line for each column, in the order of the file.
    """

    rows: int = 0
    columns: dict[str, Any] = field(default_factory=dict)
    tasks: dict[str, dict[str, Any]] = field(default_factory=dict)
    changes: dict[str, "Change"] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)

    def rewritten(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return all rows of the file with the changes of the proposal."""
        for name, change in self.changes.items():
            rows = change.apply(rows, name)
        return rows


@dataclass(frozen=True)
class Change:
    """A change of a column in the copy of the rows: numbers of rows, lists of texts, or lists of a text's parts."""

    number_rows: bool = False
    lists_of_texts: bool = False
    separator: str | None = None

    def apply(self, rows: pl.DataFrame, column: str) -> pl.DataFrame:
        """Return the rows with the column changed, or added."""
        if self.number_rows:
            numbers = pl.int_range(1, pl.len() + 1).cast(pl.String).alias(column)
            return rows.select(numbers, pl.all())
        if self.lists_of_texts:
            return rows.with_columns(pl.col(column).cast(pl.List(pl.String)))
        assert self.separator is not None
        return rows.with_columns(split_parts(rows[column], self.separator))


def propose(path: Path, text_column: str | None = None, *, dialect: Dialect = DEFAULT_DIALECT) -> Proposal:
    """Return the settings that a file's columns suggest.

    Args:
        path: a file of rows.
        text_column: the column of the text; by default the one that its name or its length tells.
        dialect: how the file is written, as far as it does not tell it.

    Raises:
        FileNotFoundError, ValueError: the file cannot be read, has no column of text, or no column that could be a task.
    """
    file = table_file(path)
    sample = read_sample(file, dialect=dialect)
    proposal = Proposal()
    left = {column.name: column for column in sample}
    text = _propose_text(file, left, proposal=proposal, chosen=text_column)
    _propose_id(file, left, proposal=proposal, dialect=dialect)
    _propose_language(left, proposal)
    splits = _propose_split(left, proposal)
    _propose_group(left, proposal, given=splits)
    for name, column in left.items():
        _propose_task(file, name, column=column, proposal=proposal)
    if not proposal.tasks:
        columns = "; ".join(f"{name}: {reason}" for name, reason in proposal.reasons.items() if name != text)
        raise ValueError(
            f"{file}: no column that could be a task beside the text {text!r} ({columns or 'no other columns'})"
        )
    added = {name: reason for name, reason in proposal.reasons.items() if name not in sample.columns}
    proposal.reasons = added | {name: proposal.reasons[name] for name in sample.columns}
    return proposal


def propose_training(num_rows: int) -> dict[str, Any]:
    """Return the settings of `train` for so many rows in all; none where the defaults are meant."""
    return dict(_FEW_ROWS_TRAINING) if num_rows < FEW_ROWS else {}


def split_parts(texts: pl.Series, separator: str) -> pl.Series:
    """Return lists of the parts of texts, without blanks around them and without empty ones."""
    parts = pl.element().str.strip_chars()
    return texts.str.split(separator).list.eval(parts).list.eval(pl.element().filter(pl.element() != ""))


def _propose_text(
    file: InputFile, left: dict[str, pl.Series], *, proposal: Proposal, chosen: str | None
) -> str:
    texts = {
        name: column
        for name, column in left.items()
        if column.dtype == pl.String and column.drop_nulls().len()
    }
    if chosen is not None:
        if chosen not in texts:
            raise ValueError(f"{file}: no column of text {chosen!r}{nearest(chosen, texts)}")
        name, why = chosen, "as required"
    elif not texts:
        raise ValueError(f"{file}: no column of texts; expected one beside {', '.join(left)}")
    else:
        lengths = {name: float(column.str.len_chars().mean() or 0.0) for name, column in texts.items()}  # type: ignore[arg-type]
        named = _named(texts, TEXT_NAMES)
        name = named or max(lengths, key=lambda n: lengths[n])
        why = f"{'by its name' if named else 'the longest texts'}; {lengths[name]:.0f} characters on average"
    left.pop(name)
    proposal.reasons[name] = f"the text ({why})"
    if name != "text":
        proposal.columns["text_column"] = name
    return name


def _propose_id(file: InputFile, left: dict[str, pl.Series], *, proposal: Proposal, dialect: Dialect) -> None:
    could_be = [name for name, column in left.items() if _may_be_id(column)]
    ranked = sorted(could_be, key=lambda name: _rank(name, ID_NAMES))
    counts = {}
    if ranked:
        types = dict.fromkeys(ranked, pl.String())
        ids = pl.concat(list(read_batches(file, types, rows=20_000, strict=(), dialect=dialect)))
        proposal.rows = ids.height
        counts = {name: (ids[name].drop_nulls().n_unique(), ids[name].null_count()) for name in ranked}
    else:
        proposal.rows = sum(
            batch.height
            for batch in read_batches(
                file, {_any(proposal): pl.String()}, rows=20_000, strict=(), dialect=dialect
            )
        )
    for name in ranked:
        distinct, nulls = counts[name]
        if distinct == proposal.rows and not nulls:
            left.pop(name)
            proposal.reasons[name] = f"the id ({proposal.rows:,} different values)"
            if name != "doc_id":
                proposal.columns["id"] = name
            return
    name = "doc_id" if "doc_id" not in left else "row_number"
    proposal.changes[name] = Change(number_rows=True)
    proposal.reasons[name] = (
        "the id, added to the copy: the number of the row, as no column has a different value in each"
    )
    if name != "doc_id":
        proposal.columns["id"] = name


def _may_be_id(column: pl.Series) -> bool:
    """Return whether the rows seen have different ids, of an integer or of a short text without blanks."""
    if column.null_count() or column.n_unique() < len(column):
        return False
    if column.dtype == pl.String:
        longest = int(column.str.len_chars().max() or 0)  # type: ignore[arg-type]
        return longest <= _MAX_ID_CHARACTERS and not column.str.contains(_NO_ID).any()
    return column.dtype.is_integer()


def _propose_language(left: dict[str, pl.Series], proposal: Proposal) -> None:
    name = _named(left, LANG_NAMES)
    if name is not None and left[name].dtype == pl.String:
        column = left.pop(name)
        values = sorted(column.drop_nulls().unique())
        if not column.null_count() and set(values) <= set(LANGUAGES):
            proposal.reasons[name] = f"the language ({', '.join(values)})"
            if name != "lang":
                proposal.columns["lang"] = name
            return
        wrong = next((v for v in values if v not in LANGUAGES), None)
        shown = "an empty value" if wrong is None else f"the value {wrong!r}"
        proposal.reasons[name] = (
            f"left out ({shown}; a language is one of {', '.join(LANGUAGES)}): it is detected instead"
        )
    proposal.columns["lang"] = DETECT


def _propose_split(left: dict[str, pl.Series], proposal: Proposal) -> pl.Series | None:
    """Propose the column of the split, and return the splits of the rows where there is one."""
    name = _named(left, SPLIT_NAMES)
    if name is None or left[name].dtype != pl.String:
        return None
    values = left[name].unique().sort()
    splits = parse_splits(values)
    shown = ", ".join(values.drop_nulls().head(5))
    named = set(splits.drop_nulls())
    are_splits = not splits.null_count()
    # ingest knows a column of this name without a setting, and takes from train what it does not name
    is_known = name == SPLIT and "train" in named
    if are_splits and (named == set(SPLITS) or is_known):
        column = left.pop(name)
        absent = " and ".join(split for split in SPLITS if split not in named)
        proposal.reasons[name] = f"the split ({shown}" + (f"; {absent} out of train)" if absent else ")")
        if not absent:
            proposal.columns["split"] = name
        return parse_splits(column)
    if name == SPLIT:  # a name that no task may have
        left.pop(name)
        found = shown + (", and empty ones" if values.null_count() else "")
        proposal.columns["split"] = BY_HASH
        proposal.reasons[name] = (
            f"left out (values {found}; expected {', '.join(SPLITS)}): groups are dealt by a hash"
        )
    return None


def _propose_group(left: dict[str, pl.Series], proposal: Proposal, *, given: pl.Series | None) -> None:
    """Propose the column of the group; `given` are the splits that the rows come with, which no group may straddle."""
    for name in sorted((n for n in left if n.lower() in GROUP_NAMES), key=lambda n: _rank(n, GROUP_NAMES)):
        column = left[name]
        groups = column.n_unique()
        is_key = column.dtype == pl.String or column.dtype.is_integer()
        if not is_key or not _MIN_GROUPS <= groups < len(column):
            continue
        if given is not None and _straddles(column, given):
            left.pop(name)
            proposal.reasons[name] = f"left out ({groups:,} values): rows of one {name} are in several splits"
        elif given is not None or _splits_by_hash(column) == set(SPLITS):
            left.pop(name)
            proposal.reasons[name] = f"the group ({groups:,} values): rows of one {name} stay in one split"
            if name != "group":
                proposal.columns["group"] = name
            return
    if "group" in left or "group" in proposal.reasons:  # a column of this name would be the group
        proposal.columns["group"] = proposal.columns.get("id", "doc_id")


def _straddles(groups: pl.Series, splits: pl.Series) -> bool:
    """Return whether rows of one group are in several splits."""
    pairs = pl.DataFrame({"group": groups, "split": splits}).drop_nulls().unique()
    return pairs["group"].n_unique() < pairs.height


def _splits_by_hash(groups: pl.Series) -> set[str]:
    """Return the splits that groups are dealt to."""
    return {split_of(group) for group in groups.drop_nulls().cast(pl.String).unique()}


def _propose_task(file: InputFile, name: str, *, column: pl.Series, proposal: Proposal) -> None:
    labels = column.drop_nulls()
    if labels.n_unique() < 2:
        proposal.reasons[name] = "left out (" + (
            "no value in any row)" if labels.is_empty() else "one value in all rows)"
        )
        return
    if labels.dtype == pl.String and labels.str.starts_with("[").all():
        proposal.reasons[name] = (
            f"left out (texts such as {labels[0]!r}; expected lists, in CSV and TSV written as JSON)"
        )
        return
    separator = _separator(labels)
    typed = labels if separator is None else split_parts(labels, separator)
    suggestions = {
        kind: s for kind, rules in LABEL_RULES.items() if (s := rules.suggestion(typed)) is not None
    }
    confident = [kind for kind, suggestion in suggestions.items() if suggestion.is_confident]
    others = {kind: s for kind, s in suggestions.items() if kind not in confident[:1]}
    if not confident:
        proposal.reasons[name] = f"left out ({_why_not(labels, others)})"
        return
    kind = confident[0]
    task, settings = _task_name(name, proposal), dict[str, Any](kind=kind)
    proposal.reasons[name] = f"{kind} ({suggestions[kind].reason})"
    if separator is not None:
        proposal.changes[name] = Change(separator=separator)
        proposal.reasons[name] += f", parted at {separator!r} in the copy"
    elif _is_whole_numbers(typed.dtype) and table_format(file) in JSON_LINES:
        # the reader of that format takes lists of texts alone
        proposal.changes[name] = Change(lists_of_texts=True)
        proposal.reasons[name] += ", written as texts in the copy"
    if others:
        proposal.reasons[name] += "; or " + ", or ".join(
            f"{other} ({s.reason})" for other, s in others.items()
        )
    if task != name:
        proposal.columns.setdefault("columns", {})[task] = name
        proposal.reasons[name] += f"; the task's name is {task}"
    rare = _rare_labels(typed)
    if rare:
        settings |= {"min_count": _RARE, "rare": "null"}
        proposal.reasons[name] += (
            f"; labels in fewer than {_RARE} rows are not learnt ({', '.join(rare[:3])}{', ...' if len(rare) > 3 else ''})"
        )
    proposal.tasks[task] = settings


def _is_whole_numbers(dtype: pl.DataType) -> bool:
    """Return whether a type is that of lists of whole numbers."""
    return isinstance(dtype, pl.List) and dtype.inner.is_integer()


def _why_not(labels: pl.Series, others: Mapping[str, Suggestion]) -> str:
    values = f"{labels.n_unique():,} different values in {len(labels):,} rows"
    if not others:
        return (
            values
            if not isinstance(labels.dtype, pl.List | pl.Struct)
            else f"values of the type {labels.dtype}"
        )
    return " or ".join(f"{s.reason}; `kind: {kind}` would learn them" for kind, s in others.items())


def _rare_labels(labels: pl.Series) -> list[str]:
    """Return the texts that are a label, or in a list of labels, in few rows."""
    flat = labels.explode(empty_as_null=False).drop_nulls() if isinstance(labels.dtype, pl.List) else labels
    if flat.dtype != pl.String:
        return []
    counts = flat.alias("label").value_counts().sort("count", "label")
    rare = counts.filter(pl.col("count") < _RARE)
    return [] if counts.height - rare.height < 2 else rare["label"].to_list()


def _separator(labels: pl.Series) -> str | None:
    """Return the character that joins labels in texts: its parts repeat far more often than the texts."""
    if labels.dtype != pl.String:
        return None
    for separator in SEPARATORS:
        joined = labels.str.contains(separator, literal=True)
        if (joined.mean() or 0.0) < 0.1:  # type: ignore[operator]
            continue
        flat = split_parts(labels, separator).explode(empty_as_null=False).drop_nulls()
        longest = int(flat.str.len_chars().max() or 0)  # type: ignore[arg-type]
        if (
            longest <= _MAX_LABEL_CHARACTERS
            and flat.n_unique() <= labels.n_unique()
            and flat.n_unique() * 5 <= len(flat)
        ):
            return separator
    return None


def _task_name(column: str, proposal: Proposal) -> str:
    """Return a column's name as that of a task: of letters, digits and underscores, and free beside the other tasks."""
    return free_name(re.sub(r"\W+", "_", column).strip("_") or "task", [*proposal.tasks, *_FIXED])


def _named(columns: Mapping[str, pl.Series], names: tuple[str, ...]) -> str | None:
    """Return the column with the first of some names, in any case."""
    matching = [name for name in columns if name.lower() in names]
    return min(matching, key=lambda name: _rank(name, names), default=None)


def _rank(name: str, names: tuple[str, ...]) -> int:
    return names.index(name.lower()) if name.lower() in names else len(names)


def _any(proposal: Proposal) -> str:
    return next(iter(proposal.reasons))
