"""A corpus in an object store: DVC follows it by its address, and reads it again only where it has changed."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from mgm.corpus.parts import read_table
from tests import object_store, tiny_corpora
from tests.object_store import BUCKET, Store
from tests.pipeline.conftest import Project

pytest.importorskip("dvc_s3", reason="the extra s3 is not installed")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    with object_store.running() as found:
        yield found


def rows(n: int) -> bytes:
    written = io.BytesIO()
    tiny_corpora.menus(n).write_ndjson(written)
    return written.getvalue()


def test_an_object_is_a_dependency_like_a_file(
    store: Store, fresh: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    object_store.use(store, monkeypatch)
    project = fresh.copy_to(tmp_path / "project")
    source = f"s3://{BUCKET}/raw/menus.jsonl"
    project.edit(lambda params: params.update(enabled={"menus": source}))
    store.put({"raw/menus.jsonl": rows(40)})
    assert "Running stage 'ingest@menus'" in project.ok("dvc", "repro", "ingest@menus")
    assert read_table(project.root / "data/documents/menus").height == 40
    again = project.ok("dvc", "repro", "ingest@menus")
    assert "Stage 'ingest@menus' didn't change, skipping" in again
    store.put({"raw/menus.jsonl": rows(50)})
    assert "Running stage 'ingest@menus'" in project.ok("dvc", "repro", "ingest@menus")
    assert read_table(project.root / "data/documents/menus").height == 50


def test_a_prefix_is_a_dependency_like_a_folder(
    store: Store, fresh: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    object_store.use(store, monkeypatch)
    project = fresh.copy_to(tmp_path / "project")
    project.edit(lambda params: params.update(enabled={"menus": f"s3://{BUCKET}/days"}))
    first, second = rows(40).splitlines(keepends=True)[:20], rows(40).splitlines(keepends=True)[20:]
    store.put({"days/1.jsonl": b"".join(first)})
    project.ok("dvc", "repro", "ingest@menus")
    assert read_table(project.root / "data/documents/menus").height == 20
    store.put({"days/2.jsonl": b"".join(second)})
    project.ok("dvc", "repro", "ingest@menus")
    assert read_table(project.root / "data/documents/menus").height == 40


def test_what_is_not_there_is_named(
    store: Store, fresh: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    object_store.use(store, monkeypatch)
    project = fresh.copy_to(tmp_path / "project")
    project.edit(lambda params: params.update(enabled={"menus": f"s3://{BUCKET}/absent.jsonl"}))
    assert "absent.jsonl" in project.fails("dvc", "repro", "ingest@menus")
    found = project.fails("python", "-m", "flows.stages.ingest", "menus")
    assert f"error: s3://{BUCKET}/absent.jsonl: no such key" in found
