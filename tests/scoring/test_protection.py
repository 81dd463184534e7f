"""What of a night's texts is sealed: the staged shards, and the values of rejected documents."""

from pathlib import Path

import polars as pl
import pytest

from mgm.bundle.sealing import SealingKey, generate_key
from mgm.corpus.parts import REJECTS
from mgm.errors import AlteredInput, MissingKey
from mgm.scoring.isolation import ScoredRows
from mgm.scoring.protection import Protection, open_values
from mgm.scoring.shards import RowRange, Shard
from mgm.scoring.staging import Staging, read_predictions, read_rejects

pytest.importorskip("pyrage", reason="needs the extra encrypt")

SECRET = "Anna lives in 杭州"
SCHEMA = pl.Schema({"doc_id": pl.String(), "mood": pl.String()})
SHARD = Shard(index=0, rows=3, sha256="0" * 64, ranges=(RowRange(file="in.jsonl", first=0, rows=3),))
PREDICTIONS = pl.DataFrame({"doc_id": ["a"], "mood": [SECRET]}, schema=SCHEMA)
REJECTED = pl.DataFrame(
    {
        "doc_id": ["b", "c"],
        "stage": ["clean"] * 2,
        "reasons": [["text_too_short"]] * 2,
        "values": [SECRET, None],
    },
    schema=REJECTS,
)
ROWS = ScoredRows(predictions=PREDICTIONS, rejects=REJECTED, broken=[])


@pytest.fixture(scope="module")
def key() -> SealingKey:
    return new_key()


def new_key() -> SealingKey:
    return SealingKey.parse(generate_key(), "a key")


def staging(folder: Path, protection: Protection | None = None) -> Staging:
    return Staging(folder, schema=SCHEMA, scored_by={"bundle": "model"}, protection=protection)


def staged(folder: Path, protection: Protection) -> Staging:
    """A shard that was scored."""
    result = staging(folder, protection)
    result.write(SHARD, ROWS)
    return result


def contents(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_staged_shards_are_sealed_and_read_again(tmp_path: Path, key: SealingKey) -> None:
    """Another process with the key goes on with them, and none without it."""
    protection = Protection(key=key)
    staged(tmp_path, protection)
    assert {path.suffix for path in tmp_path.rglob("part-*")} == {".age"}
    assert SECRET.encode() not in contents(tmp_path)
    found = staging(tmp_path, protection).find_all([SHARD])
    assert next(read_predictions(found)).equals(PREDICTIONS)
    assert next(read_predictions(found, ["mood"])).columns == ["mood"]
    assert next(read_rejects(found)).equals(REJECTED)
    for other in (None, Protection(key=new_key())):
        assert staging(tmp_path, other).find(SHARD) is None


@pytest.mark.parametrize("folder", ["predictions", "rejects"])
def test_an_altered_sealed_shard_is_scored_again(tmp_path: Path, key: SealingKey, folder: str) -> None:
    """Also where it is altered after it was found."""
    written = staged(tmp_path, Protection(key=key))
    found = written.find_all([SHARD])
    path = next(tmp_path.glob(f"*/{folder}/part-*"))
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    read = read_predictions if folder == "predictions" else read_rejects
    with pytest.raises(AlteredInput, match="altered since it was written"):
        list(read(found))
    path.unlink()
    with pytest.raises(AlteredInput, match="gone; expected"):
        list(read(found))
    assert written.find(SHARD) is None


def test_values_of_rejects_are_sealed(tmp_path: Path, key: SealingKey) -> None:
    protection = Protection(key=key, reject_values="sealed")
    (rejects,) = read_rejects(staged(tmp_path, protection).find_all([SHARD]))
    assert rejects["values"][0] != SECRET and rejects["values"][1] is None
    assert rejects.drop("values").equals(REJECTED.drop("values"))
    assert open_values(rejects, key).equals(REJECTED)
    with pytest.raises(ValueError, match="document b: sealed with another key than that of a key"):
        open_values(rejects, new_key())
    with pytest.raises(ValueError, match="document b: column 'values': not sealed"):
        open_values(REJECTED, key)


def test_values_of_rejects_are_left_out(tmp_path: Path) -> None:
    (rejects,) = read_rejects(staged(tmp_path, Protection(reject_values="none")).find_all([SHARD]))
    assert rejects["values"].to_list() == [None, None]
    assert SECRET.encode() not in b"".join(path.read_bytes() for path in tmp_path.glob("*/rejects/*"))


def test_without_a_key_no_value_can_be_sealed() -> None:
    with pytest.raises(MissingKey, match="score.reject_values: sealed: expected a key to seal them with"):
        Protection(reject_values="sealed")


def test_what_is_in_the_clear_is_staged_as_before(tmp_path: Path) -> None:
    """A shard that was scored before there was a protection is found."""
    staged(tmp_path, Protection())
    assert staging(tmp_path).find(SHARD) is not None
