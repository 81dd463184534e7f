"""Stage: tokens of all enabled corpora to features, vocabulary, labels. `python -m flows.stages.features`."""

import shutil
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import polars as pl

from flows.stages._common import DATA, REPORTS, run_stage, write_json
from mgm.corpus.parts import MANIFEST, Part, file_sha256, read_manifest, read_parts, write_manifest
from mgm.corpus.profile import CorpusProfile
from mgm.settings import Settings
from mgm.tasks import Task
from mgm.text import labels
from mgm.text.features import FeaturePart, featurize
from mgm.text.vocabulary import Vocabulary, count_words

FOLDER = DATA / "features"

Labels = dict[str, Counter[str]]
"""Split to label to how often."""


def main() -> None:
    """Makes the features of every corpus that params.yaml enables, and of no other."""
    settings = Settings.load()
    _check_common(settings)
    features, corpora = settings.text.features, sorted(settings.enabled)
    tasks = {corpus: _trained(settings, corpus) for corpus in corpora}

    counted = count_words(
        part for c in corpora for part in read_parts(DATA / "tokens" / c, ["split", "words"])
    )
    vocabulary = Vocabulary.from_counts(counted, features)
    label_counts = labels.count_labels(
        (
            part
            for c in corpora
            for part in read_parts(DATA / "tokens" / c, ["split", *[t.name for t in tasks[c]]])
        ),
        settings.active_tasks(),
    )
    spaces = labels.build_label_spaces(label_counts, settings.active_tasks())
    rare = labels.rare_labels(label_counts, settings.active_tasks())

    shutil.rmtree(FOLDER, ignore_errors=True)
    vocabulary.save(FOLDER / "vocabulary.parquet")
    labels.save(spaces, FOLDER / "labels.json")
    profiles: dict[str, Any] = {}
    unseen: Counter[str] = Counter(dict.fromkeys(spaces, 0))
    labelled: dict[str, Counter[str]] = defaultdict(Counter)
    found: dict[str, Labels] = defaultdict(lambda: defaultdict(Counter))
    for corpus in corpora:
        profile, parts = CorpusProfile(tasks[corpus]), []
        for index, (source, tokens) in enumerate(_tokens(corpus)):
            tokens = labels.drop_rare(tokens, tasks[corpus], rare)
            part = featurize(tokens, vocabulary, features)
            part = FeaturePart(labels.encode(part.documents, tasks[corpus], spaces), part.types)
            path = part.save(FOLDER / corpus, index)[0]
            parts.append(Part(path.name, part.documents.height, file_sha256(path), source.sha256))
            profile.add(part.documents, part.types)
            unseen.update(labels.unseen(tokens, tasks[corpus], spaces))
            _count_splits(tokens, tasks[corpus], labelled, found)
        write_manifest(FOLDER / corpus, parts)
        profiles[corpus] = profile.result()
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
                c: {k: p[k] for k in ("rows", "words", "unknown_words")} for c, p in profiles.items()
            },
            "labelled_rows": labelled,
            "labels": found,
            "unseen_labels": unseen,
            "rare_labels": rare,
        },
    )


def _trained(settings: Settings, corpus: str) -> list[Task]:
    return [task for task in settings.active_tasks() if corpus in task.corpora]


def _check_common(settings: Settings) -> None:
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
    for part, other in zip(parts, marked, strict=True):
        yield (
            part,
            pl.read_parquet(tokens / part.name).with_columns(
                pl.read_parquet(content / other.name)["content"]
            ),
        )


def _count_splits(
    tokens: pl.DataFrame, tasks: list[Task], labelled: dict[str, Counter[str]], found: dict[str, Labels]
) -> None:
    """Adds the labelled rows of each task and split, and how often each label occurs there."""
    for (split,), rows in sorted(tokens.partition_by("split", as_dict=True).items()):
        for task in tasks:
            labelled[task.name][str(split)] += rows.height - rows[task.name].null_count()
            if task.kind in labels.HAS_LABELS:
                values = labels.label_values(rows, task).alias("label").value_counts(sort=True, name="n")
                found[task.name][str(split)].update(dict(values.select("label", "n").iter_rows()))


if __name__ == "__main__":
    run_stage(main)
