from pathlib import Path

import polars as pl
import pytest

from mgm.scoring.cost import cost, parameters
from tests import tiny


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.saved_bundle(tmp_path_factory.mktemp("cost"))


def test_the_parts_parameters_are_all_of_the_networks() -> None:
    network = tiny.bundle().network
    found = parameters(network)
    assert sum(found.values()) == sum(p.numel() for p in network.parameters())
    assert found["character"] == 500 * 16  # n-gram buckets times width
    # buckets of words, characters and Chinese characters across words, for the outputs of three tasks
    assert found["wide"] == (512 + 500 + 300) * (3 + 1 + 3)
    assert list(found.values()) == sorted(found.values(), reverse=True)
    assert {"windows", "sentence", "paragraph", "document", "fusion", "heads"} < set(found)


def test_every_document_is_scored_alone_and_with_the_others(folder: Path) -> None:
    samples = {
        "menus": tiny.menus(5).select("doc_id", "text"),
        "verses": tiny.verses(3).select("doc_id", "text"),
    }
    found = cost(folder, samples)
    assert found.documents == 8
    assert found.characters == sum(int(frame["text"].str.len_chars().sum()) for frame in samples.values())
    assert found.bundle_bytes == sum(path.stat().st_size for path in folder.iterdir())
    assert found.one_p50_ms is not None
    assert found.one_p95_ms is not None
    assert 0 < found.one_p50_ms <= found.one_p95_ms
    assert found.batch_documents_per_second is not None
    assert found.batch_characters_per_second is not None
    assert found.batch_characters_per_second / found.batch_documents_per_second == pytest.approx(
        found.characters / 8, rel=0.01
    )


def test_without_documents_there_is_nothing_to_time(folder: Path) -> None:
    found = cost(folder, {})
    assert (found.documents, found.one_p50_ms, found.batch_documents_per_second) == (0, None, None)
    assert sum(found.parameters.values()) > 0
    assert (
        cost(folder, {"menus": pl.DataFrame(schema={"doc_id": pl.String, "text": pl.String})}).documents == 0
    )
