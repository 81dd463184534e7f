"""The stage vectors and what trainings make of it, on the features of the tiny corpora."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from flows import training_run
from flows.stages import vectors
from mgm.corpus.parts import write_manifest
from mgm.model.granularity import Word
from mgm.settings.settings import Settings
from mgm.text import labels
from mgm.text.feature_tables import write_feature_part
from mgm.text.lexicons import find_terms, load_lexicons
from mgm.text.terms import save_terms
from tests import tiny_corpora

FEATURES, VOCABULARY, SPACES = tiny_corpora.prepared(tiny_corpora.settings(), tiny_corpora.corpora())
WIDTH = tiny_corpora.SETTINGS["model"]["width"]
FOLDER = Path("data/vectors")


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project folder that has features."""
    monkeypatch.chdir(tmp_path)
    for corpus, (part,) in FEATURES.items():
        features_folder = training_run.FEATURES / corpus
        write_manifest(features_folder, [write_feature_part(part, features_folder, index=0, input_sha256="")])
    VOCABULARY.save(training_run.VOCABULARY)
    labels.save(SPACES, training_run.LABELS)
    Path("data/resources").mkdir()


def run(settings: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Runs the stage with these settings of `text.vectors`; returns what vectors.json says."""
    text = tiny_corpora.SETTINGS["text"] | {"vectors": settings}
    Path("params.yaml").write_text(
        yaml.safe_dump(tiny_corpora.SETTINGS | {"text": text} | more), encoding="utf-8"
    )
    vectors.main()
    facts: dict[str, Any] = json.loads((FOLDER / "vectors.json").read_text(encoding="utf-8"))
    assert json.loads(Path("reports/stages/vectors.json").read_text(encoding="utf-8")) == facts
    return facts


def planned() -> tuple[torch.Tensor, str]:
    """The word embedding that a training begins with, and the fingerprint of its checkpoint."""
    settings = Settings.load()
    tasks = settings.active_tasks()
    word = training_run.prepare(settings, tasks).network.encoder.level(Word)
    assert word is not None
    return word.words.weight.detach(), training_run.checkpoint("train", settings, tasks=tasks).fingerprint


def test_without_vectors_words_begin_at_random() -> None:
    """Without vectors the stage says so and words begin at random."""
    facts = run({"source": "none"})
    assert (facts["source"], facts["coverage"]) == ("none", None)
    assert [path.name for path in FOLDER.iterdir()] == ["vectors.json"]
    assert training_run.prepare(Settings.load(), Settings.load().active_tasks()).num_parameters > 0


def test_words_begin_with_trained_vectors() -> None:
    """Trained vectors are where words begin and part of the training."""
    run({"source": "none"})
    random, before = planned()
    facts = run({"source": "train"})
    assert (facts["algorithm"], facts["coverage"], facts["dimensions"]) == ("word2vec", 1.0, WIDTH)
    table = np.load(FOLDER / "vectors.npy")
    started, after = planned()
    assert np.corrcoef(started[1:].flatten(), table[1:].flatten())[0, 1] == pytest.approx(1)
    assert torch.equal(started[0], random[0])
    assert before != after
    np.save(FOLDER / "vectors.npy", table * 2)
    assert planned()[1] != after
    run({"source": "none"})
    assert torch.equal(planned()[0], random)


def test_vectors_of_a_file_cover_a_part_of_the_words() -> None:
    word = VOCABULARY.table["word"][0]
    Path("data/resources/own.vec").write_text(f"{word.upper()} {'1 ' * WIDTH}\n", encoding="utf-8")
    facts = run({"source": "file", "file": "own.vec"})
    assert (facts["words"], facts["coverage"]) == (1, round(1 / len(VOCABULARY), 6))


def test_stale_and_absent_vectors_are_refused() -> None:
    """Vectors of another vocabulary and absent ones are refused."""
    run({"source": "train"})
    VOCABULARY.__class__(VOCABULARY.table.head(3)).save(training_run.VOCABULARY)
    with pytest.raises(ValueError, match="not made from the present vocabulary"):
        planned()
    (FOLDER / "vectors.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"vectors\.json: no such file"):
        planned()


def test_a_corpus_cannot_have_vectors_of_its_own() -> None:
    corpora = {"menus": {"text": {"vectors": {"source": "train"}}}, "verses": {}}
    with pytest.raises(ValueError, match=r"corpora\.menus\.text\.vectors: all corpora share it"):
        run({"source": "none"}, corpora=corpora)


def test_lists_of_terms_reach_the_network_and_its_checkpoint() -> None:
    """A changed list makes it another training."""
    corpora = {"menus": {"text": {"lexicons": ["keys.txt"]}}, "verses": {}}
    Path("params.yaml").write_text(yaml.safe_dump(tiny_corpora.SETTINGS | {"corpora": corpora}))
    settings, fingerprints = Settings.load(), set()
    for terms in ("Enter", "Enter\nEscape"):
        Path("keys.txt").write_text(terms)
        save_terms(training_run.LEXICONS, find_terms(load_lexicons(settings, Path()), settings))
        tasks = settings.active_tasks()
        wide = training_run.prepare(settings, tasks).network.wide_tagging
        assert wide is not None
        (lexicon,) = wide.lexicons
        assert lexicon.classes.tolist() == [1] * len(terms.split())
        fingerprints.add(training_run.checkpoint("train", settings, tasks=tasks).fingerprint)
    first, second = fingerprints
    assert first != second
