import json
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
import torch
from safetensors.torch import load_file, save_file

from mgm.bundle import tensors
from mgm.bundle.bundle import load_stopwords, shaping_settings
from mgm.bundle.format import CONFIG, WEIGHTS, bundle_id, write_manifest
from mgm.bundle.load import load_bundle
from mgm.bundle.save import save_bundle
from mgm.model.wide.lexicon import Lexicon
from mgm.settings.settings import Settings
from tests import tiny_corpora


def test_a_bundle_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    made = tiny_corpora.bundle()
    identity = save_bundle(tmp_path / "bundle", made)
    loaded = load_bundle(tmp_path / "bundle")
    assert loaded.id == identity == bundle_id(tmp_path / "bundle")
    assert loaded.settings == made.settings
    assert loaded.tasks == made.tasks
    assert loaded.labels == made.labels
    assert loaded.thresholds == made.thresholds
    assert loaded.vocabulary.table.equals(made.vocabulary.table)
    assert loaded.stopwords == made.stopwords
    assert loaded.dictionaries == made.dictionaries
    assert loaded.profile == made.profile
    for name, tensor in made.network.state_dict().items():
        assert torch.equal(tensor, loaded.network.state_dict()[name])
    assert not loaded.network.training


def test_a_bundle_trained_without_chinese_comes_back(tmp_path: Path) -> None:
    """Its table of characters has no rows for Chinese n-grams, unlike that of a new network."""
    made = tiny_corpora.bundle()
    wide = made.network.wide
    wide.characters.keep(torch.arange(wide.ngram_buckets), torch.ones(wide.ngram_buckets))
    save_bundle(tmp_path / "bundle", made)
    loaded = load_bundle(tmp_path / "bundle")
    assert not loaded.network.wide.knows_chinese
    assert torch.equal(loaded.network.wide.characters.weight, wide.characters.weight)


def test_a_bundle_with_a_row_for_every_feature_is_read(tmp_path: Path) -> None:
    """That of 0.2.0: it has neither n-grams nor hashes beside the wide tables, and settings that are no more."""
    made = tiny_corpora.bundle()
    wide = made.network.wide_tagging
    assert wide is not None
    tagging = made.settings.model.wide.tagging.model_copy(update={"buckets": 64})
    model = made.settings.model.model_copy(
        update={"wide": made.settings.model.wide.model_copy(update={"tagging": tagging})}
    )
    folder, settings = tmp_path / "bundle", made.settings.model_copy(update={"model": model})
    save_bundle(folder, replace(made, settings=settings))
    tensors = load_file(folder / WEIGHTS)
    del tensors["wide_tagging.hashes"]
    dense = torch.zeros(64, sum(wide.widths.values()))
    dense[[3, 40]] = torch.randn(2, dense.shape[1])
    ngrams = made.network.wide.words
    of_ngrams, idf = torch.randn(ngrams.size, ngrams.weight.shape[1]), torch.zeros(ngrams.size)
    idf[[5, 7]] = torch.tensor([1.5, 2.0])
    for name in ("words", "characters"):
        del tensors[f"wide.{name}.ngrams"], tensors[f"wide.{name}.idf"]
    tensors |= {"wide.words.weight": of_ngrams, "wide.idf_word": idf}
    tensors |= {"wide.characters.weight": of_ngrams[:50].clone(), "wide.idf_character": torch.ones(50)}
    save_file(tensors | {"wide_tagging.table.weight": dense}, folder / WEIGHTS)
    config = json.loads((folder / CONFIG).read_text())
    config["settings"]["model"]["wide"]["tagging"]["learning_rate"] = 1.0
    config["settings"]["model"]["wide"]["documents"] = 100_000
    (folder / CONFIG).write_text(json.dumps(config))
    write_manifest(_without_manifest(folder))
    network = load_bundle(folder).network
    assert network.wide.words.ngrams.tolist() == [5, 7] and network.wide.words.idf.tolist() == [1.5, 2.0]
    assert torch.equal(network.wide.words.weight, of_ngrams[[5, 7]])
    assert network.wide.characters.ngrams.tolist() == list(range(50)) and not network.wide.knows_chinese
    loaded = network.wide_tagging
    assert loaded is not None and loaded.hashes.tolist() == [3, 40]
    assert torch.equal(loaded.table.weight, torch.cat([torch.zeros_like(dense[:1]), dense[[3, 40]]]))


def _without_manifest(folder: Path) -> Path:
    for name in ("manifest.json", "card.md"):
        (folder / name).unlink(missing_ok=True)
    return folder


def test_equal_bundles_are_equal_bytes(tmp_path: Path) -> None:
    """The same bundle is the same bytes and replaces the old folder."""
    first = save_bundle(tmp_path / "bundle", tiny_corpora.bundle())
    (tmp_path / "bundle" / "stray.txt").write_text("of the run before")
    assert save_bundle(tmp_path / "bundle", tiny_corpora.bundle()) == first
    assert not (tmp_path / "bundle" / "stray.txt").exists()
    assert [p.name for p in tmp_path.iterdir()] == ["bundle"]


@pytest.mark.parametrize(
    "name",
    ["weights.safetensors", "config.json", "vocabulary.parquet", "stopwords.txt", "profile.json"],
)
def test_an_altered_file_is_refused_by_its_name(tmp_path: Path, name: str) -> None:
    folder = tiny_corpora.saved_bundle(tmp_path)
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(ValueError, match=f"{name}: altered"):
        load_bundle(folder)


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no bundle here \(manifest.json is missing\)"):
        load_bundle(tmp_path / "nothing")
    folder = tiny_corpora.saved_bundle(tmp_path)
    (folder / "vocabulary.parquet").unlink()
    with pytest.raises(FileNotFoundError, match=r"vocabulary\.parquet: missing"):
        load_bundle(folder)
    (folder / "manifest.json").write_text(json.dumps({"format": 99, "files": {}}))
    with pytest.raises(ValueError, match="bundle format 99: expected 4; the model must be trained again"):
        load_bundle(folder)


def test_a_corpus_that_is_switched_off_leaves_no_trace() -> None:
    train = tiny_corpora.SETTINGS["train"] | {"weights": {"dish": 2.0, "themes": 3.0}}
    raw = tiny_corpora.SETTINGS | {"enabled": {"menus": "somewhere/menus.jsonl"}, "train": train}
    own = shaping_settings(Settings.parse(raw))
    assert own.train.weights == {"dish": 2.0}
    text = own.model_dump_json()
    assert "verses" not in text
    assert "themes" not in text
    assert "somewhere" not in text
    assert own.model == Settings.parse(raw).model


def test_a_corpus_may_have_stopwords_of_its_own(tmp_path: Path) -> None:
    override = {"menus": {"text": {"stopwords": {"add": ["soup"]}}}, "verses": {}}
    words = load_stopwords(Settings.parse(tiny_corpora.SETTINGS | {"corpora": override}))
    assert "soup" in words["menus"].words
    assert "soup" not in words[None].words
    assert "verses" not in words


def test_derived_and_general_stopwords() -> None:
    """A corpus has its derived stopwords and a document of none the general ones."""
    made = tiny_corpora.bundle()
    assert made.stopwords_for("menus").words - made.stopwords_for(None).words == {"press", "salt"}


def test_a_corpus_has_the_lists_that_its_settings_name(tmp_path: Path) -> None:
    """Its dictionary, and the terms that taggers read, which are part of the weights."""
    made = tiny_corpora.bundle(tiny_corpora.with_dictionary())
    terms = pl.Series([["Enter"], ["page", "down"]])
    lexicon = Lexicon.of_terms(terms, torch.tensor([1, 2]), settings=made.settings.text.features)
    made.network.wide_tagging.set_lexicons([lexicon], {})
    assert made.dictionary_for("verses") == tiny_corpora.DICTIONARY
    assert made.dictionary_for("menus") is None
    assert made.dictionary_for(None) is None
    save_bundle(tmp_path / "bundle", made)
    loaded = load_bundle(tmp_path / "bundle")
    assert loaded.dictionary_for("verses") == tiny_corpora.DICTIONARY
    (again,) = loaded.network.wide_tagging.lexicons
    assert torch.equal(again.keys, lexicon.keys) and torch.equal(again.classes, lexicon.classes)
    (tmp_path / "bundle" / "dictionary.own.txt").write_text("明月")
    with pytest.raises(ValueError, match=r"dictionary.own.txt: altered"):
        load_bundle(tmp_path / "bundle")


def test_an_unknown_corpus_is_refused() -> None:
    with pytest.raises(ValueError, match=r"corpus 'novels': .* \(it knows menus, verses\)"):
        tiny_corpora.bundle().text_for("novels")


def test_a_loaded_bundle_is_saved_with_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its weights are views of the file that was read, whatever their size."""
    monkeypatch.setattr(tensors, "_VIEWED_BYTES", 0)
    identity = save_bundle(tmp_path / "a", tiny_corpora.bundle())
    assert save_bundle(tmp_path / "b", load_bundle(tmp_path / "a")) == identity
