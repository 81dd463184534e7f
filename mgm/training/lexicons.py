"""Gives a network the lists of terms that the settings name."""

from collections.abc import Mapping, Sequence

import polars as pl
import torch

from mgm.model.network import Network
from mgm.model.wide.lexicon import Lexicon
from mgm.settings.views.training import TrainingSettings
from mgm.tasks import Task
from mgm.text import lexicons as text_lexicons


def set_lexicons(
    network: Network,
    tasks: Sequence[Task],
    *,
    lexicons: Mapping[str, text_lexicons.Lexicon],
    settings: TrainingSettings,
) -> None:
    """Set the lists that the wide part of tagging reads; a task learns from those that one of its corpora names.

    Args:
        network: the network.
        tasks: its tasks.
        lexicons: the lists, by name.
        settings: the settings of the corpora, which name them, and by which terms are cleaned.
    """
    if network.wide_tagging is None:
        return
    corpora = {c: settings.text_for(c) for c in sorted(settings.enabled)}
    made = []
    for name, lexicon in lexicons.items():
        words = [lexicon.words(text) for text in corpora.values() if name in text.lexicons]
        number = {label: place for place, label in enumerate(sorted(set(lexicon.classes)), start=1)}
        classes = torch.tensor([number[label] for label in lexicon.classes])
        made.append(
            Lexicon.of_terms(pl.concat(words), classes.repeat(len(words)), settings=settings.text.features)
        )
    lexicons_of = {
        task.name: frozenset(
            place
            for place, name in enumerate(lexicons)
            if any(name in corpora[c].lexicons for c in task.corpora if c in corpora)
        )
        for task in tasks
    }
    network.wide_tagging.set_lexicons(made, lexicons_of)
