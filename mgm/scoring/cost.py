"""The cost of a bundle: its number of weights, part by part, and the time and memory of scoring raw text with it."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import torch

from mgm.model.network import Network
from mgm.scoring.memory import peak_mib
from mgm.scoring.scorer import Scorer

REPEATS = 3
"""Rounds of a large batch, of which the median counts."""


@dataclass(frozen=True, kw_only=True)
class ScoringCost:
    """The size of a bundle and the measures of scoring; None where there were no documents or no way to measure.

    Attributes:
        parameters: the number of weights of each part of the network.
        bundle_bytes: the size of all files.
        documents: the number of documents that were scored.
        characters: the number of their characters.
        one_p50_ms: the median time of a document scored alone, in milliseconds.
        one_p95_ms: the 95% quantile of that time.
        batch_documents_per_second: the documents scored a second in one batch a corpus.
        batch_characters_per_second: the characters scored a second in one batch a corpus.
        peak_mib: the most memory of this process, in MiB.
        threads: the number of torch's threads.
    """

    parameters: dict[str, int]
    bundle_bytes: int
    documents: int
    characters: int
    one_p50_ms: float | None = None
    one_p95_ms: float | None = None
    batch_documents_per_second: float | None = None
    batch_characters_per_second: float | None = None
    peak_mib: float | None
    threads: int


def measure_cost(folder: Path, samples: Mapping[str, pl.DataFrame]) -> ScoringCost:
    """Load the bundle and score the samples from raw text, each document alone and all at once.

    To be called in a separate process, so that the memory is that of scoring.

    Args:
        samples: corpus to documents (doc_id, text).
    """
    scorer = Scorer.load(folder)
    documents = sum(frame.height for frame in samples.values())
    characters = sum(int(frame["text"].str.len_chars().sum()) for frame in samples.values())
    times = _measure_times(scorer, samples, documents=documents, characters=characters) if documents else {}
    return ScoringCost(
        parameters=count_parameters(scorer.bundle.network),
        bundle_bytes=sum(path.stat().st_size for path in folder.iterdir() if path.is_file()),
        documents=documents,
        characters=characters,
        peak_mib=peak_mib(),
        threads=torch.get_num_threads(),
        **times,
    )


def count_parameters(network: Network) -> dict[str, int]:
    """Return the number of weights of each part, largest first; a granularity of the encoder is a part."""
    counts: dict[str, int] = {}
    for name, tensor in network.named_parameters():
        part = name.removeprefix("encoder.").removeprefix("granularities.").partition(".")[0]
        counts[part] = counts.get(part, 0) + tensor.numel()
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _measure_times(
    scorer: Scorer, samples: Mapping[str, pl.DataFrame], *, documents: int, characters: int
) -> dict[str, float]:
    for corpus, frame in samples.items():  # loading at first use is no part of a document's time
        scorer.score(frame.head(1), corpus)
    one = [
        _seconds(scorer, row, corpus=corpus)
        for corpus, frame in samples.items()
        for row in frame.iter_slices(1)
    ]
    rounds = [
        sum(_seconds(scorer, frame, corpus=corpus) for corpus, frame in samples.items())
        for _ in range(REPEATS)
    ]
    p50, p95 = (round(float(seconds) * 1000, 3) for seconds in np.quantile(one, [0.5, 0.95]))
    batch = float(np.median(rounds))
    return {
        "one_p50_ms": p50,
        "one_p95_ms": p95,
        "batch_documents_per_second": round(documents / batch, 1),
        "batch_characters_per_second": round(characters / batch, 1),
    }


def _seconds(scorer: Scorer, frame: pl.DataFrame, *, corpus: str) -> float:
    start = time.perf_counter()
    scorer.score(frame, corpus)
    return time.perf_counter() - start
