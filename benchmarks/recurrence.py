"""How fast the sentence encoder's own recurrence trains beside torch's. `python benchmarks/recurrence.py`.

mgm/model/recurrent.py has a hand-written backward pass, which is worth its lines only while a whole training step is faster
with it than with torch.nn.GRU over packed sequences. Both are measured in the network of preset `full` with one
classification task, on the same synthetic batches: words by Zipf's law, sentences of log-normal length. A step is forward,
loss, backward, clipping and AdamW. `sentence` is that step of a network of which the sentence level alone is on, `full` that
of the whole preset. Both take turns; medians of `--rounds` are kept, with the ratios of the same round. Written to
benchmarks/results/recurrence.json. Cost: about a minute on one core. The machine is shared: read the ratios.
"""

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

import hardware
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mgm.model.batch import Batch
from mgm.model.granularity import EncoderState, Sentence
from mgm.model.network import Network
from mgm.model.ragged import Ragged
from mgm.settings.model import ModelSettings
from mgm.settings.training import TrainSettings
from mgm.tasks import Task
from mgm.text.features import PROPERTIES

RESULTS = Path("benchmarks/results/recurrence.json").resolve()
LABELS = tuple(f"label{i}" for i in range(10))
VOCABULARY, NGRAM_BUCKETS = 20_000, 50_000
SENTENCES_OF_DOCUMENT = 6
"""On average."""
LEVELS = ("character", "word", "window", "lead", "paragraph", "document")


class TorchSentence(Sentence):
    """The sentence level with torch.nn.GRU over packed sequences, of the same width."""

    projecting_levels = ()  # type: ignore[assignment]

    def __init__(self, input_width: int, width: int) -> None:
        super().__init__(input_width, width)
        del self.inputs, self.recurrent
        self.gru = nn.GRU(input_width, width // 2, bidirectional=True, batch_first=True)

    def extend(self, state: EncoderState) -> None:
        """Add the vectors of sentences and documents."""
        words = state.selections["all"].sentences
        padded, mask = Ragged(F.embedding(words.values, state.types.dropped_TD), words.length).pad()
        packed = nn.utils.rnn.pack_padded_sequence(
            padded, words.length.cpu(), batch_first=True, enforce_sorted=False
        )
        states, _ = nn.utils.rnn.pad_packed_sequence(self.gru(packed)[0], batch_first=True)
        state.sentence_level = Ragged(states[mask], words.length).max_pool()
        documents = Ragged(state.sentence_level, state.batch.sentences_per_document)
        state.pooled["sentence"] = documents.max_pool()


def make_batch(words: int, seed: int) -> Batch:
    """Return a batch of about so many words, with a label a document."""
    generator = np.random.default_rng(seed)
    length = generator.lognormal(2.7, 0.6, words // 18).astype(np.int64).clip(1, 120)
    document = np.minimum(generator.poisson(SENTENCES_OF_DOCUMENT - 1, len(length)) + 1, len(length))
    document = document[: np.searchsorted(document.cumsum(), len(length))]
    document = np.append(document, len(length) - document.sum()).astype(np.int64)
    ids = generator.zipf(1.3, int(length.sum())).clip(1, VOCABULARY)
    types, word = np.unique(ids, return_inverse=True)
    ngrams = generator.integers(0, NGRAM_BUCKETS, (len(types), 8))
    sizes = list(PROPERTIES.values())

    def tensor(values: Any) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(values, np.int64))

    return Batch(
        type_id=tensor(types),
        type_ngram=tensor(ngrams.ravel()),
        type_ngram_offset=tensor(np.arange(0, ngrams.size + 1, 8)),
        type_character=torch.zeros(0, dtype=torch.int64),
        type_character_offset=torch.zeros(len(types) + 1, dtype=torch.int64),
        type_property=tensor(np.stack([generator.integers(0, size, len(types)) for size in sizes], axis=1)),
        word=tensor(word),
        content=torch.ones(len(word), dtype=torch.bool),
        sentence_length=tensor(length),
        paragraph_length=tensor(document),
        document_length=torch.ones(len(document), dtype=torch.int64),
        targets={"topic": tensor(generator.integers(0, len(LABELS), len(document)))},
    )


def make_network(settings: ModelSettings, *, own: bool, seed: int) -> Network:
    """Return a network with mgm's recurrence (`own`) or torch's."""
    torch.manual_seed(seed)
    task = Task(name="topic", kind="classification", corpora=["synthetic"], labels=LABELS)
    network = Network(settings, [task], vocabulary_size=VOCABULARY, ngram_buckets=NGRAM_BUCKETS)
    if not own:
        peer = TorchSentence(settings.width, settings.sentence.width)
        network.encoder.granularities["sentence"] = peer
    return network.train()


def step_seconds(network: Network, optimizer: torch.optim.Optimizer, batches: list[Batch]) -> float:
    """Return the seconds of a training step, the mean over `batches`."""
    start = time.perf_counter()
    for batch in batches:
        optimizer.zero_grad(set_to_none=True)
        losses = network.losses(network.deep_outputs(batch), batch, smoothing=0.1)
        losses["topic"].backward()
        nn.utils.clip_grad_norm_(network.dense_parameters(), 1.0)
        optimizer.step()
    return (time.perf_counter() - start) / len(batches)


def measure(settings: ModelSettings, batches: list[Batch], *, rounds: int, seed: int) -> dict[str, Any]:
    """Return the median seconds of a step with either recurrence, and of torch's to mgm's in the same round."""
    networks = {name: make_network(settings, own=name == "mgm", seed=seed) for name in ("mgm", "torch")}
    optimizers = {
        name: torch.optim.AdamW(n.dense_parameters(), 1e-3, fused=True) for name, n in networks.items()
    }
    seconds: dict[str, list[float]] = {name: [] for name in networks}
    for number in range(rounds + 1):
        for name, network in networks.items():
            taken = step_seconds(network, optimizers[name], batches)
            if number:  # the first round warms up
                seconds[name].append(taken)
    ratios = [torch_ / mgm for mgm, torch_ in zip(seconds["mgm"], seconds["torch"], strict=True)]
    return {
        "seconds_per_step": {name: round(statistics.median(all_), 4) for name, all_ in seconds.items()},
        "torch_to_mgm": {
            "median": round(statistics.median(ratios), 3),
            "least": round(min(ratios), 3),
            "greatest": round(max(ratios), 3),
        },
    }


def main() -> None:
    """Measure both networks and write the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--words", type=int, default=TrainSettings().tokens_per_batch, help="words of a batch"
    )
    parser.add_argument("--batches", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    batches = [make_batch(arguments.words, arguments.seed + n) for n in range(arguments.batches)]
    full = ModelSettings.model_validate({"preset": "full", "wide": {"enabled": False}})
    off = {name: {"enabled": False} for name in LEVELS}
    alone = ModelSettings.model_validate({"preset": "full", "wide": {"enabled": False}} | off)
    result = {
        **hardware.machine(),
        "versions": hardware.versions(["torch", "numpy"]),
        "revision": hardware.revision(),
        **vars(arguments),
        "words_per_batch": [batch.word.numel() for batch in batches],
        "sentence": measure(alone, batches, rounds=arguments.rounds, seed=arguments.seed),
        "full": measure(full, batches, rounds=arguments.rounds, seed=arguments.seed),
    }
    RESULTS.write_text(json.dumps(result, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    print(json.dumps({name: result[name] for name in ("sentence", "full")}, indent=1))


if __name__ == "__main__":
    main()
