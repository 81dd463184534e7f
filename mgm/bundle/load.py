"""Bundles read from their folders, by way of memory."""

import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq
import torch
from torch import Tensor
from torch.nn import init
from torch.overrides import TorchFunctionMode

from mgm.bundle.bundle import Bundle, Refit
from mgm.bundle.contents import MANIFEST, BundleContents, check_contents, open_contents, read_contents
from mgm.bundle.format import (
    CONFIG,
    ENCODER_CONFIG,
    ENCODER_TOKENIZER,
    ENCODER_WEIGHTS,
    PROFILE,
    VOCABULARY,
    WEIGHTS,
    dictionary_file,
    encoder_licence_file,
    stopword_file,
)
from mgm.bundle.sealing import SealingKey
from mgm.bundle.tensors import Bytes, view_tensors
from mgm.bundle.untrusted import check_fits, refuse_faults
from mgm.model.calibration import Calibration
from mgm.model.linear_baseline import LinearBaseline
from mgm.model.network import Network
from mgm.model.thresholds import Thresholds
from mgm.pretrained.encoder import PretrainedEncoder
from mgm.pretrained.folder import EncoderFiles, check_config
from mgm.settings.views.training import TrainingSettings
from mgm.tasks import Task
from mgm.text.dictionary import UserDictionary
from mgm.text.segmentation.segmenter import Segmenter
from mgm.text.stopwords import Stopwords
from mgm.text.subwords import SUBWORDS_FILE, Subwords
from mgm.text.vocabulary import Vocabulary

_T = TypeVar("_T")


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


def read_refit(folder: Path) -> Refit | None:
    """Return how the bundle of a folder, which is not sealed, was fitted again; None: it was not.

    Raises:
        ValueError: config.json is not one of a bundle.
    """
    with refuse_faults(folder / CONFIG):
        return _refit(json.loads((folder / CONFIG).read_bytes()).get("refit"))


def load_contents(contents: BundleContents, *, key: SealingKey | None = None) -> Bundle:
    """Return the bundle of files in memory; see `load_bundle`.

    Large weights lie in the arrays of `contents`, which a change of these weights changes, too.
    """
    contents = open_contents(contents, key)
    check_contents(contents)
    folder = contents.folder
    with refuse_faults(folder / CONFIG):
        config = json.loads(_file(contents, CONFIG))
        # Bundles of earlier versions have no such setting.
        segmentation = config["settings"]["text"].setdefault("segmentation", {})
        segmentation.setdefault("southeast_asian_tokens", "characters")
        _drop_old_settings(config["settings"])
        settings = TrainingSettings.parse(config["settings"], str(folder / CONFIG), checks_task_names=False)
        tasks = [Task(**task) for task in config["tasks"]]
        thresholds = {task: Thresholds(**fields) for task, fields in config["thresholds"].items()}
        baselines = {
            task: LinearBaseline.from_json(fields)
            for task, fields in config.get("linear_baselines", {}).items()
        }
        _check_decisions(tasks, thresholds=thresholds, baselines=baselines)
        calibrations = _read_calibrations(config.get("calibrations"), tasks)
        segmenter = Segmenter(**config["segmenter"]) if config.get("segmenter") else None
        refit = _refit(config.get("refit"))
        encoder = config.get("encoder")
        words = {c: stopword_file(c) for c in [None, *config["stopwords"]]}
        dictionaries = {name: dictionary_file(name) for name in config["dictionaries"]}
    is_trained = settings.model.pretrained.is_trained
    encoder_files = None if encoder is None else _load_encoder(contents, encoder, is_trained=is_trained)
    network = _load_network(contents, settings, tasks=tasks, config=config, encoder=encoder_files)
    with refuse_faults(folder / PROFILE):
        profile = json.loads(_file(contents, PROFILE))
        if not isinstance(profile, dict):
            raise TypeError(f"{type(profile).__name__}; expected an object")
    return Bundle(
        network=network,
        settings=settings,
        tasks=tasks,
        thresholds=thresholds,
        vocabulary=_load_vocabulary(contents, config["vocabulary_size"]),
        profile=profile,
        stopwords={
            c: _parsed(contents, name, parse=lambda content, _: Stopwords.parse(content))
            for c, name in words.items()
        },
        dictionaries={
            name: _parsed(contents, file, parse=UserDictionary.parse) for name, file in dictionaries.items()
        },
        subwords=_load_subwords(contents, tasks) if network.text_decoder is not None else None,
        segmenter=segmenter,
        linear_baselines=baselines,
        calibrations=calibrations,
        refit=refit,
        encoder=encoder_files,
        id=contents.id,
    )


def _load_encoder(contents: BundleContents, fields: dict[str, Any], *, is_trained: bool) -> EncoderFiles:
    """Return the files of the pretrained encoder, without weights where the network has trained them.

    Args:
        contents: the bundle.
        fields: what its config.json says of the encoder.
        is_trained: whether the network has its weights.
    """
    with refuse_faults(contents.folder / ENCODER_CONFIG):
        config = json.loads(_file(contents, ENCODER_CONFIG))
        check_config(config, contents.folder / ENCODER_CONFIG)
    tensors: dict[str, Tensor] = {}
    if not is_trained:
        with refuse_faults(contents.folder / ENCODER_WEIGHTS):
            tensors = view_tensors(_content(contents, ENCODER_WEIGHTS))
    with refuse_faults(contents.folder / CONFIG):
        licences = {
            str(name): _file(contents, encoder_licence_file(str(name))) for name in fields["licences"]
        }
        files = EncoderFiles(
            config=config,
            tokenizer=_file(contents, ENCODER_TOKENIZER).decode(),
            tensors=tensors,
            licences=licences,
            sha256=str(fields["sha256"]),
        )
        if files.width != fields["width"]:
            raise ValueError(
                f"encoder: width: {fields['width']!r}; expected {files.width}, as {ENCODER_CONFIG} says"
            )
    return files


def _refit(fields: dict[str, Any] | None) -> Refit | None:
    if fields is None:
        return None
    refit = Refit(splits=tuple(fields["splits"]), first_fit=fields["first_fit"])
    if not re.fullmatch("[0-9a-f]{64}", refit.first_fit):  # it becomes a folder's name
        raise ValueError(f"refit: first_fit: {refit.first_fit!r}: expected the id of a bundle")
    return refit


def _parsed(contents: BundleContents, name: str, *, parse: Callable[[bytes, Path], _T]) -> _T:
    """Return the content of a file as `parse` reads it."""
    path = contents.folder / name
    with refuse_faults(path):
        return parse(_file(contents, name), path)


def _load_vocabulary(contents: BundleContents, size: int) -> Vocabulary:
    path, content = contents.folder / VOCABULARY, _file(contents, VOCABULARY)
    with refuse_faults(path):
        # the number of rows before they are unpacked, which a small file may have billions of
        rows = pq.read_metadata(pa.BufferReader(content)).num_rows
        if rows != size:
            raise ValueError(f"{rows:,} words; expected {size:,} as {CONFIG} and the weights have")
        vocabulary = Vocabulary.parse(content, path)
        words = vocabulary.table["word"]
        if words.null_count() or words.n_unique() < len(words):
            raise ValueError("a word is missing or stands twice; expected each once")
    return vocabulary


def _load_subwords(contents: BundleContents, tasks: list[Task]) -> Subwords:
    subwords = _parsed(contents, SUBWORDS_FILE, parse=Subwords.parse)
    pieces = tuple(subwords.pieces)
    for task in tasks:
        if task.spec.generates_text and task.labels != pieces:
            raise ValueError(
                f"{contents.folder / SUBWORDS_FILE}: {len(pieces)} pieces, which are not those of task {task.name!r} in {CONFIG}"
            )
    return subwords


def _read_calibrations(fields: dict[str, Any] | None, tasks: list[Task]) -> dict[str, Calibration] | None:
    if fields is None:  # a bundle of an earlier version
        return None
    num_labels = {task.name: len(task.labels) for task in tasks}
    calibrations = {}
    for task, content in fields.items():
        try:
            calibrations[task] = Calibration.from_json(content, num_labels=num_labels[task])
        except ValueError as error:
            raise ValueError(f"calibrations: {task}: {error}") from error
    return calibrations


def _check_decisions(
    tasks: list[Task], *, thresholds: dict[str, Thresholds], baselines: dict[str, LinearBaseline]
) -> None:
    """Check that thresholds and biases are numbers, one for each label of their task."""
    labels = {task.name: task.labels for task in tasks}
    if len(labels) < len(tasks) or any(len(set(names)) < len(names) for names in labels.values()):
        raise ValueError("tasks: a name or a label stands twice; expected each once")
    values = {("thresholds", task): [t.common, *t.labels] for task, t in thresholds.items()}
    for task, baseline in baselines.items():
        values["linear_baselines", task] = [baseline.factor]
        if baseline.logit_bias is not None:
            values["linear_baselines", task] += baseline.logit_bias
        if baseline.thresholds is not None:
            values["thresholds of linear_baselines", task] = [
                baseline.thresholds.common,
                *baseline.thresholds.labels,
            ]
    for (section, task), numbers in values.items():
        expected = 1 if section == "linear_baselines" and len(numbers) == 1 else 1 + len(labels[task])
        if len(numbers) != expected or not all(math.isfinite(number) for number in numbers):
            raise ValueError(f"{section}: {task}: expected {expected} finite numbers")


def _file(contents: BundleContents, name: str) -> bytes:
    """Return a file that the manifest lists, and whose hash was compared."""
    return bytes(_content(contents, name))


def _content(contents: BundleContents, name: str) -> bytes | Bytes:
    if name not in contents.listed:
        raise ValueError(f"{contents.folder / name}: missing, and {MANIFEST} does not list it")
    return contents.files[name]


def _load_network(
    contents: BundleContents,
    settings: TrainingSettings,
    *,
    tasks: list[Task],
    config: dict[str, Any],
    encoder: EncoderFiles | None,
) -> Network:
    def build() -> Network:
        with _SkipInit():
            network = Network(
                settings.model,
                tasks,
                vocabulary_size=config["vocabulary_size"],
                ngram_buckets=config["ngram_buckets"],
                encoder_width=0 if encoder is None else encoder.width,
            )
            if encoder is not None and settings.model.pretrained.is_trained:
                pretrained = settings.model.pretrained
                network.attach_pretrained(PretrainedEncoder(encoder, pretrained, where=contents.folder))
        return network

    path = contents.folder / WEIGHTS
    with refuse_faults(path):
        tensors = view_tensors(_content(contents, WEIGHTS))
        _drop_empty_rows(tensors)
        check_fits(tensors, build)
        network = build()
        network.load_state_dict(tensors, assign=True)
    return network.eval()


def _drop_old_settings(settings: dict[str, Any]) -> None:
    """Drop what 0.2.0 had: rates of gradient descent on kinds' own wide parts, which are solved now, and the most documents."""
    wide = settings.get("model", {}).get("wide", {})
    wide.pop("documents", None)
    for section in wide.values():
        if isinstance(section, dict):
            section.pop("learning_rate", None)


def _drop_empty_rows(tensors: dict[str, Tensor]) -> None:
    """Leave out the features without a weight from tables of the wide parts that have a row for every hash, as in 0.2.0."""
    for table, idf in (("wide.words", "wide.idf_word"), ("wide.characters", "wide.idf_character")):
        if idf in tensors and f"{table}.ngrams" not in tensors:
            of_all = tensors.pop(idf)
            ngrams = of_all.nonzero()[:, 0]
            tensors |= {f"{table}.ngrams": ngrams, f"{table}.idf": of_all[ngrams]}
            tensors[f"{table}.weight"] = tensors[f"{table}.weight"][ngrams]
    table, hashes = "wide_tagging.table.weight", "wide_tagging.hashes"
    if table in tensors and hashes not in tensors:
        weight = tensors[table]
        rows = weight.any(dim=1).nonzero()[:, 0]
        tensors[hashes] = rows
        tensors[table] = torch.cat([weight.new_zeros(1, weight.shape[1]), weight[rows]])


class _SkipInit(TorchFunctionMode):
    """Skip the initialisation of weights within the context: they are replaced, and memory that is never written to costs nothing."""

    def __torch_function__(  # noqa: PLR0917  (called by torch)
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        named = kwargs or {}
        if func is Tensor.zero_:
            return args[0]
        return named["tensor"] if func in _RANDOM_INIT and "tensor" in named else func(*args, **named)


_RANDOM_INIT = (init.normal_, init.uniform_, init.kaiming_uniform_)
