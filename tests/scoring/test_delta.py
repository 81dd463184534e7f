"""Tables that cannot take a night are told before anything is scored."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from deltalake import CommitProperties, DeltaTable

from mgm.scoring import delta

ROWS = pl.DataFrame({"doc_id": ["a", "文"], "mood": ["good", "bad"], "mood_score": [0.5, 0.25]})
TABLE = "nights"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    replace_rows()


def replace_rows() -> None:
    schema = delta.with_date(ROWS.schema)
    table = delta.open_or_create_table(TABLE, schema)
    delta.replace_date(
        table, TABLE, day=date(2026, 1, 1), schema=schema, frames=[ROWS], properties=CommitProperties()
    )


def read_metadata() -> dict[str, Any]:
    lines = Path(TABLE, "_delta_log", f"{0:020d}.json").read_text(encoding="utf-8").splitlines()
    return next(json.loads(line)["metaData"] for line in lines if "metaData" in line)


def commit_as_other_engine(
    *, properties: dict[str, str] | None = None, protocol: dict[str, Any] | None = None, fields: Any = None
) -> None:
    """Commit a change of the table's properties, protocol or columns, as an engine with more features does."""
    metadata = read_metadata()
    metadata["configuration"] |= properties or {}
    if fields is not None:
        schema = json.loads(metadata["schemaString"])
        metadata["schemaString"] = json.dumps(schema | {"fields": fields(schema["fields"])})
    actions = [{"metaData": metadata}, *([{"protocol": protocol}] if protocol else [])]
    path = Path(TABLE, "_delta_log", f"{DeltaTable(TABLE).version() + 1:020d}.json")
    path.write_text("".join(json.dumps(action) + "\n" for action in actions), encoding="utf-8")


def make_append_only() -> None:
    commit_as_other_engine(properties={"delta.appendOnly": "true"})


def add_unknown_feature() -> None:
    features = {"minReaderVersion": 1, "minWriterVersion": 7, "writerFeatures": ["timeMachine"]}
    commit_as_other_engine(protocol=features)


def add_row_tracking() -> None:
    features = {
        "minReaderVersion": 1,
        "minWriterVersion": 7,
        "writerFeatures": ["rowTracking", "domainMetadata"],
    }
    commit_as_other_engine(protocol=features, properties={"delta.enableRowTracking": "true"})


def map_columns() -> None:
    def annotate(fields: list[dict[str, Any]]) -> list[dict[str, Any]]:
        keys = "delta.columnMapping.id", "delta.columnMapping.physicalName"
        return [
            field | {"metadata": dict(zip(keys, (i, field["name"]), strict=True))}
            for i, field in enumerate(fields, 1)
        ]

    commit_as_other_engine(
        protocol={"minReaderVersion": 2, "minWriterVersion": 5},
        properties={"delta.columnMapping.mode": "name", "delta.columnMapping.maxColumnId": "4"},
        fields=annotate,
    )


def require_newer_protocol() -> None:
    commit_as_other_engine(protocol={"minReaderVersion": 4, "minWriterVersion": 9})


def require_other_column() -> None:
    extra = {"name": "reviewer", "type": "string", "nullable": False, "metadata": {}}
    commit_as_other_engine(fields=lambda fields: [*fields, extra])


def constrain_other_column() -> None:
    commit_as_other_engine(
        properties={"delta.constraints.reviewed": "reviewer is not null"},
        protocol={"minReaderVersion": 1, "minWriterVersion": 3},
    )


def annotate_scores(**metadata: str) -> None:
    """Give the column of scores metadata."""
    added = {f"delta.{name}": value for name, value in metadata.items()}
    commit_as_other_engine(
        protocol={"minReaderVersion": 1, "minWriterVersion": 4},
        fields=lambda fields: [
            field | {"metadata": added if field["name"] == "mood_score" else {}} for field in fields
        ],
    )


def generate_column() -> None:
    annotate_scores(generationExpression="length(doc_id)")


def lose_last_entry() -> None:
    DeltaTable(TABLE).create_checkpoint()
    for path in Path(TABLE, "_delta_log").glob("*.json"):
        path.unlink()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (make_append_only, "the table property delta.appendOnly is true, and a night replaces the rows"),
        (
            add_unknown_feature,
            r"cannot take a night: .*timeMachine.*; it has writer version 7, features timeMachine$",
        ),
        (
            add_row_tracking,
            "features domainMetadata, rowTracking, properties delta.enableRowTracking = true$",
        ),
        (map_columns, "cannot take a night: .*column-mapped.*delta.columnMapping.mode = name"),
        (require_newer_protocol, "the table cannot be read: .*minimum reader version 4"),
        (require_other_column, "column 'reviewer' is NOT NULL in the table"),
        (
            constrain_other_column,
            "No field named reviewer.*delta.constraints.reviewed = reviewer is not null$",
        ),
        (generate_column, "column 'mood_score' is generated by the table"),
        (lose_last_entry, "the table's last commit is gone from its log"),
    ],
    ids=[
        "append-only",
        "unknown feature",
        "row tracking",
        "column mapping",
        "newer protocol",
        "another required column",
        "constraint on another column",
        "generated column",
        "last log entry gone",
    ],
)
def test_table_that_takes_no_night_is_told(change: Callable[[], None], message: str) -> None:
    change()
    files = sorted(Path(TABLE).rglob("*"))
    with pytest.raises(OSError, match=f"^{TABLE}.*: .*{message}") as error:
        delta.check_table(TABLE, ROWS.schema)
    assert "\n" not in str(error.value)
    assert sorted(Path(TABLE).rglob("*")) == files


def add_change_feed() -> None:
    commit_as_other_engine(
        properties={"delta.enableChangeDataFeed": "true"},
        protocol={"minReaderVersion": 1, "minWriterVersion": 4},
    )


def constrain_scores() -> None:
    commit_as_other_engine(
        properties={"delta.constraints.probability": "mood_score between 0 and 1"},
        protocol={"minReaderVersion": 1, "minWriterVersion": 3},
    )


def clean_log() -> None:
    """Leave the last entry and its checkpoint, as engines that clean logs do."""
    table = DeltaTable(TABLE)
    table.create_checkpoint()
    for path in Path(TABLE, "_delta_log").glob("*.json"):
        if int(path.stem) < table.version():
            path.unlink()


@pytest.mark.parametrize(
    "change",
    [lambda: None, add_change_feed, constrain_scores, clean_log],
    ids=["as made", "change feed", "constraint that holds", "cleaned log"],
)
def test_table_that_takes_nights(change: Callable[[], None]) -> None:
    change()
    delta.check_table(TABLE, ROWS.schema)
    replace_rows()
    assert pl.read_delta(TABLE).height == 2


def constrain_all_scores() -> None:
    commit_as_other_engine(
        properties={"delta.constraints.high": "mood_score > 0.3"},
        protocol={"minReaderVersion": 1, "minWriterVersion": 3},
    )


def make_invariant() -> None:
    annotate_scores(invariants=json.dumps({"expression": {"expression": "mood_score > 0.3"}}))


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (constrain_all_scores, "CHECK high (mood_score > 0.3)"),
        (make_invariant, "column 'mood_score' (mood_score > 0.3)"),
    ],
    ids=["constraint", "invariant"],
)
def test_rows_that_break_a_rule_are_no_fault_of_the_storage(
    change: Callable[[], None], rule: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The rule is told at the start, and the error is one line that no later try would do without."""
    change()
    delta.check_table(TABLE, ROWS.schema)
    assert f"keep the table's rules: {rule}" in caplog.text
    with pytest.raises(ValueError, match="rows of the night break a rule of it") as error:
        replace_rows()
    assert f"({rule}): " in str(error.value) and "1 rows failed" in str(error.value)
    assert "\n" not in str(error.value) and pl.read_delta(TABLE).height == 2


def test_table_that_is_not_there_takes_nights() -> None:
    delta.check_table("elsewhere", ROWS.schema)
    assert not Path("elsewhere").exists()


@pytest.mark.parametrize(
    "name", ["a#1", "a?b", "a[1", "1]a", "a|b", "a^b", "a\\b", "a%20b", "a%2Fb", "100%25"]
)
def test_folder_that_no_table_can_lie_in_is_told(name: str, tmp_path: Path) -> None:
    """By an error that no later try could do without."""
    with pytest.raises(
        ValueError, match=r"/t: the table cannot lie in a folder with '.*' in its path"
    ) as error:
        delta.open_table(str(tmp_path / name / "t"))
    assert "\n" not in str(error.value)


def test_links_are_followed_to_the_folder_of_a_table(tmp_path: Path) -> None:
    for name in ("plain", "a#1"):
        (tmp_path / name).mkdir()
    (tmp_path / "a#1/scored").symlink_to(tmp_path / "plain")
    (tmp_path / "plain/scored").symlink_to(tmp_path / "a#1")
    assert delta.open_table(str(tmp_path / "a#1/scored/t")) is None
    with pytest.raises(ValueError, match="'#'"):
        delta.open_table(str(tmp_path / "plain/scored/t"))
