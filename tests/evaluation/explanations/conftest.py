"""A network with random weights over the tiny corpora."""

from dataclasses import dataclass

import pytest
import torch

from mgm.bundle.bundle import Bundle
from mgm.model.network import Network
from mgm.settings.settings import Settings
from mgm.tasks import Task, with_label_spaces
from mgm.text.features import FeaturePart
from tests import tiny_corpora


@dataclass(frozen=True)
class Made:
    """The tiny corpora, a network, and what explanations read."""

    settings: Settings
    network: Network
    labels: dict[str, list[str]]
    parts: dict[str, FeaturePart]
    bundle: Bundle

    @property
    def tasks(self) -> list[Task]:
        """The tasks with their label spaces."""
        return with_label_spaces(self.settings.active_tasks(), self.labels)

    def task(self, name: str) -> Task:
        return next(task for task in self.tasks if task.name == name)

    def of(self, corpus: str) -> list[Task]:
        return [task for task in self.tasks if corpus in task.corpora]


def made_with(**model: object) -> Made:
    """The tiny corpora under a changed section `model`."""
    config = Settings.parse(tiny_corpora.SETTINGS | {"model": tiny_corpora.SETTINGS["model"] | model})
    features, vocabulary, spaces = tiny_corpora.prepared(config, tiny_corpora.corpora())
    network = tiny_corpora.network(config, vocabulary, spaces)
    if network.wide is not None:
        with torch.no_grad():
            network.wide.bias.normal_(generator=torch.Generator().manual_seed(5))
    return Made(
        config, network, spaces, {c: parts[0] for c, parts in features.items()}, tiny_corpora.bundle(config)
    )


@pytest.fixture(scope="session")
def made() -> Made:
    return made_with()
