"""Vocabulary, label spaces and subwords, fitted to the training rows of all corpora, and features made with them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from mgm.compute.executor import Emitted, Executor
from mgm.compute.processes import THIS_PROCESS
from mgm.corpus.parts import Part, read_part, reads_part
from mgm.corpus.progress import progress
from mgm.settings.text import FeatureSettings
from mgm.tasks import Task, with_label_spaces
from mgm.text import labels
from mgm.text.dictionary import UserDictionary
from mgm.text.features import FeaturePart, featurize
from mgm.text.shuffled_words import ShuffledWordCounts, divide_counts
from mgm.text.subwords import SUBWORDS_FILE, Subwords
from mgm.text.token_tables import TokenTable
from mgm.text.vocabulary import Vocabulary, count_words


@dataclass(frozen=True, kw_only=True)
class FittedText:
    """The parts of the text pipeline that are learned from training rows."""

    settings: FeatureSettings
    vocabulary: Vocabulary
    tasks: list[Task]
    """The tasks with their label spaces."""
    rare_labels: dict[str, list[str]]
    """The labels that become null, by task."""
    subwords: Subwords | None
    """The pieces that targets of generation are spelled with; None without such a task."""

    def save(self, folder: Path) -> None:
        """Write vocabulary.parquet, labels.json and, if there are any, the subwords."""
        self.vocabulary.save(folder / "vocabulary.parquet")
        spaces = {task.name: task.labels for task in self.tasks if task.labels}
        labels.save(spaces, folder / "labels.json")
        if self.subwords is not None:
            self.subwords.save(folder / SUBWORDS_FILE)

    def tasks_for(self, corpus: str) -> list[Task]:
        """Return the tasks that a corpus labels."""
        return [task for task in self.tasks if corpus in task.corpora]

    def drop_rare_labels(self, tokens: pl.DataFrame, corpus: str) -> pl.DataFrame:
        """Return the tokens of a corpus without rare labels."""
        return labels.drop_rare(tokens, self.tasks_for(corpus), rare=self.rare_labels)

    def featurize(
        self, tokens: pl.DataFrame, corpus: str, *, dictionary: UserDictionary | None = None
    ) -> FeaturePart:
        """Return the features of tokens of a corpus, with its labels as numbers; `dictionary`: see `features.featurize`."""
        part = featurize(
            tokens, self.vocabulary, settings=self.settings, dictionary=dictionary, subwords=self.subwords
        )
        return FeaturePart(
            labels.encode(part.documents, self.tasks_for(corpus), subwords=self.subwords), part.types
        )


def fit_text(
    tables: Sequence[TokenTable],
    tasks: Sequence[Task],
    *,
    settings: FeatureSettings,
    executor: Executor = THIS_PROCESS,
) -> FittedText:
    """Fit vocabulary, label spaces and subwords to the training rows of all corpora.

    Words and labels are counted part by part, and words added up, where the executor says, and subwords are trained in this process.

    Raises:
        ValueError: a task has no label in the training rows.
    """
    vocabulary, label_counts = _count(tables, tasks, settings=settings, executor=executor)
    spaces = labels.build_label_spaces(label_counts, tasks)
    subwords = _fit_subwords(tables, tasks, settings=settings)
    if subwords is not None:
        spaces |= {task.name: subwords.pieces for task in tasks if task.spec.generates_text}
    return FittedText(
        settings=settings,
        vocabulary=vocabulary,
        tasks=with_label_spaces(list(tasks), spaces),
        rare_labels=labels.find_rare_labels(label_counts, tasks),
        subwords=subwords,
    )


def _count(
    tables: Sequence[TokenTable], tasks: Sequence[Task], *, settings: FeatureSettings, executor: Executor
) -> tuple[Vocabulary, labels.LabelCounts]:
    """Return the vocabulary and the counts of labels of the training rows of all corpora."""
    label_counts = labels.count_labels([], tasks)
    calls = [(table.tokens, part) for table in tables for part in table.parts()]
    tasks_of = {table.tokens: [task for task in tasks if table.corpus in task.corpora] for table in tables}
    with ShuffledWordCounts.of_parts(len(calls), executor) as words:
        count = _CountPart(tasks_of, stem=settings.stem, num_divisions=words.num_divisions)
        with closing(words.shuffle.emit(count, calls, columns=words.columns, reads=reads_part)) as results:
            for part_labels in progress(results, "vocabulary", total=len(calls)):
                for task, counted in part_labels.items():
                    label_counts[task] = labels.add_counts(label_counts[task], counted)
        return Vocabulary.from_counts(words, settings), label_counts


@dataclass(frozen=True)
class _CountPart:
    """Counts the words and labels of one part."""

    tasks: Mapping[Path, list[Task]]
    """Those of each table."""
    stem: bool
    num_divisions: int

    def __call__(self, tokens: Path, part: Part) -> Emitted:
        tasks = self.tasks[tokens]
        rows = read_part(tokens, part, columns=["split", "words", *(task.columns.label for task in tasks)])
        words = divide_counts(count_words([rows], self.stem), self.num_divisions)
        return Emitted(labels.count_labels([rows], tasks), words)


def _fit_subwords(
    tables: Sequence[TokenTable], tasks: Sequence[Task], *, settings: FeatureSettings
) -> Subwords | None:
    """Train subwords on the training targets of all generation tasks; None without such a task."""
    generation = [task for task in tasks if task.spec.generates_text]
    columns = {
        table.corpus: [t.columns.label for t in generation if table.corpus in t.corpora] for table in tables
    }
    if not any(columns.values()):
        return None
    parts = _read([table for table in tables if columns[table.corpus]], columns, description="subwords")
    train = (part.filter(pl.col("split") == "train").drop("split") for part in parts)
    texts = (text for part in train for column in part for text in column.drop_nulls())
    return Subwords.train(texts, settings.subwords)


def _read(
    tables: Sequence[TokenTable], columns: Mapping[str, list[str]], *, description: str
) -> Iterator[pl.DataFrame]:
    for table in tables:
        yield from table.read(["split", *columns[table.corpus]], description)
