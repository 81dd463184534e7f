"""A trained network with all that it needs to read raw text."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from mgm.model.calibration import Calibration
from mgm.model.linear_baseline import LinearBaseline
from mgm.model.network import Network
from mgm.model.thresholds import Thresholds
from mgm.pretrained.encoder import PretrainedEncoder
from mgm.pretrained.folder import EncoderFiles
from mgm.settings.text import TextSettings
from mgm.settings.views.training import TrainingSettings
from mgm.tasks import Task
from mgm.text.dictionary import UserDictionary
from mgm.text.segmentation.segmenter import Segmenter
from mgm.text.stopwords import Stopwords
from mgm.text.subwords import Subwords
from mgm.text.vocabulary import Vocabulary


@dataclass(frozen=True, kw_only=True)
class Refit:
    """How a bundle was fitted again, after all was tuned by a first fit on train.

    Attributes:
        splits: the splits that it was fitted on.
        first_fit: the id of the first fit's bundle, of which metrics on these splits are.
    """

    splits: tuple[str, ...]
    first_fit: str


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """A trained network with all that it needs to read raw text.

    Attributes:
        network: the network.
        settings: the settings that shaped it, without disabled parts (see `shaping_settings`).
        tasks: the tasks, with their label spaces.
        thresholds: the decision thresholds, by task.
        vocabulary: the words that have ids.
        profile: the statistics of the training snapshot.
        stopwords: the general ones (None) and those of each corpus that has others.
        dictionaries: the dictionaries, by their names in the settings.
        subwords: the subwords of tasks that generate text, if there are any.
        segmenter: what cut the Thai, Lao, Khmer and Burmese of the training texts; None where they had none.
        linear_baselines: the linear model that the wide part is alone, by task that has one; none in older bundles.
        calibrations: what validation says of the scores, by task; None in older bundles.
        refit: how it was fitted again; None: it was fitted on train alone.
        encoder: the files of the pretrained encoder whose vectors the network reads; None: it reads none.
        id: the hash of the manifest; empty until the bundle is saved.
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
    segmenter: Segmenter | None = None
    linear_baselines: dict[str, LinearBaseline] = field(default_factory=dict)
    calibrations: dict[str, Calibration] | None = None
    refit: Refit | None = None
    encoder: EncoderFiles | None = None
    id: str = ""

    @cached_property
    def pretrained_encoder(self) -> PretrainedEncoder | None:
        """The pretrained encoder on the CPU, made at the first use.

        Raises:
            MissingExtra: it is not installed what reads it.
            ValueError: its files do not fit together.
        """
        if self.encoder is None or self.network.pretrained is not None:
            return self.network.pretrained
        return PretrainedEncoder(
            self.encoder, self.settings.model.pretrained, where=Path(f"bundle {self.id[:12]}")
        )

    def has_seen(self, split: str) -> bool:
        """Whether the network was fitted on the labels of a split, so that no metric on it says how good it is."""
        return split in (("train",) if self.refit is None else self.refit.splits)

    @property
    def labels(self) -> dict[str, list[str]]:
        """The label spaces of the tasks that have one."""
        return {task.name: list(task.labels) for task in self.tasks if task.labels}

    def text_for(self, corpus: str | None) -> TextSettings:
        """Return the text settings that a document of this corpus is read with; None: the general ones.

        Raises:
            ValueError: the bundle was not trained on this corpus.
        """
        if corpus is not None and corpus not in self.settings.corpora:
            names = ", ".join(sorted(self.settings.corpora))
            raise ValueError(f"corpus {corpus!r}: this bundle was not trained on it (it knows {names})")
        return self.settings.text_for(corpus)

    def stopwords_for(self, corpus: str | None) -> Stopwords:
        """Return the stopwords of this corpus, the general ones where it has no others; None: the general ones."""
        return self.stopwords.get(corpus, self.stopwords[None])

    def dictionary_for(self, corpus: str | None) -> UserDictionary | None:
        """Return the dictionary that the text settings of this corpus name."""
        name = self.text_for(corpus).segmentation.dictionary
        return None if name is None else self.dictionaries[name]


def shaping_settings(settings: TrainingSettings, segmenter: Segmenter | None = None) -> TrainingSettings:
    """Return the settings that shaped the model: of the enabled corpora, the trained tasks, text, model and training.

    Nothing of a corpus that is switched off remains, nor where the raw rows and their corrections lay.

    Args:
        settings: the settings of a training.
        segmenter: what cut its texts of scripts without blanks, which takes the place of a setting that left it open; None: nothing.
    """
    tasks = {t.name: t.model_dump(exclude={"name", "labels"}) for t in settings.active_tasks()}
    corpora = {}
    for name in sorted(settings.enabled):
        corpora[name] = settings.corpora[name].model_dump(exclude={"corrections"})
        fix_southeast_asian_tokens(corpora[name]["text"], segmenter)
        corpora[name]["columns"] = {t: c for t, c in settings.corpora[name].columns.items() if t in tasks}
    raw = settings.training_sections() | settings.model_dump(include={"pretrain"})
    fix_southeast_asian_tokens(raw["text"], segmenter)
    raw["train"]["weights"] = {t: w for t, w in settings.train.weights.items() if t in tasks}
    raw["model"]["cascade"]["order"] = [t for t in settings.model.cascade.order if t in tasks]
    raw["distillation"]["teachers"] = settings.teachers_of(settings.active_tasks())
    return TrainingSettings.parse(
        raw | {"enabled": {name: name for name in corpora}, "corpora": corpora, "tasks": tasks}
    )


def fix_southeast_asian_tokens(text: dict[str, Any], segmenter: Segmenter | None) -> None:
    """Replace a setting `auto` in a section `text` by what it was in training; characters where no text was cut."""
    segmentation = text.get("segmentation", {})
    if segmentation.get("southeast_asian_tokens") == "auto":
        segmentation["southeast_asian_tokens"] = (
            "characters" if segmenter is None else segmenter.southeast_asian_tokens
        )


def load_stopwords(settings: TrainingSettings) -> dict[str | None, Stopwords]:
    """Return the general stopwords (None), and those of each enabled corpus that overrides them."""
    by_corpus = {c: settings.text_for(c).stopwords for c in sorted(settings.enabled)}
    overriding: dict[str | None, Stopwords] = {
        c: Stopwords.from_settings(s) for c, s in by_corpus.items() if s != settings.text.stopwords
    }
    return {None: Stopwords.from_settings(settings.text.stopwords)} | overriding
