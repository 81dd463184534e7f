"""Stage: tokens of all enabled corpora to features, vocabulary, labels. `python -m flows.stages.features`."""

import hashlib
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from flows.project import DATA, REPORTS
from flows.stages.command_line import run_stage
from mgm.corpus.parts import MANIFEST, Part, file_sha256, read_manifest, read_parts, write_manifest
from mgm.corpus.progress import progress
from mgm.corpus.statistics import Statistics
from mgm.files import write_json
from mgm.profiling.detected_languages import DETECTED, detected_languages
from mgm.profiling.profile import CorpusProfile
from mgm.profiling.typical_words import TypicalWords
from mgm.quality.leaks import Leaks
from mgm.settings.views.text_pipeline import TextPipelineSettings
from mgm.tasks import Task, with_label_spaces
from mgm.text import labels
from mgm.text.dictionary import load_dictionaries, load_dictionary
from mgm.text.features import FeaturePart, featurize
from mgm.text.stopwords import STOPWORDS_FILE
from mgm.text.subwords import SUBWORDS_FILE, Subwords
from mgm.text.vocabulary import Vocabulary, WordCounts, count_words, normalize_words

FOLDER = DATA / "features"
RESOURCES = DATA / "resources"

Labels = dict[str, Counter[str]]
"""Split to label to how often."""


@dataclass
class Gathered:
    """What is gathered over all corpora for the statistics."""

    unseen: Counter[str]
    typical_words: TypicalWords
    leaks: Leaks
    labelled: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    found: dict[str, Labels] = field(default_factory=lambda: defaultdict(lambda: defaultdict(Counter)))


def main() -> None:
    """Makes the features of every corpus that params.yaml enables, and of no other."""
    settings = TextPipelineSettings.load()
    _check_common(settings)
    features, corpora, tasks = settings.text.features, sorted(settings.enabled), settings.active_tasks()
    dictionaries = {c: load_dictionary(settings.text_for(c).segmentation, RESOURCES) for c in corpora}

    counted = count_words(_read(corpora, lambda _: ["split", "words"], "vocabulary"), features.stem)
    vocabulary = Vocabulary.from_counts(counted, features)
    label_counts = labels.count_labels(
        _read(corpora, lambda c: ["split", *[t.name for t in _trained(settings, c)]], "labels"), tasks
    )
    spaces = labels.build_label_spaces(label_counts, tasks)
    rare = labels.find_rare_labels(label_counts, tasks)
    subwords = _subwords(settings, corpora)
    if subwords is not None:
        spaces |= {task.name: subwords.pieces for task in tasks if task.spec.generates_text}
    tasks = with_label_spaces(tasks, spaces)

    shutil.rmtree(FOLDER, ignore_errors=True)
    vocabulary.save(FOLDER / "vocabulary.parquet")
    labels.save(spaces, FOLDER / "labels.json")
    if subwords is not None:
        subwords.save(FOLDER / SUBWORDS_FILE)
    _copy_word_lists(settings)
    gathered = Gathered(Counter(dict.fromkeys(label_counts, 0)), TypicalWords(tasks), Leaks(tasks))
    profiles: dict[str, Any] = {}
    statistics: dict[str, Any] = {}
    for corpus in corpora:
        own = [task for task in tasks if corpus in task.corpora]
        profile, counts, distinct, parts = CorpusProfile(own), Statistics(), WordCounts(), []
        languages: Counter[str] = Counter()
        for index, (source, tokens) in enumerate(_tokens(corpus)):
            tokens = labels.drop_rare(tokens, own, rare)
            part = featurize(tokens, vocabulary, features, dictionaries[corpus], subwords)
            part = FeaturePart(labels.encode(part.documents, own, subwords), part.types)
            paths = part.save(FOLDER / corpus, index)
            parts.append(Part(paths[0].name, part.documents.height, _sha256(paths), source.sha256))
            profile.add(part.documents, part.types)
            counts.count("sentences", int(part.documents["sentence"].list.len().sum()))
            counts.measure("words_per_document", part.documents["word"].list.len())
            distinct.add(
                normalize_words(part.types["text"], features.stem), np.ones(part.types.height, np.int64)
            )
            gathered.unseen.update(labels.count_unseen(tokens, own))
            gathered.typical_words.add(part.documents, part.types)
            gathered.leaks.add(part.documents, part.types)
            train = part.documents.filter(pl.col("split") == "train")
            languages.update(detected_languages(train, part.types, settings.text_for(corpus).language))
            _count_splits(tokens, own, gathered)
        write_manifest(FOLDER / corpus, parts)
        counts.count("distinct_words", distinct.result().height)
        profiles[corpus], statistics[corpus] = profile.result(), counts.result()
        # `languages` are the declared ones; a night declares none.
        profiles[corpus][DETECTED] = {"n": languages.total(), "counts": languages}
        print(
            f"features {corpus}: {sum(p.rows for p in parts):,} rows, "
            f"unknown words {profiles[corpus]['unknown_words']}"
        )
    write_json(FOLDER / "profile.json", {"corpora": profiles})
    rows = sum(sum(p["rows"].values()) for p in profiles.values())
    print(f"features: {rows:,} rows in, {rows:,} out, 0 rejected, vocabulary {len(vocabulary):,} words")
    write_json(
        REPORTS / "stages" / "features.json",
        {
            "rows": rows,
            "vocabulary_words": len(vocabulary),
            "corpora": {
                c: {k: p[k] for k in ("rows", "words", "unknown_words")} | statistics[c]
                for c, p in profiles.items()
            },
            "labelled_rows": gathered.labelled,
            "labels": gathered.found,
            "unseen_labels": gathered.unseen,
            "rare_labels": rare,
            "top_words": gathered.typical_words.result(),
            "leaks": gathered.leaks.result(),
        },
    )


def _read(corpora: list[str], columns: Callable[[str], list[str]], what: str) -> Iterator[pl.DataFrame]:
    """The parts of the tokens of all corpora."""
    for corpus in corpora:
        folder = DATA / "tokens" / corpus
        parts = read_parts(folder, columns(corpus))
        yield from progress(parts, f"{what} {corpus}", len(read_manifest(folder).parts))


def _subwords(settings: TextPipelineSettings, corpora: list[str]) -> Subwords | None:
    """Learned from the training targets of all generation tasks; none where no such task is trained."""
    own = {c: [t.name for t in _trained(settings, c) if t.spec.generates_text] for c in corpora}
    if not any(own.values()):
        return None
    parts = _read([c for c in corpora if own[c]], lambda c: ["split", *own[c]], "subwords")
    train = (part.filter(pl.col("split") == "train").drop("split") for part in parts)
    texts = (text for part in train for column in part for text in column.drop_nulls())
    return Subwords.train(texts, settings.text.features.subwords)


def _copy_word_lists(settings: TextPipelineSettings) -> None:
    """Stopwords and dictionaries to where the train stage reads what goes into the bundle."""
    for corpus in sorted(settings.enabled):
        (FOLDER / "stopwords").mkdir(parents=True, exist_ok=True)
        shutil.copyfile(DATA / "content" / corpus / STOPWORDS_FILE, FOLDER / "stopwords" / f"{corpus}.txt")
    for name, dictionary in load_dictionaries(settings, RESOURCES).items():
        dictionary.save(FOLDER / "dictionaries" / name)


def _sha256(paths: list[Path]) -> str:
    """One hash for the files of a part."""
    return hashlib.sha256("".join(map(file_sha256, paths)).encode()).hexdigest()


def _trained(settings: TextPipelineSettings, corpus: str) -> list[Task]:
    return [task for task in settings.active_tasks() if corpus in task.corpora]


def _check_common(settings: TextPipelineSettings) -> None:
    """All corpora share one vocabulary and one network, so none may have features of its own."""
    for corpus in sorted(settings.enabled):
        if settings.text_for(corpus).features != settings.text.features:
            raise ValueError(
                f"params.yaml: corpora.{corpus}.text.features: one vocabulary serves all corpora; "
                "set them in text.features"
            )


def _tokens(corpus: str) -> Iterator[tuple[Part, pl.DataFrame]]:
    """The parts of tokens, each with its column `content`."""
    tokens, content = DATA / "tokens" / corpus, DATA / "content" / corpus
    parts, marked = read_manifest(tokens).parts, read_manifest(content).parts
    if [part.sha256 for part in parts] != [part.input_sha256 for part in marked]:
        raise ValueError(
            f"{content / MANIFEST}: not made from the present {tokens}; run the stage stopwords again"
        )
    for part, other in progress(zip(parts, marked, strict=True), f"features {corpus}", len(parts)):
        yield (
            part,
            pl.read_parquet(tokens / part.name).with_columns(
                pl.read_parquet(content / other.name)["content"]
            ),
        )


def _count_splits(tokens: pl.DataFrame, tasks: list[Task], gathered: Gathered) -> None:
    """Adds the labelled rows of each task and split, and how often each label occurs there."""
    for (split,), rows in sorted(tokens.partition_by("split", as_dict=True).items()):
        for task in tasks:
            gathered.labelled[task.name][str(split)] += rows.height - rows[task.name].null_count()
            if task.spec.has_label_space:
                values = labels.flat_labels(rows, task).alias("label").value_counts(sort=True, name="n")
                counts = dict(values.select("label", "n").iter_rows())
                gathered.found[task.name][str(split)].update(counts)


if __name__ == "__main__":
    run_stage(main)
