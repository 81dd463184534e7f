"""The features of a corpus, made part by part, each with its statistics."""

from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mgm.compute.executor import Executor, TaskFile
from mgm.corpus.parts import Part, part_file, write_manifest
from mgm.corpus.progress import progress
from mgm.corpus.unfinished import Unfinished, unfinished_parts
from mgm.files import file_sha256
from mgm.quality.feature_statistics import CorpusStatistics, LabelStatistics
from mgm.settings.text import TextSettings
from mgm.text.dictionary import UserDictionary
from mgm.text.feature_tables import read_feature_part, write_feature_part
from mgm.text.features import part_paths
from mgm.text.fitting import FittedText
from mgm.text.token_tables import TokenTable


@dataclass(frozen=True, kw_only=True)
class FeatureWork:
    """What the features of a corpus are made of."""

    table: TokenTable
    fitted: FittedText
    text: TextSettings
    """The settings of the corpus."""
    dictionary: UserDictionary | None


class UnfinishedFeatures:
    """The features of a corpus, until those of all corpora are made: only then no part is lost if the run is killed.

    Args:
        work: what they are made of.
        folder: where the parts are that a run has finished.
    """

    def __init__(self, work: FeatureWork, folder: Path) -> None:
        self._work, self._folder = work, folder
        self._sources = work.table.parts_with_content()
        self._stack = ExitStack()
        self._parts: list[Part] = []

    def make(self, labels: LabelStatistics, *, executor: Executor) -> CorpusStatistics:
        """Make all parts, add their labels to those of other corpora, and return the statistics of the corpus."""
        work, calls = self._work, list(enumerate(self._sources))
        self._unfinished = self._stack.enter_context(unfinished_parts(self._folder, [work, calls]))
        statistics = CorpusStatistics(work.fitted.tasks_for(work.table.corpus), work.text)
        make = _MakePart(work, self._unfinished)
        with closing(executor.map(make, calls, reads=make.reads)) as results:
            for part, of_corpus, of_labels in progress(
                results, f"features {work.table.corpus}", total=len(calls)
            ):
                self._parts.append(part)
                statistics.merge(of_corpus)
                labels.merge(of_labels)
        return statistics

    def move(self, target: Path) -> None:
        """Make the parts a table."""
        target.mkdir(parents=True, exist_ok=True)
        paths = [path for index in range(len(self._parts)) for path in part_paths(target, index)]
        self._unfinished.move({path.name: path for path in paths})
        write_manifest(target, self._parts)
        self._stack.close()


@dataclass(frozen=True)
class _MakePart:
    """Makes the features of a part, or reads those that are finished, and gathers their statistics."""

    work: FeatureWork
    unfinished: Unfinished

    def reads(self, index: int, sources: tuple[Part, Part]) -> list[TaskFile] | None:
        table, (tokens, marks) = self.work.table, sources
        files = [part_file(table.tokens, tokens), part_file(table.content, marks)]
        return self.unfinished.reads(index, files)

    def __call__(
        self, index: int, sources: tuple[Part, Part]
    ) -> tuple[Part, CorpusStatistics, LabelStatistics]:
        work, corpus, folder = self.work, self.work.table.corpus, self.unfinished.folder
        source, marks = sources
        tokens = work.fitted.drop_rare_labels(work.table.read_with_content(source, marks=marks), corpus)

        def make() -> dict[str, Any]:
            features = work.fitted.featurize(tokens, corpus, dictionary=work.dictionary)
            part = write_feature_part(features, folder, index=index, input_sha256=source.sha256)
            files = {path.name: file_sha256(path) for path in part_paths(folder, index)}
            return {"files": files, "part": asdict(part)}

        part = Part(**self.unfinished.result(index, make)["part"])
        features = read_feature_part(folder, index, part=part)
        tasks = work.fitted.tasks_for(corpus)
        of_corpus, of_labels = CorpusStatistics(tasks, work.text), LabelStatistics(tasks)
        of_corpus.add(features)
        of_labels.add(tokens, features, tasks=tasks)
        return part, of_corpus, of_labels
