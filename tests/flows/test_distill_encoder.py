"""Teachers by a pretrained encoder: a tiny BERT with random weights, in English and Chinese."""

import copy
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml

from flows import cli, distill_encoder
from flows.project import UNIQUE
from mgm.corpus.parts import PartsWriter
from mgm.pretrained.encoder import PretrainedEncoder
from mgm.settings.settings import Settings
from mgm.tasks import with_label_spaces
from mgm.text import labels
from mgm.training.distillation.scores import read_scores
from tests import tiny_corpora
from tests.feature_files import lay
from tests.tiny_encoder import make_encoder


@pytest.fixture
def project(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    shared_folder: Callable[[str, Callable[[Path], object]], Path],
) -> Path:
    """A project folder with features, clean texts and the encoder data/encoders/tiny."""
    encoder = shared_folder("tiny_encoder", make_encoder)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(distill_encoder, "dvc_repro", lambda *stages: None)
    raw = copy.deepcopy(tiny_corpora.SETTINGS)
    raw["model"]["pretrained"] = {"window_pieces": 32}
    lay(raw, rows=45)
    frames = {"menus": tiny_corpora.menus(45), "verses": tiny_corpora.verses(45)}
    for corpus, frame in frames.items():
        texts = frame.select("doc_id", "text")
        with PartsWriter(UNIQUE / corpus, texts.schema) as writer:
            writer.write(texts)
    shutil.copytree(encoder, "data/encoders/tiny")
    return tmp_path


def test_an_encoder_teaches_all_kinds_of_documents(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """English and Chinese; the answers are right, those of documents without a label too; a second run computes no vector."""
    assert cli.main(["distill", "--encoder", "tiny", "--apply"]) == 0
    files = {task: [f"{task}/tiny.parquet"] for task in ("dish", "price", "themes")}
    assert Settings.load().distillation.teachers == files
    spaces = labels.load(Path("data/features/labels.json"))
    tasks = {t.name: t for t in with_label_spaces(Settings.load().active_tasks(), spaces)}
    scores = read_scores(Path("data/teachers/dish/tiny.parquet"), tasks["dish"])
    train = tiny_corpora.menus(45).filter(split="train")
    assert scores["doc_id"].to_list() == train["doc_id"].to_list()
    predicted = [spaces["dish"][i] for i in scores.drop("corpus", "doc_id").to_numpy().argmax(1)]
    pairs = [(p, t) for p, t in zip(predicted, train["dish"], strict=True) if t]
    assert np.mean([p == t for p, t in pairs]) == 1.0 and len(pairs) < len(predicted)
    themes = read_scores(Path("data/teachers/themes/tiny.parquet"), tasks["themes"])
    assert themes.height == tiny_corpora.verses(45).filter(split="train").height
    assert np.ptp(themes.drop("corpus", "doc_id").to_numpy(), axis=0).min() > 0
    assert (
        "teacher of dish: 27 documents answered; score 1.000 on the 24 labelled ones"
        in capsys.readouterr().err
    )

    monkeypatch.setattr(PretrainedEncoder, "encode_texts", None)
    assert cli.main(["distill", "dish", "--encoder", "data/encoders/tiny"]) == 0
    assert yaml.safe_load(capsys.readouterr().out.partition("\n")[2]) == {
        "distillation": {"teachers": {"dish": ["dish/tiny.parquet"]}}
    }


def test_a_folder_that_is_no_encoder_is_named(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["distill", "--encoder", "tiny", "--seeds", "2"]) == 1
    assert "error: --seeds: 2: with --encoder there is one teacher" in capsys.readouterr().err
    assert cli.main(["distill", "--encoder", "mini"]) == 1
    assert "error: mini: no such folder; expected that of an encoder" in capsys.readouterr().err


def test_without_the_extra_it_is_named(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    assert cli.main(["distill", "dish", "--encoder", "tiny"]) == 1
    error = capsys.readouterr().err
    assert "transformers, which is not installed" in error and "pretrained" in error
