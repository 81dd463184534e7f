"""Deduplication of one corpus: a pass that gathers what is compared, and one that writes what stays.

Memory: 0.2 GB a million documents at the most, and 5 bytes a character of those whose signatures make them
likely near-duplicates, which are compared in full; of the rest, one part at a time. Signatures (4 bytes a
permutation, so 0.5 GB a million documents) lie in a temporary file beside the target, which is mapped and
leaves nothing behind.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from mgm.corpus.contract import SPLITS
from mgm.corpus.parts import Counts, Transformed, map_parts, read_manifest, read_parts
from mgm.corpus.progress import progress
from mgm.corpus.rejects import EXACT_DUPLICATE, NEAR_DUPLICATE, split_rejected
from mgm.corpus.statistics import Statistics
from mgm.settings.text import DeduplicationSettings
from mgm.tasks import Task
from mgm.text.deduplication import conflicts, pairs
from mgm.text.deduplication.clusters import (
    Copies,
    EquivalenceClasses,
    Flags,
    rank_rows,
    resolve,
    split_overlap,
)
from mgm.text.deduplication.shingles import MIN_SHINGLES, Shingles, hash_texts, normalize_texts
from mgm.text.list_columns import Array

Examples = list[dict[str, Any]]
MAX_OVERLAP_IDS = 10


def deduplicate(
    source: Path, target: Path, rejects: Path, tasks: list[Task], settings: DeduplicationSettings
) -> tuple[Counts, Statistics, Examples, dict[str, list[str]]]:
    """Writes the documents that stay, with the splits that they get, and the dropped ones.

    Of copies the one with most labelled tasks is kept, then the earliest. `duplicate_of` in the values of a
    dropped row names the kept one. Where copies stay together, all of them and all rows of their groups get
    the split of the earliest row of these, in a corpus that brings its own splits too.

    Returns:
        Counts; statistics: clusters, exact_copies, near_copies, moved, conflicts/<task>, labels_lost/<task>
        (labels of dropped rows for which the kept row has none), and straddling/exact and straddling/near,
        each only where such copies were looked for: rows of valid and test that stay and have a copy in
        train, which is more than 0 only where copies are left alone; examples of conflicts: task, doc_ids,
        labels; the first doc_ids behind straddling/exact and straddling/near.
    """
    target.mkdir(parents=True, exist_ok=True)
    rows = _read_comparison(source, tasks, settings, target)
    classes = EquivalenceClasses.group(rows.keys, rank_rows(rows.labelled))
    near = _near_pairs(source, rows, classes, settings)
    copies = resolve(classes, near, rows.groups, rows.splits, settings)
    members = _read_members(source, tasks, copies)
    statistics, examples = _report(source, tasks, copies, members, rows.splits)
    modes = {"exact": settings.exact, "near": settings.near}
    straddlers = dict(zip(modes, split_overlap(classes, near, copies), strict=True))
    sought = {kind: straddlers[kind] for kind, mode in modes.items() if mode != "off"}
    for kind, found in sought.items():
        statistics.count(f"straddling/{kind}", found.sum())
    transform = _Transform(copies, rows.splits, members)
    counts, _ = map_parts(source, target, rejects, "deduplicate", next(read_parts(source)).schema, transform)
    return counts, statistics, examples, {kind: _ids(members, found) for kind, found in sought.items()}


@dataclass(frozen=True)
class _Comparison:
    """What is compared of each row; keys and signatures only where they are needed."""

    labelled: Array
    groups: npt.NDArray[np.uint64]
    splits: npt.NDArray[np.uint8]
    keys: npt.NDArray[np.uint64] | None
    comparable: Flags
    signatures: pairs.Signatures | None


def _read_comparison(
    source: Path, tasks: list[Task], settings: DeduplicationSettings, folder: Path
) -> _Comparison:
    n = read_manifest(source).rows
    exact, near = settings.exact != "off", settings.near != "off" and n > 0
    count, width = pairs.choose_bands(settings.threshold, settings.permutations)
    rows = _Comparison(
        labelled=np.zeros(n, np.int64),
        groups=np.zeros(n, np.uint64),
        splits=np.zeros(n, np.uint8),
        keys=np.zeros((n, 2), np.uint64) if exact else None,
        comparable=np.zeros(n, np.bool_),
        signatures=_memory_map(folder, (count, n, width)) if near else None,
    )
    labelled = pl.sum_horizontal(pl.lit(0), *(pl.col(t.name).is_not_null() for t in tasks))
    columns = ["text", "group", "split", *(t.name for t in tasks)]
    for first, part in _parts(source, columns, "compare"):
        own = slice(first, first + part.height)
        rows.labelled[own] = part.select(labelled.alias("n"))["n"].to_numpy()
        rows.groups[own] = part["group"].hash(seed=0).to_numpy()
        rows.splits[own] = part["split"].cast(pl.Enum(SPLITS)).to_physical().to_numpy()
        if not (exact or near):
            continue
        normal = normalize_texts(part["text"])
        if rows.keys is not None:
            rows.keys[own] = hash_texts(normal)
        if rows.signatures is not None:
            shingles = Shingles.of(normal, settings.shingle)
            rows.comparable[own] = shingles.counts >= MIN_SHINGLES
            signatures = shingles.signatures(settings.permutations)[:, : count * width]
            rows.signatures[:, own] = signatures.reshape(-1, count, width).transpose(1, 0, 2)
    return rows


def _memory_map(folder: Path, shape: tuple[int, int, int]) -> pairs.Signatures:
    # The file has no name, so that it is gone with the process, however that ends.
    with TemporaryFile(dir=folder) as file:
        return np.memmap(file, np.uint32, "w+", shape=shape)


def _parts(source: Path, columns: list[str], what: str) -> Iterator[tuple[int, pl.DataFrame]]:
    """The parts of a table, each with the number of its first row."""
    first = 0
    parts = len(read_manifest(source).parts)
    for part in progress(read_parts(source, columns), f"deduplicate {source.name}: {what}", parts):
        yield first, part
        first += part.height


def _near_pairs(
    source: Path, rows: _Comparison, classes: EquivalenceClasses, settings: DeduplicationSettings
) -> pairs.Pairs:
    """Pairs of classes whose texts are near-duplicates."""
    if rows.signatures is None:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    comparable = np.flatnonzero(rows.comparable[classes.best])
    left, right = pairs.find_candidates(rows.signatures, classes.best[comparable], settings.threshold)
    left, right = comparable[left], comparable[right]
    likely = np.zeros(len(rows.splits), np.bool_)
    likely[classes.best[left]] = likely[classes.best[right]] = True
    place = np.cumsum(likely) - 1
    texts = (
        part["text"].filter(pl.Series(likely[i : i + part.height]))
        for i, part in _parts(source, ["text"], "verify")
    )
    members = pairs.shingle_sets(Shingles.of(normalize_texts(text), settings.shingle) for text in texts)
    similar = (
        pairs.jaccard_similarity(members, place[classes.best[left]], place[classes.best[right]])
        >= settings.threshold
    )
    return left[similar], right[similar]


def _read_members(source: Path, tasks: list[Task], copies: Copies) -> pl.DataFrame:
    """The rows of all clusters: row, doc_id, cluster, kept, and the labels as numbers."""
    copy = copies.exact | copies.near
    member = copy.copy()
    member[copies.cluster[copy]] = member[copies.kept[copy]] = True
    columns = [
        c for c in next(read_parts(source)).columns if c in {"text", "edits", *(t.name for t in tasks)}
    ]
    found = []
    for first, part in _parts(source, ["doc_id", *columns], "labels"):
        own = np.flatnonzero(member[first : first + part.height])
        labels = part[own].select("doc_id", *conflicts.label_columns(tasks, columns))
        numbers = {
            "row": own + first,
            "cluster": copies.cluster[own + first],
            "kept": copies.kept[own + first],
        }
        found.append(pl.DataFrame(numbers).hstack(labels))
    return pl.concat(found)


def _report(
    source: Path, tasks: list[Task], copies: Copies, members: pl.DataFrame, splits: npt.NDArray[np.uint8]
) -> tuple[Statistics, Examples]:
    statistics = Statistics()
    statistics.count("clusters", members["cluster"].n_unique())
    statistics.count("exact_copies", copies.exact.sum())
    statistics.count("near_copies", copies.near.sum())
    statistics.count("moved", (copies.split != splits).sum())
    differing = conflicts.find_conflicts(members, tasks)
    dropped = members.filter(pl.col("kept") != pl.col("row"))
    dropped = dropped.join(members, left_on="kept", right_on="row", how="left", suffix=" of kept")
    for task in tasks:
        lost = pl.col(task.name).is_not_null() & pl.col(f"{task.name} of kept").is_null()
        statistics.count(f"conflicts/{task.name}", differing[task.name]["cluster"].n_unique())
        statistics.count(f"labels_lost/{task.name}", dropped.filter(lost).height)
    return statistics, _examples(source, conflicts.select_examples(differing))


def _ids(members: pl.DataFrame, rows: Flags) -> list[str]:
    """The doc_ids of the first of these rows; a row with a copy is in a cluster."""
    found = members.filter(pl.Series(rows[members["row"].to_numpy()]))
    return [str(doc_id) for doc_id in found["doc_id"].head(MAX_OVERLAP_IDS)]


def _examples(source: Path, examples: list[tuple[str, list[str]]]) -> Examples:
    if not examples:
        return []
    wanted = pl.Series([doc_id for _, ids in examples for doc_id in ids]).unique()
    columns = ["doc_id", *sorted({task for task, _ in examples})]
    rows = [part.filter(pl.col("doc_id").is_in(wanted.implode())) for part in read_parts(source, columns)]
    return conflicts.describe_examples(examples, pl.concat(rows))


class _Transform:
    """Takes the parts in their order, in one process: it knows rows by their number in the table."""

    def __init__(self, copies: Copies, splits: npt.NDArray[np.uint8], members: pl.DataFrame) -> None:
        self.copies, self.splits, self.first = copies, splits, 0
        self.rows, self.ids = members["row"].to_numpy(), members["doc_id"]

    def __call__(self, frame: pl.DataFrame) -> Transformed:
        own = slice(self.first, self.first + frame.height)
        self.first += frame.height
        copies = self.copies
        dropped = copies.dropped[own]
        kept = np.searchsorted(self.rows, copies.kept[own][dropped])
        duplicate_of = np.full(frame.height, None, object)
        duplicate_of[dropped] = self.ids[kept].to_list()
        original = frame.with_columns(duplicate_of=pl.Series(duplicate_of.tolist(), dtype=pl.String))
        split = pl.Series(np.array(SPLITS)[copies.split[own]], dtype=pl.String)
        moved = frame.with_columns(split=split)
        reasons = {
            EXACT_DUPLICATE: pl.Series(dropped & copies.exact[own]),
            NEAR_DUPLICATE: pl.Series(dropped & copies.near[own]),
        }
        return Transformed(*split_rejected(original, moved, reasons))
