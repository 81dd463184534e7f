"""The stage encode, and what training and scoring make of its vectors, on the tiny corpora in English and Chinese."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
import yaml
from polars.testing import assert_frame_equal
from safetensors.torch import load_file

from flows import training_run
from flows.project import ENCODED, ENCODERS, FEATURES, VOCABULARY
from flows.stages import encode, train
from mgm.corpus.parts import write_manifest
from mgm.errors import AlteredInput, MissingInput, StaleInput
from mgm.model.collate import collate
from mgm.model.network import Network
from mgm.model.predict import predict
from mgm.pretrained import encoder as encoders
from mgm.pretrained import store
from mgm.scoring.scorer import Scorer
from mgm.settings.names import merge_sections
from mgm.settings.settings import Settings
from mgm.text import labels
from mgm.text.feature_tables import write_feature_part
from mgm.training.checkpoint import Checkpoint
from mgm.training.fit import fit
from mgm.training.optimizers import make_adamw
from mgm.training.schedule import set_learning_rate
from tests import tiny_corpora
from tests.tiny_encoder import WIDTH, make_encoder

PRETRAINED = {"enabled": True, "path": "tiny", "window_pieces": 24, "max_pieces": 48}


def write_params(**changes: Any) -> Settings:
    """Write a params.yaml with an encoder and these changes, by section."""
    model = {"preset": "fast", "pretrained": PRETRAINED, "wide": {"enabled": False}}
    params = merge_sections(tiny_corpora.SETTINGS, {"model": model})
    Path("params.yaml").write_text(yaml.safe_dump(merge_sections(params, changes)), encoding="utf-8")
    return Settings.load()


def write_features(frames: dict[str, pl.DataFrame]) -> None:
    features, vocabulary, spaces = tiny_corpora.prepared(tiny_corpora.settings(), frames)
    for corpus, (part,) in features.items():
        write_manifest(
            FEATURES / corpus, [write_feature_part(part, FEATURES / corpus, index=0, input_sha256="")]
        )
    vocabulary.save(VOCABULARY)
    labels.save(spaces, training_run.LABELS)


def hashes() -> dict[str, str]:
    """Return the hash of every file of the stage."""
    return {
        path.relative_to(ENCODED).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(ENCODED.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="session")
def tiny_folder(shared_folder: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    pytest.importorskip("transformers", reason="needs the extra pretrained")
    return shared_folder("tiny_encoder", make_encoder)


@pytest.fixture(autouse=True)
def project(tmp_path: Path, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project folder with features and an encoder; blocks are of seven documents."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(store, "ROWS_PER_BLOCK", 7)
    write_features(tiny_corpora.corpora())
    ENCODERS.mkdir(parents=True)
    (ENCODERS / "tiny").symlink_to(tiny_folder)
    write_params()


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of documents that the encoder read, call by call."""
    counts: list[int] = []
    forward = encoders.PretrainedEncoder.encode

    def counted(self: Any, pieces: Any, **options: Any) -> Any:
        counts.append(len(pieces.count))
        return forward(self, pieces, **options)

    monkeypatch.setattr(encoders.PretrainedEncoder, "encode", counted)
    return counts


def test_vectors_stand_beside_the_features(computed: list[int]) -> None:
    """Word vectors only where a task tags words; documents of one text are computed once."""
    encode.main()
    settings = Settings.load().model.pretrained
    (menus,), (verses,) = (training_run.read_features(c, settings) for c in ("menus", "verses"))
    assert menus.documents["encoder_vector"].dtype == pl.Array(pl.Float32, WIDTH)
    assert "encoder_words" in menus.documents.columns and "encoder_words" not in verses.documents.columns
    assert sum(computed) == menus.documents.n_unique(["word"]) + verses.documents.n_unique(["word"])
    batch = collate(menus, np.array([4, 0]))
    assert batch.encoder.document.shape == (2, WIDTH) and batch.encoder.word.shape == (len(batch.word), WIDTH)
    encoder = encoders.PretrainedEncoder.load(ENCODERS / "tiny", settings)
    alone = encoder.encode_texts(["Stir the soup, then press Enter. It is hot!"])
    np.testing.assert_allclose(batch.encoder.document[1], alone[0], atol=1e-5)
    facts = json.loads(Path("reports/stages/encode.json").read_text())
    assert facts["corpora"]["menus"]["documents"] == 30 and facts["corpora"]["verses"]["cut_documents"] == 0


def test_killed_run_goes_on_to_the_same_bytes(monkeypatch: pytest.MonkeyPatch, computed: list[int]) -> None:
    encode.main()
    whole, num_documents = hashes(), sum(computed)
    for path in [*ENCODED.rglob("*.arrow"), *ENCODED.rglob("*.json")]:
        path.unlink()
    write, written = store._write, list[Path]()

    def killed(block: pl.DataFrame, path: Path) -> None:
        if len(written) == 3:
            path.with_name(f"{path.name}.new").write_bytes(b"half")
            raise KeyboardInterrupt
        written.append(path)
        write(block, path)

    computed.clear()
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(store, "_write", killed)
        encode.main()
    in_the_first = sum(computed)
    with pytest.raises(MissingInput, match="encoded.json"):
        training_run.read_features("menus", Settings.load().model.pretrained)
    encode.main()
    assert hashes() == whole
    assert in_the_first > 0 and sum(computed) <= num_documents + 7


def test_only_changed_documents_are_computed_again(computed: list[int], tmp_path: Path) -> None:
    encode.main()
    before = hashes()
    computed.clear()
    encode.main()
    assert sum(computed) == 0 and hashes() == before
    frames = tiny_corpora.corpora()
    frames["menus"] = frames["menus"].with_columns(
        text=pl.when(pl.col("doc_id") == "m9").then(pl.lit("A cold soup, Enter.")).otherwise("text")
    )
    write_features(frames)
    with pytest.raises(StaleInput, match="not made from the present data/features/menus"):
        training_run.read_features("menus", Settings.load().model.pretrained)
    encode.main()
    assert sum(computed) == 1
    other = make_encoder(tmp_path / "other", seed=1)
    (ENCODERS / "tiny").unlink()
    (ENCODERS / "tiny").symlink_to(other)
    computed.clear()
    encode.main()
    assert sum(computed) > 10 and hashes() != before


def test_altered_block_is_refused_and_made_again(computed: list[int]) -> None:
    encode.main()
    before = hashes()
    for path in (ENCODED / "corpora/menus").glob("*.arrow"):
        content = bytearray(path.read_bytes())
        content[-900] ^= 1
        path.write_bytes(content)
    with pytest.raises(AlteredInput, match="part-00000-000.arrow: altered since it was written"):
        training_run.read_features("menus", Settings.load().model.pretrained)
    computed.clear()
    encode.main()
    assert sum(computed) > 0
    assert hashes() == before


def test_switched_off_it_leaves_nothing() -> None:
    encode.main()
    write_params(model={"pretrained": {"enabled": False}})
    encode.main()
    assert [path.name for path in ENCODED.iterdir()] == ["encoded.json"]
    assert "encoder_vector" not in training_run.read_features("menus", Settings.load().model.pretrained)[0].documents.columns  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"path": "tini"}, r"path: data/encoders/tini: no such folder \(did you mean 'tiny'\?\)", id="name"),
        pytest.param({"window_pieces": 65}, "window_pieces: 65; expected at most 64", id="long windows"),
    ],
)  # fmt: skip
def test_settings_that_do_not_fit_the_encoder(changes: dict[str, Any], message: str) -> None:
    write_params(model={"pretrained": changes})
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        encode.main()


def test_other_settings_than_those_of_the_vectors() -> None:
    encode.main()
    settings = write_params(model={"pretrained": {"pooling": "first"}})
    with pytest.raises(StaleInput, match="'pooling': 'mean'.*the settings have.*'pooling': 'first'"):
        training_run.read_features("menus", settings.model.pretrained)


def test_masked_words_are_not_learned_beside_an_encoder() -> None:
    with pytest.raises(ValueError, match=r"train.init_from: pretrained, with model.pretrained.enabled"):
        write_params(train={"init_from": "pretrained"})


def test_encoder_is_not_trained_through_the_compiler() -> None:
    with pytest.raises(ValueError, match=r"train.compile: true, with model.pretrained.train: all"):
        write_params(train={"compile": True}, model={"pretrained": {"train": "all"}})


@pytest.mark.parametrize(
    "trained",
    ["none", pytest.param("last_k", marks=pytest.mark.slow), pytest.param("all", marks=pytest.mark.slow)],
)
def test_bundle_scores_raw_text_as_evaluation_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trained: str
) -> None:
    """Training, evaluation and scoring in another folder, from the bundle alone."""
    settings = write_params(
        train={"epochs": 1}, model={"pretrained": {"train": trained, "last_k": 1, "learning_rate": 0.01}}
    )
    encode.main()
    fitted = train.fit_first(settings, settings.active_tasks())
    network = fitted.result.network
    assert network.encoder.widths["pretrained"] == network.encoder.word_widths["pretrained"] == WIDTH
    if trained != "none":
        _check_layers_that_learned(network, trained)
    bundle = tiny_corpora.bundle(tiny_corpora.settings())
    monkeypatch.setattr(train, "load_segmenter", lambda folder: None)
    monkeypatch.setattr(train, "read_json", lambda path: {"corpora": {"menus": {}, "verses": {}}})
    monkeypatch.setattr(train, "_stopwords", lambda settings: bundle.stopwords)
    train.save_bundle(Path("models/candidate"), train._bundle(fitted, settings))
    names = {path.name for path in Path("models/candidate").iterdir() if path.name.startswith("encoder.")}
    without_weights = {"encoder.config.json", "encoder.tokenizer.json", "encoder.LICENSE"}
    assert names == without_weights | ({"encoder.safetensors"} if trained == "none" else set())
    staged = {
        corpus: training_run.read_features(corpus, settings.model.pretrained)[0]
        for corpus in settings.enabled
    }
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "models/candidate").rename(tmp_path / "elsewhere/bundle")
    monkeypatch.chdir(tmp_path / "elsewhere")
    scorer = Scorer.load(Path("bundle"))
    assert scorer.predicted_by.startswith("torch: ")
    for corpus, part in staged.items():
        tasks = [task for task in scorer.tasks if corpus in task.corpora]
        expected = predict(network, part, tasks=tasks, thresholds=scorer.bundle.thresholds)
        found, rejects = scorer.predict(tiny_corpora.corpora()[corpus], corpus)
        assert rejects.is_empty()
        assert_frame_equal(found.select(expected.columns), expected, abs_tol=2e-4)
        alone = pl.concat(
            scorer.predict(tiny_corpora.corpora()[corpus][i : i + 1], corpus)[0] for i in range(5)
        )
        assert_frame_equal(found[:5], alone, abs_tol=2e-4)


def _check_layers_that_learned(network: Network, trained: str) -> None:
    """The last layer has other weights than the folder's; the first and the embeddings only if all are trained."""
    assert network.pretrained is not None
    before = load_file(ENCODERS / "tiny/model.safetensors")
    weights = network.pretrained.transformer.state_dict()
    learned = {name for name, weight in weights.items() if not torch.equal(weight, before[name])}
    assert any(name.startswith("encoder.layer.1.") for name in learned)
    below = {name for name in learned if not name.startswith("encoder.layer.1.")}
    assert bool(below) == (trained == "all")
    if trained == "all":
        assert any(name.startswith("embeddings.") for name in below)


def test_layers_have_learning_rates_of_their_own() -> None:
    """From the last layer down to the embeddings each is the last one's times 0.5, on the schedule of the others."""
    pretrained = {"train": "all", "learning_rate": 0.01, "layer_decay": 0.5}
    settings = write_params(model={"pretrained": pretrained}, train={"learning_rate": 0.02})
    encode.main()
    network = training_run.prepare(settings, settings.active_tasks()).network
    optimizer = make_adamw(
        network.dense_parameters(), [], settings=settings.train, pretrained=network.pretrained
    )
    set_learning_rate(optimizer, 0.004)
    rates = [group["lr"] for group in optimizer.param_groups if group["params"]]
    assert rates == pytest.approx([0.004] * 2 + [0.002] * 2 + [0.001] * 2 + [0.0005] * 2)
    assert sum(len(group["params"]) for group in optimizer.param_groups) == len(network.dense_parameters())


@pytest.mark.slow
def test_killed_training_of_an_encoder_ends_in_the_same_bytes(tmp_path: Path) -> None:
    settings = write_params(train={"epochs": 2}, model={"pretrained": {"train": "last_k", "last_k": 1}})
    encode.main()
    tasks = settings.active_tasks()

    def trained(checkpoint: Checkpoint, epochs: int) -> dict[str, torch.Tensor]:
        plan = training_run.prepare(settings, tasks)
        result = fit(plan, settings, checkpoint=checkpoint, stop_after_epoch=epochs)
        return result.network.state_dict()

    whole = trained(Checkpoint(tmp_path / "whole", "x"), 2)
    trained(Checkpoint(tmp_path / "killed", "x"), 1)
    resumed = trained(Checkpoint(tmp_path / "killed", "x"), 2)
    assert [name for name in whole if not torch.equal(whole[name], resumed[name])] == []


def test_more_layers_than_the_encoder_has() -> None:
    settings = write_params(model={"pretrained": {"train": "last_k", "last_k": 3}})
    encode.main()
    with pytest.raises(ValueError, match="model.pretrained.last_k: 3; expected at most 2, the layers"):
        training_run.prepare(settings, settings.active_tasks())


def test_vectors_reach_the_predictions() -> None:
    """A document with another vector of the encoder has another class score, and so have its words."""
    encode.main()
    settings = Settings.load()
    network = training_run.prepare(settings, settings.active_tasks()).network.eval()
    (part,) = training_run.read_features("menus", settings.model.pretrained)
    batch = collate(part, np.arange(3))
    with torch.inference_mode():
        before = network(batch)
        batch.encoder.document.mul_(-1)
        batch.encoder.word.mul_(-1)
        after = network(batch)
    for task in ("dish", "keys", "price"):
        assert (before[task] - after[task]).abs().max() > 1e-3
