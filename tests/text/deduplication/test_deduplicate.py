"""Copies: what counts as one, which row is kept, and that none straddles two splits."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mgm.corpus.contract import document_schema
from mgm.corpus.parts import Counts, PartsWriter, file_sha256, read_manifest, read_table
from mgm.settings.text import DeduplicationSettings
from mgm.tasks import Task
from mgm.text.deduplication import pairs
from mgm.text.deduplication.deduplicate import deduplicate
from mgm.text.deduplication.shingles import Shingles, normalize_texts
from mgm.text.offsets import EDIT

TASKS = [
    Task(name="rating", kind="regression", corpora=["notes"]),
    Task(name="terms", kind="tagging", corpora=["notes"]),
    Task(name="themes", kind="multilabel", corpora=["notes"]),
    Task(name="topic", kind="classification", corpora=["notes"]),
]


SCHEMA = pl.Schema(document_schema(TASKS) | {"edits": pl.List(EDIT)})
NAMES = {task.name: task.columns.label for task in TASKS}


LONG_EN = (
    "The printer on the second floor burns again, and nobody in the whole office seems to know why. We have called "
    "the company three times this week; each time a friendly voice promised that somebody would come by tomorrow."
)


LONG_ZH = (
    "二楼的打印机今天又着火了，整个办公室里没有一个人知道究竟是为什么。我们这个星期已经给那家公司打了三次电话，"
    "每一次都有一个很客气的声音答应明天一定会派人过来看一看，可是到现在为止谁也没有来过，大家都觉得非常失望。"
)
# One template, and other things: alike, but not copies.


TEMPLATES = [
    f"This package contains the {part}."
    for part in ("development files for libtea", "documentation of the kettle")
]


@dataclass
class Run:
    """What deduplication wrote of some rows."""

    kept: pl.DataFrame
    rejected: pl.DataFrame
    counts: Counts
    statistics: dict[str, Any]
    examples: list[dict[str, Any]]
    overlap_ids: dict[str, list[str]]
    folder: Path

    @property
    def ids(self) -> list[str]:
        return self.kept["doc_id"].to_list()

    @property
    def reasons(self) -> dict[str, tuple[list[str], str]]:
        """Of each dropped row its reasons and the row that was kept for it."""
        return {
            row["doc_id"]: (row["reasons"], json.loads(row["values"])["duplicate_of"])
            for row in self.rejected.iter_rows(named=True)
        }

    @property
    def splits(self) -> dict[str, str]:
        return dict(self.kept.select("doc_id", "split").iter_rows())


def run(folder: Path, rows: list[dict[str, Any]], parts: int = 2, **options: Any) -> Run:
    """Deduplicates rows; a row without doc_id, group or split is row number i: di, gi, train."""
    whole = [
        {"doc_id": f"d{i}", "group": f"g{i}", "split": "train", "lang": "en"}
        | {NAMES.get(name, name): value for name, value in row.items()}
        for i, row in enumerate(rows)
    ]
    frame = pl.DataFrame(whole, schema=SCHEMA)
    with PartsWriter(folder / "clean", SCHEMA) as out:
        for part in frame.iter_slices(max(1, -(-frame.height // parts))):
            out.write(part)
    counts, statistics, examples, overlap_ids = deduplicate(
        folder / "clean",
        folder / "unique",
        rejects=folder / "rejects",
        tasks=TASKS,
        settings=DeduplicationSettings(**options),
    )
    kept, rejected = read_table(folder / "unique"), read_table(folder / "rejects")
    return Run(kept, rejected, counts, statistics.result(), examples, overlap_ids, folder)


@pytest.mark.parametrize(
    ("text", "copy"),
    [
        ("Thank you!", "thank  YOU ..."),
        ("Room １２", "room 12"),
        ("ＡＢＣ公司", "abc 公司"),
        ("好的，谢谢。", "好的 谢谢"),
        ("café", "cafe\u0301"),
        ("...", " ... "),
    ],
)
def test_case_blanks_punctuation_and_width_make_no_difference(tmp_path: Path, text: str, copy: str) -> None:
    result = run(tmp_path, [{"text": text}, {"text": "else"}, {"text": copy}])
    assert result.ids == ["d0", "d1"]
    assert result.reasons == {"d2": (["exact_duplicate"], "d0")}
    assert result.counts.reasons == {"exact_duplicate": 1}
    assert (result.statistics["clusters"], result.statistics["exact_copies"]) == (1, 1)


@pytest.mark.parametrize(
    "texts",
    [["tea", "teas"], ["...", "!!!"], ["好", "不好"], ["so good 😀", "so good 😡"], TEMPLATES],
    ids=["another_word", "punctuation", "negation", "emoji", "template"],
)
def test_texts_that_differ_in_more_are_kept(tmp_path: Path, texts: list[str]) -> None:
    assert run(tmp_path, [{"text": text} for text in texts]).counts.rejected == 0


@pytest.mark.parametrize(
    ("text", "old", "new"),
    [
        (LONG_EN, "friendly", "tired"),
        (LONG_ZH, "客气", "疲惫"),
        (LONG_ZH, "三次", "四次"),
        (LONG_EN, "office", ""),
    ],
    ids=["english", "chinese", "one_character", "deletion"],
)
def test_a_long_text_with_one_word_changed_is_a_near_duplicate(
    tmp_path: Path, text: str, old: str, new: str
) -> None:
    changed = text.replace(old, new)
    assert changed != text
    rows = [{"text": text, "split": "test"}, {"text": "Something else."}, {"text": changed}]
    result = run(tmp_path / "drop", rows, near="drop")
    assert result.ids == ["d0", "d1"]
    assert result.reasons == {"d2": (["near_duplicate"], "d0")}
    assert (result.statistics["clusters"], result.statistics["near_copies"]) == (1, 1)
    # by default it stays, in one split with its like, since the word may matter
    kept = run(tmp_path / "default", rows)
    assert kept.splits == {"d0": "test", "d1": "train", "d2": "test"} and kept.rejected.is_empty()
    assert (kept.statistics["clusters"], kept.statistics["near_copies"]) == (1, 1)


def test_a_near_copy_is_dropped_for_one_that_contains_it(tmp_path: Path) -> None:
    """The longest of them is kept, not the earliest; those with another word, sentence or label stay, in its split."""
    more, last = "Printers\n" + LONG_EN, "Printers\n" + LONG_EN + "\nThe end"
    rows: list[dict[str, Any]] = [
        {"text": LONG_EN, "topic": "office"},
        {"text": last, "topic": "office", "split": "test"},
        {"text": more, "topic": "office", "split": "valid"},
        {"text": LONG_ZH, "split": "test"},
        {"text": "打印机\n" + LONG_ZH, "split": "valid"},
        {"text": LONG_EN.replace("burns", "hums"), "topic": "office"},
        {"text": LONG_EN + " Nobody came.", "topic": "office"},
    ]
    result = run(tmp_path, rows)
    near = ["near_duplicate"]
    assert result.reasons == {"d0": (near, "d1"), "d2": (near, "d1"), "d3": (near, "d4")}
    assert result.splits == {"d1": "test", "d4": "valid", "d5": "test", "d6": "test"}
    assert result.statistics["near_copies"] == 5 and result.statistics["split_overlap"]["near"] == 0
    span = {"start": 0, "end": 3, "label": "thing"}
    rows = [
        {"text": LONG_EN, "topic": "office"},
        {"text": LONG_EN.upper()},
        {"text": more, "topic": "printers", "terms": [span], "split": "test"},
        {"text": last, "rating": 1.0, "split": "valid"},
        {"text": LONG_ZH, "themes": ["b", "a"], "terms": [span]},
        {"text": "打印机\n" + LONG_ZH, "themes": ["a", "b"], "terms": [span | {"end": 2}]},
    ]
    labelled = run(tmp_path / "labels", rows)
    assert labelled.reasons == {"d1": (["exact_duplicate"], "d0"), "d4": (near, "d5")}
    assert labelled.splits == {"d0": "train", "d2": "train", "d3": "train", "d5": "train"}


def test_short_texts_have_exact_copies_only(tmp_path: Path) -> None:
    result = run(tmp_path, [{"text": "Press Ctrl+Shift+V"}, {"text": "Press Ctrl+Shift+W"}], threshold=0.5)
    assert result.counts.rejected == 0


def test_the_copy_with_most_labels_is_kept_then_the_earliest(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"text": "Tea."},
        {"text": "tea", "topic": "drink", "rating": 1.0},
        {"text": "TEA", "topic": "food", "rating": 2.0},
        {"text": "Tea!", "themes": []},
        {"text": LONG_EN},
        {"text": LONG_EN.replace("burns", "hums"), "topic": "office"},
    ]
    result = run(tmp_path, rows, near="drop")
    assert result.ids == ["d1", "d5"]
    assert {row: of for row, (_, of) in result.reasons.items()} == {
        "d0": "d1",
        "d2": "d1",
        "d3": "d1",
        "d4": "d5",
    }
    # d3 had themes, which the kept row has not.
    assert result.statistics["labels_lost"] == {"rating": 0, "terms": 0, "themes": 1, "topic": 0}


@pytest.mark.parametrize(
    ("exact", "dropped"),
    [("drop", {"train": 1, "valid": 0, "test": 2}), ("together", {"train": 0, "valid": 0, "test": 0})],
)
def test_labelled_rows_that_are_dropped_are_counted_by_their_split(
    tmp_path: Path, exact: str, dropped: dict[str, int]
) -> None:
    """By the split that they came with, in English and Chinese; a copy without a label is no labelled row."""
    rows: list[dict[str, Any]] = [
        {"text": "Tea.", "topic": "drink"},
        {"text": "tea", "topic": "drink", "split": "test"},
        {"text": "TEA!", "split": "valid"},
        {"text": "好的，谢谢。", "terms": [], "split": "train"},
        {"text": "好的 谢谢", "terms": [], "split": "test"},
        {"text": "好的谢谢", "themes": [], "split": "train"},
        {"text": "Soup.", "rating": 1.0, "split": "valid"},
    ]
    statistics = run(tmp_path, rows, exact=exact).statistics
    assert statistics["labelled"] == {"train": 3, "valid": 1, "test": 2}
    assert statistics["labelled_copies"] == dropped


def test_rejected_rows_keep_their_original_values(tmp_path: Path) -> None:
    result = run(tmp_path, [{"text": "Tea."}, {"text": "tea", "topic": None, "split": "test"}])
    (row,) = result.rejected.iter_rows(named=True)
    assert row["stage"] == "deduplicate"
    values = json.loads(row["values"])
    assert values["text"] == "tea" and values["split"] == "test" and values["duplicate_of"] == "d0"


def chain(links: int) -> list[str]:
    """Texts of which each is like the next, but not like those further on: five words more are others each time."""
    words = [f"{104729 * i + 1000003:07d}" for i in range(40)]
    texts = []
    for i in range(links):
        texts.append(" ".join([f"{7919 * j + 10007:05d}" for j in range(5 * i)] + words[5 * i :]))
    return texts


def test_a_chain_drops_only_what_is_like_the_kept_row(tmp_path: Path) -> None:
    texts = chain(5)
    members = pairs.shingle_sets([Shingles.from_texts(normalize_texts(pl.Series(texts)), 5)])
    left, right = np.triu_indices(5, 1)
    like = {
        (int(a), int(b))
        for a, b, s in zip(
            left, right, pairs.jaccard_similarity(members, left=left, right=right), strict=True
        )
        if s >= 0.7
    }
    assert like == {(0, 1), (1, 2), (2, 3), (3, 4)}
    result = run(tmp_path, [{"text": text} for text in texts], threshold=0.7, near="drop")
    assert result.ids == ["d0", "d2", "d4"]
    assert {row: of for row, (_, of) in result.reasons.items()} == {"d1": "d0", "d3": "d2"}


def test_kept_together_a_chain_is_one_cluster(tmp_path: Path) -> None:
    rows = [
        {"text": text, "split": split}
        for text, split in zip(chain(4), ["valid", "train", "test", "test"], strict=True)
    ]
    result = run(tmp_path, rows, threshold=0.7, near="together")
    assert result.splits == dict.fromkeys(["d0", "d1", "d2", "d3"], "valid")
    assert result.statistics["moved"] == 3 and result.statistics["clusters"] == 1


def test_together_joins_groups_through_their_copies(tmp_path: Path) -> None:
    rows = [
        {"text": "alone", "group": "a", "split": "test"},
        {"text": "one text", "group": "b", "split": "valid"},
        {"text": "another", "group": "c", "split": "train"},
        {"text": "One text!", "group": "c", "split": "train"},
        {"text": "ANOTHER", "group": "d", "split": "test"},
        {"text": "of group d too", "group": "d", "split": "test"},
        {"text": "far", "group": "e", "split": "train"},
    ]
    result = run(tmp_path, rows, exact="together")
    assert result.counts.rejected == 0
    # b, c and d hang together; the earliest row of them is of valid.
    assert result.splits == {f"d{i}": s for i, s in enumerate(["test", *["valid"] * 5, "train"])}
    assert result.statistics["moved"] == 4


def test_exact_copies_dropped_and_near_ones_kept_together(tmp_path: Path) -> None:
    rows = [
        {"text": LONG_EN, "split": "test"},
        {"text": LONG_EN.upper(), "split": "train"},
        {"text": LONG_EN.replace("friendly", "tired"), "split": "train"},
        {"text": LONG_EN.replace("friendly", "tired") + "!", "split": "valid"},
    ]
    result = run(tmp_path, rows, exact="drop", near="together")
    assert result.reasons == {"d1": (["exact_duplicate"], "d0"), "d3": (["exact_duplicate"], "d2")}
    assert result.splits == {"d0": "test", "d2": "test"}
    reverse = run(tmp_path, rows, exact="together", near="drop")
    assert reverse.reasons == {"d2": (["near_duplicate"], "d0"), "d3": (["near_duplicate"], "d0")}
    assert reverse.splits == {"d0": "test", "d1": "test"}


def test_conflicting_labels_are_counted_and_shown(tmp_path: Path) -> None:
    span = {"start": 0, "end": 3, "label": "plant"}
    rows: list[dict[str, Any]] = [
        {"text": "Tea.", "topic": "drink", "rating": 1.0, "themes": ["a", "b"], "terms": [span]},
        {"text": "tea", "topic": "food", "rating": 1.0, "themes": ["b", "a"], "terms": [span | {"end": 2}]},
        {"text": "Tea.", "topic": None, "rating": 1.5, "themes": [], "terms": [span | {"label": "leaf"}]},
        {"text": LONG_ZH, "topic": "food", "rating": 2.0},
        {"text": LONG_ZH.replace("客气", "疲惫"), "topic": "drink", "rating": 2.0},
        {"text": "alone", "topic": "food"},
    ]
    for mode in ("drop", "together"):
        result = run(tmp_path, rows, exact=mode, near=mode)
        assert result.statistics["conflicts"] == {"rating": 1, "terms": 1, "themes": 1, "topic": 2}
        by_task = {(e["task"], tuple(e["doc_ids"])): e["labels"] for e in result.examples}
        assert by_task["topic", ("d0", "d1")] == ["drink", "food"]
        assert by_task["topic", ("d3", "d4")] == ["food", "drink"]
        assert by_task["rating", ("d0", "d2")] == [1.0, 1.5]
        # Spans are compared in the same text alone: "tea" has other offsets, as far as anyone knows.
        assert ("terms", ("d0", "d2")) in by_task
        json.dumps(result.examples)


def test_examples_of_conflicts_are_few(tmp_path: Path) -> None:
    rows = [{"text": f"text {i // 2}", "topic": str(i), "rating": float(i)} for i in range(100)]
    result = run(tmp_path, rows)
    assert result.statistics["conflicts"]["topic"] == 50
    assert [e["task"] for e in result.examples] == ["rating"] * 10 + ["topic"] * 10


def test_off_is_the_identity(tmp_path: Path) -> None:
    rows = [{"text": text, "split": s} for text in ("tea", LONG_EN) for s in ("train", "test")]
    result = run(tmp_path, rows, exact="off", near="off")
    assert result.kept.equals(read_table(tmp_path / "clean")) and result.rejected.is_empty()
    assert result.kept.schema == SCHEMA
    assert result.statistics["clusters"] == result.statistics["moved"] == 0


def test_report_leaves_copies_alone(tmp_path: Path) -> None:
    """`report` leaves copies alone, and counts those across the splits."""
    rows = [
        {"text": LONG_EN, "split": "train"},
        {"text": LONG_EN.upper(), "split": "test"},
        {"text": LONG_EN.replace("friendly", "tired"), "split": "valid"},
        {"text": LONG_ZH, "split": "test"},
        {"text": LONG_ZH.replace("客气", "疲惫"), "split": "test"},
    ]
    result = run(tmp_path / "both", rows, exact="report", near="report")
    assert result.kept.equals(read_table(tmp_path / "both/clean")) and result.rejected.is_empty()
    assert (result.statistics["exact_copies"], result.statistics["near_copies"]) == (1, 2)
    assert result.statistics["split_overlap"] == {"exact": 1, "near": 1}
    assert result.overlap_ids == {"exact": ["d1"], "near": ["d2"]}
    dropped = run(tmp_path / "near", rows, exact="drop", near="report")
    assert dropped.reasons == {"d1": (["exact_duplicate"], "d0")}
    assert dropped.statistics["split_overlap"] == {"exact": 0, "near": 1}
    joined = run(tmp_path / "exact", rows, exact="together", near="report")
    assert joined.splits == {"d0": "train", "d1": "train", "d2": "valid", "d3": "test", "d4": "test"}
    assert joined.statistics["split_overlap"] == {"exact": 0, "near": 1}
    assert run(tmp_path / "half", rows, exact="off", near="drop").overlap_ids == {"near": []}
    assert "split_overlap" not in run(tmp_path / "off", rows, exact="off", near="off").statistics


def test_exact_copies_are_joined_where_near_ones_are() -> None:
    with pytest.raises(
        ValueError, match="exact: report leaves exact copies alone, which near: drop would not"
    ):
        DeduplicationSettings(exact="report", near="drop")


@pytest.mark.parametrize("rows", [0, 1], ids=["no_row", "one_row"])
def test_a_corpus_without_rows_gives_an_empty_table(tmp_path: Path, rows: int) -> None:
    result = run(tmp_path, [{"text": "tea"}] * rows)
    assert result.kept.height == rows and result.rejected.is_empty() and result.kept.schema == SCHEMA


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    """Only the table is left in the folder, and a second run writes the same bytes."""
    rows = [{"text": LONG_EN.replace("printer", word)} for word in ("kettle", "lamp", "printer") * 20]
    hashes = []
    for attempt in ("a", "b"):
        folder = run(tmp_path / attempt, rows, parts=3, near="together").folder
        names = sorted(p.name for p in (folder / "unique").iterdir())
        assert names == ["_parts.json", *(f"part-{i:05d}.parquet" for i in range(3))]
        hashes.append([file_sha256(p) for p in sorted((folder / "unique").iterdir())])
        assert read_manifest(folder / "unique").rows + read_manifest(folder / "rejects").rows == 60
    assert hashes[0] == hashes[1]


MODES = st.sampled_from(["drop", "together", "report", "off"])
NEAR_MODES = st.one_of(st.just("drop_contained"), MODES)


WORDS = st.lists(st.sampled_from(["tea", "Tea", "kettle", "leaf", "好茶", "水"]), max_size=4).map(" ".join)


LONG = st.sampled_from(
    [t.replace(w, n) for t, w in ((LONG_EN, "friendly"), (LONG_ZH, "客气")) for n in ("sad", "!", "沉默", w)]
)


ROW = st.fixed_dictionaries(
    {
        "text": st.one_of(WORDS, LONG, st.text(max_size=6)),
        "group": st.sampled_from("abcdefgh"),
        "topic": st.sampled_from([None, "drink", "food"]),
        "rating": st.sampled_from([None, 1.0, 2.0]),
    }
)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ROW, max_size=14), MODES, NEAR_MODES, st.integers(1, 4))
def test_no_row_is_lost_and_no_group_is_split(
    tmp_path: Path, rows: list[dict[str, Any]], exact: str, near: str, parts: int
) -> None:
    split_of = dict(zip("abcdefgh", ["train", "valid", "test"] * 3, strict=False))
    rows = [row | {"split": split_of[row["group"]]} for row in rows]
    if exact == "report" and near not in ("report", "off"):
        near = "report"
    result = run(tmp_path, rows, parts, exact=exact, near=near)
    every = [f"d{i}" for i in range(len(rows))]
    assert sorted(result.ids + result.rejected["doc_id"].to_list()) == sorted(every)
    assert result.ids == [i for i in every if i in result.splits], "the order of rows"
    assert result.counts.rows_in == result.counts.rows_out + result.counts.rejected == len(rows) or not rows
    assert result.kept.group_by("group").agg(pl.col("split").n_unique())["split"].max() in (None, 1)

    normal = dict(
        zip(
            every, normalize_texts(pl.Series("text", [r["text"] for r in rows], dtype=pl.String)), strict=True
        )
    )
    if exact == "drop":
        assert len({normal[i] for i in result.ids}) == len(result.ids)
    if exact == "together":
        for i in result.ids:
            assert len({result.splits[j] for j in result.ids if normal[j] == normal[i]}) == 1
    of_split: dict[str, set[str]] = {split: set() for split in ("train", "valid", "test")}
    for i in result.ids:
        of_split[result.splits[i]].add(normal[i])
    leaked = sum(normal[i] in of_split["train"] for i in result.ids if result.splits[i] != "train")
    if exact != "off":
        assert result.statistics["split_overlap"]["exact"] == leaked and (exact == "report" or not leaked)
    if near not in ("report", "off"):
        assert result.statistics["split_overlap"]["near"] == 0
        sets = {i: {normal[i][k : k + 5] for k in range(len(normal[i]) - 4)} for i in every}
        for i in result.ids:
            for j in result.ids:
                alike = len(sets[i] & sets[j]) / max(len(sets[i] | sets[j]), 1)
                if (
                    i < j
                    and alike >= 0.9
                    and min(len(normal[i]), len(normal[j])) > 40
                    and normal[i] != normal[j]
                ):
                    assert near != "drop" and result.splits[i] == result.splits[j]
    for row, (reasons, kept) in result.reasons.items():
        assert kept in result.splits, f"{row} was dropped for {kept}, which was not kept"
        assert reasons == (
            ["exact_duplicate"] if normal[row] == normal[kept] and exact == "drop" else ["near_duplicate"]
        )
