"""How fast networks train: `fast` and `full`, fp32 and bf16. `python benchmarks/training.py --workspace FOLDER`.

The workspace is a project whose features are made (`dvc repro features` with `debian` enabled is what the committed
numbers come from); nothing is written there. Each configuration trains through mgm's own trainer, without validation, on
the same random training rows: one epoch unmeasured, then one measured; configurations take turns and medians of
`--rounds` are told, with ratios of the same round. On the CPU with the workspace's batches; on a GPU, where torch sees
one, with `--gpu-tokens` words a batch and all training rows. Words/s and documents/s are of the batches alone; the
loading share is the time in which the model waited for its next batch. `prefetch` is the speed on the CPU with the
loader's thread, as a GPU has it, to that without. Written to benchmarks/results/training.json. Cost: about three
minutes on 2 cores. The machine is shared: read the ratios.
"""

import argparse
import json
import os
import statistics
from collections.abc import Generator
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import hardware
import numpy as np

import flows.environment  # noqa: F401  (before torch, which reads the environment when it is imported)

# isort: split
import torch

from flows.training_run import prepare
from mgm.settings.model import ModelSettings
from mgm.settings.settings import Settings
from mgm.training.cost import EpochCost
from mgm.training.data import PartRows
from mgm.training.fit import Plan
from mgm.training.loader import PREFETCHED_BATCHES, prefetch
from mgm.training.loop import train
from mgm.training.precision import has_bf16

RESULTS = Path("benchmarks/results/training.json").resolve()
PACKAGES = ("torch", "numpy", "polars", "pyarrow")
PRESETS = ("fast", "full")


def some(sources: list[PartRows], words: int) -> list[PartRows]:
    """Random rows of `sources` with about so many words together, at least one row of each."""
    share = min(words / sum(int(s.length.sum()) for s in sources), 1.0)
    chosen = []
    for number, source in enumerate(sources):
        count = max(round(len(source.rows) * share), 1)
        at = np.sort(np.random.default_rng([1, number]).permutation(len(source.rows))[:count])
        chosen.append(
            PartRows(corpus=source.corpus, part=source.part, rows=source.rows[at], length=source.length[at])
        )
    return chosen


def configured(settings: Settings, preset: str, precision: str, tokens_per_batch: int) -> Settings:
    """The workspace's settings with a preset's network, for two epochs."""
    changed = {"epochs": 2, "precision": precision, "tokens_per_batch": tokens_per_batch}
    return settings.model_copy(
        update={
            "model": ModelSettings.model_validate({"preset": preset}),
            "train": settings.train.model_copy(update=changed),
        }
    )


def planned(settings: Settings) -> Plan:
    """As the stage plans a training, without its announcement: what is trained on here is less."""
    with redirect_stdout(None):
        return prepare(settings, settings.active_tasks())


def measure(made: Plan, sources: list[PartRows], settings: Settings, device: str) -> EpochCost:
    """What the second epoch of a training from fresh weights cost."""
    network = made.network.to(device)
    data = replace(made.data, train=sources, validation=[])
    result = train(network, data, settings=settings.train, seed=settings.seed)
    return result.history[-1].cost


def table(
    settings: Settings, device: str, words: int | None, tokens_per_batch: int, rounds: int
) -> dict[str, Any]:
    """Every configuration of a device: medians, and the ratios of bf16 to fp32 within a round."""
    precisions = ["fp32", *(["bf16"] if has_bf16(torch.device(device)) else [])]
    costs: dict[tuple[str, str], list[EpochCost]] = {}
    parameters = {}
    for _ in range(rounds):
        for preset in PRESETS:
            for precision in precisions:
                chosen = configured(settings, preset, precision, tokens_per_batch)
                made = planned(chosen)
                sources = made.data.train if words is None else some(made.data.train, words)
                costs.setdefault((preset, precision), []).append(measure(made, sources, chosen, device))
                parameters[preset] = made.num_parameters
    found: dict[str, Any] = {"tokens_per_batch": tokens_per_batch}
    for preset in PRESETS:
        found[preset] = {"parameters": parameters[preset]}
        found[preset] |= {precision: line(costs[preset, precision]) for precision in precisions}
        if len(precisions) == 2:
            found[preset]["bf16 to fp32"] = ratio(costs[preset, "bf16"], costs[preset, "fp32"])
    return found


def prefetch_gain(settings: Settings, words: int, tokens_per_batch: int, rounds: int) -> dict[str, Any]:
    """The speed on the CPU with a loader thread to that without, preset by preset."""

    def threaded(steps: Any, gather: Any, device: torch.device) -> Generator[Any, None, None]:
        yield from prefetch(steps, gather, count=PREFETCHED_BATCHES)

    found = {}
    for preset in PRESETS:
        costs: dict[bool, list[EpochCost]] = {True: [], False: []}
        for _ in range(rounds):
            for thread, told in costs.items():
                chosen = configured(settings, preset, "fp32", tokens_per_batch)
                made = planned(chosen)
                sources = some(made.data.train, words)
                if thread:
                    with patch("mgm.training.loop.load_batches", threaded):
                        told.append(measure(made, sources, chosen, "cpu"))
                else:
                    told.append(measure(made, sources, chosen, "cpu"))
        found[preset] = ratio(costs[True], costs[False])
    return found


def line(costs: list[EpochCost]) -> dict[str, float]:
    """Medians of the rounds."""
    return {
        "words_per_second": round(statistics.median(c.words_per_second for c in costs)),
        "documents_per_second": round(statistics.median(c.documents_per_second for c in costs)),
        "loading_share": round(statistics.median(c.loading_share for c in costs), 3),
    }


def ratio(of: list[EpochCost], to: list[EpochCost]) -> float:
    """The median ratio of words/s, round by round."""
    pairs = zip(of, to, strict=True)
    return round(statistics.median(a.words_per_second / b.words_per_second for a, b in pairs), 3)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workspace", type=Path, default=Path("."))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--words", type=int, default=200_000, help="of an epoch on the CPU")
    parser.add_argument("--gpu-tokens", type=int, default=64_000, help="words of a batch on a GPU")
    arguments = parser.parse_args()
    has_gpu = torch.cuda.is_available()
    result: dict[str, Any] = {
        "what": "training without validation, second epoch; medians of so many rounds",
        "rounds": arguments.rounds,
        "words_per_epoch": arguments.words,
        "revision": hardware.revision(),
        "machine": hardware.machine() | {"gpu": torch.cuda.get_device_name() if has_gpu else None},
        "versions": hardware.versions(PACKAGES),
    }
    os.chdir(arguments.workspace)
    settings = Settings.load()
    result["corpora"], result["threads"] = list(settings.enabled), settings.train.threads
    epochs = 2 * arguments.rounds * len(PRESETS) * (2 + has_bf16(torch.device("cpu")) + 1)
    print(
        f"{epochs} epochs of {arguments.words:,} words on the CPU, then those of a GPU where there is one",
        flush=True,
    )
    tokens = settings.train.tokens_per_batch
    result["cpu"] = table(settings, "cpu", arguments.words, tokens, arguments.rounds)
    print(json.dumps(result["cpu"], indent=1), flush=True)
    result["cpu"]["prefetch"] = prefetch_gain(settings, arguments.words, tokens, arguments.rounds)
    if has_gpu:
        result["gpu"] = table(settings, "cuda", None, arguments.gpu_tokens, arguments.rounds)
        print(json.dumps(result["gpu"], indent=1), flush=True)
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"written to {RESULTS}")


if __name__ == "__main__":
    main()
