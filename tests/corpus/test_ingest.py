"""Ingest: documents under one set of names; identity faults stop, row faults go to the rejects with their reason."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from mgm.corpus import rejects
from mgm.corpus.contract import row_contract
from mgm.corpus.ingest import ingest
from mgm.corpus.parts import Counts, read_manifest, read_table
from mgm.corpus.raw_corpus import RawCorpus
from mgm.corpus.splits import split_of
from mgm.settings.corpora import CorpusSettings, IngestSettings
from mgm.tasks import Task

TASKS = [
    Task(name="grade", kind="regression", corpora=["notes"]),
    Task(name="kind", kind="classification", corpora=["notes"]),
    Task(name="names", kind="tagging", corpora=["notes"]),
    Task(name="tags", kind="multilabel", corpora=["notes"]),
]


def note(doc_id: str, text: str | None = "你好 world", **more: Any) -> dict[str, Any]:
    labels = {"grade": 1.5, "kind": "greeting", "names": [], "tags": ["a"]}
    return {"doc_id": doc_id, "text": text, "lang": "mixed"} | labels | more


def run(
    folder: Path, rows: list[dict[str, Any]], *, tasks: list[Task] = TASKS, **settings: Any
) -> tuple[Counts, pl.DataFrame, pl.DataFrame]:
    source = folder / "notes.jsonl"
    source.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    counts, *_ = ingest(
        RawCorpus(
            name="notes",
            source=source,
            settings=CorpusSettings(**settings),
            tasks=tasks,
            part_size=IngestSettings(rows_per_part=2),
        ),
        documents=folder / "documents",
        rejects=folder / "rejects",
    )
    return counts, read_table(folder / "documents"), read_table(folder / "rejects")


def test_documents_have_their_contract(tmp_path: Path) -> None:
    counts, documents, rejects = run(
        tmp_path, [note("b"), note("a", names=[{"start": 3, "end": 8, "label": "x"}]), note("c")]
    )
    assert dict(documents.schema) == {
        "doc_id": pl.String, "text": pl.String, "lang": pl.String, "group": pl.String, "split": pl.String,
        "label:grade": pl.Float32, "label:kind": pl.String, "label:tags": pl.List(pl.String),
        "label:names": pl.List(pl.Struct({"start": pl.Int32, "end": pl.Int32, "label": pl.String})),
    }  # fmt: skip
    assert documents["doc_id"].to_list() == ["b", "a", "c"]
    assert documents["split"].to_list() == [split_of("b"), split_of("a"), split_of("c")]
    assert (counts.rows_in, counts.rows_out, rejects.height) == (3, 3, 0)


def test_columns_may_have_other_names(tmp_path: Path) -> None:
    rows = [
        {
            "key": 1,
            "body": "x y",
            "where": "train",
            "who": "ann",
            "level": "high",
            "grade": None,
            "names": None,
            "tags": None,
        }
    ]
    _, documents, _ = run(
        tmp_path,
        rows,
        id="key",
        text_column="body",
        lang="en",
        split="where",
        group="who",
        columns={"kind": "level"},
    )
    assert documents.drop("label:grade", "label:names", "label:tags").to_dicts() == [
        {"doc_id": "1", "text": "x y", "lang": "en", "group": "ann", "split": "train", "label:kind": "high"}
    ]


FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"text": None}, "text_missing"),
    ({"kind": "  "}, "label_empty"),
    ({"tags": ["a", ""]}, "label_empty"),
    ({"tags": ["a", None]}, "label_empty"),
    ({"names": [{"start": 0, "end": 2, "label": ""}]}, "label_empty"),
    ({"names": [{"start": 0, "end": 2, "label": None}]}, "label_empty"),
    ({"grade": 1e60}, "label_not_finite"),
    ({"names": [{"start": 6, "end": 99, "label": "x"}]}, "span_outside_text"),
    ({"names": [{"start": -1, "end": 1, "label": "x"}]}, "span_outside_text"),
    ({"names": [{"start": 2, "end": 2, "label": "x"}]}, "span_outside_text"),
    ({"names": [{"start": None, "end": 2, "label": "x"}]}, "span_outside_text"),
    ({"names": [{"start": 0, "end": None, "label": "x"}]}, "span_outside_text"),
]


@pytest.mark.parametrize(("fault", "reason"), FAULTS)
def test_a_faulty_row_is_rejected_with_its_reason_and_values(
    tmp_path: Path, fault: dict[str, Any], reason: str
) -> None:
    counts, documents, rejects = run(tmp_path, [note("a"), note("b", **fault), note("c")])
    assert documents["doc_id"].to_list() == ["a", "c"]
    assert rejects["doc_id"].to_list() == ["b"]
    assert rejects["reasons"].to_list() == [[reason]]
    assert rejects["stage"].to_list() == ["ingest"]
    assert json.loads(rejects["values"][0])["doc_id"] == "b"
    assert counts.reasons == {reason: 1}
    assert counts.rows_in == counts.rows_out + counts.rejected == 3


@pytest.mark.parametrize("blank", ["", " \n\u3000"], ids=["empty", "blanks"])
def test_a_blank_target_text_is_rejected_as_a_blank_class_is(tmp_path: Path, blank: str) -> None:
    title = Task(name="title", kind="generation", corpora=["notes"])
    rows = [note("a", title="你好"), note("b", title=blank), note("c", title=None)]
    counts, documents, rejects = run(tmp_path, rows, tasks=[title])
    assert documents.select("doc_id", "label:title").rows() == [("a", "你好"), ("c", None)]
    assert (rejects["doc_id"].to_list(), counts.reasons) == (["b"], {"label_empty": 1})


def test_every_reason_of_ingest_has_a_planted_fault() -> None:
    """The contract's rules are the reasons; no other stage's reason is among them, and none is untested."""
    rules = set(row_contract(TASKS)._validation_rules(with_cast=False))
    assert {reason for _, reason in FAULTS} == rules
    known = {value for name, value in vars(rejects).items() if name.isupper()}
    assert rules <= known


def test_a_row_with_two_faults_has_both_reasons(tmp_path: Path) -> None:
    _, _, rejects = run(tmp_path, [note("a", text=None, kind=""), note("b")])
    assert rejects["reasons"].to_list() == [["label_empty", "text_missing"]]


@pytest.mark.parametrize(
    ("rows", "settings", "message"),
    [
        ([note("a"), note("b"), note("a")], {}, "column 'doc_id': value 'a' is in rows 1, 3"),
        ([note("a"), note(None)], {}, "row 2, column 'doc_id': value None, expected a value"),  # type: ignore[arg-type]
        ([note("a", lang="fr")], {}, "row 1, column 'lang': value 'fr', expected one of en, zh, mixed, other"),
        ([note("a", part="extra")], {"split": "part"}, "row 1, column 'part': value 'extra', expected one of train, valid (validation, val, dev), test (corpora.notes.split: hash"),
        ([note("a")], {"text_column": "txt"}, "no column 'txt' (did you mean 'text'?); corpora.notes.text_column names it"),
        ([note("a")], {"columns": {"kind": "kinds"}}, "no column 'kinds' (did you mean 'kind'?)"),
        ([note("a")], {"lang": "language"}, "or states the language: one of en, zh, mixed, other, or detect"),
        ([note("a", lang=None)], {}, "row 1, column 'lang': value None, expected one of en, zh, mixed, other (lang: detect"),
        ([], {}, "corpus 'notes' is empty"),
    ],
)  # fmt: skip
def test_what_stops_ingest_is_named(
    tmp_path: Path, rows: list[dict[str, Any]], settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError) as error:
        run(tmp_path, rows, **settings)
    assert "notes.jsonl" in str(error.value)
    assert message in str(error.value)
    assert not (tmp_path / "documents" / "_parts.json").exists()


def test_a_language_to_be_detected_stays_null(tmp_path: Path) -> None:
    _, documents, dropped = run(tmp_path, [note("a"), note("b", lang="fr")], lang="detect")
    assert documents["lang"].to_list() == [None, None]
    assert documents.schema["lang"] == pl.String
    assert dropped.is_empty()


def test_parts_end_at_rows_or_megabytes_and_ids_are_compared_over_all(tmp_path: Path) -> None:
    rows = [note(f"d{i}", "x" * (600_000 if i in (3, 4) else 5)) for i in range(9)]
    source = tmp_path / "notes.jsonl"
    settings, size = CorpusSettings(), IngestSettings(rows_per_part=3, megabytes_per_part=1)

    def go() -> list[int]:
        source.write_text("".join(json.dumps(row) + "\n" for row in rows))
        ingest(
            RawCorpus(name="notes", source=source, settings=settings, tasks=TASKS, part_size=size),
            documents=tmp_path / "documents",
            rejects=tmp_path / "rejects",
        )
        return [part.rows for part in read_manifest(tmp_path / "documents").parts]

    assert go() == [3, 2, 3, 1]
    rows[8]["doc_id"] = "d1"
    with pytest.raises(ValueError, match=r"value 'd1' is in rows 2, 9; .* \(1 values are repeated\)"):
        go()


def test_characters_are_counted_of_the_documents_that_stay(tmp_path: Path) -> None:
    source = tmp_path / "notes.jsonl"
    texts = ["打开", None, "Open it.", "x" * 40]
    source.write_text("".join(json.dumps({"doc_id": str(i), "text": t}) + "\n" for i, t in enumerate(texts)))
    settings, size = CorpusSettings(lang="mixed"), IngestSettings(rows_per_part=2)
    _, statistics, *_ = ingest(
        RawCorpus(name="n", source=source, settings=settings, tasks=[], part_size=size),
        documents=tmp_path / "documents",
        rejects=tmp_path / "rejects",
    )
    found = statistics.result()
    assert found["characters"] == 50
    measured = found["characters_per_document"]
    assert (measured["quantiles"]["0.0"], measured["quantiles"]["0.5"]) == (2.0, 8.0)
    assert measured["histogram"] == [[2, 1], [4, 0], [8, 1], [16, 0], [32, 1]]


def test_the_folder_of_a_text_may_be_its_label_or_its_group(tmp_path: Path) -> None:
    for name in ("sport/a", "sport/b", "art/2024/a", "top"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / f"{name}.txt").write_text(f"Text {name}")
    topic = [Task(name="topic", kind="classification", corpora=["c"])]
    settings = CorpusSettings(lang="en", group="folder", columns={"topic": "folder"})
    ingest(
        RawCorpus(
            name="c", source=tmp_path / "in", settings=settings, tasks=topic, part_size=IngestSettings()
        ),
        documents=tmp_path / "out",
        rejects=tmp_path / "no",
    )
    assert read_table(tmp_path / "out").select("doc_id", "group", "label:topic").rows() == [
        ("art/2024/a", "art", "art"),
        ("sport/a", "sport", "sport"),
        ("sport/b", "sport", "sport"),
        ("top", "top", None),
    ]
    (tmp_path / "in" / "top.txt.gz").write_bytes(b"")  # a copy of top.txt: which of the two is it?
    with pytest.raises(ValueError, match=r"top\.txt\.gz: damaged|value 'top' is in rows"):
        ingest(
            RawCorpus(
                name="c", source=tmp_path / "in", settings=settings, tasks=topic, part_size=IngestSettings()
            ),
            documents=tmp_path / "out",
            rejects=tmp_path / "no",
        )


_labels = st.sampled_from([None, "a", "b", " "])
_texts = st.sampled_from([None, "", "Open the file.", "打开“文件”。\n好", 'a,"b"\tc'])
_grades = st.sampled_from([None, 0.0, -1.5, 1e60])


@pytest.mark.parametrize("kind", ["jsonl", "csv", "tsv", "parquet", "txt"])
@hypothesis_settings(max_examples=15)
@given(
    rows=st.lists(st.tuples(_texts, _labels, _grades), min_size=1, max_size=12),
    per_part=st.integers(1, 5),
)
def test_rows_in_are_rows_out_plus_rejected_in_every_format(
    tmp_path_factory: pytest.TempPathFactory,
    kind: str,
    rows: list[tuple[str | None, str | None, float | None]],
    per_part: int,
) -> None:
    folder = tmp_path_factory.mktemp("rows")
    (folder / "in").mkdir()
    frame = pl.DataFrame(
        [(f"d{i:02}", *row) for i, row in enumerate(rows)],
        schema={"doc_id": pl.String, "text": pl.String, "kind": pl.String, "grade": pl.Float64},
        orient="row",
    )
    tasks, columns = [TASKS[0], TASKS[1]], {}
    if kind == "txt":
        tasks, columns = [TASKS[1]], {"kind": "folder"}
        for doc_id, text, label, _ in frame.iter_rows():
            path = folder / "in" / (label or "") / f"{doc_id}.txt"
            path.parent.mkdir(exist_ok=True)
            path.write_text(text or "", encoding="utf-8")
        frame = frame.with_columns(pl.col("text").fill_null(""), grade=pl.lit(None, pl.Float64))
    elif kind == "jsonl":
        # with every key in every row, as the first row tells the columns
        lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in frame.iter_rows(named=True)]
        (folder / "in" / "rows.jsonl").write_text("".join(lines), encoding="utf-8")
    elif kind == "parquet":
        frame.write_parquet(folder / "in" / "rows.parquet")
    else:
        frame.write_csv(folder / "in" / f"rows.{kind}", separator="," if kind == "csv" else "\t")
        frame = frame.with_columns(pl.col("text").replace("", None))  # an empty cell is null
    counts, *_ = ingest(
        RawCorpus(
            name="c",
            source=folder / "in",
            settings=CorpusSettings(lang="other", columns=columns),
            tasks=tasks,
            part_size=IngestSettings(rows_per_part=per_part),
        ),
        documents=folder / "out",
        rejects=folder / "no",
    )
    kept, dropped = read_table(folder / "out"), read_table(folder / "no")
    assert (counts.rows_in, counts.rows_out, counts.rejected) == (frame.height, kept.height, dropped.height)
    bad = (
        pl.col("text").is_null()
        | (pl.col("kind") == " ").fill_null(False)
        | (pl.col("grade") == 1e60).fill_null(False)
    )
    assert sorted(dropped["doc_id"].str.split("/").list.last()) == frame.filter(bad)["doc_id"].to_list()
    assert sorted(kept["doc_id"].str.split("/").list.last()) == frame.filter(~bad)["doc_id"].to_list()
    assert sum(counts.reasons.values()) >= counts.rejected


# VmHWM and not getrusage, whose maximum a new program inherits from the one that started it.
_MEASURE = """
    import sys
    from pathlib import Path
    from mgm.corpus.ingest import ingest
    from mgm.corpus.raw_corpus import RawCorpus
    from mgm.settings.corpora import CorpusSettings, IngestSettings

    def peak():
        status = Path("/proc/self/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0])

    settings, size = CorpusSettings(lang="en"), IngestSettings(megabytes_per_part=8)
    ingest(RawCorpus(name="c", source="empty.jsonl", settings=settings, tasks=[], part_size=size), documents=Path("o"), rejects=Path("n"))
    before = peak()
    ingest(RawCorpus(name="c", source=sys.argv[1], settings=settings, tasks=[], part_size=size), documents=Path("o"), rejects=Path("n"))
    print(peak() - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads /proc")
@pytest.mark.parametrize("kind", ["parquet", "jsonl", "csv", "txt"])
def test_memory_follows_the_part_and_not_the_corpus(tmp_path: Path, kind: str) -> None:
    """600 MB in rows of 60 to 90 kB, 20,000 of which would be 1.5 GB; in one row group where there are row groups."""
    words = " ".join(f"word{i * i % 7919}" for i in range(20_000))
    texts = [words[i % 60_000 : i % 60_000 + 60_000 + i % 30_000] for i in range(8_000)]
    source = tmp_path / f"long.{kind}"
    frame = pl.DataFrame({"doc_id": [f"d{i}" for i in range(8_000)], "text": texts})
    if kind == "parquet":
        frame.write_parquet(source, row_group_size=8_000, compression="uncompressed")
    elif kind == "jsonl":
        frame.write_ndjson(source)
    elif kind == "csv":
        frame.write_csv(source)
    else:
        source.mkdir()
        for doc_id, text in frame.iter_rows():
            (source / f"{doc_id}.txt").write_text(text)
    (tmp_path / "empty.jsonl").write_text('{"doc_id": "a", "text": "b"}\n')
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(_MEASURE), source.name],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert sum(part.rows for part in read_manifest(tmp_path / "o").parts) == 8_000
    assert int(done.stdout) < 400_000, "kB beyond what an empty run takes"


@pytest.mark.parametrize("kind", ["jsonl", "csv", "parquet"])
def test_a_column_may_be_a_number_and_a_string(tmp_path: Path, kind: str) -> None:
    """As a class it keeps its digits, as a group those beyond 2^24."""
    stars = [16_777_216, 16_777_217, 5]
    frame = pl.DataFrame({"doc_id": ["a", "b", "c"], "text": ["x", "y", "z"], "stars": stars})
    path = tmp_path / f"in.{kind}"
    {"jsonl": frame.write_ndjson, "csv": frame.write_csv, "parquet": frame.write_parquet}[kind](path)
    tasks = [
        Task(name=n, kind=k, corpora=["c"])
        for n, k in (("level", "classification"), ("rating", "regression"))
    ]
    settings = CorpusSettings(lang="en", group="stars", columns={"level": "stars", "rating": "stars"})
    corpus = RawCorpus(name="c", source=path, settings=settings, tasks=tasks, part_size=IngestSettings())
    ingest(corpus, documents=tmp_path / "out", rejects=tmp_path / "no")
    documents = read_table(tmp_path / "out")
    assert documents["label:level"].to_list() == documents["group"].to_list() == ["16777216", "16777217", "5"]
    assert documents["label:rating"].to_list() == [16_777_216.0, 16_777_216.0, 5.0]


def test_a_column_of_two_uses_without_a_number_is_named(tmp_path: Path) -> None:
    rows = [note("a", kind="5"), note("b", kind="five")]
    with pytest.raises(ValueError, match="row 2, column 'kind': value 'five', expected a number"):
        run(tmp_path, rows, columns={"grade": "kind"})
    with pytest.raises(ValueError, match="column 'tags': task 'tags' needs List"):
        run(tmp_path, rows, columns={"kind": "tags"})


def ingest_files(folder: Path, files: dict[str, dict[str, Any]]) -> Counts:
    """Ingest a folder of files of one row each."""
    for name, row in files.items():
        (folder / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "in" / name).write_text(json.dumps(row) + "\n", encoding="utf-8")
    corpus = RawCorpus(
        name="notes",
        source=folder / "in",
        settings=CorpusSettings(),
        tasks=TASKS,
        part_size=IngestSettings(rows_per_part=2),
    )
    return ingest(corpus, documents=folder / "documents", rejects=folder / "rejects")[0]


def test_a_group_that_only_some_files_have_is_an_error(tmp_path: Path) -> None:
    """Else its documents would be dealt over the splits one by one."""
    files = {"a.jsonl": note("a", group="g"), "b.jsonl": note("b")}
    with pytest.raises(ValueError, match=r"b\.jsonl: no column 'group', which other files of .*/in have"):
        ingest_files(tmp_path, files)
    assert ingest_files(tmp_path, files | {"b.jsonl": note("b", group=None)}).rows_in == 2


@pytest.mark.parametrize("name", ["split=train", "group=g", "year=2026"])
def test_a_column_in_the_names_of_folders_is_an_error(name: str, tmp_path: Path) -> None:
    """As Spark's partitionBy writes it; one that nothing asks for is no matter."""
    files = {f"{name}/a.jsonl": note("a")}
    if name == "year=2026":
        assert ingest_files(tmp_path, files).rows_in == 1
        return
    with pytest.raises(ValueError, match=rf"a\.jsonl: column .* is in the name of the folder '{name}'"):
        ingest_files(tmp_path, files)


def test_the_file_that_lacks_a_column_is_named(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name, row in (("a", note("a")), ("b", {"doc_id": "b", "text": "x", "lang": "en"})):
        (tmp_path / "in" / f"{name}.jsonl").write_text(json.dumps(row) + "\n")
    corpus = RawCorpus(
        name="n", source=tmp_path / "in", settings=CorpusSettings(), tasks=TASKS, part_size=IngestSettings()
    )
    with pytest.raises(ValueError, match=r"b\.jsonl: no column 'grade'"):
        ingest(corpus, documents=tmp_path / "out", rejects=tmp_path / "no")


def test_the_settings_of_a_corpus_say_how_its_files_are_written(tmp_path: Path) -> None:
    data = "doc_id|text|stars|kind|tags\n1|'Café| \\'été\\''|4,5|NA|a;b\n"
    (tmp_path / "a.csv").write_bytes(data.encode("cp1252"))
    kinds = {"stars": "regression", "kind": "classification", "tags": "multilabel"}
    corpus = RawCorpus(
        name="c",
        source=tmp_path / "a.csv",
        settings=CorpusSettings(
            lang="other",
            encoding="cp1252",
            separator="|",
            quote="'",
            escape="\\",
            decimal=",",
            null_values=["NA"],
            list_separator=";",
        ),
        tasks=[Task(name=name, kind=kind, corpora=["c"]) for name, kind in kinds.items()],
        part_size=IngestSettings(),
    )
    ingest(corpus, documents=tmp_path / "out", rejects=tmp_path / "no")
    (row,) = read_table(tmp_path / "out").select("text", *(f"label:{name}" for name in kinds)).to_dicts()
    assert row == {"text": "Café| 'été'", "label:stars": 4.5, "label:kind": None, "label:tags": ["a", "b"]}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"encoding": "cp1253x"}, "expected the name of an encoding"),
        ({"encoding": "base64"}, "expected the name of an encoding"),
        ({"separator": "ab"}, "expected one ASCII character"),
        ({"escape": ""}, "expected one ASCII character"),
        ({"list_separator": "；"}, "expected one ASCII character"),
    ],
    ids=["unknown", "no text", "two characters", "none", "not ASCII"],
)
def test_settings_of_files_are_checked(settings: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CorpusSettings(**settings)  # type: ignore[arg-type]


def test_files_in_groups_are_the_rows_of_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts end with the groups, whatever reads them; a fault is placed in its group."""
    monkeypatch.chdir(tmp_path)
    Path("raw").mkdir()
    for file in range(4):
        rows = "".join(f'{{"doc_id": "{file}-{i}", "text": "menu {i}"}}\n' for i in range(3))
        Path(f"raw/{file}.jsonl").write_text(rows)
    size = 2 * Path("raw/0.jsonl").stat().st_size / 1e6
    corpus = RawCorpus(
        name="c",
        source="raw",
        settings=CorpusSettings(lang="en"),
        tasks=[],
        part_size=IngestSettings(rows_per_part=4).model_copy(update={"megabytes_per_part": size}),
    )
    result = ingest(corpus, documents=Path("tables/out"), rejects=Path("no"))
    parts = read_manifest(Path("tables/out")).parts
    assert [(part.name, part.rows) for part in parts] == [
        ("part-00000.parquet", 4),
        ("part-00001.parquet", 2),
        ("part-00002.parquet", 4),
        ("part-00003.parquet", 2),
    ]
    expected = [f"{file}-{i}" for file in range(4) for i in range(3)]
    assert read_table(Path("tables/out"))["doc_id"].to_list() == expected
    assert result.counts.rows_in == 12 and not Path(".tables.unfinished").exists()
    Path("raw/3.jsonl").write_text('{"doc_id": "x", "text": "a"}\n{"doc_id": null, "text": "b"}\n')
    with pytest.raises(
        ValueError, match=r"^raw/2.jsonl to raw/3.jsonl \(2 files .*\): row 5, column 'doc_id'"
    ):
        ingest(corpus, documents=Path("out"), rejects=Path("no"))
    Path("raw/3.jsonl").write_text('{"doc_id": "0-1", "text": "a"}\n')
    with pytest.raises(
        ValueError, match=r"column 'doc_id': value '0-1' is in rows 2, 10; expected a different"
    ):
        ingest(corpus, documents=Path("out"), rejects=Path("no"))
