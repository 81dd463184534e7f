"""The cost of a bundle."""

from pathlib import Path

import polars as pl
import pytest

from mgm.scoring.cost import count_parameters, measure_cost
from tests import tiny_corpora


def test_parts_add_up_to_the_network() -> None:
    network = tiny_corpora.bundle().network
    counts = count_parameters(network)
    assert sum(counts.values()) == sum(p.numel() for p in network.parameters())
    assert counts["character"] == 500 * 16  # n-gram buckets times width
    # buckets of words, characters and Chinese characters across words, for the outputs of three tasks
    assert counts["wide"] == (512 + 500 + 300) * (3 + 1 + 3)
    assert list(counts.values()) == sorted(counts.values(), reverse=True)
    assert {"window", "sentence", "paragraph", "document", "fusion", "heads"} < set(counts)


def test_documents_are_scored_alone_and_together(bundle: Path) -> None:
    samples = {
        "menus": tiny_corpora.menus(5).select("doc_id", "text"),
        "verses": tiny_corpora.verses(3).select("doc_id", "text"),
    }
    measured = measure_cost(bundle, samples)
    assert measured.documents == 8
    assert measured.characters == sum(int(frame["text"].str.len_chars().sum()) for frame in samples.values())
    assert measured.bundle_bytes == sum(path.stat().st_size for path in bundle.iterdir())
    assert measured.one_p50_ms is not None
    assert measured.one_p95_ms is not None
    assert 0 < measured.one_p50_ms <= measured.one_p95_ms
    assert measured.batch_documents_per_second is not None
    assert measured.batch_characters_per_second is not None
    assert measured.batch_characters_per_second / measured.batch_documents_per_second == pytest.approx(
        measured.characters / 8, rel=0.01
    )


def test_without_documents_nothing_is_timed(bundle: Path) -> None:
    measured = measure_cost(bundle, {})
    assert (measured.documents, measured.one_p50_ms, measured.batch_documents_per_second) == (0, None, None)
    assert sum(measured.parameters.values()) > 0
    assert (
        measure_cost(
            bundle, {"menus": pl.DataFrame(schema={"doc_id": pl.String, "text": pl.String})}
        ).documents
        == 0
    )
