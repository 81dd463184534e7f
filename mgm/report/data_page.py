"""The report's section about the data: what every stage counted and measured of every enabled corpus."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from mgm.evaluation.run_files import STAGES, Sources
from mgm.report.plots import histogram, histogram_axis, share_bar
from mgm.settings.text import CleaningSettings

SPLITS = ("train", "valid", "test")
LANGUAGES = ("en", "zh", "mixed", "other")
LEVELS = {"0.05": "5%", "0.5": "median", "0.95": "95%", "1.0": "longest"}
"""The quantiles that are shown."""

# Which stage measured what, under which name; the first is shown, those that follow are folded away.
LENGTHS = [
    ("clean", "characters_per_document", "characters, cleaned"),
    ("tokenize", "words_per_document", "words"),
    ("tokenize", "sentences_per_document", "sentences"),
    ("ingest", "characters_per_document", "characters, raw"),
]
EXCERPT = 160  # characters of a document whose copies are labelled differently

Found = Mapping[str, Any]
Counts = dict[str, dict[str, Found]]
"""Corpus to stage to what the stage wrote, empty where it wrote nothing."""


@dataclass(frozen=True)
class Table:
    """A table of texts: `heads` name the columns behind the one that names the rows (the corpus, as a rule)."""

    heads: list[str]
    rows: list[tuple[str, list[str]]]
    name: str = "corpus"


@dataclass(frozen=True)
class Lengths:
    """How long a corpus's documents are: a row (corpus, histogram, quantiles) each, over one axis."""

    name: str
    axis: Markup
    rows: list[tuple[str, Markup, list[str]]]


@dataclass(frozen=True)
class Conflict:
    """A cluster of copies whose labels differ: (document, label), and the beginning of the text."""

    corpus: str
    task: str
    labels: list[tuple[str, str]]
    text: str


@dataclass(frozen=True)
class Typical:
    """A label of a task, in how many training documents it stands, and its most typical words with z-scores."""

    label: str
    documents: int | None
    words: list[tuple[str, float]]


@dataclass(frozen=True)
class DataPage:
    """All that the section says; what was not measured is an empty list or None."""

    rows: Table
    rejects: Table
    text: Table
    words: Table
    lengths: list[Lengths]
    cleaning: Table
    languages: list[tuple[str, Markup, list[str]]]
    duplicates: Table
    by_task: Table
    conflicts: list[Conflict]
    stopwords: list[tuple[str, int, list[str]]]
    top_words: dict[str, list[Typical]]
    vocabulary: int | None
    vectors: Found | None
    length_levels: Sequence[str] = tuple(LEVELS.values())
    language_heads: Sequence[str] = (*LANGUAGES, "disagrees")


def data_page(sources: Sources) -> DataPage:
    """Reads reports/stages."""
    found: Counts = {
        corpus: {stage: sources.json("reports", "stages", stage, f"{corpus}.json") or {} for stage in STAGES}
        for corpus in sources.settings.enabled
    }
    features = sources.json("reports", "stages", "features.json") or {}
    return DataPage(
        rows=_rows(found),
        rejects=_rejects(found),
        text=_text(found),
        words=_words(found, features.get("corpora", {})),
        lengths=_lengths(found),
        cleaning=_cleaning(found),
        languages=_languages(found),
        duplicates=_duplicates(found),
        by_task=_by_task(found),
        conflicts=_conflicts(sources, found),
        stopwords=[
            (corpus, stages["stopwords"]["derived_stopwords"], stages["stopwords"].get("derived", []))
            for corpus, stages in found.items()
            if stages["stopwords"].get("derived_stopwords")
        ],
        top_words=_top_words(features),
        vocabulary=features.get("vocabulary_words"),
        vectors=sources.json("reports", "stages", "vectors.json"),
    )


def whole(value: float | None) -> str:
    """A number without decimals, – where there is none."""
    return "–" if value is None else f"{value:,.0f}"


def share(n: float | None, total: float | None) -> str:
    """A percentage; never 0.0% of what is there."""
    if n is None or not total:
        return "–"
    return "<0.1%" if 0 < n / total < 0.0005 else f"{n / total:.1%}"


def _rows(found: Counts) -> Table:
    """Rows read, rows that each stage gave, and rejected in all; `missing` where a stage wrote nothing."""
    rows = []
    for corpus, stages in found.items():
        after = [whole(stages[s]["rows_out"]) if stages[s] else "missing" for s in STAGES]
        rejected = sum(counts.get("rejected", 0) for counts in stages.values())
        rows.append((corpus, [whole(stages["ingest"].get("rows_in")), *after, whole(rejected)]))
    return Table(["read", *STAGES, "rejected"], rows)


def _rejects(found: Counts) -> Table:
    """A row for each reason of a stage, a column for each corpus."""
    reasons = {
        (stage, reason): None
        for stage in STAGES
        for stages in found.values()
        for reason in stages[stage].get("reasons", {})
    }
    rows = [
        (
            f"{stage}: {reason}",
            [whole(stages[stage].get("reasons", {}).get(reason, 0)) for stages in found.values()],
        )
        for stage, reason in reasons
    ]
    return Table(list(found), rows, "stage and reason")


def _text(found: Counts) -> Table:
    """The size of each corpus in characters, paragraphs, sentences and words."""
    shown = [("ingest", "characters", "characters"), ("clean", "characters", "cleaned")]
    shown += [("tokenize", name, name) for name in ("paragraphs", "sentences", "words")]
    rows = [
        (corpus, [whole(stages[stage].get(key)) for stage, key, _ in shown])
        for corpus, stages in found.items()
    ]
    return Table([head for _, _, head in shown], rows)


def _words(found: Counts, features: Mapping[str, Found]) -> Table:
    """The share of content words, distinct words, and the share of words outside the vocabulary by split."""
    rows = []
    for corpus, stages in found.items():
        own, content = features.get(corpus, {}), stages["stopwords"]
        unknown = own.get("unknown_words", {})
        cells = [
            share(content.get("content_words"), content.get("words")),
            whole(own.get("distinct_words")),
            *(share(unknown.get(split), 1) for split in SPLITS),
        ]
        rows.append((corpus, cells))
    return Table(["content", "distinct", *(f"unknown, {split}" for split in SPLITS)], rows)


def _lengths(found: Counts) -> list[Lengths]:
    """A table for each measure, all over the same axis."""
    measured = [
        (name, {c: stages[stage][key] for c, stages in found.items() if key in stages[stage]})
        for stage, key, name in LENGTHS
    ]
    bounds = [bound for _, corpora in measured for m in corpora.values() for bound, _ in m["histogram"]]
    last = max(bounds, default=0)
    return [
        Lengths(
            name,
            histogram_axis(last),
            [
                (c, histogram(dict(m["histogram"]), last), [whole(m["quantiles"].get(q)) for q in LEVELS])
                for c, m in corpora.items()
            ],
        )
        for name, corpora in measured
        if corpora
    ]


def _cleaning(found: Counts) -> Table:
    """Of each step how many documents it changed; off where the step is not taken."""
    taken = {step for stages in found.values() for step in stages["clean"].get("steps", {})}
    order = list(CleaningSettings.model_fields)
    steps = sorted(taken, key=lambda step: (order.index(step) if step in order else len(order), step))

    def cells(clean: Found) -> list[str]:
        total, changed = clean.get("rows_out"), clean["steps"]
        numbers = [clean.get("edited"), *(changed.get(step) for step in steps)]
        return ["off" if n is None else _with_share(n, total) for n in numbers]

    return Table(
        ["any step", *(s.replace("_", " ") for s in steps)],
        _per_corpus(found, "clean", "steps", cells),
    )


def _with_share(n: int, total: int | None) -> str:
    return f"{n:,} · {share(n, total)}" if n and total else f"{n:,}"


def _per_corpus(
    found: Counts, stage: str, key: str, cells: Callable[[Found], list[str]]
) -> list[tuple[str, list[str]]]:
    """A row of every corpus whose stage counted `key`."""
    return [(corpus, cells(stages[stage])) for corpus, stages in found.items() if key in stages[stage]]


def _languages(found: Counts) -> list[tuple[str, Markup, list[str]]]:
    rows = []
    for corpus, stages in found.items():
        counted = stages["clean"].get("languages")
        if counted is None:
            continue
        numbers = [counted.get(language, 0) for language in LANGUAGES]
        cells = [share(n, sum(numbers)) if n else "0" for n in numbers]
        disagrees = stages["clean"].get("language_disagrees")
        rows.append(
            (
                corpus,
                share_bar(dict(zip(LANGUAGES, numbers, strict=True))),
                [*cells, "–" if disagrees is None else _with_share(disagrees, sum(numbers))],
            )
        )
    return rows


def _duplicates(found: Counts) -> Table:
    names = ["clusters", "exact_copies", "near_copies", "moved"]

    def cells(counts: Found) -> list[str]:
        lost = [sum(counts.get(name, {}).values()) for name in ("labels_lost", "conflicts")]
        return [*(whole(counts.get(name)) for name in names), *map(whole, lost)]

    heads = ["clusters", "exact copies", "near copies", "moved", "labels lost", "conflicts"]
    return Table(heads, _per_corpus(found, "deduplicate", "clusters", cells))


def _by_task(found: Counts) -> Table:
    """Labels lost and conflicts of each task of a corpus that has any."""
    rows = []
    for corpus, stages in found.items():
        lost, conflicts = (stages["deduplicate"].get(name, {}) for name in ("labels_lost", "conflicts"))
        for task in sorted(lost.keys() | conflicts.keys()):
            numbers = [lost.get(task, 0), conflicts.get(task, 0)]
            if any(numbers):
                rows.append((f"{corpus}: {task}", [whole(n) for n in numbers]))
    return Table(["labels lost", "conflicts"], rows, "corpus and task")


def _conflicts(sources: Sources, found: Counts) -> list[Conflict]:
    conflicts = []
    for corpus, stages in found.items():
        examples = stages["deduplicate"].get("examples", [])
        texts = sources.texts(corpus, [e["doc_ids"][0] for e in examples]) if examples else {}
        for example in examples:
            labels = [
                (doc_id, _label(label))
                for doc_id, label in zip(example["doc_ids"], example["labels"], strict=True)
            ]
            text = " ".join(texts.get(example["doc_ids"][0], "").split())
            shown = text[:EXCERPT] + ("…" if len(text) > EXCERPT else "")
            conflicts.append(Conflict(corpus, example["task"], labels, shown))
    return conflicts


def _label(label: Any) -> str:
    """A label of any kind of task in words."""
    if isinstance(label, list):
        return ", ".join(map(_label, label)) or "no label"
    if isinstance(label, Mapping):
        return f"{label['label']} at {label['start']}–{label['end']}"
    return f"{label:g}" if isinstance(label, float) else str(label)


def _top_words(features: Found) -> dict[str, list[Typical]]:
    labels = features.get("labels", {})
    return {
        task: [
            Typical(label, labels.get(task, {}).get("train", {}).get(label), _pairs(words))
            for label, words in found.items()
        ]
        for task, found in features.get("top_words", {}).items()
    }


def _pairs(words: Iterable[Iterable[Any]]) -> list[tuple[str, float]]:
    return [(str(word), float(score)) for word, score in words]
