"""Object stores: s3:// gives the rows that the same files on disk give, and what is wrong is said soon."""

import gzip
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import polars as pl
import pyarrow as pa
import pytest

from mgm.compute.storage import Storage, StorageFailed
from mgm.compute.storage_worker import CallWithStorage
from mgm.corpus.ingest import ingest
from mgm.corpus.parts import read_manifest, read_table
from mgm.corpus.raw_corpus import RawCorpus
from mgm.corpus.readers import column_names, input_files, read_batches
from mgm.files import file_sha256
from mgm.scoring.inputs import Inputs
from mgm.settings.corpora import CorpusSettings, IngestSettings
from tests import object_store
from tests.object_store import BUCKET, Store

COLUMNS = {"doc_id": pl.String(), "text": pl.String()}
ROWS = pl.DataFrame(
    {"doc_id": [f"d{i}" for i in range(9)], "text": ["Open the file.", "打开文件。", "a,b\tc"] * 3}
)


@pytest.fixture(scope="module")
def server() -> Iterator[Store]:
    with object_store.running() as found:
        yield found


@pytest.fixture
def store(server: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    object_store.use(server, monkeypatch)
    return server


def written(folder: Path, kind: str) -> bytes:
    path = folder / "rows"
    if kind == "parquet":
        ROWS.write_parquet(path)
    elif kind.startswith("jsonl"):
        ROWS.write_ndjson(path)
    else:
        ROWS.write_csv(path, separator="\t" if kind.startswith("tsv") else ",")
    data = path.read_bytes()
    if kind.endswith(".gz"):
        return gzip.compress(data)
    return pa.compress(data, codec="zstd", asbytes=True) if kind.endswith(".zst") else data


@pytest.mark.parametrize("kind", ["parquet", "jsonl", "jsonl.gz", "csv", "csv.zst", "tsv"])
def test_every_format_is_read_from_a_key(store: Store, tmp_path: Path, kind: str) -> None:
    store.put({f"one/rows.{kind}": written(tmp_path, kind)})
    source = f"s3://{BUCKET}/one/rows.{kind}"
    assert pl.concat(read_batches(source, COLUMNS, rows=4)).equals(ROWS)
    assert column_names(source) == ["doc_id", "text"]
    assert [str(file) for file in input_files(source)] == [source]


def test_a_prefix_is_read_as_the_folder_on_disk_is(store: Store, tmp_path: Path) -> None:
    lines = ROWS.write_ndjson().encode()
    files = {
        "b/rows.jsonl": lines,
        "b.jsonl": lines,
        "a/2/x.jsonl": lines,
        "a/10/x.jsonl.gz": gzip.compress(lines),
        "_SUCCESS": b"",
        ".old/y.jsonl": b"no JSON",
    }
    for name, data in files.items():
        (tmp_path / "many" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "many" / name).write_bytes(data)
    store.put({f"many/{name}": data for name, data in files.items()})
    order = ["a/10/x.jsonl.gz", "a/2/x.jsonl", "b/rows.jsonl", "b.jsonl"]
    for source in (f"s3://{BUCKET}/many", f"s3://{BUCKET}/many/", tmp_path / "many"):
        assert [file.relative for file in input_files(source)] == order
        assert pl.concat(read_batches(source, COLUMNS, rows=5)).height == 4 * ROWS.height


def test_texts_of_a_prefix_are_ingested_as_from_disk(store: Store, tmp_path: Path) -> None:
    texts = {f"sport/{i}.txt": f"Match {i}: 中国队赢了。".encode() for i in range(8)}
    texts["top.txt.gz"] = gzip.compress(b"no folder")
    for name, data in texts.items():
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(data)
    store.put({f"texts/{name}": data for name, data in texts.items()})
    size = IngestSettings(rows_per_part=4)
    hashes = set()
    for name, source in (("s3", f"s3://{BUCKET}/texts"), ("disk", tmp_path / "in")):
        out, settings = tmp_path / name, CorpusSettings(lang="mixed", group="folder")
        counts, *_ = ingest(
            RawCorpus(name="c", source=source, settings=settings, tasks=[], part_size=size),
            documents=out / "documents",
            rejects=out / "rejects",
        )
        hashes.add(tuple(part.sha256 for part in read_manifest(out / "documents").parts))
        assert (counts.rows_in, counts.rows_out) == (9, 9)
        assert read_table(out / "documents")["group"].unique(maintain_order=True).to_list() == [
            "sport",
            "top",
        ]
    assert len(hashes) == 1


def test_scoring_reads_a_prefix(store: Store) -> None:
    store.put({"night/a.jsonl": ROWS.write_ndjson().encode()})
    inputs = Inputs(f"s3://{BUCKET}/night")
    assert inputs.check(2) == 9
    assert pl.concat(inputs.read(inputs.source, 4)).equals(ROWS)


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        (f"s3://{BUCKET}/absent.csv", FileNotFoundError, r"s3://corpora/absent\.csv: no such key, and none below it \(at http://127"),
        ("s3://nowhere/x.csv", FileNotFoundError, r"s3://nowhere/x\.csv: no such bucket: 'nowhere'"),
        ("s3://", ValueError, "s3://: no bucket; expected s3://bucket/key"),
        (Path("s3://corpora/x.csv"), ValueError, r"unknown scheme 's3'.*did you mean 's3://'"),
        ("gs://corpora/x.csv", ValueError, "unknown scheme 'gs'; expected a path, or s3://bucket/key"),
        (f"s3://{BUCKET}/bad", ValueError, r"s3://corpora/bad/c\.jsonl: row 2, column 'text': value 7, expected String"),
        (f"s3://{BUCKET}/other", ValueError, r"s3://corpora/other/notes\.doc: unknown format"),
        (f"s3://{BUCKET}/gone.parquet", ValueError, r"s3://corpora/gone\.parquet: not a readable Parquet file"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(
    store: Store, source: str | Path, error: type[Exception], message: str
) -> None:
    store.put(
        {
            "bad/c.jsonl": b'{"doc_id":"1","text":"a"}\n{"doc_id":"2","text":7}\n',
            "other/notes.doc": b"?",
            "gone.parquet": b"PAR1",
        }
    )
    with pytest.raises(error, match=message):
        list(read_batches(source, COLUMNS, rows=10))


def test_a_server_that_does_not_answer_is_named_soon(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    began = time.monotonic()
    with pytest.raises(
        ValueError, match=r"the object store does not answer \(endpoint: http://127\.0\.0\.1:9\)"
    ):
        input_files(f"s3://{BUCKET}/x.csv")
    assert time.monotonic() - began < 30
    monkeypatch.setenv("AWS_ENDPOINT_URL", "127.0.0.1:9")
    with pytest.raises(ValueError, match=r"AWS_ENDPOINT_URL: found '127\.0\.0\.1:9', expected http"):
        input_files(f"s3://{BUCKET}/x.csv")


@pytest.mark.parametrize("keys", [True, False])
def test_missing_and_wrong_credentials_are_named_soon(
    store: Store, monkeypatch: pytest.MonkeyPatch, keys: bool
) -> None:
    if not keys:
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    began = time.monotonic()
    with (
        closed_store() as endpoint,
        pytest.raises(ValueError, match="denies access .*AWS_ACCESS_KEY_ID.*give them"),
    ):
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        input_files(f"s3://{BUCKET}/closed")
    assert time.monotonic() - began < 30


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("s3://nowhere/parts", r"s3://nowhere/parts: no such bucket: 'nowhere' \(at http://127.*\); expected one that this machine and all nodes"),
        (f"s3://{BUCKET}/closed", f"s3://{BUCKET}/closed: the object store denies access .*AWS_ACCESS_KEY_ID"),
        ("s3:///parts", "s3:///parts: no bucket; expected s3://bucket/prefix"),
    ],
    ids=["no bucket", "denied", "no name"],
)  # fmt: skip
def test_storage_of_parts_that_is_wrong_is_named(
    store: Store, monkeypatch: pytest.MonkeyPatch, address: str, problem: str
) -> None:
    with closed_store() as closed, pytest.raises((StorageFailed, ValueError), match=problem):
        if "closed" in address:
            monkeypatch.setenv("AWS_ENDPOINT_URL", closed)
        Storage(address).claim("a project")


def test_a_node_that_may_not_read_the_storage_of_parts_is_named(
    store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    worker = CallWithStorage(f"s3://{BUCKET}/closed", "a project", {})
    with (
        closed_store() as closed,
        pytest.raises(StorageFailed, match="node .* of the cluster: s3://.*denies access"),
    ):
        monkeypatch.setenv("AWS_ENDPOINT_URL", closed)
        worker(b"", [], ())
    worker.close()


def test_storage_of_parts_in_a_bucket(store: Store, tmp_path: Path) -> None:
    storage, file, name = Storage(f"s3://{BUCKET}/parts/p"), tmp_path / "file", "a" * 64
    assert storage.owner() is None and storage.files() == {}
    file.write_bytes(b"rows")
    sha256 = file_sha256(file)
    storage.claim("a project")
    storage.put(file, sha256=sha256)
    storage.put(file, sha256=name)
    assert {found: info.size for found, info in storage.files().items()} == {sha256: 4, name: 4}
    storage.get(sha256, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == b"rows" and storage.owner() == "a project"
    with pytest.raises(StorageFailed, match=f"{BUCKET}/parts/p/{name}: altered since it was written"):
        storage.get(name, tmp_path / "other")
    storage.delete([name])
    assert storage.files().keys() == {sha256}


class Denial(BaseHTTPRequestHandler):
    """What a real store answers to strangers (moto lets everyone in)."""

    def do_GET(self) -> None:
        self.send_response(403)
        self.end_headers()
        self.wfile.write(b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>")

    def do_HEAD(self) -> None:
        self.send_response(403)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def closed_store() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Denial) as server:
        Thread(target=server.serve_forever, args=(0.01,)).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
