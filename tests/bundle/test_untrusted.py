"""Bundles from elsewhere: rightly listed files whose content is wrong are errors of one line, and nothing is half loaded."""

import copy
import hashlib
import io
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

import polars as pl
import pytest
import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from mgm.bundle.contents import MANIFEST, BundleContents, read_contents
from mgm.bundle.load import load_contents
from mgm.bundle.save import save_bundle
from tests import tiny_corpora

CONFIG, WEIGHTS, VOCABULARY = "config.json", "weights.safetensors", "vocabulary.parquet"
VALUES = [None, True, -1, 0, 7, 10**12, 0.5, 1e308, float("nan"), "", "a", "<b>\n", [], {}, [1], {"a": 1}]


@pytest.fixture(scope="module")
def contents(tmp_path_factory: pytest.TempPathFactory) -> BundleContents:
    return read_contents(tiny_corpora.saved_bundle(tmp_path_factory.mktemp("bundle")))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> BundleContents:
    """Return the files of a bundle whose network has few parts."""
    config = tiny_corpora.fast()
    folder = tmp_path_factory.mktemp("small") / "bundle"
    save_bundle(folder, tiny_corpora.bundle(config))
    return read_contents(folder)


def replaced(contents: BundleContents, **files: bytes) -> BundleContents:
    """Return a bundle with other files, each listed by its hash, as whoever writes a bundle can."""
    new = dict(contents.files) | files
    listed = {name: hashlib.sha256(data).hexdigest() for name, data in new.items() if name != MANIFEST}
    return BundleContents(folder=contents.folder, files=new, listed=listed)


def with_config(contents: BundleContents, change: Callable[[dict[str, Any]], object]) -> BundleContents:
    config = json.loads(contents.files[CONFIG])
    change(config)
    return replaced(contents, **{CONFIG: json.dumps(config).encode()})


def with_tensors(
    contents: BundleContents, change: Callable[[dict[str, torch.Tensor]], object]
) -> BundleContents:
    tensors = load_tensors(bytes(contents.files[WEIGHTS]))
    change(tensors)
    return replaced(contents, **{WEIGHTS: save_tensors(tensors)})


def with_vocabulary(
    contents: BundleContents, change: Callable[[pl.DataFrame], pl.DataFrame]
) -> BundleContents:
    target = io.BytesIO()
    change(pl.read_parquet(contents.files[VOCABULARY])).write_parquet(target)
    return replaced(contents, **{VOCABULARY: target.getvalue()})


def refused(contents: BundleContents) -> str:
    """Return the error of a bundle, which is one line and begins with the file's path."""
    with pytest.raises(ValueError) as error:
        load_contents(contents)
    message = str(error.value)
    assert message.isprintable() and len(message) < 700
    assert message.startswith(f"{contents.folder}/")
    return message.removeprefix(f"{contents.folder}/")


def set_words(config: dict[str, Any]) -> None:
    config["vocabulary_size"] = 10**12


def set_width(config: dict[str, Any]) -> None:
    config["settings"]["model"]["width"] = 2**20


def set_experts(config: dict[str, Any]) -> None:
    config["settings"]["model"]["sharing"] = "mmoe"
    config["settings"]["model"]["mmoe"] = {"experts": 10**9, "width": 8}


def set_windows(config: dict[str, Any]) -> None:
    config["settings"]["model"]["window"]["sizes"] = list(range(1, 100_000))


@pytest.mark.parametrize("change", [set_words, set_width, set_experts, set_windows])
def test_config_that_asks_for_terabytes(contents: BundleContents, change: Callable[..., None]) -> None:
    """No memory is taken for what the weights do not hold."""
    message = refused(with_config(contents, change))
    assert message.startswith((f"{WEIGHTS}: ", f"{CONFIG}: "))


def test_shapes_types_and_names_that_do_not_match(contents: BundleContents) -> None:
    name = "encoder.levels.word.words.weight"
    names = load_tensors(bytes(contents.files[WEIGHTS]))
    name = next(n for n in names if n.endswith("words.weight"))
    changes: dict[str, Callable[[dict[str, torch.Tensor]], object]] = {
        r"; the config describes torch.float32 [": lambda t: t.update({name: t[name][:-1].clone()}),
        r"torch.float16 [": lambda t: t.update({name: t[name].half()}),
        r": missing; made by another version": lambda t: t.pop(name),
        r"'more': no tensor of the network": lambda t: t.update(more=torch.zeros(2)),
    }
    for expected, change in changes.items():
        message = refused(with_tensors(contents, change))
        assert message.startswith(WEIGHTS)
        assert expected in message


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_weights_that_are_no_numbers(contents: BundleContents, number: float) -> None:
    names = sorted(load_tensors(bytes(contents.files[WEIGHTS])))

    def change(tensors: dict[str, torch.Tensor]) -> None:
        tensors[names[0]].view(-1)[-1] = number

    assert (
        refused(with_tensors(contents, change))
        == f"{WEIGHTS}: {names[0]!r}: NaN or infinite; expected numbers"
    )


def test_vocabulary_of_another_length(contents: BundleContents) -> None:
    size = json.loads(contents.files[CONFIG])["vocabulary_size"]
    for change, expected in {
        (lambda table: table.head(3)): f"3 words; expected {size} as {CONFIG} and the weights have",
        (lambda table: pl.concat([table] * 9)): f"{9 * size:,} words; expected {size}",
        (lambda table: table.with_columns(word=pl.lit("a"))): "a word is missing or stands twice",
        (lambda table: table.drop("count")): "expected the columns",
    }.items():
        assert refused(with_vocabulary(contents, change)).startswith(f"{VOCABULARY}: {expected}")


def test_thresholds_and_names_of_other_lengths(contents: BundleContents) -> None:
    def cut(config: dict[str, Any]) -> None:
        config["thresholds"]["themes"]["labels"].pop()

    def double(config: dict[str, Any]) -> None:
        task = next(task for task in config["tasks"] if task["name"] == "themes")
        task["labels"][1] = task["labels"][0]

    assert refused(with_config(contents, cut)).startswith(f"{CONFIG}: thresholds: themes: expected ")
    assert "a label stands twice" in refused(with_config(contents, double))


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b"[" * 100_000, b"{}"], ids=str)
def test_config_that_is_none(contents: BundleContents, content: bytes) -> None:
    assert refused(replaced(contents, **{CONFIG: content[:200_000]})).startswith(f"{CONFIG}: ")


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each container with a key or a place in it."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield value, key
        yield from _places(inner)


def _mutated(contents: BundleContents, chance: random.Random) -> BundleContents:
    """Return a bundle with one to three changes in its JSON, or in the bytes of any file, or in its tensors."""
    files = dict(contents.files)
    for _ in range(chance.randint(1, 3)):
        name = chance.choice([CONFIG, CONFIG, CONFIG, *(n for n in files if n != MANIFEST)])
        data = bytes(files[name])
        if name.endswith(".json") and chance.random() < 0.8:
            try:
                value = json.loads(data)
            except ValueError:
                continue
            places = list(_places(value))
            if places:
                container, key = chance.choice(places)
                if chance.random() < 0.2:
                    del container[key]
                else:
                    container[key] = copy.deepcopy(chance.choice(VALUES))
            files[name] = json.dumps(value).encode()
            continue
        at, length = chance.randrange(len(data) + 1), chance.randint(0, 8)
        kind = chance.randrange(4)
        new = (
            data[:at],
            data[:at] + chance.randbytes(length) + data[at + length :],
            data[:at] + data[at + length :],
            data[:at] + data[at : at + length] * 2 + data[at + length :],
        )[kind]
        files[name] = new
    return replaced(contents, **files)


def _fuzz(contents: BundleContents, times: int, *, seed: int) -> tuple[int, int]:
    """Return how many mutations were loaded and how many refused."""
    chance, loaded, faults = random.Random(seed), 0, 0
    for _ in range(times):
        mutated = _mutated(contents, chance)
        try:
            load_contents(mutated)
        except (ValueError, FileNotFoundError) as error:
            message = str(error)
            assert message.isprintable(), message
            assert str(contents.folder) in message, message
            faults += 1
        else:
            loaded += 1
    return loaded, faults


def test_mutated_bundles_are_loaded_or_refused(small: BundleContents) -> None:
    loaded, faults = _fuzz(small, 50, seed=1)
    assert faults > loaded > 0


@pytest.mark.slow
def test_many_mutated_bundles_are_loaded_or_refused(small: BundleContents) -> None:
    loaded, faults = _fuzz(small, 2_000, seed=2)
    assert faults > loaded > 0
