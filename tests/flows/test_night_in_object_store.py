"""A night whose input and tables are in an object store."""

import os
import subprocess
from pathlib import Path

import pytest

from tests import object_store, tiny_corpora
from tests.scoring.nights import SETTINGS, documents

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_corpora.saved_bundle(tmp_path_factory.mktemp("models"))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    documents().write_ndjson("in.jsonl")


IN_STORE = f"""
import sys
from datetime import date
from pathlib import Path
import polars as pl
from mgm.scoring import delta
from mgm.scoring.commits import NightConflict, read_nights
from mgm.scoring.lineage import trace_document
from mgm.scoring.delta import open_table
from mgm.settings.scoring import ScoreSettings
from tests.scoring.nights import score
place = "s3://{object_store.BUCKET}"
own = ScoreSettings(table=place + "/scored/p", rejects=place + "/scored/r", rows_per_shard=8)
def night(source, **more):
    return score(date(2026, 1, 1), place + "/in/" + source, Path(sys.argv[1]), settings=own, **more)
"""


def in_store(commands: Path, bundle: Path, script: str, **variables: str) -> None:
    """Run a script beside an S3 server that holds the night's documents, and nine of them as another night's."""
    documents()[:9].write_ndjson("other.jsonl")
    names = {"2026-01-01.jsonl": "in.jsonl", "other.jsonl": "other.jsonl"}
    with object_store.running() as store:
        store.put({f"in/{key}": Path(name).read_bytes() for key, name in names.items()})
        environment = os.environ | store.environment | {"PYTHONPATH": str(REPOSITORY)} | variables
        command = [commands / "python", "-c", IN_STORE + script, str(bundle)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert not Path(SETTINGS.table).exists()


def test_input_and_tables_in_an_object_store(commands: Path, bundle: Path) -> None:
    script = """
for state in ("scored", "skipped"):
    summary = night("{date}.jsonl")
    assert (summary["predictions"], summary["rejected"], summary["state"]) == (30, 1, state), summary
assert trace_document("m3", predictions=own.table, rejects=own.rejects)[0].reasons is None
assert trace_document("blank", predictions=own.table, rejects=own.rejects)[0].reasons == ["text_too_short"]
"""
    in_store(commands, bundle, script)


@pytest.mark.slow
def test_an_object_store_is_asked_to_encrypt(commands: Path, bundle: Path) -> None:
    """Every object of the tables, logs too, has the key of the settings."""
    script = """
import boto3, os
from flows.store_encryption import set_variables
from mgm.settings.scoring import StorageSettings
set_variables(StorageSettings(encryption="aws:kms", kms_key="our-key"))
night("{date}.jsonl")
bucket, _, prefix = own.table.removeprefix("s3://").partition("/")
client = boto3.client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL"])
keys = [entry["Key"] for entry in client.list_objects_v2(Bucket=bucket, Prefix=prefix.rpartition("/")[0])["Contents"]]
written = [client.head_object(Bucket=bucket, Key=key) for key in keys if not key.startswith("in/")]
assert len(written) >= 4
assert {(one["ServerSideEncryption"], one["SSEKMSKeyId"]) for one in written} == {("aws:kms", "our-key")}
"""
    in_store(commands, bundle, script)


# The rival commits between what this run reads of the table and what it writes.
RACE = """
real, rivals = delta.replace_date, []
def replace(there, location, **rest):
    if location == own.table and rivals:
        night(rivals.pop(), rescore=True)
    real(there, location, **rest)
delta.replace_date = replace
def operations():
    return [c["operation"] for c in open_table(own.table).history() if c["operation"] != "CREATE TABLE"]

rivals.append("{date}.jsonl")
assert night("{date}.jsonl")["revision"] == 1
assert operations() == ["WRITE"], operations()
rivals.append("other.jsonl")
try:
    night("{date}.jsonl", rescore=True)
except NightConflict as error:
    assert "another run has committed revision 2" in str(error)
else:
    raise AssertionError("both runs committed the night")
assert operations() == ["WRITE", "WRITE"], operations()
assert [n.predictions for _, _, n in read_nights(open_table(own.table))] == [9, 30]
scan = pl.scan_delta(own.table, storage_options=delta.storage_options(own.table))
assert scan.collect().height == 9
"""


@pytest.mark.parametrize(
    "unsafe",
    [
        pytest.param("", id="as it is"),
        pytest.param("true", id="unsafe by the environment", marks=pytest.mark.slow),
    ],
)
def test_of_two_runs_on_an_object_store_one_commits(commands: Path, bundle: Path, unsafe: str) -> None:
    """Also where a variable of other Delta writers switches their safety off."""
    variables = {"AWS_S3_ALLOW_UNSAFE_RENAME": unsafe, "AWS_CONDITIONAL_PUT": "disabled"} if unsafe else {}
    in_store(commands, bundle, RACE, **variables)
