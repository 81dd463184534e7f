"""All explanations of a bundle, from its held-out documents: what data/explanations holds, by name.

masking: what each granularity is worth (effects.py); gates: the fusion's weights; label_errors: labels in doubt; examples:
answers with their words highlighted; faithfulness: whether the highlighted words count, and how exact their sums are.
"""

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor

from mgm.bundle.bundle import Bundle
from mgm.corpus.progress import progress
from mgm.evaluation.explanations.attention import sentence_weights
from mgm.evaluation.explanations.attribution import Explained, explain_words
from mgm.evaluation.explanations.cases import answers, sample, some_right, surest_errors
from mgm.evaluation.explanations.deletion import comprehensiveness, faithfulness
from mgm.evaluation.explanations.effects import Rows, add_rows, effects
from mgm.evaluation.explanations.highlights import sentences
from mgm.evaluation.explanations.integrated import average_word
from mgm.evaluation.explanations.label_errors import KINDS, WHY_NOT, suspected
from mgm.evaluation.explanations.masking import NOTHING, batches, masked_outcomes, means
from mgm.evaluation.explanations.sample import held_out
from mgm.evaluation.explanations.target import Target, target_of
from mgm.evaluation.summary import SPLIT
from mgm.model.batch import Batch
from mgm.model.collate import collate
from mgm.model.decode import decode
from mgm.model.heads import Outcome
from mgm.settings.evaluation import ExplainSettings
from mgm.tasks import Task
from mgm.text.features import FeaturePart

TUNING = "valid"
"""The split that gives averages, and that is searched for wrong labels beside the test split."""
Texts = Callable[[str, Sequence[str]], Mapping[str, str]]
"""The raw texts of some documents of a corpus, by doc_id."""
Say = Callable[[str], object]


@dataclass(frozen=True)
class Held:
    """The held-out documents of one corpus that are read, and its average word."""

    tasks: list[Task]
    tuning: list[FeaturePart]
    test: list[FeaturePart]
    average: dict[str, Tensor]


def explain(
    bundle: Bundle,
    corpora: Mapping[str, Sequence[FeaturePart]],
    texts: Texts,
    settings: ExplainSettings,
    seed: int,
    say: Say = print,
) -> dict[str, Any]:
    """Explains the bundle's network; `corpora`: the features of each corpus that it has tasks of. Generation tasks are not
    explained here: what they copied and looked at stands beside their texts (evaluation.written)."""
    network = bundle.network
    assert not network.training, "a network with dropout explains nothing"
    explained = [task for task in bundle.tasks if task.kind != "generation"]
    held: dict[str, Held] = {}
    rows: Rows = {}
    doubts: dict[str, list[pl.DataFrame]] = {}
    probs: dict[str, list[np.ndarray]] = {}
    for corpus, parts in corpora.items():
        tasks = [task for task in explained if corpus in task.corpora]
        if not tasks:
            continue
        tuning, test = (held_out(parts, split, settings.documents, seed, corpus) for split in (TUNING, SPLIT))
        average = average_word(network.encoder, (batch for part in tuning for _, batch in batches(part)))
        held[corpus] = Held(tasks, tuning, test, average)
        mean = means(network, tuning)
        for part in test:
            outcomes = masked_outcomes(network, part, tasks, mean)
            add_rows(rows, outcomes, part.documents, corpus, tasks, bundle.labels, bundle.thresholds)
            _keep(doubts, probs, outcomes[NOTHING], part, corpus, tasks)
        for part in tuning:
            every = np.arange(part.documents.height)
            _keep(doubts, probs, decode(network, part, every, tasks), part, corpus, tasks)
        say(
            f"{corpus}: {sum(p.documents.height for p in test):,} test documents read with each granularity masked"
        )
    with_tests = [task for task in explained if task.name in rows.get(NOTHING, {})]
    found: dict[str, Any] = {
        "masking": effects(rows, with_tests, bundle.labels, settings.bootstrap, seed),
        "gates": {"fusion": bundle.settings.model.fusion, "weights": _rounded(network.fusion.gate_weights())},
        "label_errors": {
            task.name: _label_errors(task, bundle.labels, doubts, probs, settings.label_issues)
            for task in explained
        },
        "examples": {},
        "faithfulness": {},
    }
    for task in with_tests:
        examples, deleted = _words(
            bundle, task, held, pl.concat(rows[NOTHING][task.name]), texts, settings, seed
        )
        found["examples"][task.name], found["faithfulness"][task.name] = examples, deleted
        say(f"{task.name}: {len(examples)} answers explained, words deleted from {deleted['n']} documents")
    return found


def _keep(
    doubts: dict[str, list[pl.DataFrame]],
    probs: dict[str, list[np.ndarray]],
    outcomes: Mapping[str, Outcome],
    part: FeaturePart,
    corpus: str,
    tasks: Sequence[Task],
) -> None:
    """Notes labels and probabilities of a part for the search for wrong labels."""
    for task in tasks:
        outcome = outcomes[task.name]
        if task.kind in KINDS and isinstance(outcome, np.ndarray):
            rows = part.documents.select(
                pl.lit(corpus).alias("corpus"), "doc_id", "lang", "split", truth=task.name
            )
            doubts.setdefault(task.name, []).append(rows)
            probs.setdefault(task.name, []).append(outcome)


def _label_errors(
    task: Task,
    labels: Mapping[str, list[str]],
    doubts: Mapping[str, list[pl.DataFrame]],
    probs: Mapping[str, list[np.ndarray]],
    count: int,
) -> dict[str, Any]:
    if task.kind not in KINDS:
        return {"searched": None, "why": WHY_NOT[task.kind]}
    if task.name not in doubts:
        return {"searched": 0, "suspected": 0, "examples": []}
    rows = pl.concat(doubts[task.name])
    searched, found = suspected(np.concatenate(probs[task.name]), rows["truth"], task, labels[task.name])
    shown = found.head(count)
    places = rows[shown["row"].to_numpy()].drop("truth")
    examples = places.with_columns(shown.select("label", "suggested", pl.col("probability").round(4)))
    return {"searched": searched, "suspected": found.height, "examples": examples.to_dicts()}


def _words(
    bundle: Bundle,
    task: Task,
    held: Mapping[str, Held],
    rows: pl.DataFrame,
    texts: Texts,
    settings: ExplainSettings,
    seed: int,
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The examples and the faithfulness of one task."""
    found = answers(rows, task)
    keys = ["corpus", "doc_id"]
    readable = found.join(_short(held, task, settings.max_words), on=keys, how="inner", maintain_order="left")
    chosen = pl.concat(
        [
            surest_errors(readable, settings.error_examples),
            some_right(readable, settings.correct_examples, seed, task),
        ]
    )
    raw = {
        str(corpus): texts(str(corpus), rows["doc_id"].to_list())
        for (corpus,), rows in chosen.group_by("corpus", maintain_order=True)
    }
    exactness: list[Explained] = []
    examples = []
    for case in chosen.to_dicts():
        batch, target, words = _explained(bundle, task, held, case, settings)
        exactness.append(words)
        text = raw[case["corpus"]].get(case["doc_id"])
        if text is not None:
            examples.append(_example(bundle, case, held, batch, target, words, text))
    generator = np.random.default_rng([seed, zlib.crc32(task.name.encode())])
    drops = []
    cases = sample(readable, settings.faithfulness, seed, task).to_dicts()
    for case in progress(cases, f"{task.name}: deleting words", len(cases), " documents"):
        batch, target, words = _explained(bundle, task, held, case, settings)
        exactness.append(words)
        drops.append(
            comprehensiveness(
                bundle.network,
                batch,
                task,
                target,
                words,
                settings.deletion_shares,
                settings.random_draws,
                generator,
                f"{case['corpus']} {case['group']}",
            )
        )
    deleted = faithfulness([d for d in drops if d is not None], settings.bootstrap, seed)
    off = np.array([words.error for words in exactness])
    return examples, deleted | {
        "shares": settings.deletion_shares,
        "documents": found.select(keys).n_unique(),
        "max_words": settings.max_words,
        "explainable": readable.select(keys).n_unique(),
        "completeness": {
            "explained": len(off),
            "median": round(float(np.median(off)), 4) if len(off) else None,
            "worst": round(float(off.max()), 4) if len(off) else None,
            "within": int((off <= settings.tolerance).sum()),
            "tolerance": settings.tolerance,
            "most_steps": max((words.steps for words in exactness), default=0),
        },
    }


def _short(held: Mapping[str, Held], task: Task, most: int) -> pl.DataFrame:
    """The documents of at most so many words, and at least two: corpus, doc_id, part, row."""
    frames = [
        part.documents.select(
            pl.lit(corpus).alias("corpus"),
            "doc_id",
            part=pl.lit(number),
            row=pl.int_range(pl.len()),
            words=pl.col("word").list.len(),
        )
        for corpus in task.corpora
        if corpus in held
        for number, part in enumerate(held[corpus].test)
    ]
    return pl.concat(frames).filter(pl.col("words").is_between(2, most)).drop("words")


def _explained(
    bundle: Bundle, task: Task, held: Mapping[str, Held], case: Mapping[str, Any], settings: ExplainSettings
) -> tuple[Batch, Target, Explained]:
    network, own = bundle.network, held[case["corpus"]]
    part = own.test[case["part"]]
    batch = collate(part, np.array([case["row"]]))
    document = part.documents.row(case["row"], named=True)
    span = None
    if case["start"] is not None:
        start, end = np.array(document["start"]), np.array(document["end"])
        span = torch.from_numpy(np.flatnonzero((start >= case["start"]) & (end <= case["end"])))
    space = bundle.labels.get(task.name, [])
    target = target_of(network, batch, task, space, case["label"], case["true"], span)
    return batch, target, explain_words(network, batch, task, target, own.average, settings)


def _example(
    bundle: Bundle,
    case: Mapping[str, Any],
    held: Mapping[str, Held],
    batch: Batch,
    target: Target,
    words: Explained,
    text: str,
) -> dict[str, Any]:
    document = held[case["corpus"]].test[case["part"]].documents.row(case["row"], named=True)
    # tagging reads words and no level that attends
    weights = None if target.words is not None else sentence_weights(bundle.network, batch)
    return {
        **{
            name: case[name]
            for name in ("corpus", "doc_id", "lang", "predicted", "true", "right", "start", "end")
        },
        "score": round(case["score"], 4),
        "what": target.what,
        "deep": round(words.deep, 3),
        "wide": None if words.wide is None else round(words.wide, 3),
        "error": round(words.error, 4),
        "steps": words.steps,
        "sentences": sentences(
            text,
            document["start"],
            document["end"],
            batch.sentence_length.tolist(),
            words.words.numpy(),
            None if weights is None else weights.tolist(),
            None if case["start"] is None else (case["start"], case["end"]),
        ),
    }


def _rounded(weights: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    return {task: {name: round(w, 4) for name, w in own.items()} for task, own in weights.items()}
