"""What a bundle costs: its parameters, part by part, and what scoring raw text takes of time and memory here and now."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import torch

from mgm.model.network import Network
from mgm.scoring.scorer import Scorer
from mgm.scoring.smoke import peak_mib

REPEATS = 3
"""Rounds of a large batch, of which the median counts."""


@dataclass(frozen=True)
class Cost:
    """parameters: by part of the network. One document at a time: the median and the 95th percentile of `documents`, in
    milliseconds; all of them in one batch a corpus: documents a second. peak_mib: the most memory this process held; None
    where it cannot be told. bundle_bytes: of all files. threads: those of torch."""

    parameters: dict[str, int]
    bundle_bytes: int
    documents: int
    characters: int
    one_p50_ms: float | None
    one_p95_ms: float | None
    batch_documents_per_second: float | None
    batch_characters_per_second: float | None
    peak_mib: float | None
    threads: int


def cost(folder: Path, samples: Mapping[str, pl.DataFrame]) -> Cost:
    """Loads the bundle and scores the samples from raw text, each document alone and all at once.

    samples: corpus to documents (doc_id, text). To be called in a process of its own, so that the memory is that of scoring.
    """
    scorer = Scorer.load(folder)
    size = sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
    documents = sum(frame.height for frame in samples.values())
    characters = sum(int(frame["text"].str.len_chars().sum()) for frame in samples.values())
    parts = parameters(scorer.bundle.network)
    if not documents:
        return Cost(parts, size, 0, 0, None, None, None, None, peak_mib(), torch.get_num_threads())
    for corpus, frame in samples.items():  # what is loaded at first use is no part of a document's time
        scorer.score(frame.head(1), corpus)
    one = [_seconds(scorer, row, corpus) for corpus, frame in samples.items() for row in frame.iter_slices(1)]
    rounds = [
        sum(_seconds(scorer, frame, corpus) for corpus, frame in samples.items()) for _ in range(REPEATS)
    ]
    p50, p95 = (round(float(seconds) * 1000, 3) for seconds in np.quantile(one, [0.5, 0.95]))
    batch = float(np.median(rounds))
    return Cost(
        parts,
        size,
        documents,
        characters,
        p50,
        p95,
        round(documents / batch, 1),
        round(characters / batch, 1),
        peak_mib(),
        torch.get_num_threads(),
    )


def parameters(network: Network) -> dict[str, int]:
    """The number of weights of each part, largest first; a granularity of the encoder is a part."""
    found: dict[str, int] = {}
    for name, tensor in network.named_parameters():
        first, second = name.split(".")[:2]
        part = second if first == "encoder" else first
        found[part] = found.get(part, 0) + tensor.numel()
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def _seconds(scorer: Scorer, frame: pl.DataFrame, corpus: str) -> float:
    start = time.perf_counter()
    scorer.score(frame, corpus)
    return time.perf_counter() - start
