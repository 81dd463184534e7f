"""A small good project that tests plant one fault in."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from flows.gates import runner
from flows.gates.blocks import Result
from flows.gates.gate import run_gate
from flows.gates.suite import Parameters
from flows.gates.verdict import Verdict
from mgm.corpus.contract import document_schema
from mgm.corpus.parts import REJECTS, PartsWriter, write_manifest
from mgm.files import write_json
from mgm.profiling.layout import VERSION, Profile
from mgm.profiling.profile import CorpusProfile
from mgm.profiling.streaming_histograms import IntegerHistogram
from mgm.quality.frame import Frame
from mgm.settings.settings import Settings
from mgm.tasks import TASK_KINDS
from mgm.text.feature_tables import write_feature_part
from mgm.text.features import FeaturePart
from mgm.text.offsets import EDIT
from tests.label_columns import with_label_columns

PARAMS: dict[str, Any] = {
    "enabled": {"notes": "notes.jsonl"},
    "corpora": {"notes": {}},
    "tasks": {
        "topic": {"kind": "classification", "corpora": ["notes"]},
        "themes": {"kind": "multilabel", "corpora": ["notes"]},
        "rating": {"kind": "regression", "corpora": ["notes"]},
        "terms": {"kind": "tagging", "corpora": ["notes"]},
        "title": {"kind": "generation", "corpora": ["notes"]},
    },
}
KINDS = {name: task["kind"] for name, task in PARAMS["tasks"].items()}
SCHEMA = pl.Schema(
    {name: pl.String() for name in ("doc_id", "text", "lang", "group", "split")}
    | {name: TASK_KINDS[kind].column_type for name, kind in KINDS.items()}
)
ROWS, TRAIN, VALID = 40, 30, 34


def good_documents(rows_of_ten: int = ROWS // 10) -> pl.DataFrame:
    """Forty documents: 30 train, 4 valid, 6 test; every fifth without any label. Others like them where more are wanted."""
    rows, n = [], 10 * rows_of_ten
    for i in range(n):
        at = i * ROWS / n
        text = f"Note {i} is about tea." if i % 2 else f"第{i}条笔记说的是茶。"
        start = text.index("tea" if i % 2 else "茶")
        rows.append(
            {
                "doc_id": f"d{i}",
                "text": text,
                "lang": "en" if i % 2 else "zh",
                "group": f"g{i}",
                "split": "train" if at < TRAIN else "valid" if at < VALID else "test",
                "topic": None if i % 5 == 0 else ("drink", "food")[i % 2],
                "themes": None if i % 5 == 0 else ["leaf", "water"][: i % 3],
                "rating": None if i % 5 == 0 else i % ROWS / 10,
                "terms": None
                if i % 5 == 0
                else [{"start": start, "end": start + (3 if i % 2 else 1), "label": "plant"}],
                "title": None if i % 5 == 0 else f"Tea {i}",
            }
        )
    return pl.DataFrame(rows, schema=SCHEMA)


@dataclass
class Features:
    """The output of the features stage for one corpus."""

    documents: pl.DataFrame
    types: pl.DataFrame
    vocabulary: pl.DataFrame
    labels: dict[str, list[str]]
    leaks: list[dict[str, Any]] = field(default_factory=list)


def good_features() -> Features:
    """Three words a document, none of them unknown, and the label columns of `good_documents` as numbers."""
    documents = good_documents()
    ids = pl.Series([[0, 1, 2]] * ROWS, dtype=pl.List(pl.Int32))
    # The labelled term is the second word.
    terms = [
        (text.index(term), len(term)) for text in documents["text"] for term in ("tea", "茶") if term in text
    ]
    starts = pl.Series([[0, at, at + size] for at, size in terms], dtype=pl.List(pl.Int32))
    ends = pl.Series([[at, at + size, at + size + 1] for at, size in terms], dtype=pl.List(pl.Int32))
    encoded = documents.select(
        pl.col("topic")
        .replace_strict({"drink": 0, "food": 1}, return_dtype=pl.Int32)
        .alias("label_ids:topic"),
        pl.when(pl.col("themes").is_not_null())
        .then(pl.lit([0], pl.List(pl.Int32)))
        .alias("label_ids:themes"),
        pl.col("rating").alias("label_ids:rating"),
        pl.when(pl.col("terms").is_not_null())
        .then(pl.lit([1, 0, 0], pl.List(pl.Int16)))
        .alias("label_ids:terms"),
    )
    return Features(
        with_label_columns(documents.drop("text"), KINDS)
        .hstack(encoded)
        .with_columns(
            word=ids,
            start=starts,
            end=ends,
            content=pl.Series([[True] * 3] * ROWS),
            sentence=pl.Series([[3]] * ROWS, dtype=pl.List(pl.Int32)),
            paragraph=pl.Series([[1]] * ROWS, dtype=pl.List(pl.Int32)),
        ),
        pl.DataFrame({"text": ["tea", "is", "hot"], "id": pl.Series([1, 2, 3], dtype=pl.Int32)}),
        pl.DataFrame({"word": ["tea", "is", "hot"], "count": [9, 8, 7]}),
        {"terms": ["plant"], "themes": ["leaf", "water"], "topic": ["drink", "food"]},
    )


def profile_of(features: Features) -> Profile:
    """The profile that the features stage writes of them."""
    profile = CorpusProfile(Settings.parse(PARAMS).active_tasks())
    profile.add(features.documents, features.types)
    return profile.result()


@dataclass
class Project:
    """A project's folder: what a stage would have written, and the gate after it."""

    folder: Path

    def write(
        self,
        gate: str,
        documents: pl.DataFrame,
        rejected: int = 0,
        parts: int = 2,
        copies: int = 0,
        stages: Mapping[str, Any] | None = None,
    ) -> None:
        """Writes the table that the gate reads, rejects, and the statistics of the stages; `stages` changes them."""
        documents = with_label_columns(documents, KINDS)
        schema = document_schema(Settings.parse(PARAMS).tasks_for("notes"))
        schema |= {"edits": pl.List(EDIT)} if "edits" in documents.columns else {}
        with PartsWriter(Path("data", "documents" if gate == "ingest" else "unique", "notes"), schema) as out:
            for rows in documents.iter_slices(max(1, -(-documents.height // parts))):
                out.write(rows)
        self._write_rejects(gate, "text_too_short", rejected)
        self._write_rejects("deduplicate", "exact_duplicate", copies)
        statistics_by_stage = {
            "ingest": {"split_column_unused": None},
            "clean": {"rows_out": documents.height + copies, "language_disagrees": 0},
            "deduplicate": {
                "conflicts": dict.fromkeys(KINDS, 0),
                "labelled": {"train": 24, "valid": 3, "test": 5},
                "labelled_copies": {"train": 0, "valid": 0, "test": 0},
                "examples": [],
                "split_overlap": {"exact": 0, "near": 0},
                "split_overlap_ids": {"exact": [], "near": []},
            },
        }
        for stage, statistics in statistics_by_stage.items():
            write_json(
                Path("reports/stages", stage, "notes.json"), statistics | (stages or {}).get(stage, {})
            )

    def write_champion(self, documents: pl.DataFrame) -> None:
        """Makes a champion that was trained on these documents."""
        train = documents.filter(pl.col("split") == "train")
        lengths = IntegerHistogram()
        lengths.add(train["text"].str.len_chars())
        languages = dict(train["lang"].value_counts().iter_rows())
        profile = {
            "version": VERSION,
            "rows": dict(documents["split"].value_counts().iter_rows()),
            "characters_per_document": lengths.result(),
            "languages": {"n": train.height, "counts": languages},
        }
        write_json(Path("models/champion.json"), {"bundle": "abc", "promoted_at": ""})
        write_json(Path("models/store/abc/profile.json"), {"corpora": {"notes": profile}})

    def _write_rejects(self, stage: str, reason: str, n: int) -> None:
        ids = [f"r{i}" for i in range(n)]
        columns = {"doc_id": ids, "stage": [stage] * n, "reasons": [[reason]] * n, "values": ids}
        with PartsWriter(Path("data", "rejects", stage, "notes"), REJECTS) as out:
            out.write(pl.DataFrame(columns, schema=REJECTS))

    def write_features(self, features: Features) -> None:
        folder = Path("data/features/notes")
        folder.mkdir(parents=True, exist_ok=True)
        part = FeaturePart(features.documents, features.types)
        write_manifest(folder, [write_feature_part(part, folder, index=0, input_sha256="")])
        features.vocabulary.write_parquet("data/features/vocabulary.parquet")
        Path("data/features/labels.json").write_text(json.dumps(features.labels), encoding="utf-8")
        write_json(Path("data/features/profile.json"), {"corpora": {"notes": profile_of(features)}})
        write_json(Path("reports/stages/features.json"), {"leaks": features.leaks})

    def run(self, gate: str, params: Mapping[str, Any] = PARAMS) -> Verdict:
        return run_gate(gate, None if gate == "features" else "notes", settings=Settings.parse(dict(params)))


@pytest.fixture(autouse=True, scope="session")
def reuse_results() -> Iterator[None]:
    """Evaluates an expectation once on equal columns: a planted fault leaves most columns as they are in the good corpus."""
    validate = runner.validate
    results: dict[tuple[str, bytes], Result] = {}

    def validate_new(
        path: Path, frame: Frame, *, expectations: list[dict[str, Any]], parameters: Parameters
    ) -> dict[int, Result]:
        keys = {e["meta"]["position"]: _expectation_key(e, frame, parameters) for e in expectations}
        new = [e for e in expectations if keys[e["meta"]["position"]] not in results]
        evaluated = validate(path, frame, expectations=new, parameters=parameters) if new else {}
        results.update({keys[position]: result for position, result in evaluated.items()})
        return {position: results[key] for position, key in keys.items()}

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(runner, "validate", validate_new)
        yield


def _expectation_key(
    expectation: Mapping[str, Any], frame: Frame, parameters: Parameters
) -> tuple[str, bytes]:
    """The expectation with its parameters' values and the number of blocks, and the columns that it reads."""
    kwargs = expectation.get("kwargs", {})
    read = {column for column in (kwargs.get("column"), frame.id_column) if column}
    columns = BytesIO()
    is_of_columns = "column" in kwargs and "row_condition" not in kwargs
    pl.concat(frame.blocks()).select(sorted(read) if is_of_columns else pl.all()).write_ipc(columns)
    values = {**expectation, "kwargs": parameters.resolve(kwargs), "blocks": frame.num_blocks}
    return json.dumps(values), columns.getvalue()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(PARAMS), encoding="utf-8")
    return Project(tmp_path)


@pytest.fixture
def documents() -> pl.DataFrame:
    return good_documents()


@pytest.fixture
def features() -> Features:
    return good_features()
