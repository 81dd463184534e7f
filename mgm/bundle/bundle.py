"""A bundle: everything that scores raw text, in one folder of plain files whose hashes a manifest states.

weights.safetensors, config.json, vocabulary.parquet, subwords.model (of generation tasks), stopwords*.txt, dictionary.*, profile.json, manifest.json; once
promoted also card.md and card.json (card.py).
Equal training gives equal bytes: no times and nothing about the machine stand inside.
"""

import json
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors.torch import load_file
from safetensors.torch import save as save_tensors
from torch.nn import init
from torch.overrides import TorchFunctionMode

from mgm.bundle.card import CARD, check_card, sha256_of
from mgm.model.network import Network
from mgm.model.thresholds import Thresholds
from mgm.settings.text import TextSettings
from mgm.settings.views.training import TrainingSettings
from mgm.tasks import Task, with_label_spaces
from mgm.text.dictionary import UserDictionary
from mgm.text.stopwords import Stopwords
from mgm.text.subwords import SUBWORDS_FILE, Subwords
from mgm.text.vocabulary import Vocabulary

FORMAT = 4
MANIFEST = "manifest.json"
_WEIGHTS, _CONFIG, _VOCABULARY = "weights.safetensors", "config.json", "vocabulary.parquet"
_PROFILE = "profile.json"


@dataclass(frozen=True)
class Bundle:
    """A trained network with all that it needs to read raw text.

    `settings` names only what is enabled. `profile` is the training snapshot's statistics. `stopwords` are
    the general ones (None) and those of each corpus that has others. `dictionaries` are by the name that the
    settings give them. `subwords`: of generation tasks, where there are any. `id` is the hash of the manifest, empty until saved.
    """

    network: Network
    settings: TrainingSettings
    tasks: list[Task]
    thresholds: dict[str, Thresholds]
    vocabulary: Vocabulary
    profile: dict[str, Any]
    stopwords: dict[str | None, Stopwords] = field(default_factory=dict)
    dictionaries: dict[str, UserDictionary] = field(default_factory=dict)
    subwords: Subwords | None = None
    id: str = ""

    @property
    def labels(self) -> dict[str, list[str]]:
        """The label spaces of the tasks that have one."""
        return {task.name: list(task.labels) for task in self.tasks if task.labels}

    def text_for(self, corpus: str | None) -> TextSettings:
        """The text settings that a document of this corpus is read with. None: the general ones.

        Raises:
            ValueError: the bundle was not trained on this corpus.
        """
        if corpus is not None and corpus not in self.settings.corpora:
            names = ", ".join(sorted(self.settings.corpora))
            raise ValueError(f"corpus {corpus!r}: this bundle was not trained on it (it knows {names})")
        return self.settings.text_for(corpus)

    def stopwords_for(self, corpus: str | None) -> Stopwords:
        """The stopwords of this corpus: its own, with what was derived from it, where it has any. None: the
        general ones."""
        return self.stopwords.get(corpus, self.stopwords[None])

    def dictionary_for(self, corpus: str | None) -> UserDictionary | None:
        """The dictionary that the text settings of this corpus name."""
        name = self.text_for(corpus).segmentation.dictionary
        return None if name is None else self.dictionaries[name]


def own_settings(settings: TrainingSettings) -> TrainingSettings:
    """What of the settings shaped the model: the enabled corpora, the trained tasks, `text`, `model` and
    `train`.

    Nothing of a corpus that is switched off remains, nor where the raw rows lay.
    """
    tasks = {t.name: t.model_dump(exclude={"name", "labels"}) for t in settings.active_tasks()}
    corpora = {}
    for name in sorted(settings.enabled):
        corpora[name] = settings.corpora[name].model_dump()
        corpora[name]["columns"] = {t: c for t, c in settings.corpora[name].columns.items() if t in tasks}
    raw = settings.training_sections() | settings.model_dump(include={"pretrain"})
    raw["train"]["weights"] = {t: w for t, w in settings.train.weights.items() if t in tasks}
    raw["model"]["cascade"]["order"] = [t for t in settings.model.cascade.order if t in tasks]
    raw["distillation"]["teachers"] = settings.teachers_of(settings.active_tasks())
    return TrainingSettings.parse(
        raw | {"enabled": {name: name for name in corpora}, "corpora": corpora, "tasks": tasks}
    )


def stopwords_of(settings: TrainingSettings) -> dict[str | None, Stopwords]:
    """The general stopwords (None), and those of each enabled corpus that overrides them."""
    own = {c: settings.text_for(c).stopwords for c in sorted(settings.enabled)}
    different: dict[str | None, Stopwords] = {
        c: Stopwords.from_settings(s) for c, s in own.items() if s != settings.text.stopwords
    }
    return {None: Stopwords.from_settings(settings.text.stopwords)} | different


def save(folder: Path, bundle: Bundle) -> str:
    """Writes the bundle, replacing `folder` at once when everything is on disk. Returns the bundle's id."""
    new = folder.with_name(folder.name + ".new")
    old = folder.with_name(folder.name + ".old")
    for stale in (new, old):
        shutil.rmtree(stale, ignore_errors=True)
    new.mkdir(parents=True)
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in bundle.network.state_dict().items()}
    (new / _WEIGHTS).write_bytes(save_tensors(state))
    bundle.vocabulary.save(new / _VOCABULARY)
    _write_json(new / _CONFIG, _config(bundle))
    _write_json(new / _PROFILE, bundle.profile)
    for corpus, stopwords in bundle.stopwords.items():
        stopwords.save(new / _stopword_file(corpus))
    for name, dictionary in bundle.dictionaries.items():
        dictionary.save(new / _dictionary_file(name))
    if bundle.subwords is not None:
        bundle.subwords.save(new / SUBWORDS_FILE)
    hashes = {path.name: sha256_of(path) for path in sorted(new.iterdir())}
    _write_json(new / MANIFEST, {"format": FORMAT, "files": hashes})
    if folder.exists():
        os.replace(folder, old)
    os.replace(new, folder)
    shutil.rmtree(old, ignore_errors=True)
    return bundle_id(folder)


def bundle_id(folder: Path) -> str:
    """The hash of a bundle's manifest, and through it of every file.

    Raises:
        FileNotFoundError: there is no bundle.
    """
    if not (folder / MANIFEST).is_file():
        raise FileNotFoundError(f"{folder}: no bundle here ({MANIFEST} is missing)")
    return sha256_of(folder / MANIFEST)


def load(folder: Path) -> Bundle:
    """Reads a bundle, its network on the CPU in evaluation mode.

    Raises:
        FileNotFoundError: there is no bundle, or a file of it is missing.
        ValueError: a file is not the one that was saved, or the format is another one.
    """
    identity = bundle_id(folder)
    verify(folder)
    config = json.loads((folder / _CONFIG).read_text(encoding="utf-8"))
    settings = TrainingSettings.parse(config["settings"], str(folder / _CONFIG))
    tasks = with_label_spaces([Task(**task) for task in config["tasks"]], config["labels"])
    with _Uninitialised():
        network = Network(
            settings.model,
            tasks,
            vocabulary_size=config["vocabulary_size"],
            ngram_buckets=config["ngram_buckets"],
        )
    try:
        network.load_state_dict(load_file(folder / _WEIGHTS))
    except RuntimeError as error:
        raise ValueError(f"{folder / _WEIGHTS}: made by another version of the network: {error}") from error
    network.eval()
    return Bundle(
        network=network,
        settings=settings,
        tasks=tasks,
        thresholds={task: Thresholds(**t) for task, t in config["thresholds"].items()},
        vocabulary=Vocabulary.load(folder / _VOCABULARY),
        profile=json.loads((folder / _PROFILE).read_text(encoding="utf-8")),
        stopwords={c: Stopwords.load(folder / _stopword_file(c)) for c in [None, *config["stopwords"]]},
        dictionaries={
            name: UserDictionary.load(folder / _dictionary_file(name)) for name in config["dictionaries"]
        },
        subwords=Subwords.load(folder / SUBWORDS_FILE) if network.text_decoder is not None else None,
        id=identity,
    )


class _Uninitialised(TorchFunctionMode):
    """Within, modules draw no initial weights: half of the time that loading takes, for weights that are overwritten."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        named = kwargs or {}
        return named["tensor"] if func in _DRAWN and "tensor" in named else func(*args, **named)


_DRAWN = (init.normal_, init.uniform_, init.kaiming_uniform_)


def verify(folder: Path) -> None:
    """Compares every file with the manifest's hash, and the model card with its own.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a file was altered, the format is unknown, or the card is not this bundle's.
    """
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    if manifest.get("format") != FORMAT:
        raise ValueError(
            f"{folder / MANIFEST}: bundle format {manifest.get('format')!r}: expected {FORMAT}; "
            "the model must be trained again, or its bundle migrated"
        )
    for name, expected in manifest["files"].items():
        path = folder / name
        if not path.is_file():
            raise FileNotFoundError(f"{path}: missing, although {MANIFEST} lists it")
        found = sha256_of(path)
        if found != expected:
            raise ValueError(
                f"{path}: altered since the bundle was saved: sha256 {found}, {MANIFEST} says {expected}"
            )
    if CARD not in manifest["files"]:  # bundles saved by earlier versions list a card without metrics
        check_card(folder, bundle_id(folder))


def _config(bundle: Bundle) -> dict[str, Any]:
    return {
        "settings": bundle.settings.model_dump(mode="json", include=_SHAPING),
        "tasks": [t.model_dump(mode="json", exclude={"labels"}) for t in bundle.tasks],
        "labels": bundle.labels,
        "thresholds": {task: t.to_json() for task, t in bundle.thresholds.items()},
        "vocabulary_size": len(bundle.vocabulary),
        "ngram_buckets": bundle.settings.text.features.ngram_buckets,
        "stopwords": sorted(c for c in bundle.stopwords if c is not None),
        "dictionaries": sorted(bundle.dictionaries),
    }


_SHAPING = {"enabled", "seed", "corpora", "tasks", "text", "model", "pretrain", "train", "distillation"}


def _stopword_file(corpus: str | None) -> str:
    return "stopwords.txt" if corpus is None else f"stopwords.{corpus}.txt"


def _dictionary_file(name: str) -> str:
    return f"dictionary.{name}"


def _write_json(path: Path, content: Any) -> None:
    path.write_text(
        json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8"
    )
