"""Gives a network the lists of terms that the settings name."""

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
import torch

from mgm.model.network import Network
from mgm.model.wide.lexicon import Lexicon
from mgm.settings.views.training import TrainingSettings
from mgm.tasks import Task


def set_lexicons(
    network: Network,
    tasks: Sequence[Task],
    *,
    terms: Mapping[str, pl.DataFrame],
    settings: TrainingSettings,
) -> None:
    """Set the lists that the wide part of tagging reads; a task learns from those that one of its corpora names.

    Args:
        network: the network.
        tasks: its tasks.
        terms: the terms (`TERMS`) of the lists, by name.
        settings: the settings of the corpora, which name the lists.
    """
    if network.wide_tagging is None:
        return
    corpora = {c: settings.text_for(c) for c in sorted(settings.enabled)}
    made = []
    for table in terms.values():
        classes = torch.from_numpy(table["class"].rank("dense").to_numpy().astype(np.int64))
        made.append(Lexicon.of_terms(table["words"], classes, settings=settings.text.features))
    lexicons_of = {
        task.name: frozenset(
            place
            for place, name in enumerate(terms)
            if any(name in corpora[c].lexicons for c in task.corpora if c in corpora)
        )
        for task in tasks
    }
    network.wide_tagging.set_lexicons(made, lexicons_of)
