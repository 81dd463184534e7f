"""Deduplication of one corpus: a pass that reads and compares all documents, and one that writes those that are kept.

Memory: at most 80 bytes a document, 200 bytes a document that has a copy, and two parts; besides 50 bytes for each document that shares
a bucket of a band with another one, and 2 bytes a sentence of near copies. Disk, in files beside the target, which are gone afterwards: 24 bytes a document for hashes of
text and group, 8 bytes a band and 2 bytes a permutation for its signature (0.4 GB a million documents), and 4 bytes a character of
the documents that are likely near-duplicates by their signatures, which are compared in full (and 16 bytes a sentence with `near:
drop_contained`). On a cluster signatures are there instead, and those of a few bands at a time are brought together by their buckets.
"""

import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from mgm.compute.executor import Emitted, Executor, Shuffle
from mgm.compute.processes import THIS_PROCESS
from mgm.corpus.contract import SPLITS
from mgm.corpus.parts import (
    REJECTS,
    Counts,
    Part,
    PartsWriter,
    Transformed,
    read_manifest,
    read_part,
    read_parts,
    reads_part,
)
from mgm.corpus.progress import progress
from mgm.corpus.rejects import EXACT_DUPLICATE, NEAR_DUPLICATE, split_rejected
from mgm.corpus.statistics import Statistics
from mgm.corpus.unfinished import delete_unfinished, unfinished_folder
from mgm.settings.text import DeduplicationSettings
from mgm.tasks import Task, TaskColumns
from mgm.text.deduplication import conflicts, disk_arrays, pairs
from mgm.text.deduplication.clusters import (
    Copies,
    EquivalenceClasses,
    NearPairs,
    rank_rows,
    resolve,
    split_overlap,
)
from mgm.text.deduplication.containment import sentence_lists
from mgm.text.deduplication.shingles import MIN_SHINGLES, Shingles, hash_texts, normalize_texts
from mgm.text.deduplication.signatures import column_names, signature_columns
from mgm.text.list_columns import Array, Flags

Examples = list[dict[str, Any]]
MAX_OVERLAP_IDS = 10


class Deduplicated(NamedTuple):
    """The counts and findings of a deduplication."""

    counts: Counts
    statistics: Statistics
    """clusters, exact_copies, near_copies; moved: rows that got another split; conflicts/<task>: clusters with different labels;
    labels_lost/<task>: labels of dropped rows whose kept row has none; labelled/<split> and labelled_copies/<split>: rows with a label
    for any task by their split before, all of them and those that were dropped; split_overlap/exact and split_overlap/near: kept rows of valid and
    test with such a copy in train, each only if such copies were searched for, and more than 0 only if copies are left alone."""
    conflicts: Examples
    """Examples of conflicting labels: task, doc_ids, labels."""
    overlap_ids: dict[str, list[str]]
    """The first doc_ids that split_overlap/exact and split_overlap/near count."""


def deduplicate(
    source: Path,
    target: Path,
    *,
    rejects: Path,
    tasks: list[Task],
    settings: DeduplicationSettings,
    executor: Executor = THIS_PROCESS,
) -> Deduplicated:
    """Write the documents that are kept, with their splits, and the dropped ones.

    Of several copies the one with the most labelled tasks is kept, then the earliest; `near: drop_contained` drops a near copy only for
    one that has all of its sentences and labels, and besides nothing but headings. `duplicate_of` in the values of a dropped row names the kept one. If copies are
    joined in one split, all of them and all rows of their groups get the split of the earliest of these rows, even in a corpus that
    brings its own splits.

    Args:
        source: the table of clean documents.
        target: the folder of the kept ones.
        rejects: the folder of the dropped ones.
        tasks: the tasks that the corpus labels.
        settings: the kinds of copies to search for, and whether they are dropped, joined in one split or reported.
        executor: what computes signatures part by part, and brings them together by the buckets of bands to search these.
    """
    target.mkdir(parents=True, exist_ok=True)
    folder = unfinished_folder(target)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        signatures = executor.shuffle(folder)
        rows = _read_comparison(source, tasks, settings=settings, folder=folder, signatures=signatures)
        classes = EquivalenceClasses.group(rows.keys, rank_rows(rows.num_labelled))
        similar = _find_similar(
            source, rows, classes=classes, settings=settings, folder=folder, signatures=signatures
        )
        contained = None
        if settings.near == "drop_contained":
            contained = _find_contained(source, tasks, similar=similar, classes=classes, folder=folder)
    finally:
        delete_unfinished(folder)
    near = NearPairs.of((similar.left, similar.right), contained)
    copies = resolve(classes, near, groups=rows.groups, splits=rows.splits, settings=settings)
    members = _read_members(source, tasks, copies=copies)
    statistics, examples = _compute_statistics(
        source, tasks, copies=copies, members=members, splits=rows.splits
    )
    for code, split in enumerate(SPLITS):
        is_labelled = (rows.num_labelled > 0) & (rows.splits == code)
        statistics.count(f"labelled/{split}", is_labelled.sum())
        statistics.count(f"labelled_copies/{split}", (is_labelled & copies.dropped).sum())
    modes = {"exact": settings.exact, "near": settings.near}
    overlap = dict(zip(modes, split_overlap(classes, near.pairs, copies=copies), strict=True))
    overlap = {kind: overlap[kind] for kind, mode in modes.items() if mode != "off"}
    for kind, overlapping in overlap.items():
        statistics.count(f"split_overlap/{kind}", overlapping.sum())
    transform = _Transform(copies, splits=rows.splits, members=members)
    return Deduplicated(
        counts=_write(source, target, rejects=rejects, transform=transform),
        statistics=statistics,
        conflicts=examples,
        overlap_ids={kind: _first_ids(members, overlapping) for kind, overlapping in overlap.items()},
    )


@dataclass(frozen=True, kw_only=True)
class _Comparison:
    """The values of each row that are compared; keys and signatures only if the settings need them."""

    num_labelled: npt.NDArray[np.uint16]
    groups: npt.NDArray[np.uint64]
    splits: npt.NDArray[np.uint8]
    keys: npt.NDArray[np.uint64] | None
    """The hash of each row's text, (2, rows)."""
    comparable: Flags
    """Whether a row has enough shingles to have near-duplicates."""


@dataclass(frozen=True)
class _ComparePart:
    """Computes what is compared of the rows of a part."""

    tasks: list[Task]
    settings: DeduplicationSettings

    def __call__(self, source: Path, part: Part) -> Emitted:
        exact, near = self.settings.exact != "off", self.settings.near != "off"
        columns = ["text", "group", "split", *(task.columns.label for task in self.tasks)]
        frame = read_part(source, part, columns=columns)
        num_labelled = pl.sum_horizontal(
            pl.lit(0), *(pl.col(task.columns.label).is_not_null() for task in self.tasks)
        )
        normalized = normalize_texts(frame["text"]) if exact or near else frame["text"]
        shingles = Shingles.from_texts(normalized, self.settings.shingle) if near else None
        rows = _Comparison(
            num_labelled=frame.select(num_labelled.alias("n"))["n"].to_numpy().astype(np.uint16),
            groups=frame["group"].hash(seed=0).to_numpy(),
            splits=frame["split"].cast(pl.Enum(SPLITS)).to_physical().to_numpy(),
            keys=hash_texts(normalized).T if exact else None,
            comparable=np.zeros(part.rows, np.bool_) if shingles is None else shingles.counts >= MIN_SHINGLES,
        )
        return Emitted(rows, {} if shingles is None else signature_columns(shingles, self.settings))


class _Similar(NamedTuple):
    """Pairs of classes whose texts are near-duplicates, three arrays (pairs,)."""

    left: Array
    """The class that is kept first."""
    right: Array
    right_is_longer: Flags


def _read_comparison(
    source: Path,
    tasks: list[Task],
    *,
    settings: DeduplicationSettings,
    folder: Path,
    signatures: Shuffle,
) -> _Comparison:
    """Return what is compared of all rows, and have their signatures in the shuffle."""
    n, parts = read_manifest(source).rows, read_manifest(source).parts
    exact, near = settings.exact != "off", settings.near != "off"
    rows = _Comparison(
        num_labelled=np.zeros(n, np.uint16),
        groups=disk_arrays.zeros(folder, (n,), dtype=np.uint64),
        splits=np.zeros(n, np.uint8),
        keys=disk_arrays.zeros(folder, (2, n), dtype=np.uint64) if exact else None,
        comparable=np.zeros(n, np.bool_),
    )
    first = 0
    calls = [(source, part) for part in parts if part.rows]
    emitted = signatures.emit(
        _ComparePart(tasks, settings), calls, columns=column_names(settings) if near else [], reads=reads_part
    )
    with closing(emitted) as results:
        for part in progress(results, f"deduplicate {source.name}: compare", total=len(calls)):
            part_rows = slice(first, first + len(part.groups))
            rows.num_labelled[part_rows], rows.groups[part_rows] = part.num_labelled, part.groups
            rows.splits[part_rows], rows.comparable[part_rows] = part.splits, part.comparable
            if rows.keys is not None and part.keys is not None:
                rows.keys[:, part_rows] = part.keys
            first = part_rows.stop
    return rows


def _read_parts(source: Path, columns: list[str], *, description: str) -> Iterator[tuple[int, pl.DataFrame]]:
    """Yield the parts of a table, each with the number of its first row."""
    first = 0
    num_parts = len(read_manifest(source).parts)
    for part in progress(
        read_parts(source, columns), f"deduplicate {source.name}: {description}", total=num_parts
    ):
        yield first, part
        first += part.height


def _find_similar(
    source: Path,
    rows: _Comparison,
    *,
    classes: EquivalenceClasses,
    settings: DeduplicationSettings,
    folder: Path,
    signatures: Shuffle,
) -> _Similar:
    """Return pairs of classes whose texts are near-duplicates."""
    if settings.near == "off" or not rows.comparable.any():
        none = np.empty(0, np.int64)
        return _Similar(none, none, right_is_longer=np.empty(0, np.bool_))
    row_of_class = classes.representative
    comparable = np.flatnonzero(rows.comparable[row_of_class]).astype(row_of_class.dtype)
    left, right = pairs.find_candidates(signatures, row_of_class[comparable], settings=settings)
    left, right = comparable[left].astype(np.int64), comparable[right].astype(np.int64)
    candidates = np.unique(row_of_class[np.concatenate([left, right])])
    frames = _read_rows(source, candidates, columns=["text"], description="verify")
    sets = pairs.shingle_sets(
        (Shingles.from_texts(normalize_texts(frame["text"]), settings.shingle) for frame in frames), folder
    )
    similarity = pairs.jaccard_similarity(
        sets,
        left=np.searchsorted(candidates, row_of_class[left]),
        right=np.searchsorted(candidates, row_of_class[right]),
    )
    is_near = similarity >= settings.threshold
    left, right = left[is_near], right[is_near]
    # Only a longer text can have all sentences of another one; of equally long ones the first is kept.
    sizes = [sets.sizes[np.searchsorted(candidates, row_of_class[side])] for side in (left, right)]
    return _Similar(left, right, right_is_longer=sizes[0] < sizes[1])


def _find_contained(
    source: Path, tasks: list[Task], *, similar: _Similar, classes: EquivalenceClasses, folder: Path
) -> pairs.Pairs:
    """Return pairs of classes of which the first contains the text of the second one and has all of its labels."""
    container = np.where(similar.right_is_longer, similar.right, similar.left)
    part = np.where(similar.right_is_longer, similar.left, similar.right)
    rows = np.unique(classes.representative[np.concatenate([container, part])])
    columns = [task.columns.label for task in tasks]
    labels = [pl.DataFrame(schema=dict.fromkeys(columns, pl.UInt64))]

    def texts() -> Iterator[pl.Series]:
        for frame in _read_rows(source, rows, columns=["text", *columns], description="contain"):
            labels.append(frame.select(conflicts.label_columns(tasks, frame.columns)).select(columns))
            yield frame["text"]

    sentences = sentence_lists(texts(), folder)
    places = [np.searchsorted(rows, classes.representative[side]) for side in (container, part)]
    is_contained = conflicts.has_labels(pl.concat(labels), tasks, rows=places[0], others=places[1])
    is_contained &= sentences.contained(places[0], parts=places[1])
    return container[is_contained], part[is_contained]


def _read_rows(source: Path, rows: Array, *, columns: list[str], description: str) -> Iterator[pl.DataFrame]:
    """Yield columns of some rows, in ascending order, from the parts that have any of them."""
    first, parts = 0, []
    for part in read_manifest(source).parts:
        begin, end = np.searchsorted(rows, [first, first + part.rows])
        if begin < end:
            parts.append((part, np.subtract(rows[begin:end], first)))
        first += part.rows
    for part, places in progress(parts, f"deduplicate {source.name}: {description}"):
        yield read_part(source, part, columns=columns)[places]


def _read_members(source: Path, tasks: list[Task], *, copies: Copies) -> pl.DataFrame:
    """Return the rows of all clusters: row, doc_id, cluster, kept, and the hashes of their labels."""
    is_copy = copies.exact | copies.near
    is_member = is_copy.copy()
    is_member[copies.cluster[is_copy]] = is_member[copies.kept[is_copy]] = True
    label_sources = {"text", "edits", *(t.columns.label for t in tasks)}
    columns = [column for column in next(read_parts(source)).columns if column in label_sources]
    members = []
    for first, part in _read_parts(source, ["doc_id", *columns], description="labels"):
        rows = np.flatnonzero(is_member[first : first + part.height])
        labels = part[rows].select("doc_id", *conflicts.label_columns(tasks, columns))
        numbers = {
            "row": rows + first,
            "cluster": copies.cluster[rows + first].astype(np.int64),
            "kept": copies.kept[rows + first].astype(np.int64),
        }
        members.append(pl.DataFrame(numbers).hstack(labels))
    return pl.concat(members)


def _compute_statistics(
    source: Path,
    tasks: list[Task],
    *,
    copies: Copies,
    members: pl.DataFrame,
    splits: npt.NDArray[np.uint8],
) -> tuple[Statistics, Examples]:
    statistics = Statistics()
    statistics.count("clusters", members["cluster"].n_unique())
    statistics.count("exact_copies", copies.exact.sum())
    statistics.count("near_copies", copies.near.sum())
    statistics.count("moved", (copies.split != splits).sum())
    conflicting = conflicts.find_conflicts(members, tasks)
    dropped = members.filter(pl.col("kept") != pl.col("row"))
    dropped = dropped.join(members, left_on="kept", right_on="row", how="left", suffix=" of kept")
    for task in tasks:
        label = task.columns.label
        lost = pl.col(label).is_not_null() & pl.col(f"{label} of kept").is_null()
        statistics.count(f"conflicts/{task.name}", conflicting[task.name]["cluster"].n_unique())
        statistics.count(f"labels_lost/{task.name}", dropped.filter(lost).height)
    return statistics, _read_examples(source, conflicts.select_examples(conflicting))


def _first_ids(members: pl.DataFrame, is_overlapping: Flags) -> list[str]:
    """Return the doc_ids of the first of these rows; each is in a cluster, since it has a copy."""
    overlapping = members.filter(pl.Series(is_overlapping[members["row"].to_numpy()]))
    return [str(doc_id) for doc_id in overlapping["doc_id"].head(MAX_OVERLAP_IDS)]


def _read_examples(source: Path, examples: list[tuple[str, list[str]]]) -> Examples:
    if not examples:
        return []
    ids = pl.Series([doc_id for _, doc_ids in examples for doc_id in doc_ids]).unique()
    columns = ["doc_id", *sorted({TaskColumns(task).label for task, _ in examples})]
    rows = [part.filter(pl.col("doc_id").is_in(ids.implode())) for part in read_parts(source, columns)]
    return conflicts.describe_examples(examples, pl.concat(rows))


def _write(source: Path, target: Path, *, rejects: Path, transform: "_Transform") -> Counts:
    """Write the rows that are kept, and those that are dropped."""
    counts, parts = Counts(), read_manifest(source).parts
    schema = next(read_parts(source)).schema
    with PartsWriter(target, schema) as out, PartsWriter(rejects, REJECTS) as dropped:
        for part in progress(parts, f"deduplicate {source.name}: write"):
            frame = read_part(source, part)
            result = transform(frame)
            counts.add(frame.height, result.kept, rejected=result.rejected)
            out.write(result.kept, part.sha256)
            dropped.write(result.rejected.with_columns(stage=pl.lit("deduplicate")), part.sha256)
    return counts


class _Transform:
    """What becomes of the rows of a part. It must be called for the parts in their order, since it counts rows through the table."""

    def __init__(self, copies: Copies, *, splits: npt.NDArray[np.uint8], members: pl.DataFrame) -> None:
        self.copies, self.splits, self.first = copies, splits, 0
        self.member_rows, self.member_ids = members["row"].to_numpy(), members["doc_id"]

    def __call__(self, frame: pl.DataFrame) -> Transformed:
        rows = slice(self.first, self.first + frame.height)
        self.first += frame.height
        copies = self.copies
        dropped = copies.dropped_in(rows)
        kept = np.searchsorted(self.member_rows, copies.kept[rows][dropped])
        duplicate_of = np.full(frame.height, None, object)
        duplicate_of[dropped] = self.member_ids[kept].to_list()
        original = frame.with_columns(duplicate_of=pl.Series(duplicate_of.tolist(), dtype=pl.String))
        split = pl.Series(np.array(SPLITS)[copies.split[rows]], dtype=pl.String)
        reasons = {
            EXACT_DUPLICATE: pl.Series(dropped & copies.exact[rows]),
            NEAR_DUPLICATE: pl.Series(dropped & copies.near[rows]),
        }
        return Transformed(*split_rejected(original, frame.with_columns(split=split), reasons=reasons))
