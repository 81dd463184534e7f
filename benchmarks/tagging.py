"""Documents a second that spans are found in, beside a CRF. `python benchmarks/tagging.py --workspace FOLDER --bundle FOLDER --task entities`.

Both begin with the words of a document, from the workspace's features, and end with the tags of its words: mgm with the bundle's
network, the peer with the features of `peers/crf.py` and python-crfsuite, fitted on `--fit` training documents (the number of its
documents decides how good it is, and hardly how fast). CPU seconds on one thread, medians of rounds that take turns; writes
benchmarks/results/tagging.json. Cost: two minutes, most of it for the CRF's fit.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import hardware
import numpy as np
import pycrfsuite
import torch
from peers.crf import _sentences, features
from peers.rows import Rows, load

from mgm.bundle.load import load_bundle
from mgm.model.decode import decode
from mgm.text.features import FeaturePart

RESULTS = Path("benchmarks/results/tagging.json")
PACKAGES = ("torch", "python-crfsuite")
ROUNDS = 3
ITERATIONS = 50


def fitted(rows: Rows, documents: int, folder: Path) -> pycrfsuite.Tagger:
    """The CRF of the first training documents."""
    chosen = rows.filter(rows.of("train") & (np.cumsum(rows.of("train")) <= documents))
    trainer = pycrfsuite.Trainer(verbose=False)
    trainer.select("lbfgs")
    trainer.set_params({"c1": 0.05, "c2": 0.01, "max_iterations": ITERATIONS, "feature.minfreq": 2})
    for words, tags in zip(
        _sentences(chosen, "words"), _sentences(chosen, chosen.task.columns.label_ids), strict=True
    ):
        trainer.append(features(words), [str(tag) for tag in tags])
    trainer.train(str(folder / "model"))
    tagger = pycrfsuite.Tagger()
    tagger.open(str(folder / "model"))
    return tagger


def median_seconds(cases: dict[str, Callable[[], object]]) -> dict[str, float]:
    """The median CPU seconds of each case, after a first round that is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(ROUNDS + 1):
        for name, run in cases.items():
            start = time.process_time()
            run()
            seconds[name].append(time.process_time() - start)
    return {name: statistics.median(times[1:]) for name, times in seconds.items()}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workspace", type=Path, required=True, help="a project with features")
    parser.add_argument("--bundle", type=Path, required=True, help="a bundle that was trained there")
    parser.add_argument("--task", default="entities", help="its task of spans")
    parser.add_argument("--documents", type=int, default=1_000, help="test documents")
    parser.add_argument("--fit", type=int, default=1_000, help="training documents of the CRF")
    parser.add_argument("--output", type=Path, default=RESULTS)
    args = parser.parse_args()
    torch.set_num_threads(1)
    bundle, workspace = load_bundle(args.bundle), load(args.workspace)
    task = next((t for t in bundle.tasks if t.name == args.task), None)
    if task is None or task.kind != "tagging":
        raise ValueError(f"--task {args.task}: expected a task of spans of {args.bundle}")
    rows = workspace.rows(task)
    test = rows.filter(rows.of("test") & (np.cumsum(rows.of("test")) <= args.documents))
    part = next(p for c in task.corpora if c in workspace.parts for p in workspace.parts[c])
    chosen = (part.documents["split"] == "test") & part.documents[task.columns.label].is_not_null()
    part = FeaturePart(part.documents.filter(chosen).head(args.documents), part.types)
    count = part.documents.height
    with tempfile.TemporaryDirectory() as folder:
        tagger = fitted(rows, args.fit, Path(folder))
        seconds = median_seconds(
            {
                "mgm": lambda: decode(bundle.network, part, rows=np.arange(count), tasks=[task]),
                "crf": lambda: [tagger.tag(features(words)) for words in _sentences(test, "words")],
            }
        )
        tagger.close()
    speed = {"mgm": count / seconds["mgm"], "crf": test.table.height / seconds["crf"]}
    words = int(part.documents["word"].list.len().sum())
    result = {
        "task": task.name,
        "documents": count,
        "words": words,
        "documents_per_second": {name: round(value, 1) for name, value in speed.items()},
        "mgm_to_crf": round(speed["mgm"] / speed["crf"], 2),
        "machine": hardware.machine(),
        "versions": hardware.versions(PACKAGES),
        "revision": hardware.revision(),
    }
    args.output.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    try:
        main()
    except (ValueError, FileNotFoundError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
