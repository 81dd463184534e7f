"""Trainings of the tiny corpora in a process that torchrun has started, or alone: `python -m tests.training.two_processes OUT
RUN... [--kill EPOCH] [--checkpoint FOLDER]` writes what each comes to, a file for each process, and the weights.

A run is a weighting by its name, or `taught`: the plain sum with a teacher's answers for some documents. Alone a process takes the
steps of two, with the rows of both in one batch.
"""

import argparse
import copy
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch

from mgm.settings.settings import Settings
from mgm.tasks import with_label_spaces
from mgm.text.features import FeaturePart
from mgm.training import loop
from mgm.training.batches import PlannedBatch
from mgm.training.callbacks import Callbacks, EpochReport
from mgm.training.checkpoint import Checkpoint
from mgm.training.data import PartRows
from mgm.training.distributed import ALONE, DistributedContext, process_group
from mgm.training.fit import plan_training
from mgm.training.loop import train
from mgm.training.process_rows import share_rows
from mgm.training.sampling import EpochPlan, plan_epoch
from tests import tiny_corpora
from tests.training.team import in_threads


def settings(weighting: str) -> Settings:
    """Without dropout, whose draws differ between processes; single precision."""
    raw: dict[str, Any] = copy.deepcopy(tiny_corpora.SETTINGS)
    raw["train"] |= {"epochs": 3, "weighting": weighting, "word_dropout": 0.0, "precision": "fp32"}
    wide = {"buckets": 512, "tagging": {"buckets": 4096}}
    raw["model"] |= {"dropout": 0.0, "preset": "fast", "wide": wide}
    return Settings.parse(raw)


def prepared(config: Settings, taught: bool) -> tuple[tiny_corpora.Features, int, dict[str, list[str]]]:
    """The tiny corpora, where words of every third document alone are labelled: of many batches one process has no
    labelled word. `taught`: half of the dishes have a teacher's answer, among them some without a label."""
    features, vocabulary, spaces = tiny_corpora.prepared(config, tiny_corpora.corpora())
    dish, price, keys, _ = config.active_tasks()
    (part,) = features["menus"]
    number = pl.int_range(pl.len())
    documents = part.documents.with_columns(
        pl.when(number % 3 == 0).then(keys.columns.label_ids).alias(keys.columns.label_ids),
        pl.when(number % 4 != 1).then(price.columns.label_ids).alias(price.columns.label_ids),
    )
    if taught:
        answer = np.random.default_rng(4).dirichlet(np.ones(len(spaces["dish"])), documents.height)
        answer[::2] = np.nan
        column = pl.Series(
            dish.columns.teacher, answer.astype(np.float32), pl.Array(pl.Float32, answer.shape[1])
        )
        documents = documents.with_columns(column)
    features["menus"] = [FeaturePart(documents, part.types)]
    return features, len(vocabulary), spaces


def plan_for_two(sources: list[PartRows], **options: Any) -> EpochPlan:
    """The plans of two processes, joined step by step: each corpus has one part."""
    parts = {source.corpus: [source.part] for source in sources}
    options.pop("processes")

    def run(processes: DistributedContext) -> EpochPlan:
        def select(chosen: dict[str, list[FeaturePart]]) -> list[PartRows]:
            return [source for source in sources if source.corpus in chosen]

        _, local = share_rows(parts, select, processes=processes)
        assert [s.corpus for s in local] == [s.corpus for s in sources]
        return plan_epoch(local, processes=processes, **options)

    first, second = in_threads(2, run)
    batches = []
    for one, other in zip(first.batches, second.batches, strict=True):
        assert one.source == other.source and not (one.is_repeated or other.is_repeated)
        batches.append(PlannedBatch(source=one.source, rows=np.concatenate([one.rows, other.rows])))
    return EpochPlan(batches=batches, passes=first.passes)


def run(name: str, out: Path, rank: int, kill: int, checkpoint: Checkpoint | None) -> None:
    config = settings("static" if name == "taught" else name)
    features, words, spaces = prepared(config, name == "taught")
    made = plan_training(
        config, with_label_spaces(config.active_tasks(), spaces), parts=features, vocabulary_size=words
    )

    def kill_after_epoch(report: EpochReport) -> None:
        if report.epoch == kill:
            os._exit(9)

    trained = train(
        made.network,
        made.data,
        settings=config.train,
        seed=config.seed,
        checkpoint=checkpoint,
        callbacks=Callbacks(on_epoch=kill_after_epoch),
    )
    digest = hashlib.sha256()
    for key, weights in sorted(made.network.state_dict().items()):
        digest.update(key.encode() + weights.numpy().tobytes())
    content = {
        "losses": [report.losses for report in trained.history],
        "metrics": [report.metrics for report in trained.history],
        "weights": [report.weights for report in trained.history],
        "rows": [sum(len(s.rows) for s in rows) for rows in (made.data.train, made.data.validation)],
        "words": [report.cost.words for report in trained.history],
        "sha256": digest.hexdigest(),
    }
    (out / f"{name}.{rank}.json").write_text(json.dumps(content), encoding="utf-8")
    if rank == 0:
        torch.save(made.network.state_dict(), out / f"{name}.pt")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("runs", nargs="+")
    parser.add_argument("--kill", type=int, default=0)
    parser.add_argument("--checkpoint", type=Path)
    options = parser.parse_args()
    checkpoint = Checkpoint(options.checkpoint, "here") if options.checkpoint else None
    with process_group(os.environ) as context:
        if context == ALONE:
            loop.plan_epoch = plan_for_two
        for name in options.runs:
            run(name, options.out, context.rank, options.kill, checkpoint)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
