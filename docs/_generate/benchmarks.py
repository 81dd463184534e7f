"""Tables of the benchmarks' results (benchmarks/results), which pages name by a comment such as `<!-- table: quality -->`."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from docs._generate.markdown import table

RESULTS = Path(__file__).resolve().parents[2] / "benchmarks" / "results"
MODELS = {
    "linear": "linear",
    "fasttext": "fastText",
    "crf": "CRF",
    "mgm-fast": "mgm `fast`",
    "mgm-full": "mgm `full`",
}
METRICS = {
    "accuracy": "accuracy",
    "accuracy_known": "accuracy of classes that training has",
    "accuracy_en": "accuracy, English",
    "accuracy_zh": "accuracy, Chinese",
    "micro_f1": "micro-F1",
    "macro_f1": "macro-F1",
    "span_f1": "span F1",
    "pearson": "Pearson",
}
_PLACE = re.compile(r"<!-- table: (\w+) -->")


def with_tables(markdown: str) -> str:
    """Return a page with the tables that it names."""
    return _PLACE.sub(lambda match: TABLES[match[1]](), markdown)


def quality() -> str:
    """Return the test metrics of every model of every corpus."""
    bundles = _result("quality")["bundles"]
    parts = []
    for name, bundle in bundles.items():
        models = [model for model in MODELS if model in bundle["models"]]
        rows = [
            (
                f"`{task}`",
                METRICS[metric],
                *(_mean(bundle["models"][model], task, metric) for model in models),
            )
            for task in bundle["classes"]
            for metric in METRICS
            if any(metric in bundle["models"][model].get(task, {}) for model in models)
            and not (
                metric == "accuracy_known" and _same(bundle["models"][models[-1]][task], "accuracy", metric)
            )
        ]
        parts.append(
            f"**{name.replace('+', ', ')}**\n\n{table(['task', 'metric', *(MODELS[model] for model in models)], rows)}\n"
        )
        parts.append(_origin(bundle))
    return "\n".join(parts)


def quality_summary() -> str:
    """Return one line a task: mgm beside its best peer, by accuracy or, where there is none, the task's only metric."""
    rows = []
    for name, bundle in _result("quality")["bundles"].items():
        for task, metrics in bundle["models"]["mgm-fast"].items():
            metric = next(metric for metric in METRICS if metric in metrics)
            peers = {
                MODELS[model]: bundle["models"][model][task][metric]["mean"]
                for model in MODELS
                if not model.startswith("mgm") and metric in bundle["models"].get(model, {}).get(task, {})
            }
            if not peers:
                continue
            best = max(peers, key=lambda model: peers[model])
            rows.append(
                (
                    f"`{task}`",
                    name.replace("+", ", "),
                    METRICS[metric],
                    f"{peers[best]:.3f} ({best})",
                    f"{metrics[metric]['mean']:.3f}",
                )
            )
    origin = _origin(next(iter(_result("quality")["bundles"].values())))
    return table(["task", "corpora", "metric", "best peer", "mgm `fast`"], rows) + "\n" + origin


def scoring() -> str:
    """Return documents a second of mgm and its peers."""
    result = _result("scoring")
    rows = [
        (name, f"{speed['documents_per_second']:,}", f"{speed['peak_memory_mib']:,}")
        for name, speed in result["speeds"].items()
    ]
    head = f"{result['documents']:,} documents of `{result['corpus']}`, preset `{result['preset']}`, medians of {result['rounds']} rounds.\n\n"
    return head + table(["what", "documents/s", "MiB"], rows) + "\n" + _origin(result)


def speed_summary() -> str:
    """Return documents a second of mgm and its peers in one process and in two."""
    result = _result("scoring")
    rows = [
        (
            name,
            *(
                f"{result['speeds'][f'{key}, {count}']['documents_per_second']:,}"
                for count in ("1 process", "2 processes")
            ),
        )
        for key, name in (("mgm", "mgm `fast`"), ("linear", "linear"), ("fasttext", "fastText"))
    ]
    return table(["model", "one process", "two processes"], rows) + "\n" + _origin(result)


def training() -> str:
    """Return words a second of training."""
    result = _result("training")
    rows = [
        (
            preset,
            precision,
            f"{speed['words_per_second']:,}",
            f"{speed['documents_per_second']:,}",
            f"{speed['loading_share']:.0%}",
        )
        for preset in ("fast", "full")
        for precision in ("fp32", "bf16")
        for speed in [result["cpu"][preset][precision]]
    ]
    return (
        table(["preset", "precision", "words/s", "documents/s", "time spent waiting for a batch"], rows)
        + "\n"
        + _origin(result)
    )


def nights() -> str:
    """Return what a night costs by the number of those before it."""
    result = _result("nights")
    rows = [
        (f"{int(num):,}", f"{seconds:.1f}", f"{result['ratio_to_fewest'][num]:.2f}")
        for num, seconds in result["cpu_seconds"].items()
    ]
    tail = f"The second reading of the input takes {result['share_of_second_reading']:.1%} of a night of {result['documents']:,} documents.\n\n"
    return table(["nights before", "CPU seconds", "ratio"], rows) + "\n" + tail + _origin(result)


def text() -> str:
    """Return documents a second of the text stages."""
    result = _result("text")
    stages = {name: corpus["stages"]["1 process"] for name, corpus in result["corpora"].items()}
    names = list(next(iter(stages.values())))
    rows = [
        (stage, *(f"{corpus[stage]['documents_per_second']:,}" for corpus in stages.values()))
        for stage in names
    ]
    return (
        table(["stage, one process, documents/s", *(f"`{name}`" for name in stages)], rows)
        + "\n"
        + _origin(result)
    )


def tokenizers() -> str:
    """Return documents a second of tokenizers on the same texts."""
    rows = [
        (f"`{name}`", tokenizer, f"{speed['documents_per_second']:,}", f"{1 / speed['mgm_is_faster_by']:.2f}")
        for name, corpus in _result("text")["corpora"].items()
        for tokenizer, speed in corpus["tokenizers"].items()
    ]
    return table(["corpus", "tokenizer", "documents/s", "of mgm's"], rows)


def memory() -> str:
    """Return the peak memory of each text stage on a large corpus."""
    result = _result("memory")
    rows = [(stage, f"{numbers['peak_memory_mib']:,}") for stage, numbers in result["stages"].items()]
    return (
        f"{result['gigabytes']:g} GB of text, {result['documents']:,} documents.\n\n"
        + table(["stage", "MiB at most"], rows)
        + "\n"
        + _origin(result)
    )


def serving() -> str:
    """Return how many texts a second the server answers, and the same model in one process."""
    result = _result("serving")
    speeds = result["texts_per_second"]
    fastest = max(speeds.values())
    rows = [(name, f"{speed:,.0f}", f"{speed / fastest:.2f}") for name, speed in speeds.items()]
    return table(["how", "texts/s", "of the fastest"], rows) + "\n" + _origin(result)


def loading() -> str:
    """Return the time and memory of loading a bundle, in the clear and sealed."""
    result = _result("loading")
    seconds, peaks = result["cpu_seconds"], result["peak_megabytes"]
    names = {
        "plain": "in the clear",
        "sealed": "encrypted",
        "read and hash": "read the weights and hash them",
    }
    rows = [
        (
            text,
            f"{seconds[name]:.2f}",
            f"{seconds[name] / seconds['read and hash']:.1f}",
            f"{peaks[name] / result['megabytes']:.1f}" if name in peaks else "",
        )
        for name, text in names.items()
    ]
    return (
        f"A bundle of {result['megabytes']:,.0f} MB.\n\n"
        + table(["how", "CPU seconds", "of reading and hashing", "memory, of the bundle's size"], rows)
        + "\n"
        + _origin(result)
    )


def gates() -> str:
    """Return seconds and memory of a gate on a large corpus."""
    result = _result("gates")
    rows = [
        (f"{gate}, {name}", f"{case[gate]['seconds']:g}", f"{case[gate]['peak_memory_mib']:,}")
        for name, case in result["cases"].items()
        for gate in ("ingest", "clean")
    ]
    return (
        f"{result['documents']:,} documents.\n\n"
        + table(["gate, rows", "seconds", "MiB"], rows)
        + "\n"
        + _origin(result)
    )


def study() -> str:
    """Return each task's gain of being trained with the others."""
    bundle = next(iter(_result("study")["bundles"].values()))
    rows = [
        (f"`{task}`", METRICS[gain["metric"]], f"{gain['other']:.3f}", f"{gain['multi']:.3f}", _gain(gain))
        for task, gain in bundle["gain"].items()
    ]
    rows.append(("mean", "", "", "", _gain(bundle["mean"])))
    return table(["task", "metric", "trained alone", "jointly", "gain"], rows) + "\n" + _origin(bundle)


def ablations() -> str:
    """Return what each part is worth: the joint model minus the variant without it, in points."""
    bundle = next(iter(_result("study")["bundles"].values()))
    tasks = list(bundle["gain"])
    rows = [
        (name.removeprefix("ablations/"), *(_points(tests.get(task)) for task in tasks))
        for name, tests in bundle["differences"].items()
    ]
    return table(["without", *(f"`{task}`" for task in tasks)], rows)


def recipes() -> str:
    """Return what each weighting, sharing and augmentation gains over the plain sum, in percent of first metrics."""
    bundles = _result("recipes-few2000")["bundles"]
    header, columns = ["recipe"], []
    for name, bundle in bundles.items():
        header += [f"{name.replace('+', ', ')}: valid", "test"]
        columns.append(bundle["recipes"])
    rows = [
        (
            recipe,
            *(
                _difference(column.get(recipe, {}), split)
                for column in columns
                for split in ("valid", "test")
            ),
        )
        for recipe in columns[0]
        if recipe != "plain"
    ]
    return table(header, rows) + "\n" + "".join(_origin(bundle) for bundle in bundles.values())


def transfer() -> str:
    """Return the first metrics with a pretrained encoder and with teachers, on test."""
    bundle = next(iter(_result("transfer")["bundles"].values()))
    gains = bundle["models"]["plain"]["gain"]["1"]["tasks"]
    rows = [
        (name, *(f"{model['test'][task][gains[task]['metric']]['mean']:.3f}" for task in gains))
        for name, model in bundle["models"].items()
    ]
    header = ["model", *(f"`{task}`, {METRICS[gain['metric']]}" for task, gain in gains.items())]
    return table(header, rows) + "\n" + _origin(bundle)


def generation() -> str:
    """Return chrF, BLEU and ROUGE-L of the written texts."""
    parts = []
    for name, corpus in _result("generation")["corpora"].items():
        if "models" not in corpus:
            continue
        rows = []
        for task, baselines in corpus["baselines"].items():
            candidates = {key: baselines[key] for key in _BASELINES if key in baselines}
            candidates |= {
                model: tests[task]["beam 4"]
                for model, tests in corpus["models"].items()
                if "beam 4" in tests.get(task, {})
            }
            rows += [
                (f"`{task}`", model, *(_interval(metrics[metric]) for metric in ("chrf", "bleu", "rougeL")))
                for model, metrics in candidates.items()
            ]
        parts.append(
            f"**{name.replace('+', ', ')}**, {corpus['epochs']} epochs\n\n"
            + table(["task", "model", "chrF", "BLEU", "ROUGE-L"], rows)
            + "\n"
            + _origin(corpus)
        )
    return "\n".join(parts)


def generation_curve() -> str:
    """Return the course of trainings until their curve is flat, and the baselines and flat models on test documents."""
    course, tested, origin = [], [], ""
    for task, entry in _result("generation_curve")["tasks"].items():
        valid, origin = entry["baselines"]["valid"], _origin(entry)
        for model, found in entry["models"].items():
            epochs = found["epochs"]
            minutes = sum(epoch["cpu_seconds"] for epoch in epochs) / len(epochs) / 60
            best = max(epochs, key=lambda epoch: epoch["chrf"])
            course.append(
                (
                    f"`{task}`",
                    model,
                    f"{entry['pairs']:,}",
                    f"{len(epochs)}{'' if found['is_flat'] else ', not flat yet'}",
                    f"{minutes:.1f}",
                    ", ".join(
                        f"{epoch['chrf']:.3f}" for epoch in epochs if epoch["epoch"] in _shown_epochs(epochs)
                    ),
                    f"{best['chrf']:.3f}",
                    *(f"{valid[name]['chrf']['value']:.3f}" for name in ("lead", "memory", "fuzzy")),
                )
            )
        candidates = {name: entry["baselines"]["test"][name] for name in _BASELINES}
        candidates |= {model: found["beam 4"] for model, found in entry["models"].items() if found["is_flat"]}
        tested += [
            (f"`{task}`", name, *(_interval(metrics[metric]) for metric in ("chrf", "bleu", "rougeL")))
            for name, metrics in candidates.items()
        ]
    header = [
        "task",
        "model",
        "pairs",
        "epochs",
        "CPU minutes an epoch",
        "chrF by epoch",
        "best",
        "lead",
        "memory",
        "fuzzy",
    ]
    return "\n".join(
        [
            "Validation documents, greedy:\n\n" + table(header, course),
            "Test documents, beam of 4:\n\n" + table(["task", "model", "chrF", "BLEU", "ROUGE-L"], tested),
            origin,
        ]
    )


def _shown_epochs(epochs: list[dict[str, Any]]) -> set[int]:
    """Return the numbers of at most about ten epochs, evenly over all, with the last."""
    step = -(-len(epochs) // 10)
    return {len(epochs), *range(1, len(epochs) + 1, step)}


def separation() -> str:
    """Return how well the reconstruction error tells other documents from the test split."""
    result = _result("separation")
    rows = [
        (
            name,
            f"{test['n']:,}",
            f"{test['auroc']:.3f} [{test['low']:.3f}, {test['high']:.3f}]",
            f"{test['median']:.2f}",
        )
        for name, test in result["foreign"].items()
    ]
    return table(["other documents", "number", "AUROC", "median error"], rows) + "\n" + _origin(result)


def recurrence() -> str:
    """Return the time of a training step with torch's recurrence, over that with our own."""
    result = _result("recurrence")
    rows = [
        (name, f"{ratio['median']:.1f}", f"{ratio['least']:.1f} to {ratio['greatest']:.1f}")
        for name in ("full", "sentence")
        for ratio in [result[name]["torch_to_mgm"]]
    ]
    return (
        table(["model", "torch's time over mgm's, median", f"range of {result['rounds']} rounds"], rows)
        + "\n"
        + _origin(result)
    )


def active_learning() -> str:
    """Return the gain of labels that are chosen over labels at random, and the flipped labels that are found."""
    result = _result("active_learning")
    runs = result["next"]
    labels = runs[0]["labels"]
    rows = []
    for metric, gain in result["gains"]["review"].items():
        means = [sum(run[arm][metric] for run in runs) / len(runs) for arm in ("start", "random", "review")]
        interval = f"{100 * gain['mean']:+.1f} ({100 * gain['low']:+.1f} to {100 * gain['high']:+.1f})"
        rows.append((METRICS[metric], *(f"{mean:.3f}" for mean in means), interval))
    names = [
        "metric",
        f"{labels['start']:,} labels",
        f"{labels['more']:,} more of {labels['pool']:,} at random",
        "chosen",
        "difference in points",
    ]
    found = [
        (str(run["seed"]), f"{run['labels']:,}", f"{run['flipped']:,}", f"{run['found']} of {run['reviewed']}", f"{run['times_chance']:.1f}")
        for run in result["errors"]
    ]  # fmt: skip
    heads = ["seed", "labels", "flipped", "flipped among the first", "times chance"]
    origin = _origin(result | {"revision": runs[0]["revision"]})
    return f"{table(names, rows)}\n{table(heads, found)}\n{origin}"


def small_corpora() -> str:
    """Return each small corpus: the linear model, mgm, and the difference with its interval."""
    result = _result("small_corpora")
    rows = []
    for name, corpus in result["corpora"].items():
        task, labels, seed = name.rsplit("-", 2)
        metric = next(metric for metric in METRICS if metric in corpus["mgm"])
        gain = {key: 100 * value for key, value in corpus["difference"].items()}
        outcome = "win" if gain["low"] > 0 else "loss" if gain["high"] < 0 else "tie"
        rows.append(
            (
                f"`{task}`",
                labels,
                seed,
                str(corpus["classes"] or ""),
                METRICS[metric],
                f"{corpus['linear'][metric]:.3f}",
                f"{corpus['mgm'][metric]:.3f}",
                f"{gain['mean']:+.1f} [{gain['low']:+.1f}, {gain['high']:+.1f}]",
                outcome,
            )
        )
    summary = result["summary"]
    header = ["task", "labels", "seed", "classes", "metric", "linear", "mgm", "difference", "outcome"]
    counts = ", ".join(f"{name} {summary[name]}" for name in ("wins", "losses", "ties"))
    revisions = sorted({corpus["revision"] for corpus in result["corpora"].values()})
    return (
        f"{table(header, rows)}\n\n{counts.capitalize()}; mean difference {100 * summary['mean']:+.1f} points.\n\n"
        + _origin(result | {"revision": revisions[-1] if len(revisions) == 1 else ""})
    )


_BASELINES = ("lead", "copy", "memory", "fuzzy")

TABLES: dict[str, Callable[[], str]] = {
    function.__name__: function
    for function in (
        quality, quality_summary, scoring, speed_summary, training, text, tokenizers, memory, serving, nights, loading, gates, study, ablations, recipes, transfer,
        generation, generation_curve, separation, recurrence, small_corpora, active_learning,
    )
}  # fmt: skip


def _result(name: str) -> dict[str, Any]:
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


def _origin(result: dict[str, Any]) -> str:
    """Return the hardware, the versions and the revision of a measurement, in one line."""
    machine = result.get("machine", result)
    where = f"{machine['date']}, {machine['cpu']}, {machine['cores']} cores"
    versions = ", ".join(f"{name} {version}" for name, version in result.get("versions", {}).items())
    revision = result.get("revision", "")
    commit = f"revision {revision[:10]}{revision[40:]}" if revision else ""
    return f"<small>{'; '.join(part for part in (where, versions, commit) if part)}.</small>\n"


def _mean(model: dict[str, Any], task: str, metric: str) -> str:
    value = model.get(task, {}).get(metric)
    if value is None:
        return ""
    deviation = f" ± {value['sd']:.3f}" if value["sd"] is not None else ""
    return f"{value['mean']:.3f}{deviation}"


def _same(metrics: dict[str, Any], one: str, other: str) -> bool:
    return metrics.get(one, {}).get("mean") == metrics.get(other, {}).get("mean")


def _gain(gain: dict[str, Any]) -> str:
    return f"{gain['gain']:+.1%} [{gain['low']:+.1%}, {gain['high']:+.1%}]"


def _points(test: dict[str, Any] | None) -> str:
    if test is None:
        return ""
    shown = f"{100 * test['difference']:+.1f}"
    return f"**{shown}**" if test["shown"] != "no difference shown" else shown


def _difference(recipe: dict[str, Any], split: str) -> str:
    difference = recipe.get(f"{split}_against_plain")
    if difference is None:
        return ""
    by_seed = zip(*(task["values"] for task in difference["tasks"].values()), strict=True)
    values = ", ".join(f"{sum(seed) / len(seed):+.1%}" for seed in by_seed)
    return f"{difference['mean']:+.1%} ({values})"


def _interval(metric: dict[str, float]) -> str:
    return f"{metric['value']:.3f} [{metric['low']:.3f}, {metric['high']:.3f}]"
