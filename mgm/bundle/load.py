"""Bundles read from their folders, by way of memory."""

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from torch.nn import init
from torch.overrides import TorchFunctionMode

from mgm.bundle.bundle import Bundle
from mgm.bundle.contents import MANIFEST, BundleContents, check_contents, open_contents, read_contents
from mgm.bundle.format import CONFIG, PROFILE, VOCABULARY, WEIGHTS, dictionary_file, stopword_file
from mgm.bundle.sealing import SealingKey
from mgm.model.linear_baseline import LinearBaseline
from mgm.model.network import Network
from mgm.model.thresholds import Thresholds
from mgm.settings.views.training import TrainingSettings
from mgm.tasks import Task
from mgm.text.dictionary import UserDictionary
from mgm.text.segmentation.segmenter import Segmenter
from mgm.text.stopwords import Stopwords
from mgm.text.subwords import SUBWORDS_FILE, Subwords
from mgm.text.vocabulary import Vocabulary


def load_bundle(folder: Path, *, key: SealingKey | None = None) -> Bundle:
    """Return the bundle of a folder, its network on the CPU in evaluation mode.

    Args:
        folder: the bundle.
        key: opens it where it is sealed.

    Raises:
        MissingKey: it is sealed, and there is no key.
        FileNotFoundError: there is no bundle, or a file of it is missing.
        ValueError: a file is not the one that was saved, or the format is another one.
    """
    return load_contents(read_contents(folder), key=key)


def load_contents(contents: BundleContents, *, key: SealingKey | None = None) -> Bundle:
    """Return the bundle of files in memory; see `load_bundle`."""
    contents = open_contents(contents, key)
    check_contents(contents)
    folder = contents.folder
    config = json.loads(_file(contents, CONFIG))
    # Bundles of earlier versions have no such setting.
    segmentation = config["settings"]["text"].setdefault("segmentation", {})
    segmentation.setdefault("southeast_asian_tokens", "characters")
    settings = TrainingSettings.parse(config["settings"], str(folder / CONFIG), checks_task_names=False)
    tasks = [Task(**task) for task in config["tasks"]]
    network = _load_network(contents, settings, tasks=tasks, config=config)
    words = {c: stopword_file(c) for c in [None, *config["stopwords"]]}
    dictionaries = {name: dictionary_file(name) for name in config["dictionaries"]}
    return Bundle(
        network=network,
        settings=settings,
        tasks=tasks,
        thresholds={task: Thresholds(**t) for task, t in config["thresholds"].items()},
        vocabulary=Vocabulary.parse(_file(contents, VOCABULARY), folder / VOCABULARY),
        profile=json.loads(_file(contents, PROFILE)),
        stopwords={c: Stopwords.parse(_file(contents, name)) for c, name in words.items()},
        dictionaries={
            name: UserDictionary.parse(_file(contents, file), folder / file)
            for name, file in dictionaries.items()
        },
        subwords=(
            Subwords.parse(_file(contents, SUBWORDS_FILE), folder / SUBWORDS_FILE)
            if network.text_decoder is not None
            else None
        ),
        segmenter=Segmenter(**config["segmenter"]) if config.get("segmenter") else None,
        linear_baselines={
            task: LinearBaseline.from_json(fields)
            for task, fields in config.get("linear_baselines", {}).items()
        },
        id=contents.id,
    )


def _file(contents: BundleContents, name: str) -> bytes:
    """Return a file that the manifest lists, and whose hash was compared."""
    if name not in contents.listed:
        raise ValueError(f"{contents.folder / name}: missing, and {MANIFEST} does not list it")
    return contents.files[name]


def _load_network(
    contents: BundleContents, settings: TrainingSettings, *, tasks: list[Task], config: dict[str, Any]
) -> Network:
    with _SkipInit():
        network = Network(
            settings.model,
            tasks,
            vocabulary_size=config["vocabulary_size"],
            ngram_buckets=config["ngram_buckets"],
        )
    path = contents.folder / WEIGHTS
    try:
        network.load_state_dict(load_tensors(_file(contents, WEIGHTS)))
    except SafetensorError as error:
        raise ValueError(f"{path}: not a file of safetensors: {error}") from error
    except RuntimeError as error:
        raise ValueError(f"{path}: made by another version of the network: {error}") from error
    return network.eval()


class _SkipInit(TorchFunctionMode):
    """Skip the initialisation of weights within the context: they are overwritten, and it takes half of the time of loading."""

    def __torch_function__(  # noqa: PLR0917  (called by torch)
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        named = kwargs or {}
        return named["tensor"] if func in _RANDOM_INIT and "tensor" in named else func(*args, **named)


_RANDOM_INIT = (init.normal_, init.uniform_, init.kaiming_uniform_)
