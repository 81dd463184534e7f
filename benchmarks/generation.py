"""How well and how fast mgm writes texts, beside a plain Transformer of its size and what can be copied. `python
benchmarks/generation.py --workspace FOLDER`.

A workspace is a project whose features are made, with generation tasks that are on, such as data/generation of `make
run-generation`. mgm (one network for all tasks, by the library's own training) and the Transformer (peers/transformer.py) see the
same pairs in the same batches for the same epochs, with the same rate, smoothing and average of weights; the Transformer has so
many layers that it has at least as many weights outside of tables as mgm. Both are taken after the last epoch, and both search
alike. Metrics are of test documents, intervals of a bootstrap over groups. Speeds are of test documents, from features to ids.
Results go to benchmarks/results/generation.json, beside those of other workspaces' corpora.

With `--until-flat` each task is trained alone until it no longer learns, which takes days, and the curve goes to
benchmarks/results/generation_curve.json after each epoch (generation_curve.py); the same command goes on after a kill.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
import flows.environment  # noqa: F401  (before torch, which reads the environment when it is imported)

# isort: split
import hardware
import numpy as np
import polars as pl
import torch
from peers.transformer import Transformer
from torch import nn

from mgm.corpus.parts import read_manifest
from mgm.evaluation.bootstrap import confidence_intervals
from mgm.evaluation.kinds import evaluation_of
from mgm.evaluation.kinds.generation import BASELINES, baseline_column, bleu_tokenizer
from mgm.files import read_json, write_json
from mgm.model.batch import Batch, cut_by_tokens
from mgm.model.collate import collate
from mgm.model.generation.beam_search import BeamOutput
from mgm.model.generation.source_cut import SourceCut, read_words
from mgm.model.network import Network
from mgm.settings.names import overridden
from mgm.settings.settings import Settings
from mgm.settings.yaml_file import load_yaml
from mgm.tasks import Task, with_label_spaces
from mgm.text import labels
from mgm.text.features import FeaturePart
from mgm.text.subwords import decode_pieces
from mgm.text.vocabulary import Vocabulary
from mgm.training.averaging import MovingAverage
from mgm.training.callbacks import Callbacks, EpochReport
from mgm.training.data import PartRows
from mgm.training.determinism import deterministic
from mgm.training.fit import Plan, plan_training
from mgm.training.loop import train
from mgm.training.optimizers import parameter_groups
from mgm.training.precision import resolve_precision
from mgm.training.sampling import plan_epoch
from mgm.training.schedule import set_learning_rate, warm_cosine

RESULTS = Path("benchmarks/results/generation.json")
PACKAGES = ("torch", "numpy", "polars", "sentencepiece", "sacrebleu", "rouge-score")
BEAMS = (1, 4)
SIZES = {1: 24, 32: 128, 256: 512}
"""Batch sizes whose speed is measured, and of how many documents."""
TABLES = ("pieces", "granularities.character", "granularities.word")
"""Weights of which a document reads a few rows."""

Write = Callable[[Batch, str, int], BeamOutput]


@dataclass(frozen=True)
class Fitted:
    """A trained model: how it writes, of what part of a document, its weights, in tables and outside, and what training took."""

    write: Write
    cut: SourceCut | None
    weights: dict[str, int]
    cost: dict[str, float]


def main() -> None:
    arguments = parse()
    if arguments.until_flat:
        import generation_curve

        generation_curve.main(arguments)
        return
    work = arguments.workspace
    raw = load_yaml((work / "params.yaml").read_text(encoding="utf-8"))
    changed = dict(entry.split("=", 1) for entry in arguments.set)
    # every epoch is trained, and the last one counts, as for the Transformer
    changes = {name: load_yaml(value) for name, value in changed.items()} | {"train.patience": 10_000}
    settings = Settings.parse(overridden(raw, changes))
    tasks = [t for t in settings.active_tasks() if t.kind == "generation"]
    if arguments.tasks:
        tasks = [t for t in tasks if t.name in arguments.tasks.split(",")]
    made = prepared(work, settings, tasks, arguments.rows, arguments.longest)
    test = {task.name: chosen_rows(work, task, "test", arguments.test, arguments.longest) for task in tasks}
    content: dict[str, Any] = {
        "pairs": {
            s.corpus: sum(len(x.rows) for x in made.data.train if x.corpus == s.corpus)
            for s in made.data.train
        },
        "longest_source_in_words": arguments.longest,
        "changed": changes,
        "epochs": settings.train.epochs,
        "settings": settings.model.generation.model_dump(),
        "precision": resolve_precision(settings.train.precision, torch.device("cpu")),
        "threads": settings.train.threads,
        "seed": settings.seed,
        "test_documents": {name: rows[1].height for name, rows in test.items()},
        "baselines": {task.name: baselines(test[task.name], task, settings) for task in tasks},
        "models": {},
    }
    for name in arguments.models.split(","):
        print(f"{name}: training on {content['pairs']}", flush=True)
        fitted = MODELS[name](made, settings)
        content["models"][name] = {"weights": fitted.weights, "training": fitted.cost} | {
            task.name: {
                f"beam {beam}": measured(fitted, test[task.name], task, made, settings, beam)
                for beam in BEAMS
            }
            for task in tasks
        }
        content["models"][name]["outputs_per_second"] = {
            task.name: speeds(fitted, test[task.name], task) for task in tasks
        }
        store("+".join(sorted(content["pairs"])), content)
    print(f"written to {RESULTS}")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workspace", type=Path, default=Path("data/generation"))
    parser.add_argument("--models", default="mgm,transformer")
    parser.add_argument("--tasks", default="", help="with commas; default: all generation tasks")
    parser.add_argument(
        "--set", nargs="*", default=[], help="settings in place of the workspace's: train.epochs=4"
    )
    parser.add_argument(
        "--longest", type=int, default=100_000, help="words of a source, of training and test"
    )
    parser.add_argument("--rows", type=int, help="so many training pairs of each corpus, at most")
    parser.add_argument("--test", type=int, default=1_000, help="so many test documents a task, at most")
    parser.add_argument("--until-flat", action="store_true", help="train each task until it no longer learns")
    parser.add_argument(
        "--most-epochs", type=int, default=200, help="with --until-flat: the last epoch, however steep"
    )
    return parser.parse_args()


def prepared(work: Path, settings: Settings, tasks: list[Task], rows: int | None, longest: int) -> Plan:
    """mgm's plan, of at most `rows` training pairs of each corpus, evenly over them."""
    features = work / "data" / "features"
    corpora = sorted({c for t in tasks for c in t.corpora})
    parts = {c: parts_of(work, c) for c in corpora}
    words = len(Vocabulary.load(features / "vocabulary.parquet"))
    made = plan_training(
        settings,
        with_label_spaces(tasks, labels.load(features / "labels.json")),
        parts=parts,
        vocabulary_size=words,
    )
    short = [cut(s, s.length <= longest) for s in made.data.train]
    kept = []
    for source in short:
        own = sum(len(s.rows) for s in short if s.corpus == source.corpus)
        share = 1.0 if rows is None else min(1.0, rows / own)
        places = np.linspace(0, len(source.rows) - 1, int(len(source.rows) * share)).astype(int)
        kept.append(cut(source, np.unique(places)))
    return replace(made, data=replace(made.data, train=kept))


def cut(source: PartRows, chosen: np.ndarray) -> PartRows:
    return replace(source, rows=source.rows[chosen], length=source.length[chosen])


def parts_of(work: Path, corpus: str) -> list[FeaturePart]:
    folder = work / "data" / "features" / corpus
    return [FeaturePart.load(folder, index) for index in range(len(read_manifest(folder).parts))]


def chosen_rows(
    work: Path, task: Task, split: str, count: int, longest: int
) -> tuple[list[FeaturePart], pl.DataFrame]:
    """The parts, and of a split's documents, evenly over all: part, row, doc_id, group, reference, baselines, words."""
    parts, found = [p for c in task.corpora for p in parts_of(work, c)], []
    for number, part in enumerate(parts):
        documents = part.documents.with_row_index("row").filter(
            (pl.col("split") == split)
            & pl.col(task.columns.label).is_not_null()
            & (pl.col("word").list.len() <= longest)
        )
        found.append(documents.select("row", part=pl.lit(number)))
    every = pl.concat(found)
    chosen = every.gather(np.unique(np.linspace(0, every.height - 1, min(count, every.height)).astype(int)))
    predict, rows = evaluation_of(task).fit_baselines(parts, task), []
    for (number,), own in chosen.group_by("part", maintain_order=True):
        part = parts[int(str(number))]
        documents = part.documents[own["row"]]
        copied = predict(FeaturePart(documents, part.types))
        columns = documents.select(
            "doc_id", "group", true=task.columns.label, words=pl.col("word").list.len()
        ).with_columns(copied[baseline_column(task, name)].alias(name) for name in BASELINES)
        rows.append(pl.concat([own, columns], how="horizontal"))
    return parts, pl.concat(rows)


def fit_mgm(made: Plan, settings: Settings) -> Fitted:
    """The library's own training; the average of the weights after the last epoch."""
    network, cpu, start = made.network, time.process_time(), time.perf_counter()
    data = replace(made.data, validation=[])
    train(network, data, settings=settings.train, seed=settings.seed, callbacks=Callbacks(on_epoch=say))
    network.eval()

    def write(batch: Batch, task: str, beam: int) -> BeamOutput:
        return network.generate(batch, [task], beam_size=beam)[task]

    return Fitted(write, SourceCut.of(settings.model, made.tasks), weights(network), cost(cpu, start))


def fit_transformer(made: Plan, settings: Settings) -> Fitted:
    """The same batches, steps, rate and average."""
    model, layers = peer(made, settings)
    cpu, start = time.process_time(), time.perf_counter()
    chosen, bf16 = settings.train, resolve_precision(settings.train.precision, torch.device("cpu")) == "bf16"
    parameters = list(model.parameters())
    optimizer = torch.optim.AdamW(
        parameter_groups(parameters, chosen.weight_decay), chosen.learning_rate, fused=True
    )
    average = MovingAverage(parameters, chosen.ema)
    with deterministic(chosen.threads):
        for epoch in range(chosen.epochs):
            steps = plan_epoch(
                made.data.train,
                tokens_per_batch=chosen.tokens_per_batch,
                tau=chosen.sampling_tau,
                seed=settings.seed,
                epoch=epoch,
            ).batches
            total = 0.0
            model.train()
            for done, step in enumerate(steps, start=1):
                source = made.data.train[step.source]
                batch = collate(source.part, step.rows, tasks=made.tasks, cut=source.cut)
                progress = (epoch + done / len(steps)) / chosen.epochs
                set_learning_rate(optimizer, chosen.learning_rate * warm_cosine(chosen.warmup, progress))
                optimizer.zero_grad(set_to_none=True)
                with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
                    loss = model.loss(batch, chosen.label_smoothing)
                loss.backward()
                nn.utils.clip_grad_norm_(parameters, chosen.clip)
                optimizer.step()
                average.update()
                total += float(loss.detach())
            print(f"  epoch {epoch + 1}: loss {total / len(steps):.3f}, {cost(cpu, start)}", flush=True)
    with torch.no_grad():
        for parameter, mean in zip(parameters, average.averaged.parameters(), strict=True):
            parameter.copy_(mean)
    model.eval()
    return Fitted(
        model.write,
        SourceCut.of(settings.model, made.tasks),
        weights(model) | {"layers": layers},
        cost(cpu, start),
    )


def peer(made: Plan, settings: Settings) -> tuple[Transformer, int]:
    """The Transformer with the fewest layers that has at least mgm's weights outside of tables, and how many these are."""
    own, pieces = settings.model.generation, list(made.tasks[0].labels)
    names = [task.name for task in made.tasks]
    wanted = weights(Network(settings.model, made.tasks, vocabulary_size=10, ngram_buckets=10))[
        "outside of tables"
    ]
    layers = 1
    while True:
        torch.manual_seed(settings.seed)
        model = Transformer(
            own.model_copy(update={"encoder_layers": layers, "decoder_layers": layers}), names, pieces
        )
        if weights(model)["outside of tables"] >= wanted:
            return model, layers
        layers += 1


MODELS: dict[str, Callable[[Plan, Settings], Fitted]] = {"mgm": fit_mgm, "transformer": fit_transformer}


def say(report: EpochReport) -> None:
    losses = ", ".join(f"{task} {loss:.3f}" for task, loss in report.losses.items())
    print(
        f"  epoch {report.epoch}: loss {losses}, {report.cost.seconds:.0f} s, {time.process_time():.0f} CPU s so far",
        flush=True,
    )


def weights(model: nn.Module) -> dict[str, int]:
    """How many, in tables and outside."""
    count = {name: p.numel() for name, p in model.named_parameters()}
    tables = sum(n for name, n in count.items() if any(part in name for part in TABLES))
    return {"tables": tables, "outside of tables": sum(count.values()) - tables}


def cost(cpu: float, start: float) -> dict[str, float]:
    return {
        "cpu_seconds": round(time.process_time() - cpu, 1),
        "seconds": round(time.perf_counter() - start, 1),
    }


def texts(
    fitted: Fitted, test: tuple[list[FeaturePart], pl.DataFrame], task: Task, beam: int, pieces: list[str]
) -> list[str]:
    """What is written for the test documents, in their order."""
    parts, rows = test
    found = np.full(rows.height, "", object)
    for number, part in enumerate(parts):
        own = np.flatnonzero((rows["part"] == number).to_numpy())
        length = read_words(part, rows["row"].to_numpy()[own], cut=fitted.cut)
        order = np.argsort(length, kind="stable")
        for cut in cut_by_tokens(order, length[order], tokens_per_batch=8_000):
            batch = collate(part, rows["row"].to_numpy()[own[cut]], cut=fitted.cut)
            with torch.inference_mode():
                out = fitted.write(batch, task.name, beam)
            inside = torch.arange(out.ids.shape[1]) < out.count[:, None]
            found[own[cut]] = decode_pieces(
                out.ids[inside].numpy(), out.count.numpy(), pieces=pieces
            ).to_numpy()
    return list(found)


def measured(
    fitted: Fitted,
    test: tuple[list[FeaturePart], pl.DataFrame],
    task: Task,
    made: Plan,
    settings: Settings,
    beam: int,
) -> dict[str, Any]:
    said = texts(fitted, test, task, beam, next(list(t.labels) for t in made.tasks if t.name == task.name))
    found = scored(said, test[1], task, settings)
    print(
        f"  {task.name}, beam {beam}: " + ", ".join(f"{k} {v['value']:.4f}" for k, v in found.items()),
        flush=True,
    )
    return found


def scored(said: Sequence[str], rows: pl.DataFrame, task: Task, settings: Settings) -> dict[str, Any]:
    """Each metric with its interval."""
    frame = rows.select("group", pl.col("true").alias(task.columns.label)).with_columns(
        pl.Series(task.columns.prediction, said)
    )
    statistics = evaluation_of(task).statistics(frame, task)
    bounds = confidence_intervals(
        statistics,
        frame["group"],
        resamples=settings.evaluate.bootstrap,
        seed=settings.seed,
        stream=task.name,
    )
    return {
        name: {"value": round(value, 4), "low": round(bounds[name][0], 4), "high": round(bounds[name][1], 4)}
        for name, value in statistics.score().items()
    }


def baselines(test: tuple[list[FeaturePart], pl.DataFrame], task: Task, settings: Settings) -> dict[str, Any]:
    rows = test[1]
    found = {name: scored(rows[name].to_list(), rows, task, settings) for name in BASELINES}
    return {"bleu_tokenizer": bleu_tokenizer(rows["true"].to_list())} | found


def speeds(
    fitted: Fitted, test: tuple[list[FeaturePart], pl.DataFrame], task: Task
) -> dict[str, dict[str, float]]:
    """Outputs a second by batch size and beam; documents as they come, one thread."""
    parts, rows = test
    own = rows.filter(part=0)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    found: dict[str, dict[str, float]] = {}
    for size, count in SIZES.items():
        at = own["row"].to_numpy()[:count]
        batches = [at[first : first + size] for first in range(0, len(at), size)]
        for beam in BEAMS:
            start = time.perf_counter()
            with torch.inference_mode():
                for chosen in batches:
                    fitted.write(collate(parts[0], chosen, cut=fitted.cut), task.name, beam)
            found.setdefault(f"batch {size}", {})[f"beam {beam}"] = round(
                len(at) / (time.perf_counter() - start), 1
            )
    torch.set_num_threads(before)
    return found


def store(name: str, content: dict[str, Any]) -> None:
    """Puts what is known into the results file, models beside those that stand there."""
    whole = read_json(RESULTS) if RESULTS.is_file() else {"corpora": {}}
    before = whole["corpora"].get(name, {}).get("models", {})
    content = content | {"models": before | content["models"]}
    content |= {
        "machine": hardware.machine(),
        "versions": hardware.versions(PACKAGES),
        "revision": hardware.revision(),
    }
    whole["what"] = "generation tasks on test documents; see benchmarks/generation.py"
    write_json(RESULTS, whole | {"corpora": whole["corpora"] | {name: content}})


if __name__ == "__main__":
    try:
        main()
    except (ValueError, FileNotFoundError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
