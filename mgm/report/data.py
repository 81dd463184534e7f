"""The report's section about the data: the counts and measures of every stage on every enabled corpus."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from mgm.evaluation.run_files import STAGES, RunFiles
from mgm.report.plots import histogram, histogram_axis, share_bar
from mgm.report.templating import NO_VALUE
from mgm.settings.text import CleaningSettings

SPLITS = ("train", "valid", "test")
LANGUAGES = ("en", "zh", "mixed", "other")
LEVELS = {"0.05": "5%", "0.5": "median", "0.95": "95%", "1.0": "longest"}
"""The quantiles that are shown, with their headings."""
LENGTHS = [
    ("clean", "characters_per_document", "characters, cleaned"),
    ("tokenize", "words_per_document", "words"),
    ("tokenize", "sentences_per_document", "sentences"),
    ("ingest", "characters_per_document", "characters, raw"),
]
"""(stage, key of its statistics, heading). The last is folded away."""
EXCERPT_CHARACTERS = 160
"""Shown of a document whose copies are labelled differently."""

Statistics = Mapping[str, Any]
StageStatistics = dict[str, dict[str, Statistics]]
"""Corpus to stage to the stage's statistics, empty where it wrote none."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table of texts.

    Attributes:
        heads: the heads of the columns after the first, which `name` heads and which names the rows.
    """

    heads: list[str]
    rows: list[tuple[str, list[str]]]
    name: str = "corpus"


@dataclass(frozen=True, kw_only=True)
class Lengths:
    """The lengths of documents in one unit: a row (corpus, histogram, quantiles) each, over one axis."""

    name: str
    axis: Markup
    rows: list[tuple[str, Markup, list[str]]]


@dataclass(frozen=True, kw_only=True)
class Conflict:
    """A cluster of copies whose labels differ: (document, label), and the beginning of the text."""

    corpus: str
    task: str
    labels: list[tuple[str, str]]
    text: str


@dataclass(frozen=True, kw_only=True)
class TypicalWords:
    """A label of a task, its number of training documents, and its most typical words with z-scores."""

    label: str
    documents: int | None
    words: list[tuple[str, float]]


@dataclass(frozen=True, kw_only=True)
class DataContent:
    """The content of the section. A measure that no stage wrote is an empty list or None."""

    rows: Table
    splits: Table
    unused_split_columns: list[tuple[str, str]]
    """(corpus, reason)"""
    rejects: Table
    corrections: Table
    added_documents: list[tuple[str, int]]
    """(corpus, number of documents that corrections have added)"""
    text: Table
    words: Table
    lengths: list[Lengths]
    cleaning: Table
    languages: list[tuple[str, Markup, list[str]]]
    duplicates: Table
    labelled_copies: Table
    by_task: Table
    conflicts: list[Conflict]
    stopwords: list[tuple[str, int, list[str]]]
    top_words: dict[str, list[TypicalWords]]
    vocabulary: int | None
    vectors: Statistics | None
    length_levels: Sequence[str] = tuple(LEVELS.values())
    language_heads: Sequence[str] = (*LANGUAGES, "disagrees")


def read_data(run_files: RunFiles) -> DataContent:
    """Read reports/stages."""
    statistics: StageStatistics = {
        corpus: {
            stage: run_files.json("reports", "stages", stage, f"{corpus}.json") or {} for stage in STAGES
        }
        for corpus in run_files.settings.enabled
    }
    features = run_files.json("reports", "stages", "features.json") or {}
    return DataContent(
        rows=_rows(statistics),
        splits=_splits(statistics),
        unused_split_columns=[
            (corpus, reason)
            for corpus, stages in statistics.items()
            if (reason := stages["ingest"].get("split_column_unused"))
        ],
        rejects=_rejects(statistics),
        corrections=_corrections(statistics, _since_champion(run_files)),
        added_documents=[
            (corpus, count)
            for corpus, stages in statistics.items()
            if (count := stages["ingest"].get("corrections", {}).get("added", 0))
        ],
        text=_text(statistics),
        words=_words(statistics, features.get("corpora", {})),
        lengths=_lengths(statistics),
        cleaning=_cleaning(statistics),
        languages=_languages(statistics),
        duplicates=_duplicates(statistics),
        labelled_copies=_labelled_copies(statistics),
        by_task=_by_task(statistics),
        conflicts=_conflicts(run_files, statistics),
        stopwords=[
            (corpus, stages["stopwords"]["derived_stopwords"], stages["stopwords"].get("derived", []))
            for corpus, stages in statistics.items()
            if stages["stopwords"].get("derived_stopwords")
        ],
        top_words=_top_words(features),
        vocabulary=features.get("vocabulary_words"),
        vectors=run_files.json("reports", "stages", "vectors.json"),
    )


def _whole(value: float | None) -> str:
    """Return a number without decimals, a dash where there is none."""
    return NO_VALUE if value is None else f"{value:,.0f}"


def _share(n: float | None, total: float | None) -> str:
    """Return a percentage, which is 0.0% of nothing alone."""
    if n is None or not total:
        return NO_VALUE
    return "<0.1%" if 0 < n / total < 0.0005 else f"{n / total:.1%}"


def _rows(statistics: StageStatistics) -> Table:
    """Return the rows read, the rows after each stage, and all rejected; `missing` where a stage wrote no statistics."""
    rows = []
    for corpus, stages in statistics.items():
        after = [_whole(stages[s]["rows_out"]) if stages[s] else "missing" for s in STAGES]
        rejected = sum(counts.get("rejected", 0) for counts in stages.values())
        rows.append((corpus, [_whole(stages["ingest"].get("rows_in")), *after, _whole(rejected)]))
    return Table(heads=["read", *STAGES, "rejected"], rows=rows)


def _since_champion(run_files: RunFiles) -> Mapping[str, Mapping[str, int]]:
    """Return the number of labels that are corrected otherwise than when the champion was trained, by corpus and task."""
    verdict = run_files.json("reports", "promotion.json", expected=False) or {}
    since: Mapping[str, Mapping[str, int]] = verdict.get("corrections", {}).get("since_champion", {})
    return since


def _corrections(statistics: StageStatistics, since: Mapping[str, Mapping[str, int]]) -> Table:
    """Return what corrections did to the labels of each task of a corpus that has any."""
    rows = []
    for corpus, stages in statistics.items():
        labels = stages["ingest"].get("corrections", {}).get("labels", {})
        for task in sorted(labels.keys() | since.get(corpus, {}).keys()):
            counts = labels.get(task, {})
            cells = [_whole(counts.get(name, 0)) for name in ("changed", "confirmed", "first")]
            rows.append((f"{corpus}: {task}", [*cells, _whole(since.get(corpus, {}).get(task))]))
    heads = ["labels changed", "confirmed", "first labels", "changed since the champion"]
    return Table(heads=heads, rows=rows, name="corpus and task")


def _splits(statistics: StageStatistics) -> Table:
    """Return the documents of each split after ingest, and what decides it."""

    def cells(counts: Statistics) -> list[str]:
        return [*(_whole(counts["splits"][split]) for split in SPLITS), counts["split_by"]]

    rows = _per_corpus(statistics, stage="ingest", key="splits", cells=cells)
    return Table(heads=[*SPLITS, "decided by"], rows=rows)


def _rejects(statistics: StageStatistics) -> Table:
    """Return a row for each reason of a stage, a column for each corpus."""
    reasons = {
        (stage, reason): None
        for stage in STAGES
        for stages in statistics.values()
        for reason in stages[stage].get("reasons", {})
    }
    rows = [
        (
            f"{stage}: {reason}",
            [_whole(stages[stage].get("reasons", {}).get(reason, 0)) for stages in statistics.values()],
        )
        for stage, reason in reasons
    ]
    return Table(heads=list(statistics), rows=rows, name="stage and reason")


def _text(statistics: StageStatistics) -> Table:
    """Return the size of each corpus in characters, paragraphs, sentences and words."""
    columns = [("ingest", "characters", "characters"), ("clean", "characters", "cleaned")]
    columns += [("tokenize", name, name) for name in ("paragraphs", "sentences", "words")]
    rows = [
        (corpus, [_whole(stages[stage].get(key)) for stage, key, _ in columns])
        for corpus, stages in statistics.items()
    ]
    return Table(heads=[head for _, _, head in columns], rows=rows)


def _words(statistics: StageStatistics, features: Mapping[str, Statistics]) -> Table:
    """Return the share of content words, the distinct words, and the share of unknown words by split."""
    rows = []
    for corpus, stages in statistics.items():
        words, content = features.get(corpus, {}), stages["stopwords"]
        unknown = words.get("unknown_words", {})
        cells = [
            _share(content.get("content_words"), content.get("words")),
            _whole(words.get("distinct_words")),
            *(_share(unknown.get(split), 1) for split in SPLITS),
        ]
        rows.append((corpus, cells))
    return Table(heads=["content", "distinct", *(f"unknown, {split}" for split in SPLITS)], rows=rows)


def _lengths(statistics: StageStatistics) -> list[Lengths]:
    """Return a table for each measure, all over the same axis."""
    measured = [
        (name, {c: stages[stage][key] for c, stages in statistics.items() if key in stages[stage]})
        for stage, key, name in LENGTHS
    ]
    bounds = [bound for _, corpora in measured for m in corpora.values() for bound, _ in m["histogram"]]
    last = max(bounds, default=0)
    return [
        Lengths(
            name=name,
            axis=histogram_axis(last),
            rows=[
                (c, histogram(dict(m["histogram"]), last), [_whole(m["quantiles"].get(q)) for q in LEVELS])
                for c, m in corpora.items()
            ],
        )
        for name, corpora in measured
        if corpora
    ]


def _cleaning(statistics: StageStatistics) -> Table:
    """Return the number of documents that each step changed; off where the step is not taken."""
    taken = {step for stages in statistics.values() for step in stages["clean"].get("steps", {})}
    order = list(CleaningSettings.model_fields)
    steps = sorted(taken, key=lambda step: (order.index(step) if step in order else len(order), step))

    def cells(clean: Statistics) -> list[str]:
        total, changed = clean.get("rows_out"), clean["steps"]
        numbers = [clean.get("edited"), *(changed.get(step) for step in steps)]
        return ["off" if n is None else _with_share(n, total) for n in numbers]

    return Table(
        heads=["any step", *(s.replace("_", " ") for s in steps)],
        rows=_per_corpus(statistics, stage="clean", key="steps", cells=cells),
    )


def _with_share(n: int, total: int | None) -> str:
    return f"{n:,} · {_share(n, total)}" if n and total else f"{n:,}"


def _per_corpus(
    statistics: StageStatistics, *, stage: str, key: str, cells: Callable[[Statistics], list[str]]
) -> list[tuple[str, list[str]]]:
    """Return a row for every corpus whose stage counted `key`."""
    return [(corpus, cells(stages[stage])) for corpus, stages in statistics.items() if key in stages[stage]]


def _languages(statistics: StageStatistics) -> list[tuple[str, Markup, list[str]]]:
    rows = []
    for corpus, stages in statistics.items():
        counted = stages["clean"].get("languages")
        if counted is None:
            continue
        numbers = [counted.get(language, 0) for language in LANGUAGES]
        cells = [_share(n, sum(numbers)) if n else "0" for n in numbers]
        disagrees = stages["clean"].get("language_disagrees")
        rows.append(
            (
                corpus,
                share_bar(dict(zip(LANGUAGES, numbers, strict=True))),
                [*cells, NO_VALUE if disagrees is None else _with_share(disagrees, sum(numbers))],
            )
        )
    return rows


def _duplicates(statistics: StageStatistics) -> Table:
    names = ["clusters", "exact_copies", "near_copies", "moved"]

    def cells(counts: Statistics) -> list[str]:
        lost = [sum(counts.get(name, {}).values()) for name in ("labels_lost", "conflicts")]
        return [*(_whole(counts.get(name)) for name in names), *map(_whole, lost)]

    heads = ["clusters", "exact copies", "near copies", "moved", "labels lost", "conflicts"]
    return Table(heads=heads, rows=_per_corpus(statistics, stage="deduplicate", key="clusters", cells=cells))


def _labelled_copies(statistics: StageStatistics) -> Table:
    """Return the labelled documents that were dropped as copies, by their split, of each corpus that has any."""

    def cells(counts: Statistics) -> list[str]:
        return [_with_share(counts["labelled_copies"][s], counts["labelled"][s]) for s in SPLITS]

    rows = _per_corpus(statistics, stage="deduplicate", key="labelled_copies", cells=cells)
    return Table(heads=list(SPLITS), rows=[row for row in rows if any(cell != "0" for cell in row[1])])


def _by_task(statistics: StageStatistics) -> Table:
    """Return the labels lost and the conflicts of each task of a corpus that has any."""
    rows = []
    for corpus, stages in statistics.items():
        lost, conflicts = (stages["deduplicate"].get(name, {}) for name in ("labels_lost", "conflicts"))
        for task in sorted(lost.keys() | conflicts.keys()):
            numbers = [lost.get(task, 0), conflicts.get(task, 0)]
            if any(numbers):
                rows.append((f"{corpus}: {task}", [_whole(n) for n in numbers]))
    return Table(heads=["labels lost", "conflicts"], rows=rows, name="corpus and task")


def _conflicts(run_files: RunFiles, statistics: StageStatistics) -> list[Conflict]:
    conflicts = []
    for corpus, stages in statistics.items():
        examples = stages["deduplicate"].get("examples", [])
        texts = run_files.texts(corpus, [e["doc_ids"][0] for e in examples]) if examples else {}
        for example in examples:
            labels = [
                (doc_id, _label(label))
                for doc_id, label in zip(example["doc_ids"], example["labels"], strict=True)
            ]
            text = " ".join(texts.get(example["doc_ids"][0], "").split())
            excerpt = text[:EXCERPT_CHARACTERS] + ("…" if len(text) > EXCERPT_CHARACTERS else "")
            conflicts.append(Conflict(corpus=corpus, task=example["task"], labels=labels, text=excerpt))
    return conflicts


def _label(label: Any) -> str:
    """Return a label of any kind of task as text."""
    if isinstance(label, list):
        return ", ".join(map(_label, label)) or "no label"
    if isinstance(label, Mapping):
        return f"{label['label']} at {label['start']}–{label['end']}"
    return f"{label:g}" if isinstance(label, float) else str(label)


def _top_words(features: Statistics) -> dict[str, list[TypicalWords]]:
    labels = features.get("labels", {})
    return {
        task: [
            TypicalWords(
                label=label, documents=labels.get(task, {}).get("train", {}).get(label), words=_pairs(words)
            )
            for label, words in words_by_label.items()
        ]
        for task, words_by_label in features.get("top_words", {}).items()
    }


def _pairs(words: Iterable[Iterable[Any]]) -> list[tuple[str, float]]:
    return [(str(word), float(score)) for word, score in words]
